"""What instances used: sampled for all at once, rolled up once and for all, forgotten in time."""

import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, insert, select

from minispod.cluster.port import PodUsage, VolumeUsage
from minispod.instances.errors import NoSuchInstance
from minispod.instances.states import InstanceStatus
from minispod.instances.usage import history, sampling
from minispod.instances.usage.history import Measure, Range
from minispod.instances.usage.models import UsageProgress, UsageRollup, UsageSample
from minispod.instances.usage.rolling import USAGE
from minispod.kernel import rollups as rolling
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.kernel.rollups import Grain, KeepRules
from minispod.kernel.unit_of_work import unit_of_work
from tests.plugins.app import Person
from tests.plugins.shop import Shop

JAKARTA = ZoneInfo("Asia/Jakarta")
RULES = KeepRules(JAKARTA, timedelta(hours=48), timedelta(days=35), timedelta(days=403))
START = datetime(2026, 11, 1, 0, 0, tzinfo=UTC)


@pytest.fixture
def mine(shop: Shop, customer: Person, plan_id: Callable[..., uuid.UUID]) -> uuid.UUID:
    """A subscription whose instance runs in a known pod."""
    subscription_id = shop.order(customer, plan_id())
    shop.put(subscription_id, status=InstanceStatus.RUNNING, pod_name="n8n-abc-1", storage_gb=10)
    return subscription_id


def sample(shop: Shop, instance_id: uuid.UUID, at: datetime, cpu: int, storage: int | None = None) -> None:
    with shop.app.app_context(), unit_of_work():
        row = UsageSample(
            instance_id=instance_id, at=at, cpu_milli=cpu, memory_mb=cpu * 2, storage_mb=storage
        )
        session().add(row)


def roll_up(shop: Shop, at: datetime, rules: KeepRules = RULES) -> None:
    with shop.app.app_context():
        for _ in range(500):
            with unit_of_work():
                more = USAGE.roll_up(rules, at=at)
            if not more:
                return
    raise AssertionError("rolling up does not end")


def forget(shop: Shop, at: datetime, rules: KeepRules = RULES) -> None:
    with shop.app.app_context():
        for step in (USAGE.forget_samples, USAGE.forget_rollups):
            with unit_of_work():
                assert not step(rules, at=at)


def rollups(shop: Shop, grain: Grain) -> list[tuple]:
    with shop.app.app_context():
        rows = session().scalars(
            select(UsageRollup)
            .where(UsageRollup.grain == grain)
            .order_by(UsageRollup.instance_id, UsageRollup.starts_at)
        )
        columns = [column.name for column in UsageRollup.__table__.columns if column.name != "grain"]
        return [tuple(getattr(row, name) for name in columns) for row in rows]


def test_one_look_samples_every_instance_whose_pod_was_measured(shop: Shop, mine: uuid.UUID) -> None:
    instance = shop.look(mine)[1]
    usages = [
        PodUsage(instance.namespace, "n8n-abc-1", 120, 300.4),
        PodUsage(instance.namespace, "n8n-old-pod", 900, 900.0),
        PodUsage("somebody-else", "n8n-abc-1", 1, 1.0),
    ]
    volumes = [VolumeUsage(instance.namespace, "n8n-abc-1", "n8n-abc-data", 512, 10_000)]

    with shop.app.app_context():
        for _ in range(2):
            with unit_of_work():
                assert sampling.record(usages, volumes, at=START) == 1
        rows = session().scalars(select(UsageSample)).all()

    assert [(row.instance_id, row.at, row.cpu_milli, row.memory_mb, row.storage_mb) for row in rows] == [
        (instance.id, START, 120, 300, 512)
    ]


def test_storage_that_is_not_measured_is_none_and_not_zero(shop: Shop, mine: uuid.UUID) -> None:
    instance = shop.look(mine)[1]

    with shop.app.app_context(), unit_of_work():
        sampling.record([PodUsage(instance.namespace, "n8n-abc-1", 1, 1.0)], [], at=START)

    with shop.app.app_context():
        assert session().scalars(select(UsageSample.storage_mb)).all() == [None]


def test_a_day_is_a_day_of_jakarta(shop: Shop) -> None:
    mine = uuid.uuid4()
    sample(shop, mine, datetime(2026, 11, 1, 16, 59, tzinfo=UTC), 10)  # 1 November, 23:59 in Jakarta
    sample(shop, mine, datetime(2026, 11, 1, 17, 0, tzinfo=UTC), 50)  # 2 November, 00:00
    sample(shop, mine, datetime(2026, 11, 2, 16, 59, tzinfo=UTC), 70)

    roll_up(shop, datetime(2026, 11, 2, 18, 0, tzinfo=UTC))

    days = rollups(shop, Grain.DAY)
    assert [(day[1].astimezone(JAKARTA).isoformat(), day[3], day[4], day[5]) for day in days] == [
        ("2026-11-01T00:00:00+07:00", 10, 10, 10),
        ("2026-11-02T00:00:00+07:00", 50, 60, 70),
    ]


