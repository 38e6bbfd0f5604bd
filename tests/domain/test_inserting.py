"""Rows that pass the session by: what is written is what the objects say, in one message and in order."""

import uuid
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from sqlalchemy import inspect, select
from sqlalchemy.exc import IntegrityError

from minispod.audit import trail
from minispod.audit.models import AuditEntry
from minispod.instances.models import Instance, InstanceVolume, Tenancy
from minispod.kernel.actor import system
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import Base, session
from minispod.kernel.ids import new_id
from minispod.kernel.inserting import in_one_message, insert_now, insert_unless_taken
from minispod.kernel.unit_of_work import unit_of_work
from minispod.notifications.models import Notification
from minispod.subscriptions.models import Period, Subscription
from minispod.wallet.models import LedgerEntry
from tests.factories.statements import asked
from tests.plugins.app import Person
from tests.plugins.shop import Shop

ME = system("tests")


@pytest.fixture
def inside(app: Flask) -> Iterator[None]:
    """The test is inside of the application."""
    with app.app_context():
        yield


def note(clock: FrozenClock, subject: str) -> None:
    trail.record(
        ME,
        trail.Action.JOB_ASKED_FOR,
        at=clock.now(),
        subject_kind="job",
        subject_id=subject,
        said="50 %: it's",
    )


def noted() -> list[str]:
    wanted = select(AuditEntry.subject_id).where(AuditEntry.subject_kind == "job").order_by(AuditEntry.id)
    return list(session().scalars(wanted))


def columns(row: Base) -> dict[str, object]:
    return {each.key: getattr(row, each.key) for each in inspect(type(row)).column_attrs}


def test_an_order_leaves_objects_that_say_what_is_in_the_database(
    shop: Shop, customer: Person, plan_id: Callable[..., uuid.UUID]
) -> None:
    placed = shop.place(customer, plan_id())

    with shop.app.app_context():
        volume = session().query(InstanceVolume).filter_by(instance_id=placed.instance.id).one()
        with asked("") as statements:
            made = columns(placed.subscription), columns(placed.instance)
        assert statements == [], "nothing of what was written is read back"
        found = (
            columns(session().get_one(Subscription, placed.subscription.id)),
            columns(session().get_one(Instance, placed.instance.id)),
        )
        period = session().query(Period).filter_by(subscription_id=placed.subscription.id).one()
        entry = session().get_one(LedgerEntry, period.entry_id)

    assert found == made
    assert (volume.number, volume.sealed_secrets, volume.is_node_bound) == (1, None, None)
    assert (period.charged, period.refunded, period.redemption_id) == (entry.amount, 0, None)


def test_rows_written_together_are_one_message_in_their_order(inside: None, clock: FrozenClock) -> None:
    with asked("INSERT") as messages, unit_of_work():
        with in_one_message():
            note(clock, "first")
            with in_one_message():
                note(clock, "second")
            assert noted() == [], "nothing can find them yet, nor what stood in the inner one"
            note(clock, "third")
        assert noted() == ["first", "second", "third"]

    assert len(messages) == 1
    details = session().scalars(select(AuditEntry.details).where(AuditEntry.subject_kind == "job"))
    assert set(map(str, details)) == {str({"said": "50 %: it's"})}


def test_what_was_to_be_written_together_is_forgotten_when_the_act_fails(
    inside: None, clock: FrozenClock
) -> None:
    def fail() -> None:
        with unit_of_work(), in_one_message():
            note(clock, "never")
            raise LookupError

    with pytest.raises(LookupError):
        fail()

    with unit_of_work():
        note(clock, "at once")
        assert noted() == ["at once"], "nobody waits for the end of the failed one"


def test_what_a_savepoint_takes_back_is_not_written_at_the_end(inside: None, clock: FrozenClock) -> None:
    with unit_of_work(), in_one_message():
        note(clock, "before it")
        attempt = session().begin_nested()
        note(clock, "never")
        attempt.rollback()
        note(clock, "after it")

    assert noted() == ["before it", "after it"]


def test_a_row_that_refers_to_nothing_is_refused_and_all_written_with_it(
    inside: None, clock: FrozenClock
) -> None:
    stray = InstanceVolume(instance_id=new_id(), number=1, status="ACTIVE", created_at=clock.now())

    def write() -> None:
        with unit_of_work(), in_one_message():
            note(clock, "never")
            insert_now(stray)

    with pytest.raises(IntegrityError):
        write()

    assert noted() == []


def test_what_is_taken_is_left_and_the_transaction_goes_on(
    inside: None, customer: Person, clock: FrozenClock
) -> None:
    def space(name: str) -> Tenancy:
        return Tenancy(user_id=customer.id, namespace=name, created_at=clock.now())

    with unit_of_work():
        assert insert_unless_taken(space("user-a"))
        assert not insert_unless_taken(space("user-b"))
        note(clock, "after it")

    assert session().query(Tenancy).one().namespace == "user-a"
    assert noted() == ["after it"]


def test_what_only_the_database_knows_is_not_guessed(inside: None, customer: Person) -> None:
    with pytest.raises(TypeError, match=r"ledger_entries\.position"), unit_of_work():
        insert_now(LedgerEntry(user_id=customer.id))


def test_what_is_made_for_each_row_is_not_left_out(inside: None) -> None:
    with pytest.raises(TypeError, match=r"notifications\.entry_ids"), unit_of_work():
        insert_now(Notification())
