"""The scoreboard's figures: each against a few cases counted by hand, and none of nothing."""

import uuid
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import text

from minispod.audit import trail
from minispod.cluster import monitoring
from minispod.insights import scoreboard
from minispod.insights.scoreboard import Answers, Orders, Recoveries, Renewals, Utilisation
from minispod.insights.spans import PeriodName, last_days
from minispod.instances.models import Instance
from minispod.instances.states import InstanceStatus
from minispod.instances.uptime.models import AvailabilitySpan, ClusterWatch, Standing
from minispod.instances.uptime.reckoning import Span as Stretch
from minispod.instances.uptime.reckoning import reckon
from minispod.kernel.actor import Actor, ActorKind
from minispod.kernel.database import session
from minispod.kernel.ids import new_id
from minispod.kernel.unit_of_work import unit_of_work
from minispod.tickets.models import Ticket
from minispod.tickets.states import TicketPriority
from tests.factories.nodes import worker
from tests.factories.recurring import JAKARTA, Past, put_customer, put_past
from tests.factories.statements import asked

PlanFinder = Callable[..., uuid.UUID]
AT = datetime(2026, 11, 20, 3, tzinfo=UTC)
WEEK = last_days(PeriodName.WEEK, zone=JAKARTA, at=AT)
STAFF = Actor(ActorKind.STAFF, new_id(), "Ayu Admin")
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def books(app: Flask, catalog: None) -> Iterator[None]:
    """A unit of work to write rows in."""
    with app.app_context(), unit_of_work():
        yield


@pytest.fixture
def order(books: None, plan_id: PlanFinder) -> Callable[..., Instance]:
    """An order placed so long ago, which ran after so long (None: not yet)."""

    def make(
        ago: timedelta, after: timedelta | None, status: InstanceStatus = InstanceStatus.RUNNING
    ) -> Instance:
        who = put_customer("Siti", at=AT)
        subscription_id = put_past(Past(who, plan_id(), AT - ago))
        row = Instance(
            id=new_id(),
            subscription_id=subscription_id,
            user_id=who,
            service_slug="n8n-automation",
            name=f"n8n-{who.hex[-12:]}",
            namespace="ns",
            host=f"{who.hex}.example.com",
            public_url="",
            is_web=True,
            tls=True,
            cpu_milli=1,
            memory_mb=1,
            storage_gb=1,
            sealed_secrets="",
            status=status,
            status_changed_at=AT - ago,
            first_ran_at=None if after is None else AT - ago + after,
            created_at=AT - ago,
            updated_at=AT - ago,
        )
        session().add(row)
        session().flush()
        return row

    return make


def test_of_nothing_there_is_no_figure(books: None) -> None:
    assert scoreboard.orders(WEEK, at=AT) == Orders(0, 0, 0, 0, None, None, 0)
    assert scoreboard.orders(WEEK, at=AT).untouched_percent is None
    found = scoreboard.uptimes(WEEK, target=99.5, at=AT)
    assert (found.all.percent, found.instances, found.below, found.worst) == (None, 0, 0, [])
    assert scoreboard.recoveries(WEEK, at=AT) == Recoveries(0, None, None, None, 0)
    assert scoreboard.renewals(WEEK, at=AT).percent is None
    assert [each.priority.value for each in scoreboard.answers(WEEK, at=AT)] == [
        "CRITICAL",
        "HIGH",
        "NORMAL",
        "LOW",
    ]
    assert {each.opened for each in scoreboard.answers(WEEK, at=AT)} == {0}
    assert scoreboard.utilisation(WEEK, at=AT) == Utilisation(0, None, None, None, None)


