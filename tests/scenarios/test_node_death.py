"""A node dies under a database: its owner is told the truth, it is restored elsewhere, and the old copy stays fenced.

On the simulator; with --cluster and NODE_POWER (a command with {act}, "stop" or "start", and {node}) on a real one.
"""

import os
import shlex
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import requests
from flask import Flask
from sqlalchemy import select

from minispod.instances.models import Instance, InstanceVolume
from minispod.instances.specifying import ClusterRules
from minispod.instances.states import InstanceStatus
from minispod.integrations.kubernetes.adapter import KubernetesCluster
from minispod.integrations.kubernetes.client import KubernetesClient
from minispod.jobs import provisioning as provisioning_job
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import db, session
from minispod.kernel.unit_of_work import unit_of_work
from minispod.operations import node_loss, requesting
from minispod.operations.models import Operation
from minispod.operations.states import OperationKind
from minispod.rules import cluster_rules
from minispod.settings import Settings
from tests.plugins.app import Person
from tests.plugins.shop import Shop

WRITE = b"CREATE TABLE words (word text); INSERT INTO words VALUES ('saved before');"
CLIENT = ("psql", "-q", "-U", "admin", "-d", "myapp")
DUMP = ("sh", "-c", "pg_dump -U admin -d myapp --data-only --table=words")

pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def power(request: pytest.FixtureRequest) -> Iterator[Callable[[str, str], None]]:
    """Cut a node's power ("stop"), or give it back ("start"); what was cut is given back afterwards."""
    cut: list[str] = []

    def pull(act: str, node: str) -> None:
        if request.config.getoption("--cluster"):
            command = os.environ["NODE_POWER"].format(act=act, node=node)
            subprocess.run(shlex.split(command), check=True, timeout=60, stdout=subprocess.DEVNULL)
        else:
            simulator = request.getfixturevalue("kubernetes_simulator")
            answer = requests.post(
                f"{simulator['levers']}/node",
                json={"node": node, "power": "off" if act == "stop" else "on"},
                headers={"Authorization": f"Bearer {simulator['lever_token']}"},
                timeout=5,
            )
            answer.raise_for_status()
        (cut.append if act == "stop" else cut.remove)(node)

    yield pull
    for node in cut:
        pull("start", node)


class Yard:
    """One customer's database, and everything that happens to it."""

    def __init__(
        self,
        app: Flask,
        clock: FrozenClock,
        run_jobs: Callable[[], int],
        tick: Callable[[str], None],
        cluster: KubernetesCluster,
    ) -> None:
        self.app, self.clock, self.cluster = app, clock, cluster
        self._run_jobs, self._tick = run_jobs, tick

    def row(self) -> Instance:
        """The instance as it stands."""
        with self.app.app_context():
            row = session().scalars(select(Instance)).one()
            db.session.remove()
            return row

    def until(self, is_so: Callable[[Instance], bool], what: str, *, seconds: float = 240) -> Instance:
        """Work, look at the cluster and let time pass until something is so."""
        deadline = time.monotonic() + seconds
        while True:
            self._run_jobs()
            self._tick("poll-nodes")
            self._tick("observe-cluster")
            row = self.row()
            if is_so(row):
                return row
            assert time.monotonic() < deadline, (
                f"not within {seconds} s: {what}; {row.status}, {row.health_status}"
            )
            time.sleep(0.5)
            self.clock.advance(seconds=5)

    def act(self, do: Callable[..., Operation], who: Person) -> None:
        """Ask for an operation."""
        with self.app.app_context(), unit_of_work():
            do(self.row().id, actor=who.actor, at=self.clock.now())

    def word(self, row: Instance) -> bytes:
        """What the database holds."""
        assert row.pod_name is not None
        return b"".join(self.cluster.read_from(row.namespace, row.pod_name, "app", DUMP))


@pytest.fixture
def yard(
    app: Flask,
    clock: FrozenClock,
    run_jobs: Callable[[], int],
    tick: Callable[[str], None],
    cluster: KubernetesCluster,
) -> Yard:
    """A shop on a cluster whose nodes may die."""
    return Yard(app, clock, run_jobs, tick, cluster)


def _runs_well(row: Instance) -> bool:
    return row.status is InstanceStatus.RUNNING and row.health_status == "Healthy"


def test_a_database_is_restored_away_from_a_dead_node_and_the_old_copy_stays_fenced(
    app: Flask,
    yard: Yard,
    shop: Shop,
    customer: Person,
    administrator: Person,
    plan_id: Callable[..., uuid.UUID],
    cluster: KubernetesCluster,
    power: Callable[[str, str], None],
) -> None:
    shop.order(customer, plan_id("postgresql", "BASIC"))
    row = yard.until(_runs_well, "it runs")
    home = row.node_name
    assert home is not None
    assert row.pod_name is not None
    cluster.write_to(row.namespace, row.pod_name, "app", CLIENT, [WRITE], len(WRITE))
    yard.act(requesting.back_up, customer)
    yard.until(lambda _: _has_backup(app), "the backup is taken")

    power("stop", home)
    began = time.monotonic()
    yard.until(lambda row: "server that holds its data" in (row.health_status or ""), "its owner is told why")
    told = [each.facts for each in shop.messages(customer) if each.kind.value == "node_lost"]
    yard.until(lambda _: bool(told or _lost_mails(shop, customer)), "the mail is written")
    [facts] = _lost_mails(shop, customer)
    assert facts["is_bound"] is True
    assert facts["backup_at"] is not None

    yard.act(node_loss.evacuate_one, administrator)
    row = yard.until(lambda row: _runs_well(row) and row.node_name != home, "it runs elsewhere")
    print(f"dead to restored elsewhere: {time.monotonic() - began:.0f} s")
    assert b"saved before" in yard.word(row)
    assert row.volume_number == 2

    power("start", home)
    yard.until(lambda row: _answers(cluster, home) and _runs_well(row), "the node is back")
    pods = [
        each
        for each in cluster.inventory("pods")
        if each["metadata"]["namespace"] == row.namespace and each["spec"].get("nodeName") == home
    ]
    assert pods == [], "nothing of the old copy comes to life"
    assert yard.row().node_name == row.node_name
    assert "node_back" not in shop.mails(customer), "it does not live there any more"


