"""An order survives whatever the cluster, or our own process, does on the way: wanted = seen in the end, once."""

import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import pytest
import requests
from flask import Flask
from sqlalchemy import select

from minispod.cluster.port import Manifest
from minispod.instances.models import Instance
from minispod.instances.states import InstanceStatus
from minispod.integrations.kubernetes.adapter import KubernetesCluster
from minispod.integrations.kubernetes.client import KubernetesClient
from minispod.jobs import provisioning as provisioning_job
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import db, session
from minispod.rules import cluster_rules
from minispod.subscriptions.states import EndReason, SubscriptionStatus
from tests.plugins.app import Person, PortsNow
from tests.plugins.shop import Shop
from tests.plugins.simulators import Simulator

KINDS = (
    "Namespace",
    "ResourceQuota",
    "LimitRange",
    "NetworkPolicy",
    "Secret",
    "PersistentVolumeClaim",
    "Deployment",
    "Service",
    "Ingress",
)
_LEASE_SECONDS = 61

pytestmark = pytest.mark.timeout(200)


@pytest.fixture
def lever(kubernetes_simulator: Simulator) -> Iterator[Callable[..., None]]:
    """Make trouble in the simulated cluster; it ends with the test."""

    def pull(name: str, /, **body: Any) -> None:
        headers = {"Authorization": f"Bearer {kubernetes_simulator['lever_token']}"}
        url = f"{kubernetes_simulator['levers']}/{name}"
        requests.post(url, json=body, headers=headers, timeout=5).raise_for_status()

    yield pull
    pull("clear")


class Order:
    """One order of one customer on its way."""

    def __init__(self, app: Flask, clock: FrozenClock, run_jobs: Callable[[], int]) -> None:
        self._app, self.clock, self.work = app, clock, run_jobs

    def row(self) -> Instance:
        """The instance as it stands."""
        with self._app.app_context():
            row = session().scalars(select(Instance)).one()
            db.session.remove()
            return row

    def until(self, wanted: InstanceStatus, *, step: float = 3.0, seconds: float = 60.0) -> Instance:
        """Work, and let time pass, until the instance shows a state."""
        deadline = time.monotonic() + seconds
        while (row := self.row()).status is not wanted:
            assert time.monotonic() < deadline, f"{row.status}: {row.health_status}"
            self.work()
            time.sleep(0.1)
            self.clock.advance(seconds=step)
        return row


@pytest.fixture
def order(
    app: Flask,
    shop: Shop,
    customer: Person,
    plan_id: Callable[..., uuid.UUID],
    clock: FrozenClock,
    run_jobs: Callable[[], int],
    cluster: KubernetesCluster,
) -> Order:
    """An order that nobody has begun with."""
    shop.order(customer, plan_id())
    return Order(app, clock, run_jobs)


def _workloads(cluster: KubernetesCluster, namespace: str) -> list[str]:
    found = cluster.inventory("deployments")
    return [each["metadata"]["name"] for each in found if each["metadata"]["namespace"] == namespace]


_EDITED = "Operation cannot be fulfilled: the object has been modified; please apply your changes to the latest version"


@pytest.mark.parametrize(
    ("status", "message"), [(500, "boom"), (503, "busy"), (429, "slow down"), (409, _EDITED)]
)
def test_every_object_may_fail_once(
    order: Order, cluster: KubernetesCluster, lever: Callable[..., None], status: int, message: str
) -> None:
    for kind in KINDS:
        lever("fail_next", verb="apply", kind=kind, status=status, message=message)

    row = order.until(InstanceStatus.RUNNING, step=11)

    assert row.attempts == 0
    assert _workloads(cluster, row.namespace) == [row.name]


def test_a_slow_cluster_is_waited_for(order: Order, lever: Callable[..., None]) -> None:
    lever("delay", seconds=0.3)

    order.until(InstanceStatus.RUNNING)


class _Killed(BaseException):
    """The process ends here, and no code of ours sees it."""