def test_an_hour_that_is_not_over_is_not_rolled_up(shop: Shop) -> None:
    mine = uuid.uuid4()
    sample(shop, mine, START, 10)

    roll_up(shop, START + timedelta(minutes=64))
    assert rollups(shop, Grain.HOUR) == []

    roll_up(shop, START + timedelta(minutes=65))
    assert len(rollups(shop, Grain.HOUR)) == 1


def _reference(rows: list[tuple[uuid.UUID, datetime, int, int | None]], step: str, until: datetime) -> dict:
    """The same by hand: group, then least, average and most."""
    boxes: dict[tuple[uuid.UUID, datetime], list[tuple[int, int | None]]] = {}
    for instance_id, at, cpu, storage in rows:
        local = at.astimezone(JAKARTA).replace(minute=0, second=0, microsecond=0)
        begin = local.replace(hour=0) if step == "day" else local
        if begin.astimezone(UTC) < until:
            boxes.setdefault((instance_id, begin.astimezone(UTC)), []).append((cpu, storage))
    return boxes


@pytest.mark.parametrize("seed", range(6))
def test_random_rolling_late_twice_and_in_any_rhythm_ends_with_the_same_rows(shop: Shop, seed: int) -> None:
    chance = Random(seed)
    instances = [uuid.UUID(int=number) for number in (1, 2, 3)]
    rows = [
        (one, START + timedelta(seconds=moment), chance.randrange(0, 2000), chance.choice([None, 100, 700]))
        for one in instances
        for moment in sorted(chance.sample(range(5 * 86_400), 300))
    ]
    end = START + timedelta(days=5, hours=2)
    waiting = sorted(rows, key=lambda row: row[1])
    now = START
    while now < end:
        now = min(end, now + timedelta(minutes=chance.choice([1, 10, 61, 700, 3000])))
        due = [row for row in waiting if row[1] <= now]
        waiting = waiting[len(due) :]
        if due:
            with shop.app.app_context(), unit_of_work():
                values = [
                    {"instance_id": one, "at": at, "cpu_milli": cpu, "memory_mb": cpu, "storage_mb": storage}
                    for one, at, cpu, storage in due
                ]
                session().execute(insert(UsageSample), values)
        for _ in range(chance.choice([0, 1, 2])):
            roll_up(shop, now)
            forget(shop, now)
    roll_up(shop, end)
    once = (rollups(shop, Grain.HOUR), rollups(shop, Grain.DAY))
    roll_up(shop, end)
    assert (rollups(shop, Grain.HOUR), rollups(shop, Grain.DAY)) == once

    last_hour = (end - timedelta(minutes=5)).replace(minute=0, second=0)
    hours = _reference(rows, "hour", last_hour)
    assert {(row[0], row[1]) for row in once[0]} == set(hours)
    for row in once[0]:
        box = hours[row[0], row[1]]
        cpus, storages = [cpu for cpu, _ in box], [each for _, each in box if each is not None]
        assert row[2] == len(box)
        assert (row[3], row[5]) == (min(cpus), max(cpus))
        assert abs(row[4] - sum(cpus) / len(cpus)) <= 0.5
        assert row[9] == len(storages)
        assert (row[10], row[12]) == ((min(storages), max(storages)) if storages else (None, None))
    last_day = last_hour.astimezone(JAKARTA).replace(hour=0).astimezone(UTC)
    days = _reference(rows, "day", last_day)
    assert {(row[0], row[1]) for row in once[1]} == set(days)
    for row in once[1]:
        cpus = [cpu for cpu, _ in days[row[0], row[1]]]
        assert (row[2], row[3], row[5]) == (len(cpus), min(cpus), max(cpus))
        assert abs(row[4] - sum(cpus) / len(cpus)) <= 1, "hours are rounded, and then the day"


