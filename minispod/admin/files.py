"""Tables as CSV files to save: streamed page by page, with no cell that a spreadsheet would run."""

from typing import Any

from flask import Response, current_app

from minispod.admin import guard
from minispod.audit import trail
from minispod.kernel import spreadsheets
from minispod.kernel.spreadsheets import Sheet
from minispod.kernel.unit_of_work import unit_of_work
from minispod.ports import current_ports


def as_csv(name: str, sheet: Sheet[Any]) -> Response:
    """A file that is read as it is written."""
    return Response(
        spreadsheets.stream(sheet, current_app.app_context),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="minispod-{name}.csv"'},
    )


def note_export(name: str, *, subject_id: object = "all", **asked: str | None) -> None:
    """Whoever takes the books, or customers' names, out of the house is in the audit book."""
    with unit_of_work():
        trail.record(
            guard.actor(),
            trail.Action.WALLET_EXPORTED,
            at=current_ports().clock.now(),
            subject_kind="wallet",
            subject_id=str(subject_id),
            file=name,
            **asked,
        )
