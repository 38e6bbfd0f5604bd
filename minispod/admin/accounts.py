"""Customers: the list, everything about one, block, unblock and delete."""

import re
from typing import Any

from flask import request, url_for

from minispod.accounts import stewardship
from minispod.admin import guard, pages
from minispod.admin.alerts import next_step, words_of
from minispod.admin.door import door
from minispod.admin.languages import N_
from minispod.admin.languages import gettext as _
from minispod.insights import customer_needs, customer_parts, customers
from minispod.kernel.actor import Role
from minispod.kernel.ids import parse_id
from minispod.kernel.unit_of_work import unit_of_work
from minispod.ports import current_ports
from minispod.subscriptions import departures
from minispod.subscriptions.departures import Applications

_PARTS = {
    "tickets": customer_parts.tickets,
    "messages": customer_parts.messages,
    "alerts": customer_parts.alerts,
    "history": customer_parts.history,
}
_FOLLOWS = {
    Applications.LEAVE: N_("Their instances keep running."),
    Applications.STOP: N_("Their instances are being stopped."),
    Applications.CANCEL: N_("Their subscriptions are being cancelled."),
}


@door.get("/customers")
def customers_list() -> Any:
    """List accounts."""
    search, role = pages.search_text(), pages.chosen(Role, "role")
    found = customers.list_customers(pages.page_request(), search=search, role=role)
    return pages.page_or_fragment(
        "admin/customers/page.html",
        "admin/customers/_list.html",
        found=found,
        search=search,
        role=role,
        roles=Role,
    )


@door.get("/customers/<user_id>")
def customer(user_id: str) -> Any:
    """Show one customer: what needs doing at the top, then the newest of everything; it follows what happens."""
    card, at = customers.card(parse_id(user_id)), current_ports().clock.now()
    return pages.live_fragment(
        "admin/customers/one.html",
        "admin/customers/_overview.html",
        card=card,
        part="overview",
        needs=customer_needs.needs_of(card.user.id, at=at),
        found=customers.dossier(card.user.id, actor=guard.actor()),
        say=words_of,
        next_step=next_step,
    )


@door.get("/customers/<user_id>/<any(tickets, messages, alerts, history):part>")
def customer_part(user_id: str, part: str) -> Any:
    """Show the whole of one kind of thing of one customer, a page at a time."""
    card = customers.card(parse_id(user_id))
    return pages.page_or_fragment(
        "admin/customers/part.html",
        f"admin/customers/_{part}.html",
        card=card,
        part=part,
        found=_PARTS[part](pages.page_request(), card.user.id),
        say=words_of,
    )


@door.post("/customers/<user_id>/block")
def block_customer(user_id: str) -> Any:
    """Deactivate the account and sign it out everywhere; what runs goes on unless the form says else (decision 19)."""
    ports, wanted = current_ports(), request.form.get("applications", "")
    choice = Applications(wanted) if wanted in set(Applications) else Applications.LEAVE
    with unit_of_work(ports.courier):
        user = departures.deactivate(parse_id(user_id), choice, actor=guard.actor(), at=ports.clock.now())
    return pages.told(
        _("%(name)s is blocked and signed out everywhere.", name=user.name) + " " + _(_FOLLOWS[choice]),
        url_for("panel.customer", user_id=user.id),
    )


@door.post("/customers/<user_id>/unblock")
def unblock_customer(user_id: str) -> Any:
    """Let the account sign in again."""
    ports = current_ports()
    with unit_of_work(ports.courier):
        user = stewardship.unblock(parse_id(user_id), actor=guard.actor(), at=ports.clock.now())
    return pages.told(
        _("%(name)s may sign in again.", name=user.name), url_for("panel.customer", user_id=user.id)
    )


@door.post("/customers/<user_id>/delete")
def delete_customer(user_id: str) -> Any:
    """Delete the account; credit is lost only where the form names how much."""
    ports, forfeited = current_ports(), request.form.get("forfeit", "")
    forfeits = int(forfeited) if re.fullmatch(r"[0-9]{1,15}", forfeited) else 0
    with unit_of_work(ports.courier):
        departures.delete(parse_id(user_id), forfeits=forfeits, actor=guard.actor(), at=ports.clock.now())
    return pages.told(
        _("The account is deleted. What the books need of it stays."), url_for("panel.customers_list")
    )
