"""What an order sends to the database; the plan, which all its orders share, is locked last and let go next."""

import uuid
from collections.abc import Callable

import pytest

from minispod.wallet.errors import InsufficientCredit
from tests.factories.statements import asked, touched
from tests.plugins.app import Person
from tests.plugins.shop import Shop


def test_an_order_is_ten_messages_and_takes_its_slot_with_the_last(
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
        ["cluster_state"],
        ["plans"],
    ]


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
