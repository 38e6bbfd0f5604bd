"""The demo's tickets: of every status one, and never twice."""

import pytest

from minispod.accounts import directory
from minispod.kernel.paging import PageRequest
from minispod.kernel.unit_of_work import unit_of_work
from minispod.tickets import queries
from minispod.tickets.queries import Filter
from minispod.tickets.seeding import seed_tickets
from tests.plugins.app import START, Person

pytestmark = pytest.mark.usefixtures("context")


def seed(customer: Person, administrator: Person) -> int:
    with unit_of_work():
        return seed_tickets(directory.get_user(customer.id), directory.get_user(administrator.id), at=START)


def test_a_demo_has_tickets_to_look_at_and_repeating_adds_none(
    customer: Person, administrator: Person
) -> None:
    assert (seed(customer, administrator), seed(customer, administrator)) == (3, 0)

    found = queries.list_own(PageRequest(), actor=customer.actor, wanted=Filter())

    assert [(row.ticket.code, row.ticket.status.value, row.unread) for row in found.items] == [
        ("#003", "OPEN", 0),
        ("#002", "IN_PROGRESS", 1),
        ("#001", "CLOSED", 0),
    ]
    assert all(row.ticket.updated_at <= START for row in found.items)
