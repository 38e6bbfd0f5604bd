"""MRR, its movement and cohorts: against a history computed by hand, at the edges of months, and over random ones."""

import random
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from flask import Flask

from minispod.catalog.models import Plan
from minispod.insights import recurring
from minispod.insights.recurring import MonthOfRecurring, Share
from minispod.kernel.database import session
from minispod.kernel.unit_of_work import unit_of_work
from minispod.subscriptions.pricing import month_start, period
from tests.factories.recurring import JAKARTA, Change, Past, drawn_past, put_customer, put_past
from tests.factories.statements import asked

PlanFinder = Callable[..., uuid.UUID]
OTHER = "wordpress"
AT = datetime(2026, 11, 20, 3, tzinfo=UTC)
NOVEMBER = datetime(2026, 10, 31, 17, tzinfo=UTC)  # midnight of 1 November in Jakarta


@pytest.fixture
def books(app: Flask, catalog: None) -> Iterator[None]:
    """A unit of work to write rows in."""
    with app.app_context(), unit_of_work():
        yield


def _months(at: datetime = AT) -> dict[str, MonthOfRecurring]:
    return {f"{each.month:%Y-%m}": each for each in recurring.months(zone=JAKARTA, at=at)}


def test_an_empty_shop_has_twelve_empty_months(books: None) -> None:
    found = recurring.months(zone=JAKARTA, at=AT)

    assert [each.month for each in (found[0], found[-1])] == [date(2025, 12, 1), date(2026, 11, 1)]
    assert [each.is_running for each in found] == [False] * 11 + [True]
    assert {(each.after.amount, each.net, each.customer_churn, each.revenue_churn) for each in found} == {
        (0, 0, None, None)
    }
    assert recurring.cohorts(zone=JAKARTA, at=AT) == []
    assert recurring.by_plan(zone=JAKARTA, at=AT) == []
    assert recurring.now(at=AT) == recurring.RecurringNow(0, 0, 0, 0)


def test_a_small_history_computed_by_hand(books: None, plan_id: PlanFinder) -> None:
    """August: A and B come. September: A moves up, C comes. October: B leaves, A takes a second service; November:
    B comes back, C moves down, D has a month for nothing.
    """
    n8n, pro = plan_id(), plan_id(tier="PRO")
    a, b, c, d = (put_customer(name, at=AT) for name in "ABCD")
    august, september = datetime(2026, 8, 10, 5, tzinfo=UTC), datetime(2026, 9, 12, 5, tzinfo=UTC)
    moved_up = Change(2, datetime(2026, 9, 20, tzinfo=UTC), 80_000, pro)
    put_past(Past(a, n8n, august, months=4, changes=(moved_up,)))
    put_past(Past(a, plan_id(OTHER), datetime(2026, 10, 5, tzinfo=UTC), price=30_000, months=2))
    put_past(Past(b, n8n, august, months=2, ended_at=datetime(2026, 10, 12, tzinfo=UTC)))
    put_past(Past(b, n8n, datetime(2026, 11, 2, tzinfo=UTC), price=60_000))
    moved_down = Change(3, datetime(2026, 11, 15, tzinfo=UTC), 20_000, n8n, charged=0)
    put_past(Past(c, pro, september, price=45_000, months=3, changes=(moved_down,)))
    put_past(Past(d, n8n, datetime(2026, 11, 3, tzinfo=UTC), free_months=frozenset({1})))

    found = _months()

    nothing = Share()
    assert found["2026-08"] == MonthOfRecurring(
        date(2026, 8, 1), nothing, Share(100_000, 2), Share(100_000, 2), nothing, nothing, nothing, nothing
    )
    assert found["2026-09"] == MonthOfRecurring(
        date(2026, 9, 1),
        Share(100_000, 2),
        Share(175_000, 3),
        Share(45_000, 1),
        Share(30_000, 1),
        nothing,
        nothing,
        nothing,
    )
    assert found["2026-10"] == MonthOfRecurring(
        date(2026, 10, 1),
        Share(175_000, 3),
        Share(155_000, 2),
        nothing,
        Share(30_000, 1),
        nothing,
        Share(50_000, 1),
        nothing,
    )
    assert found["2026-11"] == MonthOfRecurring(
        date(2026, 11, 1),
        Share(155_000, 2),
        Share(190_000, 3),
        nothing,
        nothing,
        Share(25_000, 1),
        nothing,
        Share(60_000, 1),
        is_running=True,
    )
    assert (found["2026-10"].customer_churn, found["2026-10"].revenue_churn) == (33.3, 28.6)
    assert (found["2026-11"].customer_churn, found["2026-11"].revenue_churn) == (0.0, 16.1)
    assert recurring.now(at=AT) == recurring.RecurringNow(190_000, 3, 4, 1)

    cohorts = recurring.cohorts(zone=JAKARTA, at=AT)
    assert [(each.month.month, each.customers) for each in cohorts] == [(8, 2), (9, 1)]
    assert cohorts[0].kept == [Share(100_000, 2), Share(130_000, 2), Share(110_000, 1), Share(170_000, 2)]
    assert [cohorts[0].customers_kept(age) for age in range(4)] == [100.0, 100.0, 50.0, 100.0]
    assert [cohorts[0].revenue_kept(age) for age in range(4)] == [100.0, 130.0, 110.0, 170.0]
    assert cohorts[1].kept == [Share(45_000, 1), Share(45_000, 1), Share(20_000, 1)]

    plans = recurring.by_plan(zone=JAKARTA, at=AT)
    assert sum(each.amount for each in plans) == 190_000
    assert sum(each.amount_before for each in plans) == 155_000
    assert sum(each.free for each in plans) == 1