class MortalCluster:
    """A cluster whose caller is killed after the given number of objects was applied."""

    def __init__(self, cluster: KubernetesCluster) -> None:
        self._cluster = cluster
        self.survives = 0
        self.was_applied_whole = False

    def apply(self, objects: Sequence[Manifest]) -> None:
        """Apply some of them, and die."""
        for manifest in objects[: self.survives]:
            self._cluster.apply([manifest])
        if self.survives < len(objects):
            raise _Killed
        self.was_applied_whole = True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cluster, name)


def test_a_worker_may_be_killed_after_every_object(
    order: Order,
    ports: PortsNow,
    cluster: KubernetesCluster,
    clock: FrozenClock,
    run_jobs: Callable[[], int],
) -> None:
    mortal = MortalCluster(cluster)
    ports.change(cluster=mortal)
    deaths = 0
    while not mortal.was_applied_whole:
        mortal.survives = deaths
        try:
            run_jobs()
        except _Killed:
            deaths += 1
        clock.advance(seconds=_LEASE_SECONDS)

    row = order.until(InstanceStatus.RUNNING)

    assert deaths > len(KINDS)
    assert row.attempts == 0
    assert _workloads(cluster, row.namespace) == [row.name]


def test_a_volume_that_is_never_bound_ends_in_a_sentence(
    order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without_disks(settings: Any) -> Any:
        return replace(cluster_rules(settings), storage_class="no-such-class")

    monkeypatch.setattr(provisioning_job, "cluster_rules", without_disks)

    row = order.until(InstanceStatus.ERROR, step=60)

    assert "volume" in (row.last_error or "").lower()


def test_a_namespace_that_cannot_go_is_waited_for(
    order: Order, cluster: KubernetesCluster, kubernetes_simulator: Simulator
) -> None:
    bare = KubernetesClient(kubernetes_simulator["kubeconfig"])
    row = order.row()
    address = f"/api/v1/namespaces/{row.namespace}"
    stuck = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": row.namespace, "finalizers": ["example.com/stuck"]},
    }
    bare.apply(address, stuck, "somebody")
    bare.delete(address)

    for _ in range(3):
        order.work()
        order.clock.advance(seconds=11)
    assert order.row().status is InstanceStatus.PROVISIONING
    assert "Waiting for the cluster" in (order.row().health_status or "")

    bare.merge(address, {"metadata": {"finalizers": None}}, "somebody")

    order.until(InstanceStatus.RUNNING, step=11)


def test_a_server_that_asks_for_a_pause_is_left_alone_that_long(
    order: Order, cluster: KubernetesCluster, lever: Callable[..., None]
) -> None:
    lever("fail_next", verb="apply", kind="Deployment", status=429, message="slow down", retry_after=120)
    order.work()

    order.clock.advance(seconds=115)
    order.work()
    row = order.row()
    assert row.status is InstanceStatus.PROVISIONING
    assert _workloads(cluster, row.namespace) == []

    order.clock.advance(seconds=10)
    order.work()
    assert _workloads(cluster, row.namespace) == [row.name]
    assert order.until(InstanceStatus.RUNNING).attempts == 0


@dataclass(frozen=True)
class Fault:
    """What is wrong with the cluster, and the word by which the customer is told."""

    word: str
    begin: Callable[[Order, Callable[..., None], pytest.MonkeyPatch], None]


def _refuse_by_quota(order: Order, lever: Callable[..., None], patch: pytest.MonkeyPatch) -> None:
    message = 'deployments.apps "x" is forbidden: exceeded quota: plan'
    lever("fail_next", verb="apply", kind="Deployment", status=403, times=500, message=message)


def _crash(order: Order, lever: Callable[..., None], patch: pytest.MonkeyPatch) -> None:
    lever("crash", namespace=order.row().namespace, times=500)