def _has_backup(app: Flask) -> bool:
    """Whether the asked-for backup is done."""
    with app.app_context():
        done = session().scalars(select(Operation).where(Operation.kind == OperationKind.BACKUP)).one()
        assert done.status.value != "FAILED", done.error
        return done.status.value == "DONE"


def _lost_mails(shop: Shop, customer: Person) -> list[dict[str, object]]:
    return [each.facts for each in shop.messages(customer) if each.kind.value == "node_lost"]


def _answers(cluster: KubernetesCluster, node: str) -> bool:
    return any(each.name == node and each.is_ready for each in cluster.nodes())


@pytest.fixture
def network_storage(
    request: pytest.FixtureRequest,
    cluster: KubernetesCluster,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Iterator[None]:
    """A storage class of our own whose volumes every node reaches, as network storage gives them."""
    name = f"everywhere-{uuid.uuid4().hex[:8]}"
    metadata = {"name": name}
    if request.config.getoption("--cluster"):
        # The nodes of a cluster on this machine have its directories too.
        disk = tmp_path
        disk.chmod(0o777)
        for each in disk.parents[:3]:
            each.chmod(0o755)
        kubeconfig, address = os.environ["KUBECONFIG"], f"/api/v1/persistentvolumes/{name}"
        spec = {
            "capacity": {"storage": "50Gi"},
            "accessModes": ["ReadWriteOnce"],
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": name,
            "hostPath": {"path": str(disk)},
        }
        made = {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": metadata, "spec": spec}
    else:
        kubeconfig = request.getfixturevalue("kubernetes_simulator")["kubeconfig"]
        address = f"/apis/storage.k8s.io/v1/storageclasses/{name}"
        made = {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": metadata,
            "provisioner": "nfs.csi.k8s.io",
        }
    bare = KubernetesClient(kubeconfig)
    bare.apply(address, made, "tests")

    def everywhere(settings: Settings) -> ClusterRules:
        return replace(cluster_rules(settings), storage_class=name)

    monkeypatch.setattr(provisioning_job, "cluster_rules", everywhere)
    yield
    bare.delete(address)


@pytest.mark.usefixtures("network_storage")
def test_what_every_node_can_run_is_started_elsewhere_by_itself(
    yard: Yard,
    shop: Shop,
    customer: Person,
    plan_id: Callable[..., uuid.UUID],
    power: Callable[[str, str], None],
) -> None:
    shop.order(customer, plan_id("grafana", "BASIC"))
    row = yard.until(_runs_well, "it runs")
    home = row.node_name
    assert home is not None

    power("stop", home)
    began = time.monotonic()
    yard.until(
        lambda row: "being started on another one" in (row.health_status or ""), "its owner is told why"
    )
    row = yard.until(lambda row: _runs_well(row) and row.node_name != home, "it runs elsewhere")

    print(f"dead to running elsewhere: {time.monotonic() - began:.0f} s")
    assert row.volume_number == 1
    assert all(facts["is_bound"] is False for facts in _lost_mails(shop, customer))


@pytest.mark.usefixtures("network_storage")
def test_what_every_node_can_run_is_moved_without_a_copy(
    app: Flask,
    yard: Yard,
    shop: Shop,
    customer: Person,
    administrator: Person,
    plan_id: Callable[..., uuid.UUID],
    cluster: KubernetesCluster,
) -> None:
    shop.order(customer, plan_id("grafana", "BASIC"))
    row = yard.until(_runs_well, "it runs")
    yard.until(lambda _: _is_free(app), "the cluster was asked where its volume lies")
    home = row.node_name
    away = next(
        each.name for each in cluster.nodes() if each.is_ready and each.is_schedulable and each.name != home
    )

    yard.act(lambda id_, **who: requesting.move(id_, away, **who), administrator)
    row = yard.until(lambda row: _runs_well(row) and row.node_name == away, "it runs on the other node")

    with app.app_context():
        done = session().scalars(select(Operation)).one()
        assert (done.kind, done.status.value) == (OperationKind.RESCHEDULE, "DONE")
    assert row.volume_number == 1
    mails = [each.facts["kind"] for each in shop.messages(customer) if each.kind.value == "operation_done"]
    assert mails == ["RESCHEDULE"]


def _is_free(app: Flask) -> bool:
    """Whether it is known that the volume is tied to no node."""
    with app.app_context():
        return session().scalars(select(InstanceVolume.is_node_bound)).one() is False
