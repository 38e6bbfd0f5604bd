"""The next 30 days' renewals and shortfalls: computed by hand, with announced prices, ends and days of Jakarta."""

import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from flask import Flask

from minispod.catalog.models import Plan
from minispod.insights import forecast
from minispod.insights.forecast import DayOfRenewals, NextStep
from minispod.kernel.database import session
from minispod.kernel.money import Rupiah
from minispod.kernel.paging import PageRequest
from minispod.kernel.unit_of_work import unit_of_work
from minispod.payments.gateway import PaymentGroup
from minispod.payments.models import TopUp
from minispod.wallet import ledger
from tests.factories.recurring import JAKARTA, Past, put_customer, put_past
from tests.factories.statements import asked

PlanFinder = Callable[..., uuid.UUID]
AT = datetime(2026, 11, 20, 3, tzinfo=UTC)  # 10:00 in Jakarta
ALL = PageRequest(1, 50)


@pytest.fixture
def books(app: Flask, catalog: None) -> Iterator[None]:
    """A unit of work to write rows in."""
    with app.app_context(), unit_of_work():
        yield


def _days() -> dict[date, DayOfRenewals]:
    found = forecast.by_day(zone=JAKARTA, at=AT)
    assert [each.day for each in found] == [date(2026, 11, 20) + timedelta(days=n) for n in range(30)]
    return {each.day: each for each in found if each != DayOfRenewals(each.day)}


def _due_on(day: int, hour: int = 5) -> datetime:
    """A begin whose first month ends in November or December on this day (of November first)."""
    end = datetime(2026, 11, day, hour, tzinfo=UTC)
    return end.replace(month=10)


def test_an_empty_shop_expects_nothing(books: None) -> None:
    assert _days() == {}
    assert (
        forecast.shortfalls(ALL, zone=JAKARTA, at=AT).total,
        forecast.endings(ALL, zone=JAKARTA, at=AT).total,
    ) == (
        0,
        0,
    )
    assert forecast.next_shortfalls(None, limit=5, zone=JAKARTA, at=AT) == ([], None)


def test_renewals_are_due_on_days_of_jakarta_and_covered_in_their_order(
    books: None, plan_id: PlanFinder
) -> None:
    rich = put_customer("rich", balance=100_000, at=AT)
    half = put_customer("half", balance=60_000, at=AT)
    put_past(Past(rich, plan_id(), _due_on(25, 16), price=40_000))  # 23:00 in Jakarta
    put_past(Past(rich, plan_id("wordpress"), _due_on(25, 17), price=50_000))  # the next midnight
    put_past(Past(half, plan_id(), _due_on(26), price=50_000))
    put_past(Past(half, plan_id("wordpress"), _due_on(28), price=20_000))

    assert _days() == {
        date(2026, 11, 25): DayOfRenewals(date(2026, 11, 25), 1, 40_000, 40_000),
        date(2026, 11, 26): DayOfRenewals(date(2026, 11, 26), 2, 100_000, 100_000),
        date(2026, 11, 28): DayOfRenewals(date(2026, 11, 28), 1, 20_000, 0),
    }
    (short,) = forecast.shortfalls(ALL, zone=JAKARTA, at=AT).items
    assert (short.user_id, short.renewals, short.due, short.missing) == (half, 2, 70_000, 10_000)
    assert short.short_at == datetime(2026, 11, 28, 5, tzinfo=UTC)
    assert short.next_step is NextStep.REMIND


@pytest.mark.parametrize(("hour", "is_in"), [(16, True), (17, False)])
def test_the_thirty_days_end_at_midnight_in_jakarta(
    books: None, plan_id: PlanFinder, hour: int, is_in: bool
) -> None:
    begun = datetime(2026, 11, 19, hour, tzinfo=UTC)  # renews on 19 December: the 30th day, or just after it
    put_past(Past(put_customer("A", at=AT), plan_id(), begun))

    assert (date(2026, 12, 19) in _days()) is is_in


def test_what_is_overdue_is_due_today_and_its_owner_is_called(books: None, plan_id: PlanFinder) -> None:
    who = put_customer("late", balance=10_000, at=AT)
    stops = datetime(2026, 11, 25, tzinfo=UTC)
    put_past(Past(who, plan_id(), _due_on(18), grace_until=stops))

    days = _days()

    assert days[date(2026, 11, 20)] == DayOfRenewals(date(2026, 11, 20), 1, 50_000, 0)
    # The month that it would have begun ends within these days as well.
    assert days[date(2026, 12, 18)].due == 50_000
    (short,) = forecast.shortfalls(ALL, zone=JAKARTA, at=AT).items
    assert (short.next_step, short.stops_at, short.missing) == (NextStep.CALL, stops, 90_000)


