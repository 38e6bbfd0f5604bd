"""Files of rows for people to keep: CSV, streamed a page at a time as the client reads it."""

from typing import Any

from flask import Response, current_app

from minispod.kernel.spreadsheets import Cursor, Sheet, stream

CSV: dict[str, Any] = {"schema": {"type": "string"}, "content_type": "text/csv"}
"""How the OpenAPI document says that an answer is such a file."""


def csv_answer(name: str, wanted: Sheet[Cursor]) -> Response:
    """A sheet as a file to be saved."""
    return Response(
        stream(wanted, current_app.app_context),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="minispod-{name}.csv"'},
    )
