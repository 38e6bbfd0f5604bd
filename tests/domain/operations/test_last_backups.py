"""Data are deleted after a last backup; when none can be taken, a person decides."""

import uuid

import pytest
from sqlalchemy import select

from minispod.audit.models import AuditEntry
from minispod.backups.models import BackupReason, BackupStatus
from minispod.cluster.port import CommandFailed
from minispod.instances.states import InstanceStatus
from minispod.kernel.database import session
from minispod.kernel.unit_of_work import unit_of_work
from minispod.notifications.models import Notification
from minispod.operations import last_backups, queries, requesting
from minispod.operations.errors import AnotherRuns, NothingToDecide
from minispod.operations.models import Operation
from minispod.operations.states import OperationStatus
from tests.domain.operations.conftest import ROWS, Yard
from tests.plugins.app import Person


def cancel(yard: Yard) -> None:
    yard.shop.cancel(yard.customer, yard.instance().subscription_id)


def operations(yard: Yard) -> list[Operation]:
    with yard.shop.app.app_context():
        wanted = select(Operation).where(Operation.instance_id == yard.id).order_by(Operation.id)
        return list(session().scalars(wanted))


def break_copies(yard: Yard) -> None:
    def before(call: str, container: str) -> None:
        if call == "reading":
            raise CommandFailed("pg_dumpall: error: out of memory", exit_status=1)

    yard.machine.before = before


def alerts(yard: Yard) -> list[str]:
    with yard.shop.app.app_context():
        rows = session().scalars(select(Notification)).all()
        return [row.facts["subject"] for row in rows if row.kind.value == "staff_alert"]


def awaiting(yard: Yard) -> list[uuid.UUID]:
    with yard.shop.app.app_context():
        return [each.id for each in session().scalars(queries.awaiting_decision())]


def gone(yard: Yard) -> bool:
    row = yard.instance()
    return row.status is InstanceStatus.TERMINATED and not [
        c for c in yard.machine.volumes if c[1].startswith(row.name)
    ]


def test_a_cancelled_instance_is_deleted_after_its_last_backup(yard: Yard) -> None:
    cancel(yard)
    assert yard.instance().status is InstanceStatus.STOPPING
    assert yard.data() == {"app": ROWS}
    yard.settle()

    assert gone(yard)
    [operation] = operations(yard)
    backup = yard.backup(operation.backup_id)  # type: ignore[arg-type]
    assert (backup.status, backup.reason, backup.plain_size) == (
        BackupStatus.DONE,
        BackupReason.BEFORE_DELETE,
        len(ROWS),
    )
    yard.assert_clean()
    assert not yard.instance().awaits_last_backup


def test_what_never_ran_is_deleted_at_once(yard: Yard) -> None:
    yard.put(first_ran_at=None)
    cancel(yard)
    yard.settle()
    assert gone(yard)
    assert operations(yard) == []


def test_a_last_backup_that_fails_leaves_the_data_and_calls_the_administrators(
    yard: Yard, administrator: Person
) -> None:
    break_copies(yard)
    cancel(yard)
    yard.settle(rounds=200)

    assert yard.data() == {"app": ROWS}
    row = yard.instance()
    assert (row.status, row.awaits_last_backup) == (InstanceStatus.STOPPING, True)
    [operation] = operations(yard)
    assert (operation.status, operation.attempts) == (OperationStatus.FAILED, 3)
    assert alerts(yard) == [f"{row.name} waits to be deleted"]
    assert awaiting(yard) == [yard.id]
    yard.assert_clean()
    yard.wait(hours=2)
    assert yard.data() == {"app": ROWS}, "nothing is deleted until somebody says so"


def test_staff_have_it_tried_again_and_then_it_goes(yard: Yard, administrator: Person) -> None:
    break_copies(yard)
    cancel(yard)
    yard.settle(rounds=200)
    yard.machine.before = lambda call, container: None

    with yard.shop.app.app_context(), unit_of_work():
        last_backups.retry(yard.id, actor=administrator.actor, at=yard.clock.now())
    with pytest.raises(AnotherRuns), yard.shop.app.app_context(), unit_of_work():
        last_backups.retry(yard.id, actor=administrator.actor, at=yard.clock.now())
    yard.settle()

    assert gone(yard)
    assert awaiting(yard) == []


