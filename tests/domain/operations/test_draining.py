"""A node is emptied: what is moved first, what is asked to leave, what stays and why, and how it ends."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from minispod.audit.models import AuditEntry
from minispod.cluster import monitoring
from minispod.cluster.draining import Eviction, Keeper, PlacedPod
from minispod.cluster.port import ClusterUnavailable, NodeSighting, NoSuchObject, VolumeSighting
from minispod.instances import volumes
from minispod.instances.models import Instance
from minispod.instances.naming import claim_name
from minispod.instances.states import InstanceStatus
from minispod.jobs.nodes import work_on_node
from minispod.jobs.work import Work
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import db, session
from minispod.kernel.outbox import Lease
from minispod.kernel.tasks import Task
from minispod.kernel.unit_of_work import unit_of_work
from minispod.operations import requesting as data
from minispod.operations.models import Operation
from minispod.operations.nodes import carrying, engine, queries, requesting
from minispod.operations.nodes.errors import (
    NodeBusy,
    NodeDoesNotAnswer,
    NodeUnknown,
    NothingToCancel,
    NowhereToGo,
)
from minispod.operations.nodes.models import NodeOperation
from minispod.operations.nodes.states import BoundChoice, NodeActStatus
from minispod.operations.states import OperationKind, OperationStatus
from minispod.rules import cluster_rules
from minispod.settings import Settings
from tests.factories.nodes import worker
from tests.plugins.app import Person, PortsNow
from tests.plugins.shop import Shop

OLD, BIG, SMALL = "worker-1", "worker-2", "worker-3"
NODES = [worker(OLD), worker(BIG), worker(SMALL, memory_mb=8_192)]


@dataclass
class Machines:
    """The part of a cluster that a drain talks to."""

    pods: list[PlacedPod] = field(default_factory=list)
    places: list[VolumeSighting] = field(default_factory=list)
    budgets: set[str] = field(default_factory=set)
    marked: set[str] = field(default_factory=set)
    is_gone: bool = False
    lingers: bool = False

    def set_schedulable(self, node: str, *, is_schedulable: bool) -> None:
        """Mark a node."""
        if self.is_gone:
            raise NoSuchObject
        (self.marked.discard if is_schedulable else self.marked.add)(node)

    def pods_on(self, node: str) -> list[PlacedPod]:
        """All pods."""
        return list(self.pods)

    def volumes(self) -> list[VolumeSighting]:
        """All volumes."""
        return self.places

    def evict(self, namespace: str, pod: str) -> Eviction:
        """Within the budgets."""
        if pod in self.budgets:
            return Eviction("Cannot evict pod as it would violate the pod's disruption budget.")
        found = next(each for each in self.pods if each.name == pod)
        self.pods.remove(found)
        if self.lingers:
            self.pods.append(replace(found, is_leaving=True))
        return Eviction()


class Yard:
    """Three workers, and an administrator at one of them."""

    def __init__(self, shop: Shop, clock: FrozenClock, settings: Settings, staff: Person) -> None:
        self.shop, self.clock, self.settings, self.staff = shop, clock, settings, staff
        self.machines = Machines()

    def see(self, *nodes: NodeSighting) -> None:
        """Read the nodes, as the job does."""
        with self.shop.app.app_context(), unit_of_work():
            monitoring.record_nodes(nodes, self.clock.advance(seconds=1))

    def ask(self, act: Callable[..., NodeOperation], *args: object) -> uuid.UUID:
        """Ask for an act, in a unit of work of its own."""
        with self.shop.app.app_context(), unit_of_work():
            return act(*args, actor=self.staff.actor, at=self.clock.now()).id

    def work(self, operation_id: uuid.UUID, *, is_wanted: Callable[[], bool] = lambda: True) -> None:
        """Carry it on as far as it goes now."""
        again: timedelta | None = timedelta(0)
        with self.shop.app.app_context():
            while again == timedelta(0):
                with unit_of_work():
                    rules = cluster_rules(self.settings)
                    order = engine.claim(operation_id, rules=rules, at=self.clock.now())
                if order is None or isinstance(order, timedelta):
                    break
                report = carrying.carry_out(order, self.machines, is_wanted=is_wanted)  # type: ignore[arg-type]
                with unit_of_work():
                    again = engine.settle(order, report, at=self.clock.now())
            db.session.remove()
        self.clock.advance(seconds=5)

    def row(self, operation_id: uuid.UUID) -> NodeOperation:
        """How it stands."""
        with self.shop.app.app_context():
            found = queries.get(operation_id)
            db.session.remove()
            return found

    def run_there(self, subscription: uuid.UUID, *, bound: bool) -> Instance:
        """Let an instance run on the old node, its volume tied to it or not."""
        self.shop.put(
            subscription, status=InstanceStatus.RUNNING, node_name=OLD, first_ran_at=self.clock.now()
        )
        with self.shop.app.app_context(), unit_of_work():
            wanted = select(Instance).where(Instance.subscription_id == subscription)
            instance = session().scalars(wanted).one()
            claim = claim_name(instance.name, instance.volume_number)
            place = VolumeSighting(instance.namespace, claim, (OLD,) if bound else ())
            self.machines.places.append(place)
            volumes.note_places([place])
            volumes.note_nodes()
            pod = PlacedPod(instance.namespace, instance.name, Keeper.CONTROLLER, (claim,), str(instance.id))
            self.machines.pods.append(pod)
            return instance

    def moves(self) -> list[Operation]:
        """The operations on instances."""
        with self.shop.app.app_context():
            found = list(session().scalars(select(Operation).order_by(Operation.id)))
            db.session.remove()
            return found

    def end_moves(self, status: OperationStatus, error: str | None = None) -> None:
        """Let what is under way come to its end; what has moved is not on the node any more."""
        with self.shop.app.app_context(), unit_of_work():
            for each in session().scalars(select(Operation).where(Operation.status == "PENDING")):
                each.status, each.error = status, error
                instance = session().get_one(Instance, each.instance_id)
                if status is OperationStatus.DONE:
                    claim = claim_name(instance.name, instance.volume_number)
                    volumes.note_places(
                        [VolumeSighting(instance.namespace, claim, (each.target_node or "",))]
                    )
                    self.machines.pods = [
                        pod for pod in self.machines.pods if pod.instance_id != str(instance.id)
                    ]

    def book(self) -> list[str]:
        """What the audit book says of nodes, oldest first."""
        with self.shop.app.app_context():
            wanted = select(AuditEntry.action).where(AuditEntry.subject_kind == "node")
            found = list(session().scalars(wanted.order_by(AuditEntry.id)))
            db.session.remove()
            return found


@pytest.fixture
def yard(shop: Shop, clock: FrozenClock, settings: Settings, administrator: Person) -> Yard:
    """A cluster that is well."""
    yard = Yard(shop, clock, settings, administrator)
    yard.see(*NODES)
    return yard


def _platform(name: str, keeper: Keeper, **facts: object) -> PlacedPod:
    return PlacedPod("kube-system", name, keeper, **facts)  # type: ignore[arg-type]


def test_a_node_is_marked_and_the_mark_is_taken_away(yard: Yard) -> None:
    cordon = yard.ask(requesting.cordon, OLD)
    yard.work(cordon)
    assert yard.machines.marked == {OLD}
    assert yard.row(cordon).status is NodeActStatus.DONE

    yard.work(yard.ask(requesting.uncordon, OLD))

    assert yard.machines.marked == set()
    assert yard.book() == ["node.act_requested", "node.act_done"] * 2


def test_what_may_go_leaves_and_the_rest_stays_for_a_reason(
    yard: Yard, customer: Person, plan_id: Callable[..., uuid.UUID]
) -> None:
    tied = yard.run_there(yard.shop.order(customer, plan_id("postgresql", "BASIC")), bound=True)
    yard.run_there(yard.shop.order(customer, plan_id("grafana", "BASIC")), bound=False)
    yard.machines.pods += [
        _platform("traefik", Keeper.CONTROLLER),
        _platform("svclb", Keeper.DAEMON_SET),
        _platform("etcd", Keeper.NODE),
        _platform("by-hand", Keeper.NOBODY),
        _platform("a-job-that-ended", Keeper.CONTROLLER, is_over=True),
    ]
    drain = yard.ask(requesting.drain, OLD, BoundChoice.LEAVE)

    yard.work(drain)
    yard.work(drain)

    row = yard.row(drain)
    assert (row.status, row.sent_away, row.waiting) == (NodeActStatus.DONE, 2, [])
    assert {each["pod"]: each["why"] for each in row.staying} == {
        tied.name: "Its data are on this node only.",
        "by-hand": "Nobody would start it again elsewhere.",
    }
    left = {each.name for each in yard.machines.pods}
    assert left == {tied.name, "svclb", "etcd", "by-hand", "a-job-that-ended"}
    assert yard.machines.marked == {OLD}
    assert yard.book() == ["node.act_requested", "node.act_done"]


def test_what_is_tied_stands_still_only_when_that_is_said(
    yard: Yard, customer: Person, plan_id: Callable[..., uuid.UUID]
) -> None:
    yard.run_there(yard.shop.order(customer, plan_id("postgresql", "BASIC")), bound=True)
    drain = yard.ask(requesting.drain, OLD, BoundChoice.STAND_STILL)

    yard.work(drain)
    yard.work(drain)

    assert yard.machines.pods == []
    assert yard.row(drain).status is NodeActStatus.DONE
    assert len(yard.machines.places) == 1, "no volume goes"


def test_a_disruption_budget_is_waited_for_and_its_words_are_shown(yard: Yard) -> None:
    yard.machines.pods = [_platform("traefik", Keeper.CONTROLLER)]
    yard.machines.budgets = {"traefik"}
    drain = yard.ask(requesting.drain, OLD, BoundChoice.LEAVE)

    yard.work(drain)

    [waiting] = yard.row(drain).waiting
    assert "disruption budget" in waiting["why"]
    yard.machines.budgets.clear()
    yard.work(drain)
    yard.work(drain)
    assert yard.row(drain).status is NodeActStatus.DONE


def test_a_drain_in_which_nothing_happens_is_given_up(yard: Yard, clock: FrozenClock) -> None:
    yard.machines.pods = [_platform("traefik", Keeper.CONTROLLER)]
    yard.machines.budgets = {"traefik"}
    drain = yard.ask(requesting.drain, OLD, BoundChoice.LEAVE)
    yard.work(drain)
    clock.advance(minutes=31)

    yard.work(drain)

    row = yard.row(drain)
    assert row.status is NodeActStatus.FAILED
    assert "half an hour" in (row.error or "")
    assert yard.book()[-1] == "node.act_failed"


class Silent(Machines):
    """A cluster that does not answer."""

    def volumes(self) -> list[VolumeSighting]:
        """No answer."""
        raise ClusterUnavailable


def test_a_silence_of_the_cluster_pauses_a_drain(yard: Yard, ports: PortsNow, clock: FrozenClock) -> None:
    yard.machines.pods = [_platform("traefik", Keeper.CONTROLLER)]
    yard.machines.budgets = {"traefik"}
    drain = yard.ask(requesting.drain, OLD, BoundChoice.LEAVE)
    yard.work(drain)
    ports.change(cluster=Silent())
    lease = Lease(uuid.uuid4(), Task.WORK_ON_NODE, "", {"operation_id": str(drain)}, 1, 0, None, 1)

    for _ in range(10):
        clock.advance(minutes=5)
        with yard.shop.app.app_context(), pytest.raises(ClusterUnavailable):
            work_on_node(Work(lease, yard.shop.ports, yard.settings))  # type: ignore[arg-type]
    yard.work(drain)

    assert yard.row(drain).status is NodeActStatus.RUNNING
    clock.advance(minutes=31)
    yard.work(drain)
    assert yard.row(drain).status is NodeActStatus.FAILED, "it counts again from when the cluster answers"


def test_a_pod_that_takes_its_time_is_asked_once(yard: Yard) -> None:
    yard.machines.pods, yard.machines.lingers = [_platform("traefik", Keeper.CONTROLLER)], True
    drain = yard.ask(requesting.drain, OLD, BoundChoice.LEAVE)

    for _ in range(3):
        yard.work(drain)
    assert yard.row(drain).sent_away == 1
    assert yard.row(drain).waiting[0]["why"] == "It is being stopped."

    yard.machines.pods = []
    yard.work(drain)
    assert yard.row(drain).status is NodeActStatus.DONE


def test_what_is_tied_moves_two_at_a_time_to_the_roomiest_worker_before_the_mark(
    yard: Yard, customer: Person, plan_id: Callable[..., uuid.UUID]
) -> None:
    for slug in ("postgresql", "redis", "mariadb"):
        yard.run_there(yard.shop.order(customer, plan_id(slug, "BASIC")), bound=True)
    drain = yard.ask(requesting.drain, OLD, BoundChoice.MOVE)

    for _ in range(4):
        yard.work(drain)
    assert [each.kind for each in yard.moves()] == [OperationKind.MOVE] * 2
    assert {each.target_node for each in yard.moves()} == {BIG}
    assert yard.machines.marked == set(), "what fails to move could not start again on a marked node"

    yard.end_moves(OperationStatus.DONE)
    yard.work(drain)
    assert len(yard.moves()) == 3
    yard.end_moves(OperationStatus.DONE)
    yard.work(drain)

    row = yard.row(drain)
    assert row.status is NodeActStatus.DONE
    assert len(row.moves) == 3
    assert row.refusals == {}
    assert yard.machines.marked == {OLD}


def test_what_cannot_be_moved_goes_on_running_and_says_why(
    yard: Yard, customer: Person, plan_id: Callable[..., uuid.UUID]
) -> None:
    tied = yard.run_there(yard.shop.order(customer, plan_id("postgresql", "BASIC")), bound=True)
    drain = yard.ask(requesting.drain, OLD, BoundChoice.MOVE)
    yard.work(drain)
    yard.end_moves(OperationStatus.FAILED, "The data could not be copied: the store is silent.")

    yard.work(drain)
    yard.work(drain)

    row = yard.row(drain)
    assert row.refusals == {str(tied.id): "The data could not be copied: the store is silent."}
    assert [each["pod"] for each in row.staying] == [tied.name]
    assert row.status is NodeActStatus.DONE
    assert len(yard.moves()) == 1, "it is not tried again by itself"


def test_without_room_nothing_is_moved(
    yard: Yard, customer: Person, plan_id: Callable[..., uuid.UUID]
) -> None:
    tied = yard.run_there(yard.shop.order(customer, plan_id("postgresql", "BASIC")), bound=True)
    drain = yard.ask(requesting.drain, OLD, BoundChoice.MOVE)
    yard.see(worker(OLD), worker(BIG, memory_requested=32_768))

    yard.work(drain)
    yard.work(drain)

    assert yard.moves() == []
    assert "room" in yard.row(drain).refusals[str(tied.id)]


def test_an_instance_that_an_operation_works_on_is_not_disturbed(
    yard: Yard, customer: Person, plan_id: Callable[..., uuid.UUID], clock: FrozenClock
) -> None:
    held = yard.run_there(yard.shop.order(customer, plan_id("grafana", "BASIC")), bound=False)
    with yard.shop.app.app_context(), unit_of_work():
        data.back_up(held.id, actor=customer.actor, at=clock.now())
    drain = yard.ask(requesting.drain, OLD, BoundChoice.LEAVE)

    yard.work(drain)
    assert "operation works" in yard.row(drain).waiting[0]["why"]

    yard.end_moves(OperationStatus.FAILED, "no store")
    yard.work(drain)
    yard.work(drain)
    assert yard.row(drain).status is NodeActStatus.DONE


def test_one_thing_at_a_time_is_done_with_a_node(yard: Yard) -> None:
    drain = yard.ask(requesting.drain, OLD, BoundChoice.LEAVE)

    with pytest.raises(NodeBusy):
        yard.ask(requesting.uncordon, OLD)
    yard.ask(requesting.cordon, BIG)

    yard.ask(requesting.cancel, drain)
    yard.ask(requesting.uncordon, OLD)


def test_a_cancelled_drain_stops_where_it_stands(yard: Yard) -> None:
    yard.machines.pods = [_platform(f"pod-{number}", Keeper.CONTROLLER) for number in range(3)]
    drain = yard.ask(requesting.drain, OLD, BoundChoice.LEAVE)
    yard.work(drain, is_wanted=lambda: False)
    assert len(yard.machines.pods) == 3

    yard.ask(requesting.cancel, drain)
    yard.work(drain)

    assert len(yard.machines.pods) == 3
    assert yard.row(drain).status is NodeActStatus.CANCELLED
    assert yard.machines.marked == {OLD}, "the mark is taken away by whoever wants it"
    with pytest.raises(NothingToCancel):
        yard.ask(requesting.cancel, drain)
    assert yard.book()[-1] == "node.act_cancelled"


def test_a_worker_that_was_overtaken_settles_nothing(yard: Yard) -> None:
    yard.machines.pods = [_platform("traefik", Keeper.CONTROLLER)]
    drain = yard.ask(requesting.drain, OLD, BoundChoice.LEAVE)
    with yard.shop.app.app_context():
        rules = cluster_rules(yard.settings)
        with unit_of_work():
            slow = engine.claim(drain, rules=rules, at=yard.clock.now())
        assert not isinstance(slow, timedelta | None)
        report = carrying.carry_out(slow, yard.machines, is_wanted=lambda: True)  # type: ignore[arg-type]
        # It is killed here, or sleeps; another takes over.
        yard.work(drain)
        yard.work(drain)
        with unit_of_work():
            assert engine.settle(slow, report, at=yard.clock.now()) is None

    row = yard.row(drain)
    assert (row.status, row.sent_away) == (NodeActStatus.DONE, 1)


def test_a_node_that_is_not_in_the_cluster_any_more_ends_it(yard: Yard) -> None:
    yard.machines.is_gone = True
    drain = yard.ask(requesting.drain, OLD, BoundChoice.LEAVE)

    yard.work(drain)

    assert yard.row(drain).status is NodeActStatus.FAILED
    assert "not in the cluster" in (yard.row(drain).error or "")


def test_an_operation_that_begins_just_before_its_move_is_waited_for(
    yard: Yard, customer: Person, plan_id: Callable[..., uuid.UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    tied = yard.run_there(yard.shop.order(customer, plan_id("postgresql", "BASIC")), bound=True)
    drain = yard.ask(requesting.drain, OLD, BoundChoice.MOVE)
    touched_by = engine.node_loss.touched_by

    def late(node: str) -> object:
        monkeypatch.setattr(engine.node_loss, "touched_by", touched_by)
        found = touched_by(node)
        data.back_up(tied.id, actor=customer.actor, at=yard.clock.now())
        return found

    monkeypatch.setattr(engine.node_loss, "touched_by", late)
    yard.work(drain)
    yard.work(drain)
    row = yard.row(drain)
    assert (row.status, row.moves, row.refusals) == (NodeActStatus.RUNNING, {}, {})
    assert yard.machines.marked == set()

    yard.end_moves(OperationStatus.FAILED)
    yard.work(drain)
    assert list(yard.row(drain).moves) == [str(tied.id)]


def test_what_makes_no_sense_is_refused(yard: Yard, clock: FrozenClock) -> None:
    with pytest.raises(NodeUnknown):
        yard.ask(requesting.cordon, "worker-9")

    clock.advance(seconds=60)
    yard.see(worker(OLD, is_ready=False), worker(BIG))
    with pytest.raises(NodeDoesNotAnswer):
        yard.ask(requesting.drain, OLD, BoundChoice.LEAVE)

    clock.advance(seconds=60)
    yard.see(worker(OLD), worker(BIG, is_schedulable=False))
    with pytest.raises(NowhereToGo):
        yard.ask(requesting.drain, OLD, BoundChoice.LEAVE)
