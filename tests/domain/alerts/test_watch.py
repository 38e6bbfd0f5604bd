"""The watch reads the business as it is: each kind of trouble that is in the database becomes its alert, and ends."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, select

from minispod.alerts.models import Alert
from minispod.cluster import monitoring
from minispod.cluster.port import VolumeSighting, WorkloadSighting
from minispod.instances import observation, volumes
from minispod.instances.models import Instance
from minispod.instances.naming import claim_name
from minispod.instances.states import InstanceStatus
from minispod.instances.uptime import watching
from minispod.instances.usage.models import UsageSample
from minispod.kernel import outbox
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.kernel.outbox import OutboxRow
from minispod.kernel.tasks import Task
from minispod.kernel.unit_of_work import unit_of_work
from minispod.operations.nodes import requesting
from minispod.operations.nodes.states import BoundChoice, NodeActStatus
from minispod.payments.states import TopUpState
from minispod.subscriptions.models import Subscription
from tests.factories.nodes import worker
from tests.factories.payments import put_topup
from tests.factories.statements import asked
from tests.plugins.app import Person
from tests.plugins.shop import Shop

TOLERANCE = timedelta(minutes=1)


class Watch:
    """A shop whose cluster is looked at by hand."""

    def __init__(self, shop: Shop, tick: Callable[[str], None]) -> None:
        self.shop, self.app, self.clock, self._tick = shop, shop.app, shop.clock, tick

    def nodes(self, **facts: Any) -> None:
        """Read two workers; `facts` are those of the first."""
        with self.app.app_context(), unit_of_work():
            monitoring.record_nodes([worker("worker-1", **facts), worker("worker-2")], self.clock.now())

    def instances(self, *, ready: bool, restarts: int = 0, pod: str = "pod-1") -> None:
        """Look at all instances."""
        with self.app.app_context(), unit_of_work():
            rows = session().scalars(select(Instance)).all()
            seen = [
                WorkloadSighting(
                    row.namespace, row.name, str(row.id), 1, 0, ready, False, pod_name=pod, restarts=restarts
                )
                for row in rows
            ]
            observation.apply_sightings(seen, [], at=self.clock.now())
            watching.note_look(seen, tolerance=TOLERANCE, at=self.clock.now())

    def open(self) -> list[str]:
        """Let the watch look, and list the rules of the alerts that are open."""
        self._tick("watch-alerts")
        with self.app.app_context():
            wanted = select(Alert).where(Alert.resolved_at.is_(None)).order_by(Alert.opened_at, Alert.rule)
            return [
                row.rule.value for row in session().scalars(wanted.execution_options(populate_existing=True))
            ]

    def forget_work(self) -> None:
        """Nothing waits: these tests are not about late work."""
        with self.app.app_context(), unit_of_work():
            session().execute(delete(OutboxRow))


@pytest.fixture
def watch(shop: Shop, tick: Callable[[str], None], administrator: Person) -> Watch:
    return Watch(shop, tick)


@pytest.fixture
def running(watch: Watch, shop: Shop, customer: Person, plan_id: Callable[..., uuid.UUID]) -> uuid.UUID:
    """One instance that runs."""
    subscription = shop.order(customer, plan_id())
    now = shop.clock.now()
    shop.put(
        subscription, status=InstanceStatus.RUNNING, first_ran_at=now, status_changed_at=now, applied_at=now
    )
    watch.forget_work()
    return subscription


def test_a_shop_that_is_well_has_no_alert(watch: Watch, running: uuid.UUID) -> None:
    watch.nodes(cpu_used=6_000, memory_used=10_000)
    watch.instances(ready=True)

    assert watch.open() == []


def test_a_node_that_dies_and_comes_back(watch: Watch) -> None:
    watch.nodes()
    watch.nodes(is_ready=False)
    assert watch.open() == []
    watch.clock.advance(seconds=61)
    watch.nodes(is_ready=False)
    assert watch.open() == ["node_down"]
    watch.nodes()
    assert watch.open() == []


@pytest.mark.parametrize(
    ("is_drained", "is_alert"), [(True, False), (False, True)], ids=["taken out of service", "just gone"]
)
def test_a_node_that_was_emptied_and_then_removed_is_no_alert(
    watch: Watch, administrator: Person, is_drained: bool, is_alert: bool
) -> None:
    watch.nodes()
    with watch.app.app_context(), unit_of_work():
        act = requesting.drain("worker-1", BoundChoice.LEAVE, actor=administrator.actor, at=watch.clock.now())
        act.status = NodeActStatus.DONE if is_drained else NodeActStatus.CANCELLED
    watch.nodes(is_schedulable=False, is_ready=False)
    watch.clock.advance(seconds=61)
    watch.nodes(is_schedulable=False, is_ready=False)
    watch.forget_work()
    assert watch.open() == ["node_down"]

    for _ in range(2):
        watch.clock.advance(seconds=61)
        with watch.app.app_context(), unit_of_work():
            monitoring.record_nodes([worker("worker-2")], watch.clock.now())
    assert watch.open() == (["node_down"] if is_alert else [])


def test_silence_is_one_alert_while_nodes_and_instances_keep_theirs(watch: Watch, running: uuid.UUID) -> None:
    watch.nodes()
    watch.nodes(is_ready=False)
    watch.clock.advance(seconds=61)
    watch.nodes(is_ready=False)
    assert watch.open() == ["node_down"]

    with watch.app.app_context(), unit_of_work():
        monitoring.record_silence(watch.clock.now())
    watch.clock.advance(minutes=3)
    watch.forget_work()
    assert watch.open() == ["node_down", "cluster_silent"]
    watch.clock.advance(hours=5)
    watch.forget_work()
    assert watch.open() == ["node_down", "cluster_silent"]

    watch.nodes()
    watch.instances(ready=True)
    assert watch.open() == []


def test_an_instance_that_is_down_for_five_minutes(watch: Watch, running: uuid.UUID) -> None:
    watch.instances(ready=True)
    watch.clock.advance(seconds=30)
    for _ in range(11):
        watch.instances(ready=False)
        watch.clock.advance(seconds=30)
        watch.forget_work()
    watch.instances(ready=False)
    assert watch.open() == ["instance_down"]

    watch.clock.advance(seconds=30)
    watch.instances(ready=True)
    assert watch.open() == []


def test_an_instance_that_is_tied_to_a_lost_node_is_told_with_it_also_when_its_pod_is_on_no_node(
    watch: Watch, running: uuid.UUID
) -> None:
    """Minutes after the loss, Kubernetes replaces the pod by one that waits for its data: it is on no node."""
    watch.nodes()
    with watch.app.app_context(), unit_of_work():
        row = session().scalars(select(Instance)).one()
        row.node_name = "worker-1"
        claim = claim_name(row.name, row.volume_number)
        volumes.note_places([VolumeSighting(row.namespace, claim, ("worker-1",))])
        volumes.note_nodes()
    watch.instances(ready=True)
    for _ in range(14):
        watch.clock.advance(seconds=30)
        watch.nodes(is_ready=False)
        watch.instances(ready=False, pod="pod-2")
        watch.forget_work()

    assert watch.open() == ["node_down"]


def test_an_instance_that_failed_is_another_alert_and_not_down_as_well(
    watch: Watch, running: uuid.UUID
) -> None:
    watch.instances(ready=True)
    watch.shop.put(running, status=InstanceStatus.ERROR, last_error="The image could not be pulled")
    for _ in range(12):
        watch.clock.advance(seconds=30)
        watch.instances(ready=False)
        watch.forget_work()

    assert watch.open() == ["instance_failed"]


@pytest.mark.parametrize(
    ("looks", "is_alert"),
    [
        ([(1, "a"), (2, "a"), (3, "a"), (4, "a")], False),
        ([(1, "a"), (3, "a"), (5, "a")], True),
        ([(4, "a"), (1, "b")], True),
        ([(4, "a"), (0, "b"), (0, "b")], False),
    ],
    ids=["four", "five", "a new pod counts on", "a fresh pod has none"],
)
def test_restarts_are_counted_over_pods(
    watch: Watch, running: uuid.UUID, looks: list[tuple[int, str]], is_alert: bool
) -> None:
    watch.instances(ready=True, pod="a")
    for restarts, pod in looks:
        watch.clock.advance(seconds=30)
        watch.instances(ready=True, restarts=restarts, pod=pod)

    assert watch.open() == (["instance_restarts"] if is_alert else [])

    for _ in range(3):
        watch.clock.advance(minutes=21)
        watch.instances(ready=True, restarts=looks[-1][0], pod=looks[-1][1])
        watch.forget_work()
    assert watch.open() == []


def test_a_volume_that_fills_and_is_emptied(watch: Watch, running: uuid.UUID, app: Flask) -> None:
    with app.app_context():
        instance = session().scalars(select(Instance)).one()

    def use(share: float) -> list[str]:
        watch.clock.advance(seconds=30)
        watch.instances(ready=True)
        with app.app_context(), unit_of_work():
            size = round(instance.storage_gb * 1024 * share)
            session().add(
                UsageSample(
                    instance_id=instance.id,
                    at=watch.clock.now(),
                    cpu_milli=1,
                    memory_mb=1,
                    storage_mb=size,
                )
            )
        return watch.open()

    assert use(0.5) == []
    assert use(0.91) == ["volume_full"]
    assert use(0.87) == ["volume_full"]
    assert use(0.5) == []


def test_a_node_is_judged_by_its_average(watch: Watch) -> None:
    for used in (2_000, 2_000, 12_000):
        watch.nodes(cpu_used=used)
        watch.clock.advance(minutes=1)
    assert watch.open() == []

    for _ in range(9):
        watch.nodes(cpu_used=12_000)
        watch.clock.advance(minutes=1)
    watch.forget_work()
    assert watch.open() == ["add_node"]

    for _ in range(9):
        watch.nodes(cpu_used=12_000)
        watch.clock.advance(minutes=1)
    watch.forget_work()
    assert set(watch.open()) == {"add_node", "node_full"}


def test_another_node_is_advised_where_every_node_is_control_plane_and_worker(watch: Watch) -> None:
    alone = worker("only", is_control_plane=True, cpu_used=11_000)
    with watch.app.app_context(), unit_of_work():
        monitoring.record_nodes([alone], watch.clock.now())

    assert set(watch.open()) == {"add_node", "node_full"}


def test_a_control_plane_beside_workers_is_no_worker(watch: Watch) -> None:
    busy = worker("master", is_control_plane=True, cpu_used=11_000)
    with watch.app.app_context(), unit_of_work():
        monitoring.record_nodes([busy, worker("worker-1")], watch.clock.now())

    assert watch.open() == ["node_full"]


def test_work_that_is_late_or_keeps_failing(watch: Watch, app: Flask, clock: FrozenClock) -> None:
    watch.forget_work()
    with app.app_context(), unit_of_work():
        outbox.later(Task.ISSUE_PAPERS, key="papers", at=clock.now())
        outbox.later(Task.CHECK_DOMAIN, key="x", at=clock.now(), delay=timedelta(days=3))
    clock.advance(minutes=14)
    assert watch.open() == []
    clock.advance(minutes=2)
    assert watch.open() == ["job_stuck"]

    watch.forget_work()
    with app.app_context(), unit_of_work():
        outbox.later(Task.ISSUE_PAPERS, key="papers", at=clock.now())
        row = session().scalars(select(OutboxRow).where(OutboxRow.key == "papers")).one()
        row.attempts, row.last_error = 8, "ValueError"
        row.run_after = clock.now() + timedelta(days=1)
    assert watch.open() == []
    clock.advance(minutes=16)
    assert watch.open() == ["job_stuck"]


def test_mail_that_cannot_be_sent_is_an_alert_and_loses_none(
    watch: Watch,
    app: Flask,
    clock: FrozenClock,
    run_jobs: Callable[[], int],
    mailbox_later: Callable[[], None],
) -> None:
    with app.app_context(), unit_of_work():
        monitoring.record_silence(clock.now())
    clock.advance(minutes=3)
    assert "cluster_silent" in watch.open()
    for _ in range(8):
        run_jobs()
        clock.advance(minutes=4)
    assert "mail_stuck" in watch.open()

    mailbox_later()
    for _ in range(3):
        clock.advance(hours=1)
        run_jobs()

    assert "mail_stuck" not in watch.open()
    assert "cluster_silent" in watch.open()


@pytest.fixture
def mailbox_later(request: pytest.FixtureRequest) -> Callable[[], None]:
    """A mail server that comes up when this is called; before, nobody answers."""

    def come_up() -> None:
        request.getfixturevalue("mailbox")

    return come_up


def test_a_payment_that_is_held_until_it_is_decided(
    watch: Watch, app: Flask, customer: Person, clock: FrozenClock
) -> None:
    watch.forget_work()
    with app.app_context():
        topup = put_topup(customer.id, at=clock.now(), state=TopUpState.REVIEW)
    assert watch.open() == ["payment_held"]

    with app.app_context(), unit_of_work():
        session().merge(topup).state = TopUpState.EXPIRED
    assert watch.open() == []


def test_a_certificate_that_was_not_renewed(watch: Watch, running: uuid.UUID) -> None:
    ends_at = watch.clock.now() + timedelta(days=13)
    watch.shop.put(running, sealed_certificate="x", certificate_ends_at=ends_at)

    assert watch.open() == ["certificate_ends"]


def test_a_look_is_a_constant_number_of_statements(
    app: Flask, watch: Watch, shop: Shop, person: Callable[..., Person], plan_id: Callable[..., uuid.UUID]
) -> None:
    def look() -> int:
        with asked() as sent:
            assert set(watch.open()) <= {"instance_failed", "payment_held"}
        return len(sent)

    def trouble() -> None:
        someone = person(credit=500_000)
        shop.order(someone, plan_id())
        with app.app_context():
            put_topup(someone.id, at=shop.clock.now(), state=TopUpState.REVIEW)
        with app.app_context(), unit_of_work():
            for row in session().scalars(select(Instance)):
                row.status = InstanceStatus.ERROR
            assert session().scalars(select(Subscription)).first() is not None
        watch.forget_work()

    trouble()
    look()
    few = look()
    for _ in range(5):
        trouble()
    look()
    watch.forget_work()

    assert look() == few
