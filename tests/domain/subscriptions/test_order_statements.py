"""What an order sends to the database; what orders wait for one another for is locked last and let go next."""

import re
import uuid
from collections.abc import Callable

import pytest

from minispod.wallet.errors import InsufficientCredit
from tests.factories.statements import asked, touched
from tests.plugins.app import Person
from tests.plugins.shop import Shop


def test_an_order_is_nine_messages_and_takes_its_place_with_the_last(
    shop: Shop, customer: Person, plan_id: Callable[..., uuid.UUID]
) -> None:
    plan = plan_id()

    with asked("") as messages:
        shop.place(customer, plan)

    assert [touched(statement) for statement, _ in messages] == [
        [],  # how long the transaction may wait
        ["subscriptions"],
        ["plans"],
        ["subscriptions"],
        ["tenancies"],
        ["wallets", "ledger_entries"],
        ["papers"],
        ["instances", "instance_volumes", "outbox", "audit_entries", "outbox", "periods", "audit_entries"],
        ["slot"],  # in one statement with the room, behind the turn
    ]


def test_the_place_is_taken_in_one_message_and_the_room_read_from_notes(
    shop: Shop, customer: Person, plan_id: Callable[..., uuid.UUID], one_machine: Callable[[int], None]
) -> None:
    """Not from all instances, nor from the nodes: every order waits meanwhile."""
    plan = plan_id()
    one_machine(64_000)

    with asked("") as messages:
        shop.place(customer, plan)

    assert not any("node_readings" in statement for statement, _ in messages)
    turn, room = messages[-1][0].split(";\n")
    assert "pg_advisory_xact_lock" in turn
    assert "UPDATE plans" in room
    assert "cluster_state" in room
    assert "FROM live_sizes" in room
    # But the one that is placed, found by a key and left out.
    assert re.findall(r"FROM instances .* subscriptions.id = ", room, re.DOTALL)


def test_a_refused_order_has_not_waited_for_the_plan(
    shop: Shop, person: Callable[..., Person], plan_id: Callable[..., uuid.UUID]
) -> None:
    poor, plan = person(), plan_id()

    with asked("") as messages, pytest.raises(InsufficientCredit):
        shop.place(poor, plan)

    assert [touched(statement) for statement, _ in messages][-2:] == [
        ["wallets", "ledger_entries"],
        ["wallets"],
    ]
