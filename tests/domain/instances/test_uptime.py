"""Uptime: what counts, what does not, what nobody knows; and by month, against a slow reference."""

import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from minispod.cluster.port import WorkloadSighting
from minispod.instances import controls
from minispod.instances.errors import NoSuchInstance
from minispod.instances.provisioning import OutcomeKind
from minispod.instances.states import InstanceStatus, Wanted
from minispod.instances.uptime import watching
from minispod.instances.uptime.models import AvailabilitySpan, ClusterWatch, Standing
from minispod.instances.uptime.reckoning import MonthOfUptime, Span, UptimeRules, get_uptime, reckon
from minispod.instances.uptime.watching import START_ALLOWANCE, Meant, judge
from minispod.kernel.actor import system
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.kernel.unit_of_work import unit_of_work
from tests.plugins.app import Person
from tests.plugins.shop import Shop

JAKARTA = ZoneInfo("Asia/Jakarta")
TOLERANCE = timedelta(seconds=60)
RULES = UptimeRules(JAKARTA, TOLERANCE, 99.5)


@pytest.fixture
def mine(shop: Shop, customer: Person, plan_id: Callable[..., uuid.UUID]) -> uuid.UUID:
    """A subscription whose instance has just run for the first time."""
    subscription_id = shop.order(customer, plan_id())
    shop.runs(subscription_id)
    return subscription_id


def look(shop: Shop, subscription_id: uuid.UUID, *, is_ready: bool | None) -> None:
    """One look at the cluster; None: the workload is missing."""
    instance = shop.look(subscription_id)[1]
    seen = WorkloadSighting(
        instance.namespace, instance.name, str(instance.id), 1, int(bool(is_ready)), bool(is_ready), False
    )
    with shop.app.app_context(), unit_of_work():
        watching.note_look([] if is_ready is None else [seen], tolerance=TOLERANCE, at=shop.clock.now())