def test_orders_count_from_the_order_to_the_first_run(order: Callable[..., Instance]) -> None:
    for minutes in (1, 2, 3, 4, 20):
        order(DAY, minutes * MINUTE)
    order(HOUR, None, InstanceStatus.PENDING)
    order(DAY, None, InstanceStatus.TERMINATED)
    order(8 * DAY, MINUTE)

    found = scoreboard.orders(WEEK, at=AT)

    assert (found.placed, found.ran, found.waiting, found.never_ran) == (7, 5, 1, 1)
    # The 95th percentile lies four fifths of the way from 4 to 20 minutes.
    assert (found.median, found.p95) == (3 * MINUTE, timedelta(minutes=16, seconds=48))


def test_an_order_is_touched_by_what_staff_do_to_it_before_it_runs(order: Callable[..., Instance]) -> None:
    def act(row: Instance, kind: str, id_: uuid.UUID, after: timedelta, actor: Actor = STAFF) -> None:
        trail.record(
            actor, trail.Action.INSTANCE_RETRIED, at=row.created_at + after, subject_kind=kind, subject_id=id_
        )

    retried, given, later, own, _ = (order(DAY, HOUR) for _ in range(5))
    act(retried, "instance", retried.id, 30 * MINUTE)
    act(given, "subscription", given.subscription_id, timedelta(0))
    act(later, "instance", later.id, 2 * HOUR)
    act(own, "instance", own.id, 30 * MINUTE, Actor(ActorKind.CUSTOMER, own.user_id, "Siti"))

    found = scoreboard.orders(WEEK, at=AT)

    assert (found.ran, found.untouched, found.untouched_percent) == (5, 3, 60.0)


def _span(row: Instance, began: timedelta, ended: timedelta | None, standing: Standing) -> None:
    session().add(
        AvailabilitySpan(
            instance_id=row.id,
            began_at=AT - began,
            ended_at=None if ended is None else AT - ended,
            standing=standing,
        )
    )


def test_uptime_is_counted_while_somebody_looked_as_the_months_are(order: Callable[..., Instance]) -> None:
    good, bad = order(9 * DAY, MINUTE), order(9 * DAY, MINUTE)
    watches = [(10 * DAY, 3 * HOUR), (2 * HOUR, timedelta(0))]
    for began, until in watches:
        session().add(ClusterWatch(began_at=AT - began, until=AT - until))
    _span(good, 9 * DAY, None, Standing.UP)
    _span(bad, 9 * DAY, 4 * HOUR, Standing.UP)
    _span(bad, 4 * HOUR, HOUR, Standing.DOWN)
    _span(bad, HOUR, None, Standing.UP)
    session().flush()

    found = scoreboard.uptimes(WEEK, target=99.5, at=AT)

    (worst,) = found.worst
    assert (worst.instance_id, worst.name, worst.owner) == (bad.id, bad.name, "Siti")
    assert (found.instances, found.below) == (2, 1)
    looked = [Stretch(AT - began, AT - until) for began, until in watches]
    stretches: Sequence[Stretch] = (
        Stretch(AT - 9 * DAY, AT - 4 * HOUR, True),
        Stretch(AT - 4 * HOUR, AT - HOUR, False),
        Stretch(AT - HOUR, AT, True),
    )
    up, down, _ = reckon(stretches, looked, WEEK.since, AT)
    assert (worst.up, worst.down) == (up, down)
    assert down == 2 * 3600
    assert found.all.down == down


def test_recoveries_are_failures_that_ended_in_being_up(order: Callable[..., Instance]) -> None:
    back, stopped, old, down = (order(9 * DAY, MINUTE) for _ in range(4))
    for row, began, ended in ((back, 2 * HOUR, HOUR), (stopped, 3 * HOUR, HOUR), (old, 9 * DAY, 8 * DAY)):
        _span(row, began, ended, Standing.DOWN)
    _span(back, HOUR, 50 * MINUTE, Standing.UP)
    _span(back, 50 * MINUTE, 40 * MINUTE, Standing.DOWN)
    _span(back, 40 * MINUTE, None, Standing.UP)
    _span(old, 8 * DAY, None, Standing.UP)
    _span(down, HOUR, None, Standing.DOWN)
    session().flush()

    found = scoreboard.recoveries(WEEK, at=AT)

    assert found == Recoveries(2, 35 * MINUTE, timedelta(minutes=57, seconds=30), HOUR, 1)


