"""Each kind of operation from the request to the end, on a cluster in memory."""

from collections.abc import Callable

import pytest
from sqlalchemy import select

from minispod.backups.models import BackupReason, BackupStatus
from minispod.catalog.recipes import get_recipe
from minispod.cluster import monitoring
from minispod.instances.states import InstanceStatus, VolumeStatus, Wanted
from minispod.kernel.database import session
from minispod.kernel.unit_of_work import unit_of_work
from minispod.notifications.models import Notification
from minispod.operations import carrying, requesting
from minispod.operations.errors import NoBackupYet
from minispod.operations.states import OperationStatus
from tests.domain.operations.conftest import ROWS, Yard
from tests.factories.nodes import worker
from tests.plugins.app import PortsNow

LATER = b"written after the backup"
OLD, NEW = get_recipe("postgresql").versions[-1], get_recipe("postgresql").version


def stop(yard: Yard) -> None:
    from minispod.instances import controls

    with yard.shop.app.app_context(), unit_of_work():
        controls.stop(yard.id, actor=yard.actor, at=yard.clock.now())
    yard.settle()


def see_nodes(yard: Yard, *names: str) -> None:
    with yard.shop.app.app_context(), unit_of_work():
        monitoring.record_nodes([worker(name) for name in names], yard.clock.now())


def lose(yard: Yard, name: str) -> None:
    """A node dies, and the readings of the nodes say so."""
    yard.machine.dead_nodes.add(name)
    with yard.shop.app.app_context(), unit_of_work():
        monitoring.record_nodes([worker(name, is_ready=False), worker("node-2")], yard.clock.now())


def mails(yard: Yard) -> list[str]:
    with yard.shop.app.app_context():
        rows = session().scalars(select(Notification).order_by(Notification.id)).all()
        return [row.kind.value for row in rows if row.kind.value.startswith(("operation", "staff"))]


def test_a_backup_of_what_can_be_copied_live_lets_it_run(yard: Yard) -> None:
    made = yard.ask(requesting.back_up)
    assert yard.instance().status is InstanceStatus.RUNNING
    yard.settle()

    operation = yard.operation(made)
    assert (operation.status, operation.error) == (OperationStatus.DONE, None)
    backup = yard.backup(operation.backup_id)  # type: ignore[arg-type]
    assert (backup.status, backup.plain_size) == (BackupStatus.DONE, len(ROWS))
    assert (backup.reason, backup.version) == (BackupReason.ON_DEMAND, NEW)
    assert "scale" not in yard.machine.calls
    yard.assert_at_rest()
    assert mails(yard) == []


def test_a_backup_of_what_must_stand_still_stops_it_for_the_copy(yard: Yard) -> None:
    yard.id = yard.order("n8n-automation")
    seen: list[InstanceStatus] = []
    yard.machine.before = lambda call, container: (
        seen.append(yard.instance().status) if call == "read_from" else None
    )

    backup = yard.backup(yard.back_up())

    assert (backup.status, backup.plain_size) == (BackupStatus.DONE, len(ROWS))
    assert seen == [InstanceStatus.MAINTENANCE]
    yard.assert_at_rest()


def test_a_backup_of_what_is_stopped_leaves_it_stopped(yard: Yard) -> None:
    stop(yard)

    backup = yard.backup(yard.back_up())

    assert backup.status is BackupStatus.DONE
    yard.assert_at_rest(Wanted.STOPPED)


def test_a_restore_brings_back_what_was_there_and_keeps_the_old_volume_for_a_day(yard: Yard) -> None:
    backup = yard.back_up()
    yard.write(LATER)

    made = yard.ask(requesting.restore, backup)
    assert yard.instance().status is InstanceStatus.MAINTENANCE
    yard.settle()

    assert yard.operation(made).status is OperationStatus.DONE
    assert yard.data() == {"app": ROWS}
    yard.assert_at_rest()
    assert yard.volumes() == {2: VolumeStatus.ACTIVE, 1: VolumeStatus.RETIRED}
    assert yard.volume(1).reason == "restore"
    assert mails(yard) == ["operation_done"]