@pytest.mark.parametrize(
    ("begun", "month"),
    [
        (NOVEMBER - timedelta(microseconds=1), "2026-10"),
        (NOVEMBER, "2026-11"),
        (datetime(2026, 10, 31, 23, 30, tzinfo=UTC), "2026-11"),
    ],
)
def test_a_month_begins_at_midnight_in_jakarta(
    books: None, plan_id: PlanFinder, begun: datetime, month: str
) -> None:
    put_past(Past(put_customer("A", at=AT), plan_id(), begun))

    found = _months()

    assert {name: each.new.amount for name, each in found.items() if each.new.amount} == {month: 50_000}
    (cohort,) = recurring.cohorts(zone=JAKARTA, at=AT)
    assert f"{cohort.month:%Y-%m}" == month


def test_who_renews_on_the_first_stays_and_who_ends_then_leaves_in_the_new_month(
    books: None, plan_id: PlanFinder
) -> None:
    october = datetime(2026, 9, 30, 17, tzinfo=UTC)
    put_past(Past(put_customer("stays", at=AT), plan_id(), october, months=2))
    put_past(Past(put_customer("leaves", at=AT), plan_id(), october, ended_at=NOVEMBER))

    found = _months()

    assert found["2026-10"].after == Share(100_000, 2)
    assert (found["2026-11"].churn, found["2026-11"].after) == (Share(50_000, 1), Share(50_000, 1))


def test_what_was_never_sold_is_in_no_figure(books: None, plan_id: PlanFinder) -> None:
    """It never ran and went back whole, although a month's end lay between."""
    begun = NOVEMBER - timedelta(hours=3)
    put_past(
        Past(
            put_customer("A", at=AT),
            plan_id(),
            begun,
            ended_at=begun + timedelta(hours=24),
            is_given_back=True,
        )
    )

    assert {each.new.amount + each.churn.amount for each in recurring.months(zone=JAKARTA, at=AT)} == {0}


def test_a_month_given_back_to_who_stays_is_still_a_paid_one(books: None, plan_id: PlanFinder) -> None:
    put_past(Past(put_customer("A", at=AT), plan_id(), NOVEMBER, is_given_back=True))

    assert recurring.now(at=AT).amount == 50_000


def test_a_change_that_was_taken_back_changes_nothing(books: None, plan_id: PlanFinder) -> None:
    change = Change(1, NOVEMBER + timedelta(days=2), 80_000, plan_id(tier="PRO"), is_returned=True)
    put_past(Past(put_customer("A", at=AT), plan_id(), NOVEMBER, changes=(change,)))

    assert recurring.now(at=AT).amount == 50_000


def test_moving_up_from_a_free_plan_is_new(books: None, plan_id: PlanFinder) -> None:
    begun = datetime(2026, 10, 25, tzinfo=UTC)
    change = Change(1, datetime(2026, 11, 5, tzinfo=UTC), 80_000, plan_id(tier="PRO"))
    put_past(Past(put_customer("A", at=AT), plan_id(), begun, price=0, changes=(change,)))

    found = _months()

    assert found["2026-11"].new == Share(80_000, 1)


@pytest.mark.parametrize(
    ("credited", "brings"),
    [(0, 20_000), (400, 20_000), (1_000, 0)],
    ids=["kept", "kept in part", "given back"],
)
def test_moving_up_from_a_free_plan_and_then_down_is_paid_time_while_money_for_it_was_kept(
    books: None, plan_id: PlanFinder, credited: int, brings: int
) -> None:
    up = Change(1, NOVEMBER + timedelta(days=2), 80_000, plan_id(tier="PRO"), charged=1_000)
    down = Change(1, NOVEMBER + timedelta(days=5), 20_000, plan_id(), charged=0, credited=credited)
    put_past(Past(put_customer("A", at=AT), plan_id(), NOVEMBER, price=0, changes=(up, down)))

    assert recurring.now(at=AT).amount == brings


def test_figures_of_one_service_are_of_it_alone(books: None, plan_id: PlanFinder) -> None:
    who = put_customer("A", at=AT)
    put_past(Past(who, plan_id(), NOVEMBER))
    put_past(Past(who, plan_id(OTHER), NOVEMBER, price=70_000))
    service = session().get_one(Plan, plan_id()).service_id

    found = recurring.months(service_id=service, zone=JAKARTA, at=AT)[-1]

    assert (found.after, found.new) == (Share(50_000, 1), Share(50_000, 1))
    assert _months()["2026-11"].after == Share(120_000, 1)


