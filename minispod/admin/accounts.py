"""Customers: the list, everything about one, block, unblock and delete."""

import re
from typing import Any

from flask import request, url_for

from minispod.accounts import stewardship
from minispod.admin import guard, pages
from minispod.admin.door import door
from minispod.insights import customers
from minispod.kernel.actor import Role
from minispod.kernel.ids import parse_id
from minispod.kernel.unit_of_work import unit_of_work
from minispod.ports import current_ports
from minispod.subscriptions import departures


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
    """Show everything about one customer."""
    found = customers.dossier(parse_id(user_id), actor=guard.actor())
    return pages.page_or_fragment("admin/customers/one.html", "admin/customers/one.html", found=found)


@door.post("/customers/<user_id>/block")
def block_customer(user_id: str) -> Any:
    """Deactivate the account and sign it out everywhere; what it runs goes on (decision 19)."""
    ports = current_ports()
    with unit_of_work(ports.courier):
        user = stewardship.block(parse_id(user_id), actor=guard.actor(), at=ports.clock.now())
    return pages.told(
        f"{user.name} is blocked and signed out everywhere. Their instances keep running.",
        url_for("panel.customer", user_id=user.id),
    )


@door.post("/customers/<user_id>/unblock")
def unblock_customer(user_id: str) -> Any:
    """Let the account sign in again."""
    ports = current_ports()
    with unit_of_work(ports.courier):
        user = stewardship.unblock(parse_id(user_id), actor=guard.actor(), at=ports.clock.now())
    return pages.told(f"{user.name} may sign in again.", url_for("panel.customer", user_id=user.id))


@door.post("/customers/<user_id>/delete")
def delete_customer(user_id: str) -> Any:
    """Delete the account; credit is lost only where the form names how much."""
    ports, forfeited = current_ports(), request.form.get("forfeit", "")
    forfeits = int(forfeited) if re.fullmatch(r"[0-9]{1,15}", forfeited) else 0
    with unit_of_work(ports.courier):
        departures.delete(parse_id(user_id), forfeits=forfeits, actor=guard.actor(), at=ports.clock.now())
    return pages.told(
        "The account is deleted. What the books need of it stays.", url_for("panel.customers_list")
    )