def test_a_restore_into_what_is_stopped_leaves_it_stopped(yard: Yard) -> None:
    backup = yard.back_up()
    stop(yard)
    yard.ask(requesting.restore, backup)
    yard.settle()

    yard.assert_at_rest(Wanted.STOPPED)
    assert yard.data() == {"app": ROWS}


def test_a_restore_into_another_instance_lets_it_keep_its_own_secrets(yard: Yard, ports: PortsNow) -> None:
    backup = yard.back_up()
    source = yard.instance()
    yard.shop.cancel(yard.customer, source.subscription_id)
    yard.settle()
    assert yard.instance().status is InstanceStatus.TERMINATED

    yard.id = yard.order("postgresql")
    secrets = ports.sealer.open(yard.instance().sealed_secrets)
    yard.write(LATER)
    made = yard.ask(requesting.restore, backup)
    yard.settle()

    assert yard.operation(made).status is OperationStatus.DONE
    assert yard.data() == {"app": ROWS}
    assert ports.sealer.open(yard.instance().sealed_secrets) == secrets
    assert ports.sealer.open(source.sealed_secrets) != secrets
    yard.assert_at_rest()


def test_what_is_encrypted_with_a_key_brings_the_key_along_into_another_instance(
    yard: Yard, ports: PortsNow
) -> None:
    yard.id = source = yard.order("n8n-automation")
    backup = yard.back_up()
    key = ports.sealer.open(yard.instance(source).sealed_secrets)
    yard.shop.cancel(yard.customer, yard.instance().subscription_id)
    yard.settle()

    yard.id = yard.order("n8n-automation")
    assert ports.sealer.open(yard.instance().sealed_secrets) != key
    yard.ask(requesting.restore, backup)
    yard.settle()

    assert ports.sealer.open(yard.instance().sealed_secrets) == key
    yard.assert_at_rest()


def test_a_reset_begins_anew_and_keeps_the_old_volume_for_a_day(yard: Yard) -> None:
    made = yard.ask(requesting.reset)
    yard.settle()

    assert yard.operation(made).status is OperationStatus.DONE
    assert yard.data() == {}
    yard.assert_at_rest()
    assert yard.volume(1).reason == "reset"


def test_a_move_brings_the_data_to_the_wanted_node(yard: Yard) -> None:
    see_nodes(yard, "node-1", "node-2")

    made = yard.ask(requesting.move, "node-2")
    yard.settle()

    assert yard.operation(made).status is OperationStatus.DONE
    assert yard.data() == {"app": ROWS}
    assert yard.volume(2).node_name == yard.instance().node_name == "node-2"
    yard.assert_at_rest()


def old_version(yard: Yard) -> None:
    """The instance runs an earlier version, and has done so for a while."""
    yard.put(version=OLD)
    from minispod.instances.controls import reconcile_later

    with yard.shop.app.app_context(), unit_of_work():
        reconcile_later(yard.instance(), yard.clock.now())
    yard.settle()
    yard.assert_at_rest()
    assert yard.instance().version == OLD


def test_a_newer_recipe_upgrades_nothing_by_itself(yard: Yard) -> None:
    old_version(yard)


def test_an_upgrade_takes_a_backup_and_brings_the_data_into_the_new_version(yard: Yard) -> None:
    old_version(yard)

    made = yard.ask(requesting.upgrade, NEW)
    yard.settle()

    operation = yard.operation(made)
    assert operation.status is OperationStatus.DONE
    backup = yard.backup(operation.backup_id)  # type: ignore[arg-type]
    assert (backup.reason, backup.version) == (BackupReason.BEFORE_UPGRADE, OLD)
    assert (yard.instance().version, yard.data()) == (NEW, {"app": ROWS})
    yard.assert_at_rest()


@pytest.mark.parametrize("is_stopped", [False, True])
def test_an_upgrade_that_does_not_come_up_goes_back_to_version_and_data_as_they_were(
    yard: Yard, is_stopped: bool
) -> None:
    old_version(yard)
    if is_stopped:
        stop(yard)

    def break_when_filled(call: str, container: str) -> None:
        if call == "write_to":
            yard.machine.broken.add(f"postgres:{NEW}")

    yard.machine.before = break_when_filled
    made = yard.ask(requesting.upgrade, NEW)
    yard.settle(rounds=150)

    operation = yard.operation(made)
    assert operation.status is OperationStatus.FAILED
    assert "ends by itself" in (operation.error or "")
    assert (yard.instance().version, yard.instance().volume_number) == (OLD, 1)
    assert yard.data() == {"app": ROWS}
    yard.assert_at_rest(Wanted.STOPPED if is_stopped else Wanted.RUNNING)
    assert operation.backup_id is not None, "the backup is kept"
    assert yard.backup(operation.backup_id).status is BackupStatus.DONE