@pytest.mark.parametrize("seed", range(12))
def test_random_histories_add_up_and_agree_with_looking_at_each_moment(
    books: None, plan_id: PlanFinder, seed: int
) -> None:
    """The movements of each month are exactly its difference, and all agree with reading the stories one by one."""
    draw = random.Random(seed)
    plans = [plan_id(), plan_id(tier="PRO")]
    stories = [
        drawn_past(draw, put_customer(f"C{number}", at=AT), plans, at=AT)
        for number in range(12)
        for _ in range(2)
    ]
    for story in stories:
        put_past(story)

    found = recurring.months(zone=JAKARTA, at=AT)

    held = [_held(stories, look) for look in _looks()]
    for number, month in enumerate(found):
        before, after = held[number], held[number + 1]
        begin = _looks()[number]
        assert month.before == Share(sum(before.values()), len(before))
        assert month.after == Share(sum(after.values()), len(after))
        assert month.net == month.after.amount - month.before.amount
        new = {
            who: amount
            for who, amount in after.items()
            if who not in before and not _ever(stories, who, begin)
        }
        back = {who: amount for who, amount in after.items() if who not in before and who not in new}
        assert month.new == Share(sum(new.values()), len(new))
        assert month.reactivation == Share(sum(back.values()), len(back))
        left = {who: amount for who, amount in before.items() if who not in after}
        assert month.churn == Share(sum(left.values()), len(left))
        more = [after[who] - before[who] for who in before if who in after and after[who] > before[who]]
        assert month.expansion == Share(sum(more), len(more))
        gone = month.churn.customers + month.before.customers
        assert month.after.customers + gone == month.before.customers * 2 + len(new) + len(back)
    assert sum(each.new.customers for each in found) > 0
    for cohort in recurring.cohorts(zone=JAKARTA, at=AT):
        for age, share in enumerate(cohort.kept):
            look = len(_looks()) - len(cohort.kept) + age
            theirs = {
                who: amount for who, amount in held[look].items() if _cohort(stories, who) == cohort.month
            }
            assert share == Share(sum(theirs.values()), len(theirs))
    assert sum(each.amount for each in recurring.by_plan(zone=JAKARTA, at=AT)) == found[-1].after.amount
    assert recurring.now(at=AT).amount == found[-1].after.amount


def test_each_report_is_one_statement(app: Flask, books: None, plan_id: PlanFinder) -> None:
    for number in range(5):
        put_past(Past(put_customer(f"C{number}", at=AT), plan_id(), NOVEMBER - timedelta(days=40), months=2))

    for report in (recurring.months, recurring.cohorts, recurring.by_plan):
        with asked("") as statements:
            report(zone=JAKARTA, at=AT)
        assert len(statements) == 1, report


def _price(story: Past, at: datetime) -> int:
    """What a story brought at an instant: read month by month."""
    price = story.price
    for number in range(1, story.months + 1):
        starts, ends = period(story.begun_at, number, JAKARTA)
        charged = 0 if number in story.free_months else price
        is_paid = charged > 0
        for change in story.changes:
            if change.month == number and not change.is_returned and change.at <= at:
                price, is_paid = change.price, is_paid or change.charged > 0
        if starts <= at < ends:
            if story.ended_at is not None and story.ended_at <= at:
                return 0
            is_cut = story.ended_at is not None and story.ended_at < ends
            if number == story.months and story.is_given_back and is_cut and charged > 0:
                return 0
            return price if is_paid else 0
        for change in story.changes:
            if change.month == number and not change.is_returned:
                price = change.price
    return 0


def _held(stories: list[Past], at: datetime) -> dict[uuid.UUID, int]:
    found: dict[uuid.UUID, int] = {}
    for story in stories:
        if amount := _price(story, at):
            found[story.user_id] = found.get(story.user_id, 0) + amount
    return found


def _first(stories: list[Past], who: uuid.UUID) -> datetime | None:
    moments = [
        at
        for story in stories
        if story.user_id == who
        for at in (
            *(period(story.begun_at, number, JAKARTA)[0] for number in range(1, story.months + 1)),
            *(change.at for change in story.changes),
        )
        if _price(story, at)
    ]
    return min(moments, default=None)


def _ever(stories: list[Past], who: uuid.UUID, until: datetime) -> bool:
    first = _first(stories, who)
    return first is not None and first <= until


def _cohort(stories: list[Past], who: uuid.UUID) -> date | None:
    first = _first(stories, who)
    return first.astimezone(JAKARTA).date().replace(day=1) if first else None


def _looks() -> list[datetime]:
    begins = recurring.month_begins(zone=JAKARTA, at=AT)
    assert begins[-1] == month_start(AT, JAKARTA)
    return [*(each - timedelta(microseconds=1) for each in begins), AT]
