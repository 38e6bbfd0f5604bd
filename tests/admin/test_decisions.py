"""What waits for a decision about a last backup is on *Today*; why a drill failed is on the page of backups."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from minispod.backups.models import Backup, BackupReason
from minispod.insights import backups as insight
from minispod.instances.models import Instance
from minispod.kernel.database import session
from minispod.kernel.unit_of_work import unit_of_work
from minispod.operations.models import Drill, Operation
from minispod.operations.states import OperationKind, OperationStatus, Step
from tests.admin.conftest import Browser
from tests.factories.statements import asked
from tests.plugins.app import Person
from tests.plugins.keeper import Keeper

MakeInstance = Callable[..., Instance]
pytestmark = pytest.mark.usefixtures("catalog")
HOSTILE = "<script>alert(1)</script>"


def _await_decision(keeper: Keeper, instance: Instance, status: OperationStatus, error: str | None) -> None:
    """Its deletion waits for a last backup, whose operation stands so."""
    at = keeper.shop.clock.advance(seconds=1)
    with keeper.shop.app.app_context(), unit_of_work():
        row = session().get_one(Instance, instance.id)
        row.awaits_last_backup = True
        session().add(
            Operation(
                instance_id=row.id,
                user_id=row.user_id,
                kind=OperationKind.BACKUP,
                backup_reason=BackupReason.BEFORE_DELETE,
                status=status,
                step=Step.BEGIN,
                step_since=at,
                error=error,
                requested_by="tests",
                requested_at=at,
            )
        )


def _drill(
    keeper: Keeper, backup: Backup, *, ago: timedelta, error: str | None, has_ended: bool = True
) -> None:
    at = keeper.shop.clock.now() - ago
    with keeper.shop.app.app_context(), unit_of_work():
        session().add(
            Drill(backup_id=backup.id, requested_at=at, ended_at=at if has_ended else None, error=error)
        )


def test_what_waits_for_a_decision_is_on_today_with_the_way_to_decide(
    browser: Browser, keeper: Keeper, make_instance: MakeInstance
) -> None:
    waiting, under_way, calm = make_instance("postgresql"), make_instance("mariadb"), make_instance("redis")
    _await_decision(keeper, waiting, OperationStatus.FAILED, "an older reason")
    _await_decision(keeper, waiting, OperationStatus.FAILED, f"pg_dumpall: {HOSTILE}")
    _await_decision(keeper, under_way, OperationStatus.RUNNING, None)

    today = browser.shown("/admin/")

    assert "1 deletion waits for a decision about the last backup" in today
    assert f'href="/admin/instances/{waiting.id}/data"' in today
    assert "&lt;script&gt;" in today
    for absent in (HOSTILE, "an older reason", f"/admin/instances/{under_way.id}/data", calm.name):
        assert absent not in today, absent
    assert "Delete without a copy" in browser.shown(f"/admin/instances/{waiting.id}/data")


def test_more_than_fit_are_counted_with_one_statement(
    keeper: Keeper,
    browser: Browser,
    make_instance: MakeInstance,
    person: Callable[..., Person],
) -> None:
    for _ in range(10):
        _await_decision(
            keeper, make_instance(owner=person(credit=500_000)), OperationStatus.FAILED, "disk full"
        )

    today = browser.shown("/admin/")

    assert "10 deletions wait" in today
    assert today.count("disk full") == 8
    assert "And 2 more." in today
    with keeper.shop.app.app_context(), asked() as statements:
        assert len(insight.undecided()) == 10
    assert len(statements) == 1


def test_why_a_drill_failed_is_on_the_page_of_backups(
    browser: Browser, keeper: Keeper, make_instance: MakeInstance
) -> None:
    assert "No backup was restored for proof yet." in browser.shown("/admin/backups")
    mine, other = make_instance("postgresql"), make_instance("mariadb")
    backup, gone = keeper.take(mine, ago=timedelta(days=2)), keeper.take(other)
    _drill(keeper, backup, ago=timedelta(hours=3), error=f"The backup lacks the part '{HOSTILE}'.")
    _drill(keeper, backup, ago=timedelta(hours=5), error=None)
    _drill(keeper, gone, ago=timedelta(hours=4), error=None, has_ended=False)
    with keeper.shop.app.app_context(), unit_of_work():
        session().get_one(Backup, gone.id).removed_at = keeper.shop.clock.now()

    text = browser.shown("/admin/backups")
    drills = text[text.index("The newest drills") :]

    assert "The backup lacks the part &#39;&lt;script&gt;" in drills
    assert HOSTILE not in text
    assert drills.index("Not proven") < drills.index("Called off") < drills.index(">Proven<")
    assert f'href="/admin/instances/{mine.id}/data"' in drills
    assert "3 h ago" in drills