def test_staff_have_it_deleted_without_a_copy_and_the_book_has_it(yard: Yard, administrator: Person) -> None:
    break_copies(yard)
    cancel(yard)
    yard.settle(rounds=200)

    with yard.shop.app.app_context(), unit_of_work():
        last_backups.delete_without_copy(
            yard.id,
            reason="the customer wrote that it may go",
            actor=administrator.actor,
            at=yard.clock.now(),
        )
    yard.settle()

    assert gone(yard)
    with yard.shop.app.app_context():
        wanted = select(AuditEntry).where(AuditEntry.action == "instance.deleted_without_copy")
        entry = session().scalars(wanted).one()
        assert entry.details["reason"] == "the customer wrote that it may go"
        assert entry.actor_id == administrator.id


def test_staff_may_lose_patience_with_a_last_backup_that_is_under_way(
    yard: Yard, administrator: Person
) -> None:
    def before(call: str, container: str) -> None:
        if call == "reading":
            yard.machine.before = lambda call, container: None
            with yard.shop.app.app_context(), unit_of_work():
                last_backups.delete_without_copy(
                    yard.id, reason="enough", actor=administrator.actor, at=yard.clock.now()
                )
            raise CommandFailed("killed", exit_status=137)

    yard.machine.before = before
    cancel(yard)
    yard.settle(rounds=200)

    assert gone(yard)
    [operation] = operations(yard)
    assert operation.status is OperationStatus.FAILED
    yard.assert_clean()


@pytest.mark.parametrize("nth", [1, 2])
def test_what_a_slow_step_makes_after_the_end_of_the_instance_is_removed_too(
    yard: Yard, administrator: Person, nth: int
) -> None:
    """Staff have it deleted, and it is gone, while the worker was about to put a workbench on its volume."""
    applied: list[str] = []

    def before(call: str, container: str) -> None:
        applied.extend([call] if call == "apply" else [])
        if call == "apply" and len(applied) == nth:
            with yard.shop.app.app_context(), unit_of_work():
                last_backups.delete_without_copy(
                    yard.id, reason="enough", actor=administrator.actor, at=yard.clock.now()
                )
            yard.clock.advance(seconds=1)
            for _ in range(3):
                yard.run_jobs()
                yard.clock.advance(seconds=5)
            assert yard.instance().status is InstanceStatus.TERMINATED

    if nth == 2:  # the workbench takes a moment
        ready = yard.machine.see_pod
        looks: list[int] = []
        yard.machine.see_pod = lambda *place: looks.append(1) or (ready(*place) if len(looks) > 1 else None)  # type: ignore[method-assign,func-returns-value]
    yard.machine.before = before
    cancel(yard)
    yard.settle(rounds=200)

    assert gone(yard)
    yard.assert_clean()


def test_nothing_is_to_be_decided_about_what_lives(yard: Yard, administrator: Person) -> None:
    with pytest.raises(NothingToDecide), yard.shop.app.app_context(), unit_of_work():
        last_backups.delete_without_copy(yard.id, reason="x", actor=administrator.actor, at=yard.clock.now())
    assert yard.data() == {"app": ROWS}


@pytest.mark.parametrize("call", ["see_pod", "writing", "delete_secret", "apply"])
def test_a_cancellation_in_the_middle_of_a_restore_wins_and_still_gets_its_last_backup(
    yard: Yard, call: str
) -> None:
    backup = yard.back_up()
    yard.write(b"newer rows")

    def before(name: str, container: str) -> None:
        if name == call:
            yard.machine.before = lambda name, container: None
            cancel(yard)

    made = yard.ask(requesting.restore, backup)
    yard.machine.before = before
    yard.settle(rounds=200)

    assert gone(yard)
    yard.assert_clean()
    restore = yard.operation(made)
    last = operations(yard)[-1]
    assert last.backup_reason is BackupReason.BEFORE_DELETE
    assert last.status is OperationStatus.DONE
    expected = b"newer rows" if restore.status is OperationStatus.FAILED else ROWS
    assert yard.backup(last.backup_id).plain_size == len(expected)  # type: ignore[arg-type]
