"""Looking as a customer: begin and end it, what the customer's API answers, and the way into the customer's own pages.

The API is asked as the front end asks it, over its own door with the viewing's token, inside of this process: what
stands on the page is what the customer gets, and what the guard refuses is refused here, too (docs/adr/0044).
"""

import json
from contextvars import Context
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import current_app, make_response, render_template, request, session, url_for
from werkzeug.test import EnvironBuilder, run_wsgi_app

from minispod.accounts import viewing
from minispod.accounts.viewing import Seen
from minispod.admin import guard, pages
from minispod.admin.door import door
from minispod.admin.languages import N_, said
from minispod.admin.languages import gettext as _
from minispod.kernel.errors import RuleBroken
from minispod.kernel.ids import parse_id
from minispod.kernel.unit_of_work import release_connection, unit_of_work
from minispod.ports import current_ports, current_settings

_SHORTEST_REASON, _LONGEST_REASON = 10, 500
_KEPT = "viewing"

SECTIONS: dict[str, tuple[str, tuple[str, ...]]] = {
    "applications": (N_("Applications"), ("/subscriptions", "/instances")),
    "wallet": (N_("Wallet"), ("/wallet/info", "/wallet/transactions?limit=20", "/wallet/coupon-history")),
    "papers": (N_("Receipts and invoices"), ("/billing/invoices",)),
    "tickets": (N_("Tickets"), ("/tickets",)),
    "account": (N_("Account"), ("/user/profile",)),
}
"""What the front end shows a customer, and what it asks for that."""


@dataclass(frozen=True, slots=True)
class Answered:
    """One answer of the API: what was asked, the status, and the data or the sentence of a refusal."""

    path: str
    status: int
    body: Any


@door.post("/customers/<user_id>/view")
def begin_viewing(user_id: str) -> Any:
    """Begin to look as the customer."""
    ports, reason = current_ports(), request.form.get("reason", "").replace("\x00", "").strip()
    target = url_for("panel.customer", user_id=parse_id(user_id))
    if not _SHORTEST_REASON <= len(reason) <= _LONGEST_REASON:
        return pages.told(_("Say in at least ten characters why."), target, "bad")
    try:
        with unit_of_work(ports.courier):
            made = viewing.begin(parse_id(user_id), reason, actor=guard.actor(), at=ports.clock.now())
    except RuleBroken as refusal:
        return pages.told(said(refusal.message), target, "bad")
    seen = _own(str(made.id))
    session[_KEPT] = {"id": str(made.id), "name": seen.customer.name, "until": made.ends_at.isoformat()}
    return pages.told(
        _("You see what %(name)s sees.", name=seen.customer.name),
        url_for("panel.viewing_page", viewing_id=made.id),
    )


@door.get("/viewings/<viewing_id>")
def viewing_page(viewing_id: str) -> Any:
    """Show what the customer's API answers."""
    seen = _own(viewing_id)
    section = pages.one_of(SECTIONS, "section", next(iter(SECTIONS)))
    token = viewing.issue(seen, keys=current_ports().token_keys, at=current_ports().clock.now())
    release_connection()
    answers = [_ask(path, token) for path in SECTIONS[section][1]]
    return pages.page_or_fragment(
        "admin/viewings/one.html",
        "admin/viewings/_section.html",
        seen=seen,
        views=SECTIONS,
        section=section,
        answers=answers,
    )


@door.post("/viewings/<viewing_id>/code")
def make_viewing_code(viewing_id: str) -> Any:
    """Show a password, once, with which the front end lets the administrator in as the customer."""
    ports = current_ports()
    with unit_of_work(ports.courier):
        code = viewing.make_code(parse_id(viewing_id), actor=guard.actor(), at=ports.clock.now())
    return make_response(
        render_template(
            "admin/viewings/code.html",
            seen=_own(viewing_id),
            code=code,
            frontend_url=current_settings().web.frontend_url,
            minutes=int(viewing.CODE_LASTS.total_seconds() // 60),
        )
    )


@door.post("/viewings/<viewing_id>/end")
def end_viewing(viewing_id: str) -> Any:
    """End it at once, also in the customer's own pages."""
    ports = current_ports()
    session.pop(_KEPT, None)
    with unit_of_work(ports.courier):
        ended = viewing.end(parse_id(viewing_id), actor=guard.actor(), at=ports.clock.now())
    return pages.told(
        _("You do not look as this customer any more."), url_for("panel.customer", user_id=ended.customer_id)
    )


def standing_banner() -> dict[str, Any] | None:
    """What every page says while its reader looks as a customer; None for everybody else."""
    kept: dict[str, Any] | None = session.get(_KEPT)
    if not kept:
        return None
    until, at = datetime.fromisoformat(kept["until"]), current_ports().clock.now()
    # It may have ended before: the customer was blocked, or chose a new password.
    is_standing = until > at and viewing.find(parse_id(kept["id"]), at=at) is not None
    return {**kept, "until": until} if is_standing else None


def _own(viewing_id: str) -> Seen:
    return viewing.get_own(parse_id(viewing_id), actor=guard.actor(), at=current_ports().clock.now())


def _ask(path: str, token: str) -> Answered:
    """Ask our own API in an empty context: its request shares neither `g` nor the session with this one."""
    asked = EnvironBuilder(
        path=f"/api/v1{path}",
        headers=[("Authorization", f"Bearer {token}")],
        environ_base={"REMOTE_ADDR": request.remote_addr or ""},
    )
    told, status, _headers = Context().run(run_wsgi_app, current_app.wsgi_app, asked.get_environ())
    body = json.loads(b"".join(told))
    return Answered(path, int(status.split(" ")[0]), body.get("data", body.get("message")))
