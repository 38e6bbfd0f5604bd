"""Notes of paid time: figures read from them are those counted anew, whatever happens later and however late."""

import random
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Connection, delete, func, select, text, update
from sqlalchemy.exc import OperationalError

from minispod.insights import recurring
from minispod.kernel.database import db, session
from minispod.kernel.ids import new_id
from minispod.kernel.money import Rupiah
from minispod.kernel.unit_of_work import unit_of_work
from minispod.subscriptions import paid_runs
from minispod.subscriptions.models import Period, PlanChange, Subscription
from minispod.subscriptions.paid_run_models import PaidRun
from minispod.subscriptions.states import ChangeState
from minispod.wallet.models import EntryKind, EntryType, LedgerEntry
from tests.factories.recurring import JAKARTA, Change, Past, drawn_past, put_customer, put_past

PlanFinder = Callable[..., uuid.UUID]
AT = datetime(2026, 11, 20, 3, tzinfo=UTC)
BEGUN = datetime(2026, 6, 10, 3, tzinfo=UTC)
_WITH_TRIGGERS = text("SET LOCAL session_replication_role = origin")
_WITHOUT_TRIGGERS = text("SET LOCAL session_replication_role = replica")


@pytest.fixture
def books(app: Flask, catalog: None) -> Iterator[None]:
    """A unit of work to write rows in."""
    with app.app_context(), unit_of_work():
        yield


@pytest.fixture
def three(app: Flask, catalog: None, plan_id: PlanFinder) -> list[uuid.UUID]:
    """Three subscriptions of five months, committed."""
    with app.app_context(), unit_of_work():
        return [
            put_past(Past(put_customer(f"C{number}", at=AT), plan_id(), BEGUN, months=5))
            for number in range(3)
        ]


def _figures(services: list[uuid.UUID | None]) -> list[Any]:
    return [
        report(service_id=service, zone=JAKARTA, at=AT)
        for report in (recurring.months, recurring.cohorts)
        for service in services
    ]


def _counted_anew(services: list[uuid.UUID | None]) -> list[Any]:
    """The same without any notes."""
    with unit_of_work(), session().begin_nested() as point:
        session().execute(delete(PaidRun))
        found = _figures(services)
        point.rollback()
    return found


def _noted() -> int:
    return session().scalar(select(func.count(PaidRun.subscription_id.distinct()))) or 0


@pytest.mark.parametrize("seed", range(4))
def test_notes_say_what_counting_anew_says_however_late_something_happens(
    app: Flask, catalog: None, plan_id: PlanFinder, seed: int
) -> None:
    draw = random.Random(seed)
    plans = [plan_id(), plan_id(tier="PRO"), plan_id("wordpress")]
    with app.app_context():
        with unit_of_work():
            for number in range(12):
                who = put_customer(f"C{number}", at=AT)
                for _ in range(2):
                    put_past(drawn_past(draw, who, plans, at=AT))
        with unit_of_work():
            assert paid_runs.note(1_000) == 24
        services = [None, session().scalars(select(Subscription.service_id).limit(1)).one()]
        untouched = _counted_anew(services)
        assert _figures(services) == untouched

        changed = 0
        for _ in range(15):
            for _ in range(draw.randint(1, 3)):
                with unit_of_work():
                    draw.choice(_EVENTS)(draw)
            assert _noted() > 0, "some figures are read from notes"
            anew = _counted_anew(services)
            assert _figures(services) == anew
            changed += anew != untouched
            with unit_of_work():
                paid_runs.note(draw.randint(0, 3))
        assert changed, "what happened did change figures"
        with unit_of_work():
            paid_runs.note(1_000)
        assert _noted() == 24
        assert _figures(services) == _counted_anew(services)


def _one(draw: random.Random, model: type[Any]) -> Any:
    ids = session().scalars(select(model.id).order_by(model.created_at, model.id)).all()
    return session().get_one(model, draw.choice(ids), populate_existing=True)