def test_renewals_are_of_paid_months_that_ran_out(books: None, plan_id: PlanFinder) -> None:
    def begun(day: int) -> datetime:
        return datetime(2026, 10, day, 5, tzinfo=UTC)

    def put(day: int, **fields: object) -> None:
        put_past(Past(put_customer("A", at=AT), plan_id(), begun(day), **fields))  # type: ignore[arg-type]

    for _ in range(3):
        put(16, months=2)
    put(17, ended_at=datetime(2026, 11, 17, 5, tzinfo=UTC))
    put(17, ended_at=datetime(2026, 11, 2, tzinfo=UTC))
    put(18, grace_until=datetime(2026, 11, 25, tzinfo=UTC))
    put(10, months=2)  # before the week
    put(19, price=0, months=2)
    put(19, ended_at=begun(19) + DAY, is_given_back=True)
    put(25)  # not yet

    found = scoreboard.renewals(WEEK, at=AT)

    assert (found, found.percent) == (Renewals(6, 3, 1), 60.0)


def test_first_answers_are_told_by_priority(books: None) -> None:
    who = put_customer("A", at=AT)

    def ticket(priority: TicketPriority, ago: timedelta, after: timedelta | None) -> None:
        opened = AT - ago
        session().add(
            Ticket(
                user_id=who,
                subject="s",
                description="d",
                priority=priority,
                answer_due_at=opened + priority.answer_within,
                first_answered_at=None if after is None else opened + after,
                created_at=opened,
                updated_at=opened,
            )
        )

    ticket(TicketPriority.CRITICAL, DAY, HOUR)
    ticket(TicketPriority.CRITICAL, DAY, 3 * HOUR)
    ticket(TicketPriority.CRITICAL, 5 * HOUR, None)
    ticket(TicketPriority.LOW, DAY, None)
    ticket(TicketPriority.LOW, 8 * DAY, HOUR)
    session().flush()

    critical, *_, low = scoreboard.answers(WEEK, at=AT)

    p95 = timedelta(hours=2, minutes=54)
    assert critical == Answers(TicketPriority.CRITICAL, 3, 2, 1, 1, 2 * HOUR, p95)
    assert low == Answers(TicketPriority.LOW, 1, 0, 0, 0, None, None)


def test_utilisation_is_that_of_the_workers_one_look_an_hour(books: None) -> None:
    for minutes, used in ((90, 1_000), (85, 9_000), (30, 3_000)):
        readings = [
            worker("one", cpu_requested=2_000, cpu_used=used, memory_used=None),
            worker("control", is_control_plane=True, cpu_requested=8_000, cpu_used=8_000),
            worker("cordoned", is_schedulable=False, cpu_requested=8_000, cpu_used=8_000),
        ]
        monitoring.record_nodes(readings, AT - minutes * MINUTE)
    session().flush()
    whole = worker("one").cpu_allocatable

    found = scoreboard.utilisation(WEEK, at=AT)

    assert found.looks == 2
    assert found.cpu_requested == round(2_000 / whole * 100, 1)
    assert found.cpu_used == round((1_000 + 3_000) / (2 * whole) * 100, 1)
    assert found.memory_used is None


def test_each_figure_is_a_constant_number_of_statements(app: Flask, order: Callable[..., Instance]) -> None:
    for _ in range(3):
        _span(order(DAY, MINUTE), HOUR, None, Standing.DOWN)
    session().execute(text("SELECT 1"))

    with asked("") as statements:
        scoreboard.orders(WEEK, at=AT)
        scoreboard.uptimes(WEEK, target=99.5, at=AT)
        scoreboard.recoveries(WEEK, at=AT)
        scoreboard.renewals(WEEK, at=AT)
        scoreboard.answers(WEEK, at=AT)
        scoreboard.utilisation(WEEK, at=AT)

    assert len(statements) == 7
