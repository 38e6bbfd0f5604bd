"""Whose backup is due tonight."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from minispod.backups.daily import Nights, due_daily
from minispod.backups.models import BackupReason
from minispod.instances.models import Instance
from minispod.instances.states import InstanceStatus, Wanted
from tests.plugins.app import Person
from tests.plugins.keeper import Keeper

MakeInstance = Callable[..., Instance]
pytestmark = pytest.mark.usefixtures("catalog")

JAKARTA = ZoneInfo("Asia/Jakarta")
NIGHTS = Nights(JAKARTA, 1, 4)
# One o'clock in Jakarta.
BEGIN = datetime(2026, 11, 20, 18, 0, tzinfo=UTC)
LATE = BEGIN + timedelta(hours=3, minutes=10)


@pytest.fixture
def due(keeper: Keeper) -> Callable[..., set[uuid.UUID]]:
    """What is due now."""

    def ask(limit: int = 100) -> set[uuid.UUID]:
        with keeper.shop.app.app_context():
            found = due_daily(keeper.shop.clock.now(), NIGHTS, limit)
            assert len(set(found)) == len(found)
            return set(found)

    return ask


Due = Callable[..., set[uuid.UUID]]


@pytest.mark.parametrize(
    ("nights", "at", "begins"),
    [
        (NIGHTS, "2026-11-21T01:00", "2026-11-21T01:00"),
        (NIGHTS, "2026-11-21T04:59", "2026-11-21T01:00"),
        (NIGHTS, "2026-11-21T05:00", None),
        (NIGHTS, "2026-11-21T00:59", None),
        (Nights(JAKARTA, 22, 4), "2026-11-21T23:00", "2026-11-21T22:00"),
        (Nights(JAKARTA, 22, 4), "2026-11-22T01:59", "2026-11-21T22:00"),
        (Nights(JAKARTA, 22, 4), "2026-11-22T02:00", None),
    ],
)
def test_a_night_is_a_night_in_the_zone(nights: Nights, at: str, begins: str | None) -> None:
    found = nights.begin(datetime.fromisoformat(at).replace(tzinfo=JAKARTA).astimezone(UTC))

    assert found == (datetime.fromisoformat(begins).replace(tzinfo=JAKARTA) if begins else None)


def test_running_and_stopped_ones_are_due_by_night_and_never_by_day(
    keeper: Keeper, make_instance: MakeInstance, due: Due
) -> None:
    running, stopped = (
        make_instance(),
        make_instance("redis", status=InstanceStatus.STOPPED, wanted=Wanted.STOPPED),
    )

    keeper.shop.clock.set(BEGIN - timedelta(minutes=1))
    assert due() == set()
    keeper.shop.clock.set(LATE)
    assert due() == {running.id, stopped.id}
    keeper.shop.clock.set(BEGIN + timedelta(hours=4))
    assert due() == set()


@pytest.mark.parametrize(
    "fields",
    [
        {"status": InstanceStatus.ERROR},
        {"status": InstanceStatus.MAINTENANCE},
        {"status": InstanceStatus.PROVISIONING, "first_ran_at": None},
        {"status": InstanceStatus.TERMINATED},
        {"status": InstanceStatus.RUNNING, "wanted": Wanted.ABSENT},
    ],
    ids=str,
)
def test_what_cannot_or_need_not_be_copied_is_left_out(
    keeper: Keeper, make_instance: MakeInstance, due: Due, fields: dict[str, object]
) -> None:
    make_instance(**fields)
    keeper.shop.clock.set(LATE)

    assert due() == set()


def test_once_a_night(keeper: Keeper, make_instance: MakeInstance, due: Due) -> None:
    mine = make_instance()
    keeper.shop.clock.set(BEGIN - timedelta(hours=1))
    keeper.take(mine, BackupReason.ON_DEMAND)  # of the evening: the night wants its own

    keeper.shop.clock.set(LATE)
    assert due() == {mine.id}
    keeper.take(mine)
    keeper.shop.clock.advance(minutes=40)
    assert due() == set()
    keeper.shop.clock.advance(hours=23, minutes=20)
    assert due() == {mine.id}


def test_what_failed_is_tried_again_after_a_pause(
    keeper: Keeper, make_instance: MakeInstance, due: Due
) -> None:
    mine = make_instance()
    keeper.shop.clock.set(LATE)
    keeper.take_failing(mine)

    assert due() == set()
    keeper.shop.clock.advance(minutes=29)
    assert due() == set()
    keeper.shop.clock.advance(minutes=2)
    assert due() == {mine.id}


def test_no_more_than_the_limit_run_at_a_time_and_the_neediest_come_first(
    keeper: Keeper, make_instance: MakeInstance, due: Due
) -> None:
    keeper.shop.clock.set(LATE)
    never, old, older = make_instance("redis"), make_instance("mariadb"), make_instance("postgresql")
    keeper.take(old, ago=timedelta(days=1))
    keeper.take(older, ago=timedelta(days=2))

    assert due(1) == {never.id}
    assert due(2) == {never.id, older.id}
    keeper.begin(never)
    assert due(1) == set()
    assert due(2) == {older.id}
    assert due(9) == {older.id, old.id}


def test_the_load_is_spread_and_each_has_the_same_moment_every_night(
    keeper: Keeper, make_instance: MakeInstance, person: Callable[..., Person], due: Due
) -> None:
    made = [make_instance(owner=person(credit=500_000)).id for _ in range(12)]
    moments: list[dict[uuid.UUID, int]] = []
    for night in range(2):
        seen: dict[uuid.UUID, int] = {}
        for minute in range(0, 240, 10):
            keeper.shop.clock.set(BEGIN + timedelta(days=night, minutes=minute))
            for each in due():
                seen.setdefault(each, minute)
        moments.append(seen)

    assert moments[0] == moments[1]
    assert set(moments[0]) == set(made)
    assert len(set(moments[0].values())) >= 3
    assert max(moments[0].values()) <= 180
