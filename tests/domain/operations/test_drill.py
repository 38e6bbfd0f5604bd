"""Backups are restored for proof: where nobody runs, on time, and with an alarm when one cannot be."""

import uuid
from collections.abc import Callable
from contextlib import suppress

import pytest
from sqlalchemy import select

from minispod.backups.keeping import parts_of
from minispod.kernel.database import session
from minispod.notifications.models import Notification
from minispod.operations import queries
from minispod.operations.models import Drill
from tests.domain.operations.conftest import Yard
from tests.domain.operations.test_deaths import Died
from tests.plugins.app import Person

Tick = Callable[[str], None]


@pytest.fixture(autouse=True)
def in_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for the cluster in memory."""
    monkeypatch.setattr("minispod.jobs.operations.time.sleep", lambda seconds: None)


def drills(yard: Yard) -> list[Drill]:
    with yard.shop.app.app_context():
        return list(queries.newest_drills())


def assert_nothing_is_left(yard: Yard) -> None:
    assert not [place for place in yard.machine.volumes if place[0].startswith("drill-")]
    assert yard.machine.benches == {}


def test_the_newest_backup_is_restored_elsewhere_and_its_date_is_noted(yard: Yard, tick: Tick) -> None:
    older, newer = yard.back_up(), yard.back_up()
    tick("drill-backups")
    yard.run_jobs()

    assert yard.backup(newer).proven_at == yard.clock.now()
    assert yard.backup(older).proven_at is None
    [drill] = drills(yard)
    assert (drill.backup_id, drill.error) == (newer, None)
    assert_nothing_is_left(yard)
    yard.assert_at_rest()


def test_it_comes_once_a_week_and_takes_those_that_were_unproven_longest(yard: Yard, tick: Tick) -> None:
    others = [yard.order(slug) for slug in ("n8n-automation", "redis", "gitea")]
    backups = {yard.back_up(of=each) for each in (yard.id, *others)}
    tick("drill-backups")
    yard.clock.advance(days=6)
    tick("drill-backups")
    yard.run_jobs()
    proven = {each for each in backups if yard.backup(each).proven_at}
    assert len(proven) == 3

    yard.clock.advance(days=2)
    tick("drill-backups")
    yard.run_jobs()

    assert all(yard.backup(each).proven_at for each in backups)
    assert len(drills(yard)) == 6
    assert_nothing_is_left(yard)


def damage(yard: Yard, backup: uuid.UUID) -> None:
    """The file in the store is not the one that was put there."""
    with yard.shop.app.app_context():
        [part] = parts_of(backup)
        yard.shop.ports.object_store.put(part.key, [b"age-encryption.org/v1\nnot any more"])


@pytest.mark.parametrize("fault", ["damaged", "emptied", "never ready"])
def test_what_cannot_be_restored_calls_the_administrators(
    yard: Yard, tick: Tick, administrator: Person, fault: str
) -> None:
    backup = yard.back_up()
    if fault == "damaged":
        damage(yard, backup)
    elif fault == "emptied":
        yard.machine.before = lambda call, container: (
            [each.clear() for place, each in yard.machine.volumes.items() if place[0].startswith("drill-")]
            and None
            if call == "read_from"
            else None
        )
    else:
        yard.machine.broken.add("postgres:15.19-alpine")
    tick("drill-backups")
    yard.run_jobs()

    [drill] = drills(yard)
    assert drill.error
    assert yard.backup(backup).proven_at is None
    with yard.shop.app.app_context():
        rows = session().scalars(select(Notification)).all()
        assert any("did not stand its trial" in row.facts.get("subject", "") for row in rows)
    assert_nothing_is_left(yard)


def test_a_worker_that_dies_in_the_middle_leaves_a_drill_that_another_ends(yard: Yard, tick: Tick) -> None:
    backup = yard.back_up()
    is_first = [True]

    def before(call: str, container: str) -> None:
        if call == "writing" and is_first:
            is_first.pop()
            raise Died

    yard.machine.before = before
    tick("drill-backups")
    with suppress(Died):
        yard.run_jobs()
    yard.clock.advance(seconds=61)
    yard.run_jobs()

    assert yard.backup(backup).proven_at is not None
    assert_nothing_is_left(yard)