def _starve(order: Order, lever: Callable[..., None], patch: pytest.MonkeyPatch) -> None:
    lever("oom", namespace=order.row().namespace, times=500)


def _take_disks_away(order: Order, lever: Callable[..., None], patch: pytest.MonkeyPatch) -> None:
    def without_disks(settings: Any) -> Any:
        return replace(cluster_rules(settings), storage_class="no-such-class")

    patch.setattr(provisioning_job, "cluster_rules", without_disks)


FAULTS = {
    "403 by quota": Fault("quota", _refuse_by_quota),
    "crash loop": Fault("ends by itself", _crash),
    "out of memory": Fault("memory", _starve),
    "volume never bound": Fault("volume", _take_disks_away),
}


@pytest.mark.parametrize("name", FAULTS)
def test_what_never_came_to_run_is_final_explained_and_refunded(
    order: Order,
    shop: Shop,
    customer: Person,
    lever: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    advance: Callable[..., datetime],
    cluster: KubernetesCluster,
    name: str,
) -> None:
    paid = 500_000 - shop.balance(customer)
    assert paid > 0
    FAULTS[name].begin(order, lever, monkeypatch)

    row = order.until(InstanceStatus.ERROR, step=60)

    assert FAULTS[name].word in (row.last_error or "").lower()
    assert FAULTS[name].word in str([each.facts.get("reason") for each in shop.messages(customer)]).lower()
    advance(hours=25)
    row = order.until(InstanceStatus.TERMINATED)
    assert shop.balance(customer) == 500_000
    subscription = shop.look(row.subscription_id)[0]
    assert (subscription.status, subscription.end_reason) == (
        SubscriptionStatus.CANCELLED,
        EndReason.NOT_PROVISIONED,
    )
    assert "provisioning_refunded" in shop.mails(customer)
    assert _workloads(cluster, row.namespace) == []


OBJECTS = {
    "Secret": "/api/v1/namespaces/{}/secrets",
    "Service": "/api/v1/namespaces/{}/services",
    "ResourceQuota": "/api/v1/namespaces/{}/resourcequotas",
    "LimitRange": "/api/v1/namespaces/{}/limitranges",
    "NetworkPolicy": "/apis/networking.k8s.io/v1/namespaces/{}/networkpolicies",
    "Ingress": "/apis/networking.k8s.io/v1/namespaces/{}/ingresses",
    "Deployment": "/apis/apps/v1/namespaces/{}/deployments",
}


def test_whatever_somebody_removes_or_edits_by_hand_is_put_right(
    order: Order, kubernetes_simulator: Simulator, lever: Callable[..., None], tick: Callable[[str], None]
) -> None:
    bare = KubernetesClient(kubernetes_simulator["kubeconfig"])
    row = order.until(InstanceStatus.RUNNING)

    def managed() -> dict[str, dict[str, Any]]:
        found = {}
        for kind, path in OBJECTS.items():
            for each in bare.items(path.format(row.namespace)):
                if "minispod.com/managed" in each["metadata"].get("labels", {}):
                    content = each.get("spec", each.get("data"))
                    for given_by_the_cluster in ("clusterIP", "clusterIPs"):
                        content.pop(given_by_the_cluster, None)
                    found[f"{kind} {each['metadata']['name']}"] = content
        return found

    before = managed()
    assert {each.partition(" ")[0] for each in before} == set(OBJECTS)
    for each in before:
        kind, _, name = each.partition(" ")
        if kind != "Deployment":
            lever("drift", kind=kind, namespace=row.namespace, name=name)
    image = {"name": "app", "image": "busybox:1.36"}
    edited = {"spec": {"template": {"spec": {"containers": [image]}}}}
    bare.merge(f"{OBJECTS['Deployment'].format(row.namespace)}/{row.name}", edited, "somebody")
    assert len(managed()) == 1

    order.clock.advance(minutes=11)
    tick("observe-cluster")
    order.until(InstanceStatus.RUNNING)
    order.work()

    assert managed() == before