def watch(shop: Shop, subscription_id: uuid.UUID, seconds: int, *, is_ready: bool | None = True) -> None:
    """Look every ten seconds for so long, at its end too."""
    for _ in range(seconds // 10):
        shop.clock.advance(seconds=10)
        look(shop, subscription_id, is_ready=is_ready)


def this_month(shop: Shop, subscription_id: uuid.UUID) -> MonthOfUptime:
    instance_id = shop.look(subscription_id)[1].id
    with shop.app.app_context():
        return get_uptime(instance_id, rules=RULES, actor=system("tests"), at=shop.clock.now())[0]


def act(shop: Shop, subscription_id: uuid.UUID, what: Callable[..., object]) -> None:
    instance = shop.look(subscription_id)[1]
    with shop.app.app_context(), unit_of_work():
        what(instance.id, actor=system("tests"), at=shop.clock.now())


def figures(month: MonthOfUptime) -> tuple[int, int, int]:
    return month.up, month.down, month.unknown


def test_an_instance_that_is_always_there_has_a_hundred_per_cent(shop: Shop, mine: uuid.UUID) -> None:
    look(shop, mine, is_ready=True)
    watch(shop, mine, 600)

    month = this_month(shop, mine)
    assert figures(month) == (600, 0, 0)
    assert month.percent == 100


def test_what_is_not_ready_or_missing_is_down(shop: Shop, mine: uuid.UUID) -> None:
    look(shop, mine, is_ready=True)
    watch(shop, mine, 100)
    watch(shop, mine, 50, is_ready=False)
    watch(shop, mine, 50, is_ready=None)
    watch(shop, mine, 100)

    # Down from the first look that showed it to the first that showed it back.
    assert figures(this_month(shop, mine)) == (200, 100, 0)


def test_an_instance_that_never_ran_has_no_uptime(
    shop: Shop, customer: Person, plan_id: Callable[..., uuid.UUID], clock: FrozenClock
) -> None:
    ordered = shop.order(customer, plan_id())
    watch(shop, ordered, 100, is_ready=False)

    with shop.app.app_context():
        instance = shop.look(ordered)[1]
        assert get_uptime(instance.id, rules=RULES, actor=customer.actor, at=clock.now()) == []
        assert session().scalars(select(AvailabilitySpan)).all() == []


def test_a_silent_cluster_is_unknown_neither_up_nor_down(shop: Shop, mine: uuid.UUID) -> None:
    look(shop, mine, is_ready=True)
    watch(shop, mine, 100)
    shop.clock.advance(seconds=1000)
    assert figures(this_month(shop, mine)) == (100, 0, 1000), "while it is silent"

    look(shop, mine, is_ready=True)
    watch(shop, mine, 100)
    month = this_month(shop, mine)
    assert figures(month) == (200, 0, 1000)
    assert month.percent == 100


def test_a_short_pause_between_two_looks_is_no_gap(shop: Shop, mine: uuid.UUID) -> None:
    look(shop, mine, is_ready=True)
    shop.clock.advance(seconds=60)
    look(shop, mine, is_ready=True)
    shop.clock.advance(seconds=30)

    assert figures(this_month(shop, mine)) == (60, 0, 0), "the last half minute is judged by the next look"


def test_stopped_by_the_customer_is_no_outage(shop: Shop, mine: uuid.UUID) -> None:
    look(shop, mine, is_ready=True)
    watch(shop, mine, 100)
    act(shop, mine, controls.stop)
    watch(shop, mine, 100, is_ready=False)
    shop.runs(mine)
    watch(shop, mine, 1000, is_ready=False)
    act(shop, mine, controls.start)
    watch(shop, mine, 50, is_ready=False)
    shop.runs(mine)
    watch(shop, mine, 100)

    up, down, unknown = figures(this_month(shop, mine))
    assert (down, unknown) == (0, 0)
    assert up == 210, "it counted until the first look after the wish"


def test_maintenance_is_no_outage(shop: Shop, mine: uuid.UUID) -> None:
    look(shop, mine, is_ready=True)
    watch(shop, mine, 100)
    shop.put(mine, status=InstanceStatus.MAINTENANCE, status_changed_at=shop.clock.now())
    watch(shop, mine, 1000, is_ready=None)
    shop.put(mine, status=InstanceStatus.RUNNING, status_changed_at=shop.clock.now())
    watch(shop, mine, 100)

    assert figures(this_month(shop, mine))[1:] == (0, 0)


def test_expiry_is_no_outage(shop: Shop, mine: uuid.UUID) -> None:
    look(shop, mine, is_ready=True)
    watch(shop, mine, 100)
    with shop.app.app_context(), unit_of_work():
        controls.halt(controls.lock_instance(shop.look(mine)[1].id), at=shop.clock.now())
    watch(shop, mine, 1000, is_ready=None)

    assert figures(this_month(shop, mine))[1:] == (0, 0)


def test_a_restart_that_never_ends_is_an_outage_after_its_allowance(shop: Shop, mine: uuid.UUID) -> None:
    look(shop, mine, is_ready=True)
    act(shop, mine, controls.restart)
    watch(shop, mine, int(START_ALLOWANCE.total_seconds()) + 100, is_ready=False)

    assert this_month(shop, mine).down == 90, "from the first look after the ten minutes"


def test_a_retry_of_what_failed_stays_an_outage_until_it_runs(shop: Shop, mine: uuid.UUID) -> None:
    look(shop, mine, is_ready=True)
    shop.put(mine, status=InstanceStatus.ERROR, status_changed_at=shop.clock.now())
    watch(shop, mine, 100, is_ready=False)
    act(shop, mine, controls.retry)
    watch(shop, mine, 100, is_ready=False)
    shop.runs(mine)
    watch(shop, mine, 100)

    assert figures(this_month(shop, mine)) == (110, 190, 0)


def test_a_settling_is_recorded_at_its_own_moment(shop: Shop, mine: uuid.UUID) -> None:
    look(shop, mine, is_ready=True)
    watch(shop, mine, 100)
    shop.put(mine, wanted=Wanted.RUNNING, status=InstanceStatus.RESTARTING, attempts=2)
    shop.clock.advance(seconds=5)
    shop.conclude(mine, OutcomeKind.REFUSED, "No node has enough free memory.")

    with shop.app.app_context():
        spans = session().scalars(select(AvailabilitySpan).order_by(AvailabilitySpan.began_at)).all()
    assert [(span.standing, span.began_at, span.ended_at) for span in spans] == [
        (Standing.UP, shop.clock.now() - timedelta(seconds=105), shop.clock.now()),
        (Standing.DOWN, shop.clock.now(), None),
    ]


def test_silence_at_settling_is_recorded_as_nothing(shop: Shop, mine: uuid.UUID) -> None:
    shop.clock.advance(seconds=5)
    shop.conclude(mine, OutcomeKind.SILENT, "The cluster does not answer.")

    with shop.app.app_context():
        assert [row.standing for row in session().scalars(select(AvailabilitySpan))] == [Standing.UP]


def test_what_is_gone_ends(shop: Shop, mine: uuid.UUID, customer: Person) -> None:
    look(shop, mine, is_ready=True)
    watch(shop, mine, 100)
    shop.cancel(customer, mine)
    shop.runs(mine)

    watch(shop, mine, 500, is_ready=None)
    assert figures(this_month(shop, mine)) == (100, 0, 0)
    with shop.app.app_context():
        assert all(row.ended_at for row in session().scalars(select(AvailabilitySpan)))


def test_a_look_that_began_before_a_settling_does_not_undo_it(shop: Shop, mine: uuid.UUID) -> None:
    began = shop.clock.now() - timedelta(seconds=5)
    with shop.app.app_context(), unit_of_work():
        watching.note_look([], tolerance=TOLERANCE, at=began)

    with shop.app.app_context():
        assert [row.standing for row in session().scalars(select(AvailabilitySpan))] == [Standing.UP]


def test_months_are_months_of_jakarta_and_the_percentage_is_cut(
    shop: Shop, mine: uuid.UUID, customer: Person
) -> None:
    instance_id = shop.look(mine)[1].id
    turn = datetime(2026, 11, 30, 17, 0, tzinfo=UTC)  # midnight of 1 December in Jakarta
    with shop.app.app_context(), unit_of_work():
        for row in session().scalars(select(AvailabilitySpan)):
            session().delete(row)
        session().flush()
        spans = [
            (turn - timedelta(seconds=1000), turn + timedelta(seconds=9995), Standing.UP),
            (turn + timedelta(seconds=9995), turn + timedelta(seconds=10_001), Standing.DOWN),
        ]
        for began, ended, standing in spans:
            session().add(
                AvailabilitySpan(instance_id=instance_id, began_at=began, ended_at=ended, standing=standing)
            )
        session().add(ClusterWatch(began_at=turn - timedelta(days=3), until=turn + timedelta(days=3)))

    with shop.app.app_context():
        months = get_uptime(instance_id, rules=RULES, actor=customer.actor, at=turn + timedelta(days=3))

    assert months == [
        MonthOfUptime(date(2026, 12, 1), 9995, 6, 0),
        MonthOfUptime(date(2026, 11, 1), 1000, 0, 0),
    ]
    assert months[0].percent == 99.94, "99.9400..., never rounded up to a promise that was not kept"


def test_uptime_is_the_owners_and_the_staffs(
    shop: Shop, mine: uuid.UUID, person: Callable[..., Person], clock: FrozenClock
) -> None:
    with shop.app.app_context(), pytest.raises(NoSuchInstance):
        get_uptime(shop.look(mine)[1].id, rules=RULES, actor=person().actor, at=clock.now())


def test_old_spans_and_watches_go(shop: Shop, mine: uuid.UUID) -> None:
    look(shop, mine, is_ready=True)
    watch(shop, mine, 100, is_ready=False)
    shop.clock.advance(days=2)
    look(shop, mine, is_ready=True)

    with shop.app.app_context(), unit_of_work():
        watching.forget(before=shop.clock.now() - timedelta(days=1))

    with shop.app.app_context():
        wanted = select(AvailabilitySpan.standing).order_by(AvailabilitySpan.began_at)
        assert session().scalars(wanted).all() == [Standing.DOWN, Standing.UP]
        assert len(session().scalars(select(ClusterWatch)).all()) == 1


SCENES: dict[str, tuple[dict[str, object], bool | None, str | None]] = {
    # What the row says, what a look at the cluster shows, and what that counts as.
    "healthy": ({"status": InstanceStatus.RUNNING, "wanted": Wanted.RUNNING}, True, "up"),
    "broken": ({"status": InstanceStatus.RUNNING, "wanted": Wanted.RUNNING}, False, "down"),
    "missing": ({"status": InstanceStatus.RUNNING, "wanted": Wanted.RUNNING}, None, "down"),
    "failed": ({"status": InstanceStatus.ERROR, "wanted": Wanted.RUNNING}, False, "down"),
    "stopped": ({"status": InstanceStatus.STOPPED, "wanted": Wanted.STOPPED}, False, None),
    "serviced": ({"status": InstanceStatus.MAINTENANCE, "wanted": Wanted.RUNNING}, None, None),
}


@pytest.mark.parametrize("seed", range(5))
def test_random_lives_agree_with_counting_every_second(shop: Shop, mine: uuid.UUID, seed: int) -> None:
    chance, begin = Random(seed), shop.clock.now()
    shop.put(mine, first_ran_at=begin)
    looks: list[tuple[int, str | None]] = []
    now = 0
    for _ in range(120):
        pause = chance.choice([10, 10, 10, 30, 59, 60, 61, 300])
        now += pause
        shop.clock.advance(seconds=pause)
        columns, is_ready, counts = SCENES[chance.choice(list(SCENES))]
        if chance.random() < 0.8:
            shop.put(mine, **columns)
            look(shop, mine, is_ready=is_ready)
            looks.append((now, counts))

    # The fixture's settling saw it run at second 0; nobody was looking yet.
    seen = [(0, "up"), *looks]
    moments = [moment for moment, _ in looks]
    counted = {"up": 0, "down": 0, "unknown": 0}
    for second in range(moments[-1]):
        standing = next(counts for moment, counts in reversed(seen) if moment <= second)
        if standing is None:
            continue
        before = max((moment for moment in moments if moment <= second), default=None)
        after = min(moment for moment in moments if moment > second)
        is_watched = before is not None and after - before <= 60
        counted[standing if is_watched else "unknown"] += 1

    instance_id = shop.look(mine)[1].id
    with shop.app.app_context():
        found = get_uptime(
            instance_id,
            rules=RULES,
            actor=system("tests"),
            at=begin + timedelta(seconds=moments[-1]),
        )
    assert figures(found[0]) == (counted["up"], counted["down"], counted["unknown"])


@pytest.mark.parametrize("seed", range(20))
def test_random_spans_and_watches_agree_with_counting_every_second(seed: int) -> None:
    chance, begin = Random(seed), datetime(2026, 11, 20, tzinfo=UTC)

    def cuts(number: int) -> list[int]:
        return sorted(chance.sample(range(5000), number * 2))

    def moment(second: int) -> datetime:
        return begin + timedelta(seconds=second)

    def pairs(edges: list[int]) -> list[tuple[int, int]]:
        return list(zip(edges[::2], edges[1::2], strict=True))

    spans = [(a, b, chance.random() < 0.6) for a, b in pairs(cuts(25))]
    watches = pairs(cuts(6))
    since, until = sorted(chance.sample(range(5000), 2))
    counted = [0, 0, 0]
    for second in range(since, until):
        is_up = next((up for a, b, up in spans if a <= second < b), None)
        if is_up is not None:
            is_watched = any(a <= second < b for a, b in watches)
            counted[2 if not is_watched else 0 if is_up else 1] += 1

    found = reckon(
        [Span(moment(a), moment(b), up) for a, b, up in spans],
        [Span(moment(a), moment(b)) for a, b in watches],
        moment(since),
        moment(until),
    )

    assert list(found) == counted


RAN = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "status", [InstanceStatus.STARTING, InstanceStatus.RESTARTING, InstanceStatus.PENDING]
)
def test_what_comes_up_on_its_way_counts_at_once(status: InstanceStatus) -> None:
    meant = Meant(Wanted.RUNNING, status, RAN, RAN)

    for was in (None, Standing.UP, Standing.DOWN):
        assert judge(meant, was, is_ready=True, at=RAN) is Standing.UP
    assert judge(meant, Standing.UP, is_ready=False, at=RAN + START_ALLOWANCE) is None
    late = RAN + START_ALLOWANCE + timedelta(seconds=1)
    assert judge(meant, None, is_ready=False, at=late) is Standing.DOWN
    assert judge(meant, Standing.DOWN, is_ready=False, at=RAN) is Standing.DOWN
    assert judge(replace(meant, wanted=Wanted.ABSENT), Standing.DOWN, is_ready=True, at=RAN) is None
