"""What is removed, what never is, and what a crash at any place leaves to be done."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from minispod.backups import retention
from minispod.backups.models import BackupStatus
from minispod.backups.vault import Vault
from minispod.instances.models import Instance
from minispod.instances.states import InstanceStatus, Wanted
from minispod.kernel.ids import new_id
from minispod.kernel.object_store import ObjectStoreUnavailable
from minispod.kernel.unit_of_work import unit_of_work
from tests.plugins.app import PortsNow
from tests.plugins.keeper import Keeper

MakeInstance = Callable[..., Instance]
Tick = Callable[[str], None]
pytestmark = pytest.mark.usefixtures("catalog")


def _days(number: float) -> timedelta:
    return timedelta(days=number)


def test_a_month_later_it_goes_and_the_row_says_when(
    keeper: Keeper, make_instance: MakeInstance, tick: Tick
) -> None:
    mine = make_instance()
    old, new = keeper.take(mine, ago=_days(32)), keeper.take(mine)
    assert len(keeper.stored()) == 2

    tick("remove-old-backups")

    assert keeper.row(old).removed_at == keeper.shop.clock.now()
    assert keeper.row(new).removed_at is None
    assert [str(new.id) in key for key in keeper.stored()] == [True]


def test_it_is_not_removed_before_its_time_nor_in_its_last_moment(
    keeper: Keeper, make_instance: MakeInstance, tick: Tick
) -> None:
    mine = make_instance()
    kept = [keeper.take(mine, ago=_days(days)) for days in (30.9, 29, 1)]

    tick("remove-old-backups")

    assert [keeper.row(each).removed_at for each in kept] == [None] * 3
    assert len(keeper.stored()) == 3


@pytest.mark.parametrize("wanted", [Wanted.RUNNING, Wanted.STOPPED])
def test_the_newest_good_one_of_a_living_instance_stays_whatever_its_age(
    keeper: Keeper, make_instance: MakeInstance, tick: Tick, wanted: Wanted
) -> None:
    mine = make_instance(wanted=wanted)
    older, newest = keeper.take(mine, ago=_days(300)), keeper.take(mine, ago=_days(200))
    failed = keeper.take_failing(mine)
    keeper.begin(mine)

    tick("remove-old-backups")

    assert keeper.row(newest).removed_at is None
    assert keeper.row(older).removed_at is not None
    assert [str(newest.id) in key for key in keeper.stored() if str(failed.id) not in key] == [True]


def test_two_taken_in_the_same_moment_do_not_both_go(
    keeper: Keeper, make_instance: MakeInstance, tick: Tick
) -> None:
    mine = make_instance()
    both = [keeper.take(mine, ago=_days(100)) for _ in range(2)]

    tick("remove-old-backups")

    assert sorted(keeper.row(each).removed_at is None for each in both) == [False, True]
    assert len(keeper.stored()) == 1


def test_those_of_a_deleted_instance_are_kept_their_month_and_no_longer(
    keeper: Keeper, make_instance: MakeInstance, tick: Tick
) -> None:
    gone = make_instance(status=InstanceStatus.TERMINATED, wanted=Wanted.ABSENT)
    last = keeper.take(gone)

    keeper.shop.clock.advance(days=30)
    tick("remove-old-backups")
    assert keeper.row(last).removed_at is None
    keeper.shop.clock.advance(days=1)
    tick("remove-old-backups")

    assert keeper.row(last).removed_at is not None
    assert keeper.stored() == []


def test_what_a_failed_one_had_stored_goes_soon(
    keeper: Keeper, make_instance: MakeInstance, tick: Tick
) -> None:
    failed = keeper.take_failing(make_instance())
    assert len(keeper.stored()) == 1

    keeper.shop.clock.advance(days=1)
    tick("remove-old-backups")

    assert keeper.stored() == []
    assert keeper.row(failed).status is BackupStatus.FAILED


def test_what_was_never_finished_fails_after_a_day(
    keeper: Keeper, make_instance: MakeInstance, tick: Tick
) -> None:
    begun = keeper.begin(make_instance())

    keeper.shop.clock.advance(hours=23)
    tick("remove-old-backups")
    assert keeper.row(begun).status is BackupStatus.RUNNING
    keeper.shop.clock.advance(hours=2)
    tick("remove-old-backups")

    row = keeper.row(begun)
    assert (row.status, row.error) == (BackupStatus.FAILED, "It was never finished.")


def test_a_crash_between_files_and_row_is_made_good(
    keeper: Keeper, make_instance: MakeInstance, tick: Tick
) -> None:
    mine = make_instance()
    old = keeper.take(mine, ago=_days(40))
    keeper.take(mine)
    with keeper.shop.app.app_context():
        (removal,) = retention.expired(keeper.shop.clock.now())
        retention.remove_files(removal, keeper.vault)  # and then the process died

    assert keeper.row(old).removed_at is None
    tick("remove-old-backups")
    tick("remove-old-backups")

    assert keeper.row(old).removed_at == keeper.shop.clock.now()


@dataclass(frozen=True, slots=True)
class SilentStore:
    """Answers nobody."""

    def delete(self, key: str) -> None:
        raise ObjectStoreUnavailable

    def list(self, prefix: str) -> None:
        raise ObjectStoreUnavailable


def test_a_silent_store_loses_nothing(
    keeper: Keeper, make_instance: MakeInstance, tick: Tick, ports: PortsNow
) -> None:
    mine = make_instance()
    old = keeper.take(mine, ago=_days(40))
    keeper.take(mine)
    silent = SilentStore()
    ports.change(vault=Vault(silent, None), object_store=silent)  # type: ignore[arg-type]
    tick("remove-old-backups")
    tick("remove-stray-files")
    assert keeper.row(old).removed_at is None

    ports.change(vault=keeper.vault, object_store=keeper.store)
    tick("remove-old-backups")

    assert keeper.row(old).removed_at is not None


def test_more_than_one_batch_goes_in_one_tick(
    keeper: Keeper, make_instance: MakeInstance, tick: Tick, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("minispod.jobs.backups._BATCH", 2)
    mine = make_instance()
    for days in range(40, 45):
        keeper.take(mine, ago=_days(days))
    keeper.take(mine)

    tick("remove-old-backups")

    assert len(keeper.stored()) == 1


# Files that a crash left, made in ways the store really makes them.


@pytest.fixture
def aged(keeper: Keeper, tmp_path: Path) -> Callable[[float], None]:
    """Make every file in the store so many hours old, by the clock of the test."""

    def age(hours: float) -> None:
        then = keeper.shop.clock.now().timestamp() - hours * 3600
        for path in (tmp_path / "files").rglob("*"):
            if path.is_file():
                os.utime(path, (then, then))

    return age


Aged = Callable[[float], None]


def test_a_file_without_its_row_goes_after_a_day(
    keeper: Keeper, make_instance: MakeInstance, tick: Tick, aged: Aged
) -> None:
    mine = make_instance()
    done = keeper.take(mine)
    lost = f"backups/{mine.id}/{done.id}/volume.age"
    draft = f"backups/{mine.id}/{done.id}/data.age.0123.part"
    keeper.vault.keep(lost, [b"put, and then the process died"])
    keeper.store.put(draft, [b"half"])

    aged(23)
    tick("remove-stray-files")
    assert len(keeper.stored()) == 3
    aged(25)
    tick("remove-stray-files")

    assert keeper.stored() == [f"backups/{mine.id}/{done.id}/data.age"]


def test_a_file_of_a_backup_under_way_is_left(
    keeper: Keeper, make_instance: MakeInstance, tick: Tick, aged: Aged
) -> None:
    running = keeper.begin(make_instance())
    keeper.vault.keep(f"backups/{running.instance_id}/{running.id}/data.age", [b"x"])
    aged(48)

    tick("remove-stray-files")

    assert len(keeper.stored()) == 1


def test_a_file_that_came_back_after_its_backup_was_removed_goes(
    keeper: Keeper, make_instance: MakeInstance, tick: Tick, aged: Aged
) -> None:
    old = keeper.take_failing(make_instance())
    keeper.shop.clock.advance(days=2)
    tick("remove-old-backups")
    keeper.vault.keep(f"backups/{old.instance_id}/{old.id}/data.age", [b"a very late worker"])
    aged(25)

    tick("remove-stray-files")

    assert keeper.stored() == []


def test_what_is_not_known_is_never_touched(
    keeper: Keeper, make_instance: MakeInstance, tick: Tick, aged: Aged
) -> None:
    mine = make_instance()
    foreign = [
        f"backups/{mine.id}/{new_id()}/data.age",
        f"backups/{new_id()}/{new_id()}/data.age",
        "backups/readme.txt",
        "backups/a/b/c",
    ]
    for key in foreign:
        keeper.store.put(key, [b"of another installation, or newer than our database"])
    aged(24 * 365)

    tick("remove-stray-files")

    assert sorted(keeper.stored()) == sorted(foreign)


def test_a_long_list_of_files_is_judged_in_batches(
    keeper: Keeper, make_instance: MakeInstance, tick: Tick, aged: Aged, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "_BATCH", 2)
    done = keeper.take(make_instance())
    for number in range(5):
        keeper.store.put(f"backups/{done.instance_id}/{done.id}/x{number}", [b"x"])
    aged(25)

    tick("remove-stray-files")

    assert len(keeper.stored()) == 1


def test_two_workers_removing_at_once_do_no_harm(keeper: Keeper, make_instance: MakeInstance) -> None:
    mine = make_instance()
    old = keeper.take(mine, ago=_days(40))
    keeper.take(mine)
    with keeper.shop.app.app_context():
        both = [retention.expired(keeper.shop.clock.now()) for _ in range(2)]
    for removals in both:
        for removal in removals:
            retention.remove_files(removal, keeper.vault)
            with keeper.shop.app.app_context(), unit_of_work():
                retention.mark_removed(removal.backup_id, keeper.shop.clock.now())

    assert keeper.row(old).removed_at is not None
    assert len(keeper.stored()) == 1
