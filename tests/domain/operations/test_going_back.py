"""Back to a volume that was given up: data, version and secrets of that time; kept until somebody could have looked."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

import pytest
from sqlalchemy import select

from minispod.backups.models import Backup, BackupReason
from minispod.cluster import monitoring
from minispod.cluster.port import ClusterRefused, NodeSighting, VolumeSighting
from minispod.instances import volumes
from minispod.instances.states import InstanceStatus, VolumeStatus
from minispod.kernel.database import session
from minispod.kernel.unit_of_work import unit_of_work
from minispod.operations import node_loss, requesting
from minispod.operations.errors import NoSuchVolume, NotNow, VolumeNotKept, VolumeOutOfReach
from minispod.operations.models import Operation
from minispod.operations.states import OperationKind, OperationStatus
from tests.domain.operations.conftest import ROWS, Yard
from tests.domain.operations.test_kinds import NEW, OLD, lose, mails, old_version, see_nodes
from tests.factories.nodes import worker
from tests.plugins.app import Person, PortsNow

LATER = b"written after the backup"
Tick = Callable[[str], None]


def test_after_a_reset_the_data_are_got_back_and_what_was_begun_anew_is_kept_in_turn(yard: Yard) -> None:
    yard.ask(requesting.reset)
    yard.settle()
    yard.write(LATER)

    made = yard.ask(requesting.go_back, 1)
    assert yard.instance().status is InstanceStatus.MAINTENANCE
    yard.settle()

    assert yard.operation(made).status is OperationStatus.DONE
    assert yard.data() == {"app": ROWS}
    assert yard.volumes() == {2: VolumeStatus.RETIRED, 1: VolumeStatus.ACTIVE}
    assert yard.volume(2).reason == "return"
    assert yard.volume(1).keep_until is None
    yard.assert_at_rest()
    assert mails(yard) == ["operation_done", "operation_done"]

    yard.ask(requesting.go_back, 2)
    yard.settle()
    assert yard.data() == {"app": LATER}
    yard.assert_at_rest()


def test_going_back_behind_an_upgrade_brings_the_old_version_along(yard: Yard) -> None:
    old_version(yard)
    yard.ask(requesting.upgrade, NEW)
    yard.settle()
    assert yard.instance().version == NEW

    yard.ask(requesting.go_back, 1)
    yard.settle()

    assert (yard.instance().version, yard.data()) == (OLD, {"app": ROWS})
    yard.assert_at_rest()


def test_the_secrets_that_the_data_were_made_with_come_back_with_them(yard: Yard, ports: PortsNow) -> None:
    yard.id = yard.order("n8n-automation")
    others = yard.back_up()
    yard.shop.cancel(yard.customer, yard.instance().subscription_id)
    yard.settle()
    yard.id = yard.order("n8n-automation")
    key = ports.sealer.open(yard.instance().sealed_secrets)
    yard.ask(requesting.restore, others)
    yard.settle()
    assert ports.sealer.open(yard.instance().sealed_secrets) != key

    yard.ask(requesting.go_back, 1)
    yard.settle()

    assert ports.sealer.open(yard.instance().sealed_secrets) == key
    assert yard.volume(1).sealed_secrets is None


def test_an_attempt_that_fails_leaves_the_present_data_and_never_empties_anything(yard: Yard) -> None:
    yard.ask(requesting.reset)
    yard.settle()
    yard.write(LATER)
    refusals = [1]

    def before(call: str, container: str) -> None:
        if call == "scale" and refusals:
            refusals.pop()
            raise ClusterRefused("The cluster says no.")

    yard.machine.before = before
    made = yard.ask(requesting.go_back, 1)
    yard.settle(rounds=200)

    assert (yard.operation(made).status, yard.operation(made).attempts) == (OperationStatus.DONE, 2)
    assert yard.data() == {"app": ROWS}
    assert yard.volumes() == {2: VolumeStatus.RETIRED, 1: VolumeStatus.ACTIVE}
    yard.assert_at_rest()


def test_what_is_in_use_gone_about_to_go_or_was_never_there_is_refused(yard: Yard, tick: Tick) -> None:
    with pytest.raises(NoSuchVolume):
        yard.ask(requesting.go_back, 7)
    with pytest.raises(VolumeNotKept):
        yard.ask(requesting.go_back, 1)
    yard.ask(requesting.reset)
    yard.settle()
    yard.clock.advance(hours=23, minutes=56)
    with pytest.raises(VolumeNotKept):
        yard.ask(requesting.go_back, 1)
    yard.clock.advance(hours=2)
    tick("delete-volumes")
    tick("delete-volumes")
    with pytest.raises(VolumeNotKept):
        yard.ask(requesting.go_back, 1)
    yard.put(status=InstanceStatus.STARTING)
    with pytest.raises(NotNow):
        yard.ask(requesting.go_back, 1)


def test_a_volume_that_is_being_gone_back_to_is_not_deleted(yard: Yard, tick: Tick) -> None:
    yard.ask(requesting.reset)
    yard.settle()
    yard.clock.advance(hours=23, minutes=54)
    yard.ask(requesting.go_back, 1)
    yard.machine.is_silent = True
    yard.run_jobs()
    yard.clock.advance(hours=3)
    yard.machine.is_silent = False
    tick("delete-volumes")
    yard.settle(rounds=200)

    assert yard.data() == {"app": ROWS}
    yard.assert_at_rest()


def look_at_nodes(yard: Yard) -> None:
    """What the reading of the nodes has done beside its notes."""
    with yard.shop.app.app_context(), unit_of_work():
        node_loss.keep_safe(keep=timedelta(hours=24), at=yard.clock.now())


def test_a_fenced_volume_is_kept_while_its_node_is_away_and_a_day_after_its_return(
    yard: Yard, administrator: object, tick: Tick
) -> None:
    yard.back_up()
    yard.write(LATER)
    lose(yard, "node-1")
    yard.ask(requesting.evacuate)
    yard.settle()

    for _ in range(5):
        yard.clock.advance(hours=20)
        look_at_nodes(yard)
        tick("delete-volumes")
    assert yard.volumes()[1] is VolumeStatus.RETIRED
    with pytest.raises(VolumeOutOfReach):
        yard.ask(requesting.go_back, 1)

    yard.machine.dead_nodes.clear()
    see_nodes(yard, "node-1", "node-2")
    yard.clock.advance(hours=23)
    look_at_nodes(yard)
    tick("delete-volumes")
    assert yard.volumes()[1] is VolumeStatus.RETIRED

    yard.ask(requesting.go_back, 1)
    yard.settle()

    assert yard.data() == {"app": LATER}
    assert yard.volume(1).fenced_node is None
    yard.assert_at_rest()


def test_a_fenced_volume_that_nobody_wants_goes_a_day_after_the_return_of_its_node(
    yard: Yard, tick: Tick
) -> None:
    yard.back_up()
    lose(yard, "node-1")
    yard.ask(requesting.evacuate)
    yard.settle()
    yard.clock.advance(hours=30)
    look_at_nodes(yard)
    see_nodes(yard, "node-1", "node-2")

    yard.clock.advance(hours=25)
    look_at_nodes(yard)
    for _ in range(2):
        tick("delete-volumes")

    assert yard.volumes() == {2: VolumeStatus.ACTIVE, 1: VolumeStatus.DELETED}


class Readings:
    """A cluster of which only the nodes are read."""

    def nodes(self) -> list[NodeSighting]:
        return [worker("node-1", is_ready=False), worker("node-2")]

    def volumes(self) -> list[VolumeSighting]:
        return []


def test_the_reading_of_the_nodes_keeps_what_lies_on_a_lost_one(
    yard: Yard, ports: PortsNow, tick: Tick
) -> None:
    yard.ask(requesting.reset)
    yard.settle()
    before = yard.volume(1).keep_until
    assert before is not None
    ports.change(cluster=Readings())
    yard.clock.advance(hours=20)

    tick("poll-nodes")

    assert yard.volume(1).keep_until == yard.clock.now() + timedelta(hours=24) > before


def daily_backups(yard: Yard) -> list[Backup]:
    with yard.shop.app.app_context():
        return list(session().scalars(select(Backup).where(Backup.reason == BackupReason.DAILY)))


@pytest.mark.parametrize("kind", [OperationKind.RESTORE, OperationKind.RESET, OperationKind.RETURN])
def test_after_the_switch_the_newest_backup_is_soon_of_the_data_in_use(
    yard: Yard, tick: Tick, kind: OperationKind
) -> None:
    """By day, where the application need not be stopped for it."""
    first = yard.back_up()
    tick("request-backups")
    assert not yard.is_under_way(), "it is day, and the backup is of these data"
    yard.clock.advance(minutes=5)
    if kind is OperationKind.RESTORE:
        yard.write(LATER)
        yard.back_up()
        yard.clock.advance(minutes=1)
        yard.ask(requesting.restore, first)
    else:
        yard.ask(requesting.reset)
    yard.settle()
    if kind is OperationKind.RETURN:
        tick("request-backups")
        yard.settle()
        yard.clock.advance(minutes=5)
        yard.ask(requesting.go_back, 1)
        yard.settle()
    count = len(daily_backups(yard))

    yard.clock.advance(minutes=1)
    tick("request-backups")
    yard.settle()

    taken = max(daily_backups(yard), key=lambda each: each.taken_at)
    assert len(daily_backups(yard)) == count + 1
    assert taken.plain_size == (len(b"nothing yet") if kind is OperationKind.RESET else len(ROWS))
    tick("request-backups")
    assert not yard.is_under_way(), "once"
    lose(yard, "node-1")
    evacuated = yard.ask(requesting.evacuate)
    assert yard.operation(evacuated).source_backup_id == taken.id


def test_what_must_be_stopped_for_its_backup_is_not_stopped_by_day(yard: Yard, tick: Tick) -> None:
    yard.id = yard.order("n8n-automation")
    yard.ask(requesting.reset)
    yard.settle()

    tick("request-backups")

    assert not yard.is_under_way()


def test_a_move_leaves_the_backups_before_it_good_for_leaving_a_dead_node(yard: Yard, tick: Tick) -> None:
    see_nodes(yard, "node-1", "node-2")
    yard.ask(requesting.move, "node-2")
    yard.settle()
    tick("request-backups")
    assert not yard.is_under_way(), "the copy that the move made is of these data"

    yard.machine.dead_nodes.add("node-2")
    with yard.shop.app.app_context(), unit_of_work():
        monitoring.record_nodes([worker("node-1"), worker("node-2", is_ready=False)], yard.clock.now())
    yard.ask(requesting.evacuate)
    yard.settle()

    assert yard.data() == {"app": ROWS}
    yard.assert_at_rest()


def test_what_is_tied_to_no_node_is_moved_without_a_copy(yard: Yard) -> None:
    see_nodes(yard, "node-1", "node-2")
    with yard.shop.app.app_context(), unit_of_work():
        volume = volumes.volume_of(yard.id, 1)
        assert volume is not None
        volume.is_node_bound = False

    made = yard.ask(requesting.move, "node-2")
    yard.settle()

    operation = yard.operation(made)
    assert (operation.kind, operation.status) == (OperationKind.RESCHEDULE, OperationStatus.DONE)
    assert "read_from" not in yard.machine.calls
    assert yard.volumes() == {1: VolumeStatus.ACTIVE}
    row = yard.instance()
    pod = yard.machine.workloads[row.namespace, row.name]["spec"]["template"]["spec"]
    [wish] = pod["affinity"]["nodeAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
    assert wish["preference"]["matchExpressions"][0]["values"] == ["node-2"]
    yard.assert_at_rest()


class Died(Exception):
    """The process is gone in the middle."""


def test_a_node_is_left_one_instance_after_another_and_a_crash_loses_none(
    yard: Yard, administrator: Person, person: Callable[..., Person]
) -> None:
    ids = [yard.id, yard.order("postgresql", person(credit=500_000))]
    for each in ids:
        yard.ask(lambda id_, **who: requesting.back_up(id_, **{**who, "actor": administrator.actor}), of=each)
        yard.settle()
    with yard.shop.app.app_context(), unit_of_work():
        for each in ids:
            volume = volumes.volume_of(each, 1)
            assert volume is not None
            volume.is_node_bound, volume.node_name = True, "node-1"
    lose(yard, "node-1")
    begun: list[int] = []

    @contextmanager
    def dies_in_the_second() -> Iterator[None]:
        with unit_of_work():
            yield
            begun.append(1)
            if len(begun) == 2:
                raise Died

    def evacuate(transaction: node_loss.Transaction) -> int:
        with yard.shop.app.app_context():
            return node_loss.evacuate(
                "node-1", transaction=transaction, actor=administrator.actor, at=yard.clock.now()
            )[0]

    with suppress(Died):
        evacuate(dies_in_the_second)
    assert len(begun) == 2
    assert len(asked(yard)) == 1, "the first has its own commit"

    assert evacuate(unit_of_work) == 1
    assert len(asked(yard)) == 2


def asked(yard: Yard) -> list[Operation]:
    with yard.shop.app.app_context():
        return list(session().scalars(select(Operation).where(Operation.kind == OperationKind.EVACUATE)))