def test_leaving_a_dead_node_restores_the_newest_backup_elsewhere_and_fences_the_old_volume(
    yard: Yard, administrator: object
) -> None:
    yard.back_up()
    yard.write(LATER)
    lose(yard, "node-1")

    made = yard.ask(requesting.evacuate)
    yard.settle()

    assert yard.operation(made).status is OperationStatus.DONE
    assert yard.data() == {"app": ROWS}
    assert yard.volume(2).node_name == "node-2"
    assert (yard.volume(1).status, yard.volume(1).fenced_node) == (VolumeStatus.RETIRED, "node-1")
    yard.assert_at_rest()


def test_a_node_that_is_back_before_the_restore_has_begun_keeps_its_newest_data(yard: Yard) -> None:
    yard.back_up()
    yard.write(LATER)
    lose(yard, "node-1")
    made = yard.ask(requesting.evacuate)
    yard.machine.dead_nodes.clear()
    see_nodes(yard, "node-1", "node-2")

    yard.settle()

    operation = yard.operation(made)
    assert operation.status is OperationStatus.FAILED
    assert "answers again" in (operation.error or "")
    assert yard.data() == {"app": LATER}
    yard.assert_at_rest()


def test_what_was_thrown_away_does_not_come_back_by_leaving_a_dead_node(yard: Yard) -> None:
    yard.back_up()
    yard.clock.advance(minutes=5)
    yard.ask(requesting.reset)
    yard.settle()
    lose(yard, "node-1")

    with pytest.raises(NoBackupYet):
        yard.ask(requesting.evacuate)


def test_a_backup_brings_the_key_that_its_data_were_made_with_whatever_was_restored_since(
    yard: Yard, ports: PortsNow
) -> None:
    yard.id = source = yard.order("n8n-automation")
    other = yard.back_up()
    yard.shop.cancel(yard.customer, yard.instance(source).subscription_id)
    yard.settle()
    yard.id = yard.order("n8n-automation")
    own = yard.back_up()
    key = ports.sealer.open(yard.instance().sealed_secrets)
    yard.ask(requesting.restore, other)
    yard.settle()
    assert ports.sealer.open(yard.instance().sealed_secrets) != key

    yard.ask(requesting.restore, own)
    yard.settle()

    assert ports.sealer.open(yard.instance().sealed_secrets) == key


def test_a_file_without_an_end_is_given_up(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(carrying, "_most", lambda storage_gb: 5)

    made = yard.ask(requesting.back_up)
    yard.settle()

    operation = yard.operation(made)
    assert operation.status is OperationStatus.FAILED
    assert "far more data" in (operation.error or "")
    assert operation.attempts == 1
    yard.assert_at_rest()


def test_a_retired_volume_is_deleted_after_its_day_and_not_before(
    yard: Yard, tick: Callable[[str], None]
) -> None:
    yard.ask(requesting.reset)
    yard.settle()
    yard.clock.advance(hours=23)
    tick("delete-volumes")
    assert yard.volumes()[1] is VolumeStatus.RETIRED

    yard.clock.advance(hours=2)
    for _ in range(2):
        tick("delete-volumes")

    assert yard.volumes() == {2: VolumeStatus.ACTIVE, 1: VolumeStatus.DELETED}
    yard.assert_at_rest()


def test_the_end_of_an_instance_takes_its_retired_volumes_along(yard: Yard) -> None:
    yard.ask(requesting.reset)
    yard.settle()
    yard.shop.cancel(yard.customer, yard.instance().subscription_id)
    yard.settle()

    assert yard.instance().status is InstanceStatus.TERMINATED
    assert set(yard.volumes().values()) == {VolumeStatus.DELETED}
    assert yard.machine.volumes == {}