def test_nothing_is_forgotten_before_it_is_rolled_up(shop: Shop) -> None:
    mine = uuid.uuid4()
    sample(shop, mine, START, 10)
    much_later = START + timedelta(days=60)

    forget(shop, much_later)
    with shop.app.app_context():
        assert session().scalar(select(func.count()).select_from(UsageSample)) == 1

    roll_up(shop, much_later)
    forget(shop, much_later)
    with shop.app.app_context():
        assert session().scalar(select(func.count()).select_from(UsageSample)) == 0
    assert rollups(shop, Grain.HOUR) == [], "hours older than 35 days go, once they are part of a day"
    assert len(rollups(shop, Grain.DAY)) == 1
    forget(shop, START + timedelta(days=402))
    assert len(rollups(shop, Grain.DAY)) == 1
    forget(shop, START + timedelta(days=405))
    assert rollups(shop, Grain.DAY) == []


def test_many_old_rows_go_in_bounded_steps(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rolling, "FORGET_AT_ONCE", 3)
    for minute in range(7):
        sample(shop, uuid.UUID(int=9), START + timedelta(minutes=minute), 1)
    roll_up(shop, START + timedelta(days=9))

    with shop.app.app_context():
        steps = []
        for _ in range(3):
            with unit_of_work():
                steps.append(USAGE.forget_samples(RULES, at=START + timedelta(days=9)))
    assert steps == [True, True, False]


@pytest.mark.parametrize(("wanted", "count"), [("24h", 96), ("7d", 84), ("30d", 120), ("12m", 73)])
def test_a_history_has_its_number_of_points_and_gaps_are_no_zeros(
    shop: Shop, mine: uuid.UUID, customer: Person, clock: FrozenClock, wanted: str, count: int
) -> None:
    instance = shop.look(mine)[1]
    sample(shop, instance.id, clock.now() - timedelta(minutes=2), 100, 512)
    sample(shop, instance.id, clock.now() - timedelta(minutes=1), 300)

    with shop.app.app_context():
        found = history.get_history(instance.id, Range(wanted), actor=customer.actor, at=clock.now())

    assert len(found.points) == count
    assert found.points[-1].cpu == Measure(100, 200, 300)
    assert found.points[-1].storage == Measure(512, 512, 512)
    assert all(point.cpu is None and point.storage is None for point in found.points[:-1])
    assert found.storage_limit == 10 * 1024


@pytest.mark.parametrize("wanted", ["7d", "30d", "12m"])
def test_a_history_is_the_same_before_and_after_rolling_up(
    shop: Shop, mine: uuid.UUID, customer: Person, clock: FrozenClock, wanted: str
) -> None:
    instance = shop.look(mine)[1]
    at = clock.now()
    for hours in (1, 2, 30, 31, 40):
        sample(shop, instance.id, at - timedelta(hours=hours), 10 * hours)

    def total() -> tuple[int, int]:
        with shop.app.app_context():
            found = history.get_history(instance.id, Range(wanted), actor=customer.actor, at=at)
        known = [point.cpu for point in found.points if point.cpu is not None]
        return min(each.least for each in known), max(each.most for each in known)

    before = total()
    roll_up(shop, at)

    assert total() == before == (10, 400)


def test_history_is_the_owners_and_the_staffs(
    shop: Shop, mine: uuid.UUID, person: Callable[..., Person], administrator: Person, clock: FrozenClock
) -> None:
    instance = shop.look(mine)[1]
    stranger = person()

    with shop.app.app_context():
        assert history.get_history(instance.id, Range.DAY, actor=administrator.actor, at=clock.now())
        with pytest.raises(NoSuchInstance):
            history.get_history(instance.id, Range.DAY, actor=stranger.actor, at=clock.now())


def test_a_zone_of_half_hours_has_its_own_hours(shop: Shop) -> None:
    mine = uuid.uuid4()
    sample(shop, mine, datetime(2026, 11, 1, 10, 29, tzinfo=UTC), 10)
    sample(shop, mine, datetime(2026, 11, 1, 10, 30, tzinfo=UTC), 20)

    roll_up(shop, START + timedelta(days=2), replace(RULES, zone=ZoneInfo("Asia/Kolkata")))

    assert [row[1] for row in rollups(shop, Grain.HOUR)] == [
        datetime(2026, 11, 1, 9, 30, tzinfo=UTC),
        datetime(2026, 11, 1, 10, 30, tzinfo=UTC),
    ]


def test_two_who_roll_up_at_once_make_one_history(shop: Shop, at_once: Callable[..., list]) -> None:
    for hour in range(30):
        sample(shop, uuid.UUID(int=7), START + timedelta(hours=hour), hour)

    results = at_once(4, lambda _: roll_up(shop, START + timedelta(hours=40)))

    assert results == [None] * 4
    assert [row[3] for row in rollups(shop, Grain.HOUR)] == list(range(30))
    with shop.app.app_context():
        assert session().get_one(UsageProgress, Grain.HOUR).done_until == START + timedelta(hours=39)
