"""Canned answers: the list, and one of them to write in both languages."""

import uuid
from typing import Any

from flask import make_response, render_template, request, url_for

from minispod.admin import guard, pages
from minispod.admin.door import door
from minispod.kernel.errors import Conflict, RuleBroken
from minispod.kernel.ids import parse_id
from minispod.kernel.unit_of_work import unit_of_work
from minispod.ports import current_ports
from minispod.tickets import canned
from minispod.tickets.models import CannedAnswer

_FIELDS = ("name", "text_en", "text_id")


@door.get("/tickets/canned")
def canned_list() -> Any:
    """List canned answers."""
    return render_template("admin/tickets/canned.html", found=canned.list_canned())


@door.get("/tickets/canned/new")
def new_canned() -> Any:
    """Ask for a new one."""
    return _form(dict.fromkeys(_FIELDS, ""))


@door.post("/tickets/canned/new")
def add_canned() -> Any:
    """Keep a new one; what is wrong with it is said above the form, which keeps what was typed."""
    sent = _sent()
    try:
        with unit_of_work():
            canned.add_canned(**sent, actor=guard.actor(), at=current_ports().clock.now())
    except (RuleBroken, Conflict) as refusal:
        return _form(sent, problem=refusal.message)
    return pages.told("The answer is kept.", url_for("panel.canned_list"))


@door.get("/tickets/canned/<canned_id>")
def edit_canned(canned_id: str) -> Any:
    """Show one to write it anew."""
    found = canned.get_canned(parse_id(canned_id))
    return _form({name: getattr(found, name) for name in _FIELDS}, found)


@door.post("/tickets/canned/<canned_id>")
def change_canned(canned_id: str) -> Any:
    """Write it anew."""
    found, sent = canned.get_canned(parse_id(canned_id)), _sent()
    try:
        with unit_of_work():
            canned.change_canned(found.id, **sent, actor=guard.actor(), at=current_ports().clock.now())
    except (RuleBroken, Conflict) as refusal:
        return _form(sent, found, problem=refusal.message)
    return pages.told("The answer is changed.", url_for("panel.canned_list"))


@door.post("/tickets/canned/<canned_id>/remove")
def remove_canned(canned_id: str) -> Any:
    """Remove it."""
    id_: uuid.UUID = parse_id(canned_id)
    with unit_of_work():
        canned.remove_canned(id_, actor=guard.actor(), at=current_ports().clock.now())
    return pages.told("The answer is removed.", url_for("panel.canned_list"))


def _sent() -> dict[str, str]:
    return {
        name: request.form.get(name, "").replace("\x00", "").replace("\r\n", "\n").strip() for name in _FIELDS
    }


def _form(texts: dict[str, str], found: CannedAnswer | None = None, *, problem: str | None = None) -> Any:
    page = render_template(
        "admin/tickets/canned_form.html",
        texts=texts,
        found=found,
        problem=problem,
        placeholders=canned.PLACEHOLDERS,
        longest_name=canned.LONGEST_NAME,
        longest_text=canned.LONGEST_TEXT,
    )
    return make_response(page, 400 if problem else 200)
