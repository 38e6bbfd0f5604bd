"""Several at once: workers at the same operation, requests at the same instance, and wishes in the middle of one."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from pyrage import x25519
from sqlalchemy import select

from minispod.backups.models import Backup, BackupReason, BackupStatus
from minispod.backups.sealing import BackupKeys
from minispod.backups.vault import Vault
from minispod.cluster.port import ClusterRefused, CommandFailed
from minispod.instances.states import InstanceStatus, VolumeStatus, Wanted
from minispod.jobs import runner
from minispod.kernel.database import db, session
from minispod.kernel.object_store import ObjectStoreUnavailable
from minispod.kernel.unit_of_work import unit_of_work
from minispod.operations import errors, queries, requesting
from minispod.operations.models import Operation
from minispod.operations.states import OperationStatus
from minispod.subscriptions.states import SubscriptionStatus
from tests.domain.operations.conftest import ROWS, Yard
from tests.domain.operations.test_last_backups import cancel
from tests.plugins.app import Person, PortsNow

AtOnce = Callable[..., list[Any]]
LATER = b"written after the backup"


def work(yard: Yard) -> Callable[[int], int]:
    def one(_: int) -> int:
        with yard.shop.app.app_context():
            try:
                return runner.run_all(
                    ports=yard.shop.app.extensions["minispod.ports"], settings=yard.shop.settings
                )
            finally:
                db.session.remove()

    return one


def ask(yard: Yard, act: Callable[..., Operation], *args: object) -> None:
    with yard.shop.app.app_context():
        try:
            with unit_of_work():
                act(yard.id, *args, actor=yard.actor, at=yard.clock.now())
        finally:
            db.session.remove()


def test_two_requests_at_once_are_one_operation(yard: Yard, at_once: AtOnce) -> None:
    backup = yard.back_up()
    acts = [(requesting.reset,), (requesting.restore, backup), (requesting.back_up,), (requesting.reset,)]

    came = at_once(4, lambda index: ask(yard, *acts[index]))

    assert came.count(None) == 1
    assert {type(each) for each in came if each is not None} == {errors.AnotherRuns}
    yard.settle()
    yard.assert_at_rest()


@pytest.mark.parametrize("workers", [2, 4])
def test_workers_at_once_do_one_operation_once(yard: Yard, at_once: AtOnce, workers: int) -> None:
    backup = yard.back_up()
    yard.write(LATER)
    made = yard.ask(requesting.restore, backup)

    came = at_once(workers, work(yard))
    yard.settle()

    assert not [each for each in came if isinstance(each, Exception)]
    operation = yard.operation(made)
    assert (operation.status, operation.attempts) == (OperationStatus.DONE, 1)
    assert yard.machine.calls.count("write_to") == 1
    assert yard.data() == {"app": ROWS}
    yard.assert_at_rest()


def test_a_request_and_a_cancellation_at_once(yard: Yard, at_once: AtOnce) -> None:
    acts: list[Callable[[], object]] = [
        lambda: ask(yard, requesting.reset),
        lambda: cancel(yard),
        lambda: work(yard)(0),
        lambda: work(yard)(0),
    ]

    came = at_once(4, lambda index: acts[index]())
    yard.settle(rounds=200)

    assert all(each is None or isinstance(each, int | errors.NotNow | errors.AnotherRuns) for each in came), (
        came
    )
    assert yard.instance().status is InstanceStatus.TERMINATED
    assert yard.machine.volumes == {}
    yard.assert_clean()


def expire(yard: Yard) -> None:
    row = yard.instance()
    yard.shop.auto_renew(yard.customer, row.subscription_id, False)
    yard.clock.advance(days=32)
    yard.shop.advance(row.subscription_id)


@pytest.mark.parametrize("call", ["scale", "see_pod", "writing"])
def test_an_expiry_in_the_middle_of_a_restore_wins_and_the_old_data_stay(yard: Yard, call: str) -> None:
    backup = yard.back_up()
    yard.write(LATER)
    made = yard.ask(requesting.restore, backup)

    def before(name: str, container: str) -> None:
        if name == call:
            yard.machine.before = lambda name, container: None
            expire(yard)

    yard.machine.before = before
    yard.settle(rounds=200)

    operation = yard.operation(made)
    assert operation.status is OperationStatus.FAILED
    assert "subscription has ended" in (operation.error or "")
    assert yard.data() == {"app": LATER}
    assert yard.shop.look(yard.instance().subscription_id)[0].status is SubscriptionStatus.EXPIRED
    yard.assert_at_rest(Wanted.STOPPED)


def test_a_new_plan_in_the_middle_of_a_restore_comes_to_run_after_it(yard: Yard) -> None:
    backup = yard.back_up()
    made = yard.ask(requesting.restore, backup)
    subscription = yard.instance().subscription_id

    def before(name: str, container: str) -> None:
        if name == "writing":
            yard.machine.before = lambda name, container: None
            yard.shop.upgrade(yard.customer, subscription, yard.plan_id("postgresql", "PRO"))
            assert yard.instance().status is InstanceStatus.MAINTENANCE

    yard.machine.before = before
    yard.settle()

    assert yard.operation(made).status is OperationStatus.DONE
    assert yard.data() == {"app": ROWS}
    [change] = yard.shop.changes(subscription)
    assert change.state.value == "DONE"
    yard.assert_at_rest()


def test_an_attempt_that_fails_is_undone_and_tried_again(yard: Yard) -> None:
    backup = yard.back_up()
    yard.write(LATER)
    failures = [1, 2]

    def before(name: str, container: str) -> None:
        if name == "writing" and failures:
            failures.pop()
            raise CommandFailed("psql: error: connection lost", exit_status=2)

    yard.machine.before = before
    made = yard.ask(requesting.restore, backup)
    yard.settle(rounds=200)

    operation = yard.operation(made)
    assert (operation.status, operation.attempts) == (OperationStatus.DONE, 3)
    assert yard.data() == {"app": ROWS}
    assert yard.volumes() == {
        4: VolumeStatus.ACTIVE,
        3: VolumeStatus.DELETED,
        2: VolumeStatus.DELETED,
        1: VolumeStatus.RETIRED,
    }
    yard.assert_at_rest()


@pytest.mark.parametrize("failure", [CommandFailed("disk full", exit_status=1), ObjectStoreUnavailable()])
def test_when_attempts_are_used_up_it_runs_again_as_before_and_people_are_told(
    yard: Yard, administrator: object, failure: Exception
) -> None:
    backup = yard.back_up()
    yard.write(LATER)

    def before(name: str, container: str) -> None:
        if name == "writing":
            raise failure

    yard.machine.before = before
    made = yard.ask(requesting.restore, backup)
    yard.settle(rounds=300)

    operation = yard.operation(made)
    assert (operation.status, operation.attempts) == (OperationStatus.FAILED, 3)
    assert "could not be written" in (operation.error or "")
    assert yard.data() == {"app": LATER}
    yard.assert_at_rest()
    told = [each.kind.value for each in yard.shop.messages(yard.customer)]
    assert told.count("operation_failed") == 1


def test_a_copy_beside_the_running_application_that_fails_is_taken_while_it_stands_still(yard: Yard) -> None:
    is_first = [True]

    def before(name: str, container: str) -> None:
        if name == "reading" and is_first:
            is_first.pop()
            raise CommandFailed("the pod was restarted", exit_status=137)

    yard.machine.before = before
    yard.back_up()

    assert "scale" in yard.machine.calls
    yard.assert_at_rest()


@pytest.mark.parametrize("slug", ["postgresql", "n8n-automation"])
def test_a_silent_store_never_stops_the_application_and_ends_in_an_alarm(
    yard: Yard, ports: PortsNow, administrator: Person, slug: str
) -> None:
    yard.id = yard.id if slug == "postgresql" else yard.order(slug)

    class Silent:
        def put(self, key: str, chunks: object) -> int:
            raise ObjectStoreUnavailable

    ports.change(vault=Vault(Silent(), ports.vault._keys))  # type: ignore[arg-type]
    made = yard.ask(requesting.back_up)
    yard.settle(rounds=300)

    operation = yard.operation(made)
    assert (operation.status, operation.attempts) == (OperationStatus.FAILED, 3)
    assert "scale" not in yard.machine.calls
    yard.assert_at_rest()
    [alert] = [each for each in yard.shop.messages(administrator) if each.kind.value == "staff_alert"]
    assert "Backup of" in alert.facts["subject"]


def test_a_store_that_comes_back_has_the_copy_of_what_runs(yard: Yard, ports: PortsNow) -> None:
    really, failures = ports.vault._store.put, [1, 2]

    class Stumbling:
        def put(self, key: str, chunks: Iterator[bytes]) -> int:
            if failures:
                next(chunks)
                failures.pop()
                raise ObjectStoreUnavailable
            return really(key, chunks)

    ports.change(vault=Vault(Stumbling(), ports.vault._keys))  # type: ignore[arg-type]
    backup = yard.backup(yard.back_up())

    assert backup.plain_size == len(ROWS)
    assert "scale" not in yard.machine.calls
    yard.assert_at_rest()


def test_an_image_without_a_shell_fails_in_a_sentence_and_the_application_runs_as_before(
    yard: Yard, administrator: Person
) -> None:
    def before(name: str, container: str) -> None:
        if name == "read_from":
            raise CommandFailed("The command cannot be started in this image.", exit_status=None)

    yard.machine.before = before
    made = yard.ask(requesting.back_up)
    yard.settle(rounds=300)

    operation = yard.operation(made)
    assert (operation.status, operation.attempts) == (OperationStatus.FAILED, 3)
    assert "cannot be started in this image" in (operation.error or "")
    assert yard.data() == {"app": ROWS}
    yard.assert_at_rest()
    assert "staff_alert" in yard.shop.mails(administrator)


def test_a_backup_whose_key_is_lost_is_refused_once_and_nothing_is_touched(
    yard: Yard, ports: PortsNow, administrator: Person
) -> None:
    backup = yard.back_up()
    yard.write(LATER)
    ports.change(vault=Vault(ports.vault._store, BackupKeys([str(x25519.Identity.generate())])))

    made = yard.ask(requesting.restore, backup)
    yard.settle(rounds=300)

    operation = yard.operation(made)
    assert (operation.status, operation.attempts) == (OperationStatus.FAILED, 1)
    assert "key" in (operation.error or "")
    assert yard.data() == {"app": LATER}
    yard.assert_at_rest()
    assert "operation_failed" in yard.shop.mails(yard.customer)


def test_a_silent_cluster_is_waited_for_and_uses_up_no_attempt(yard: Yard) -> None:
    backup = yard.back_up()
    made = yard.ask(requesting.restore, backup)
    yard.machine.is_silent = True
    for _ in range(10):
        yard.run_jobs()
        yard.clock.advance(minutes=5)
    assert yard.operation(made).status is OperationStatus.RUNNING
    yard.machine.is_silent = False
    yard.settle(rounds=200)

    assert (yard.operation(made).status, yard.operation(made).attempts) == (OperationStatus.DONE, 1)
    yard.assert_at_rest()


def test_work_that_the_queue_lost_is_found_again(yard: Yard, tick: Callable[[str], None]) -> None:
    made = yard.ask(requesting.reset)
    with yard.shop.app.app_context(), unit_of_work():
        from sqlalchemy import delete

        from minispod.kernel.outbox import OutboxRow

        session().execute(delete(OutboxRow))
    yard.settle()
    assert yard.operation(made).status is OperationStatus.PENDING

    tick("carry-on")
    yard.settle()

    assert yard.operation(made).status is OperationStatus.DONE
    yard.assert_at_rest()


def test_the_daily_backups_are_taken_some_at_a_time(yard: Yard, tick: Callable[[str], None]) -> None:
    others = [yard.order(slug) for slug in ("n8n-automation", "redis", "gitea", "grafana", "mariadb")]
    # four in the morning in Jakarta: the whole first part of the night is over
    yard.clock.advance(seconds=(21 * 3600 - yard.clock.now().hour * 3600) % 86400 or 86400)

    tick("request-backups")
    with yard.shop.app.app_context():
        assert len(queries.list_live()) == 4
    yard.settle(rounds=200)
    tick("request-backups")
    yard.settle(rounds=200)

    with yard.shop.app.app_context():
        for each in (yard.id, *others):
            backup = queries.newest_usable_backup(each)
            assert backup is not None
            assert backup.reason.value == "daily"
    tick("request-backups")
    with yard.shop.app.app_context():
        assert queries.list_live() == []
    yard.assert_at_rest()


def test_a_nightly_backup_that_never_gets_to_copy_is_not_asked_for_again_at_once_and_alarms(
    yard: Yard, administrator: Person, tick: Callable[[str], None]
) -> None:
    """Else an application that must stand still for it would be stopped all night."""
    other, yard.id = yard.id, yard.order("n8n-automation")
    yard.clock.set(datetime(2026, 11, 20, 21, 30, tzinfo=UTC))  # half past four in the night of Jakarta
    yard.back_up(other)  # that one has its backup of tonight

    def before(name: str, container: str) -> None:
        if name == "apply" and yard.instance().status is InstanceStatus.MAINTENANCE:
            raise ClusterRefused("No place for a workbench.")

    yard.machine.before = before
    tick("request-backups")
    yard.settle(rounds=300)
    tick("request-backups")

    assert not yard.is_under_way()
    assert yard.instance().status is InstanceStatus.RUNNING
    with yard.shop.app.app_context():
        [failed] = session().scalars(select(Backup).where(Backup.status == BackupStatus.FAILED))
        assert (failed.instance_id, failed.reason) == (yard.id, BackupReason.DAILY)
        assert "No place" in (failed.error or "")


def test_a_way_back_that_is_refused_is_tried_again_with_a_pause(yard: Yard) -> None:
    backup = yard.back_up()
    refused: list[datetime] = []

    def before(name: str, container: str) -> None:
        if name == "writing":
            raise CommandFailed("psql: error", exit_status=2)
        if name == "delete_claim" and len(refused) < 3:
            refused.append(yard.clock.now())
            raise ClusterRefused("The cluster says no.")

    yard.machine.before = before
    yard.ask(requesting.restore, backup)
    yard.settle(rounds=400)

    assert len(set(refused)) == 3, "time has passed between them"
    assert yard.data() == {"app": ROWS}
    yard.assert_at_rest()