def _gives_back(draw: random.Random) -> None:
    period = _one(draw, Period)
    period.refunded = Rupiah(draw.choice((0, period.charged // 2, period.charged)))
    session().flush()


def _moves_an_end(draw: random.Random) -> None:
    period = _one(draw, Period)
    period.ends_at += timedelta(days=draw.randint(1, 3))
    session().flush()


def _changes_a_price(draw: random.Random) -> None:
    period = _one(draw, Period)
    period.price = Rupiah(draw.choice((40_000, 60_000)))
    session().flush()


def _ends_or_goes_on(draw: random.Random) -> None:
    """Ended by staff in some month, also one that was over long ago; or the end was no end."""
    subscription, period = _one(draw, Subscription), _one(draw, Period)
    subscription.ended_at = draw.choice((None, period.starts_at + timedelta(days=5)))
    session().flush()


def _begins_anew(draw: random.Random) -> None:
    subscription = _one(draw, Subscription)
    subscription.anchor_at += timedelta(days=draw.randint(1, 60))
    subscription.anchor_period += 1
    session().flush()


def _pays_late(draw: random.Random) -> None:
    """A month that began long ago is paid for now."""
    last = _last_period(draw)
    price = Rupiah(draw.choice((0, int(last.price), 75_000)))
    number = last.number + 1
    ends = last.ends_at + timedelta(days=30)
    session().add(
        Period(
            subscription_id=last.subscription_id,
            number=number,
            plan_id=last.plan_id,
            starts_at=last.ends_at,
            ends_at=ends,
            price=price,
            charged=price,
            entry_id=_entry(),
            created_at=AT,
        )
    )
    session().flush()


def _takes_a_month_back(draw: random.Random) -> None:
    """As a person with the database's own tools would."""
    last = _last_period(draw)
    if last.number > 1:
        session().delete(last)
        session().flush()


def _changes_plan(draw: random.Random) -> None:
    period = _one(draw, Period)
    same = PlanChange.subscription_id == period.subscription_id
    number = session().scalar(select(func.max(PlanChange.number)).where(same)) or 0
    session().add(
        PlanChange(
            subscription_id=period.subscription_id,
            number=max(number, 1_000) + 1,
            state=ChangeState.DONE,
            is_upgrade=True,
            from_plan_id=period.plan_id,
            to_plan_id=period.plan_id,
            from_price=period.price,
            to_price=Rupiah(draw.choice((45_000, 90_000))),
            from_cpu_milli=1,
            from_memory_mb=1,
            period_number=period.number,
            days_left=1,
            period_days=30,
            quoted=Rupiah(0),
            charged=Rupiah(0),
            credited=Rupiah(0),
            refunded=Rupiah(0),
            created_at=period.starts_at + timedelta(days=draw.randint(1, 20), seconds=number),
        )
    )
    session().flush()


def _returns_a_change(draw: random.Random) -> None:
    ids = session().scalars(select(PlanChange.id).order_by(PlanChange.created_at, PlanChange.id)).all()
    if ids:
        change = session().get_one(PlanChange, draw.choice(ids))
        change.state, change.refunded = ChangeState.RETURNED, change.charged
        session().flush()


_EVENTS = (
    _gives_back,
    _moves_an_end,
    _changes_a_price,
    _ends_or_goes_on,
    _begins_anew,
    _pays_late,
    _takes_a_month_back,
    _changes_plan,
    _returns_a_change,
)


def _last_period(draw: random.Random) -> Period:
    subscription = _one(draw, Subscription)
    return (
        session()
        .scalars(
            select(Period)
            .where(Period.subscription_id == subscription.id)
            .order_by(Period.number.desc())
            .limit(1)
        )
        .one()
    )


def _entry() -> uuid.UUID:
    """An entry of the ledger, which only has to be there."""
    who = session().scalars(select(Subscription.user_id).limit(1)).one()
    number = (session().scalar(select(func.max(LedgerEntry.number))) or 0) + 1
    entry = LedgerEntry(
        id=new_id(),
        number=number,
        position=number,
        user_id=who,
        type=EntryType.SUBSCRIPTION,
        kind=EntryKind.PERIOD,
        reference=str(number),
        amount=Rupiah(1),
        delta=Rupiah(-1),
        balance_before=Rupiah(1),
        balance_after=Rupiah(0),
        description="An entry",
        details={},
        created_at=AT,
    )
    session().execute(_WITHOUT_TRIGGERS)
    session().add(entry)
    session().flush()
    session().execute(_WITH_TRIGGERS)
    return entry.id


def test_months_of_one_price_are_one_note_and_what_was_never_paid_has_an_empty_one(
    books: None, plan_id: PlanFinder
) -> None:
    up = Change(4, BEGUN + timedelta(days=95), 80_000, plan_id(tier="PRO"))
    paid = put_past(Past(put_customer("A", at=AT), plan_id(), BEGUN, months=6, changes=(up,)))
    free = put_past(Past(put_customer("B", at=AT), plan_id(), BEGUN, price=0, months=6))

    paid_runs.note(10)

    rows = session().scalars(select(PaidRun).where(PaidRun.subscription_id == paid).order_by(PaidRun.number))
    first, second = rows.all()
    assert (first.since, first.until, first.price) == (BEGUN, up.at, 50_000)
    assert (second.since, second.price) == (up.at, 80_000)
    empty = session().scalars(select(PaidRun).where(PaidRun.subscription_id == free)).one()
    assert (empty.since, empty.until, empty.price) == (None, None, None)


def test_only_what_changed_is_noted_down_again(
    app: Flask, three: list[uuid.UUID], tick: Callable[[str], None]
) -> None:
    tick("note-paid-time")
    with app.app_context():
        assert _noted() == 3
        with unit_of_work():
            session().execute(update(Subscription).values(auto_renew=False, ends_at=AT, updated_at=AT))
        assert _noted() == 3
        with unit_of_work():
            session().execute(
                update(Period)
                .where(Period.subscription_id == three[0], Period.number == 2)
                .values(refunded=1)
            )
        left = set(session().scalars(select(PaidRun.subscription_id)))

    assert left == set(three[1:])
    tick("note-paid-time")
    with app.app_context():
        assert _noted() == 3


def test_what_is_being_changed_is_left_for_later(app: Flask, three: list[uuid.UUID]) -> None:
    with app.app_context(), db.engine.connect() as other:
        _give_back(other, three[0])
        with unit_of_work():
            assert paid_runs.note(10) == 2
        other.commit()
        with unit_of_work():
            assert paid_runs.note(10) == 1
        assert _figures([None]) == _counted_anew([None])


def test_who_changes_waits_for_who_notes_down_and_then_drops_the_note(
    app: Flask, three: list[uuid.UUID]
) -> None:
    with app.app_context(), db.engine.connect() as other:
        with unit_of_work():
            assert paid_runs.note(10) == 3
            other.execute(text("SET lock_timeout = '100ms'"))
            with pytest.raises(OperationalError, match="lock timeout"):
                _give_back(other, three[0])
            other.rollback()
        _give_back(other, three[0])
        other.commit()
        left = set(session().scalars(select(PaidRun.subscription_id)))

    assert left == set(three[1:])


def test_several_who_note_down_at_once_do_it_once(
    app: Flask, three: list[uuid.UUID], at_once: Callable[..., list[Any]]
) -> None:
    def note(_: int) -> int:
        with app.app_context(), unit_of_work():
            return paid_runs.note(10)

    results = at_once(4, note)

    assert all(isinstance(each, int) for each in results), results
    with app.app_context():
        assert session().scalar(select(func.count()).select_from(PaidRun)) == 3


def _give_back(connection: Connection, subscription_id: uuid.UUID) -> None:
    connection.execute(
        text("UPDATE periods SET refunded = charged WHERE subscription_id = :id AND number = 3"),
        {"id": subscription_id},
    )
