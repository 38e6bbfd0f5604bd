"""Live status: whole states, at once and after every change, each to its owner and to staff."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from minispod.instances.states import InstanceStatus
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.kernel.unit_of_work import unit_of_work
from minispod.operations.models import Operation
from minispod.operations.states import OperationKind, OperationStatus
from minispod.realtime import rounds
from tests.plugins.app import Person
from tests.realtime.conftest import Bought, Listener, auth_of

Change = Callable[..., None]


def test_a_newcomer_is_told_every_present_state(
    listen: Callable[..., Listener], customer: Person, buy: Callable[..., Bought]
) -> None:
    first, second = buy(customer), buy(customer, "ghost-blog")

    listener = listen("/status", auth_of(customer))

    told = [listener.next("instance-status"), listener.next("instance-status")]
    assert {each["subscriptionId"] for each in told} == {
        str(first.subscription_id),
        str(second.subscription_id),
    }
    assert set(told[0]) == {"subscriptionId", "instanceId", "status", "healthStatus", "publicUrl"}
    assert told[0]["status"] == "PENDING"
    assert listener.quiet(1.5)


def test_a_change_made_elsewhere_is_told(
    listen: Callable[..., Listener],
    customer: Person,
    buy: Callable[..., Bought],
    change: Change,
    clock: FrozenClock,
) -> None:
    bought = buy(customer)
    listener = listen("/status", auth_of(customer))
    listener.next("instance-status")

    change(bought.instance_id, lambda row: row.turn(InstanceStatus.RUNNING, clock.now(), health="Healthy"))

    told = listener.next("instance-status")
    assert (told["instanceId"], told["status"], told["healthStatus"]) == (
        str(bought.instance_id),
        "RUNNING",
        "Healthy",
    )


def test_an_order_placed_while_listening_is_told(
    listen: Callable[..., Listener], customer: Person, buy: Callable[..., Bought]
) -> None:
    listener = listen("/status", auth_of(customer))
    assert listener.quiet(0.3)

    bought = buy(customer)

    assert listener.next("instance-status")["subscriptionId"] == str(bought.subscription_id)


def test_what_nobody_sees_is_not_told(
    listen: Callable[..., Listener],
    customer: Person,
    buy: Callable[..., Bought],
    change: Change,
    clock: FrozenClock,
) -> None:
    bought = buy(customer)
    listener = listen("/status", auth_of(customer))
    listener.next("instance-status")

    def look_again(row: Any) -> None:
        row.last_health_check_at = row.updated_at = clock.advance(seconds=10)

    change(bought.instance_id, look_again)

    assert listener.quiet(1.5)


def test_the_end_of_an_instance_is_told_once_more(
    listen: Callable[..., Listener],
    customer: Person,
    buy: Callable[..., Bought],
    change: Change,
    clock: FrozenClock,
) -> None:
    bought = buy(customer)
    listener = listen("/status", auth_of(customer))
    listener.next("instance-status")

    change(bought.instance_id, lambda row: row.turn(InstanceStatus.TERMINATED, clock.now()))

    assert listener.next("instance-status")["status"] == "TERMINATED"


def test_customers_hear_of_their_own_and_administrators_of_all(
    listen: Callable[..., Listener],
    customer: Person,
    administrator: Person,
    person: Callable[..., Person],
    buy: Callable[..., Bought],
    change: Change,
    clock: FrozenClock,
) -> None:
    other = person(credit=500_000)
    mine, theirs = buy(customer), buy(other)
    owner, staff = listen("/status", auth_of(customer)), listen("/status", auth_of(administrator))
    assert owner.next("instance-status")["instanceId"] == str(mine.instance_id)
    assert {staff.next("instance-status")["instanceId"] for _ in range(2)} == {
        str(mine.instance_id),
        str(theirs.instance_id),
    }

    change(theirs.instance_id, lambda row: row.turn(InstanceStatus.ERROR, clock.now()))

    assert staff.next("instance-status")["status"] == "ERROR"
    assert owner.quiet(1.5)


def test_whose_tokens_were_ended_is_sent_away(
    listen: Callable[..., Listener],
    customer: Person,
    app: Any,
    clock: FrozenClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from minispod.accounts import sessions
    from minispod.kernel.unit_of_work import unit_of_work

    monkeypatch.setattr(rounds, "CHECK_SECONDS", 0.2)
    listener = listen("/status", auth_of(customer))
    assert listener.quiet(0.5)

    with app.app_context(), unit_of_work():
        sessions.sign_out_everywhere(customer.id, actor=customer.actor, at=clock.now())

    listener.next("disconnect")


def test_whoever_is_deactivated_is_out_of_every_view_within_seconds(
    listen: Callable[..., Listener],
    customer: Person,
    administrator: Person,
    buy: Callable[..., Bought],
    client: FlaskClient,
) -> None:
    buy(customer)
    status = listen("/status", auth_of(customer))
    status.next("instance-status")
    assert status.quiet(1.5)

    address = f"/api/admin/users/{customer.id}/status"
    assert client.patch(address, headers=administrator.headers).status_code == 200

    status.next("disconnect")


def test_an_operation_is_told_to_its_owner_step_by_step(
    app: Flask,
    listen: Callable[..., Listener],
    customer: Person,
    person: Callable[..., Person],
    buy: Callable[..., Bought],
    clock: FrozenClock,
) -> None:
    bought = buy(customer)
    listener, stranger = listen("/status", auth_of(customer)), listen("/status", auth_of(person()))
    listener.next("instance-status")
    with app.app_context(), unit_of_work():
        operation = Operation(
            instance_id=bought.instance_id,
            user_id=customer.id,
            kind=OperationKind.RESTORE,
            step_since=clock.now(),
            requested_by="Siti",
            requested_at=clock.now(),
        )
        session().add(operation)

    told = listener.next("instance-operation")
    assert (told["kind"], told["status"], told["progress"]["total"]) == ("RESTORE", "PENDING", 5)

    with app.app_context(), unit_of_work():
        row = session().get_one(Operation, operation.id)
        row.status, row.ended_at, row.error = OperationStatus.FAILED, clock.now(), "The backup is damaged."
    told = listener.next("instance-operation")
    assert (told["status"], told["error"]) == ("FAILED", "The backup is damaged.")
    assert stranger.quiet(0.3)