def test_an_announced_price_is_what_is_due(books: None, plan_id: PlanFinder) -> None:
    plan = session().get_one(Plan, plan_id())
    plan.monthly_price, plan.is_price_for_all = 65_000, True  # type: ignore[assignment]
    after, before = datetime(2026, 11, 30, tzinfo=UTC), datetime(2026, 11, 22, tzinfo=UTC)
    for name, coming in (
        ("too late", (65_000, after)),
        ("dearer", (65_000, before)),
        ("taken back", (80_000, before)),
        ("cheaper", (30_000, before)),
    ):
        put_past(Past(put_customer(name, at=AT), plan.id, _due_on(25), coming=coming))

    found = {each.name: each.due for each in forecast.shortfalls(ALL, zone=JAKARTA, at=AT).items}

    assert found == {"too late": 50_000, "dearer": 65_000, "taken back": 50_000, "cheaper": 30_000}


def test_who_ends_by_decision_owes_nothing_and_is_listed(books: None, plan_id: PlanFinder) -> None:
    ends = put_past(Past(put_customer("A", at=AT), plan_id(), _due_on(25), auto_renew=False))
    put_past(Past(put_customer("free", at=AT), plan_id(), _due_on(25), price=0, auto_renew=False))
    put_past(Past(put_customer("gone", at=AT), plan_id(), _due_on(25), ended_at=AT - timedelta(days=1)))

    assert _days() == {date(2026, 11, 25): DayOfRenewals(date(2026, 11, 25), ends=1, ending=50_000)}
    (found,) = forecast.endings(ALL, zone=JAKARTA, at=AT).items
    assert (found.subscription_id, found.price, found.customer) == (ends, 50_000, "A")
    assert forecast.shortfalls(ALL, zone=JAKARTA, at=AT).total == 0


def test_next_steps_look_at_debts_and_payments_under_way(books: None, plan_id: PlanFinder) -> None:
    debtor = put_customer("debtor", balance=-20_000, debt=20_000, at=AT)
    paying = put_customer("paying", at=AT)
    for who in (debtor, paying):
        put_past(Past(who, plan_id(), _due_on(25)))

    session().add(
        TopUp(
            number=ledger.next_number(),
            order_id="TOPUP-UNDER-WAY",
            user_id=paying,
            amount=Rupiah(50_000),
            payment_group=PaymentGroup.QRIS,
            expires_at=AT + timedelta(hours=1),
            created_at=AT,
            updated_at=AT,
        )
    )

    found = {each.name: each for each in forecast.shortfalls(ALL, zone=JAKARTA, at=AT).items}

    assert (found["debtor"].next_step, found["debtor"].missing) == (NextStep.SETTLE_DEBT, 70_000)
    assert (found["paying"].next_step, found["paying"].pending) == (NextStep.AWAIT_TOPUP, 50_000)


def test_a_file_reads_all_shortfalls_page_by_page(books: None, plan_id: PlanFinder) -> None:
    for number in range(7):
        put_past(Past(put_customer(f"C{number}", at=AT), plan_id(), _due_on(25 + number % 2)))
    whole = forecast.shortfalls(ALL, zone=JAKARTA, at=AT).items
    read, after = [], None

    while True:
        rows, after = forecast.next_shortfalls(after, limit=3, zone=JAKARTA, at=AT)
        read += rows
        if after is None:
            break

    assert len(read) == 7
    assert read == list(whole)
    assert sum(each.due for each in read) == sum(each.due for each in forecast.by_day(zone=JAKARTA, at=AT))


def test_the_forecast_is_a_constant_number_of_statements(
    app: Flask, books: None, plan_id: PlanFinder
) -> None:
    for number in range(5):
        put_past(Past(put_customer(f"C{number}", at=AT), plan_id(), _due_on(25)))

    with asked("") as statements:
        forecast.by_day(zone=JAKARTA, at=AT)
        forecast.shortfalls(ALL, zone=JAKARTA, at=AT)
        forecast.endings(ALL, zone=JAKARTA, at=AT)
    assert len(statements) == 5
