"""A node dies under a database: its owner is told the truth, it is restored elsewhere, the old copy stays fenced."""

import os
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from minispod.instances.models import InstanceVolume
from minispod.instances.specifying import ClusterRules
from minispod.integrations.kubernetes.adapter import KubernetesCluster
from minispod.integrations.kubernetes.client import KubernetesClient
from minispod.jobs import provisioning as provisioning_job
from minispod.kernel.database import session
from minispod.operations import node_loss, requesting
from minispod.operations.models import Operation
from minispod.operations.states import OperationKind
from minispod.rules import cluster_rules
from minispod.settings import Settings
from tests.plugins.app import Person
from tests.plugins.nodes import Yard, runs_well
from tests.plugins.shop import Shop

WRITE = b"CREATE TABLE words (word text); INSERT INTO words VALUES ('saved before');"
CLIENT = ("psql", "-q", "-U", "admin", "-d", "myapp")
DUMP = ("sh", "-c", "pg_dump -U admin -d myapp --data-only --table=words")

pytestmark = pytest.mark.timeout(600)


def test_a_database_is_restored_away_from_a_dead_node_and_the_old_copy_stays_fenced(
    yard: Yard,
    shop: Shop,
    customer: Person,
    administrator: Person,
    plan_id: Callable[..., uuid.UUID],
    cluster: KubernetesCluster,
    power: Callable[[str, str], None],
) -> None:
    shop.order(customer, plan_id("postgresql", "BASIC"))
    row = yard.until(runs_well, "it runs")
    home = row.node_name
    assert home is not None
    assert row.pod_name is not None
    cluster.write_to(row.namespace, row.pod_name, "app", CLIENT, [WRITE], len(WRITE))
    yard.work(requesting.back_up, by=customer)

    power("stop", home)
    began = time.monotonic()
    yard.until(lambda row: "server that holds its data" in (row.health_status or ""), "its owner is told why")
    told = [each.facts for each in shop.messages(customer) if each.kind.value == "node_lost"]
    yard.until(lambda _: bool(told or _lost_mails(shop, customer)), "the mail is written")
    [facts] = _lost_mails(shop, customer)
    assert facts["is_bound"] is True
    assert facts["backup_at"] is not None

    yard.act(node_loss.evacuate_one, by=administrator)
    row = yard.until(lambda row: runs_well(row) and row.node_name != home, "it runs elsewhere")
    print(f"dead to restored elsewhere: {time.monotonic() - began:.0f} s")
    assert b"saved before" in _word(yard)
    assert row.volume_number == 2

    power("start", home)
    yard.until(lambda row: yard.is_up(home) and runs_well(row), "the node is back")
    assert yard.pods_on(home) == [], "nothing of the old copy comes to life"
    assert yard.row().node_name == row.node_name
    assert "node_back" not in shop.mails(customer), "it does not live there any more"


def _word(yard: Yard) -> bytes:
    """What the database holds."""
    return b"".join(yard.cluster.read_from(yard.row().namespace, yard.pod(), "app", DUMP))


def _lost_mails(shop: Shop, customer: Person) -> list[dict[str, object]]:
    return [each.facts for each in shop.messages(customer) if each.kind.value == "node_lost"]


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
    row = yard.until(runs_well, "it runs")
    home = row.node_name
    assert home is not None

    power("stop", home)
    began = time.monotonic()
    yard.until(
        lambda row: "being started on another one" in (row.health_status or ""), "its owner is told why"
    )
    row = yard.until(lambda row: runs_well(row) and row.node_name != home, "it runs elsewhere")

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
    row = yard.until(runs_well, "it runs")
    yard.until(lambda _: _is_free(app), "the cluster was asked where its volume lies")
    home = row.node_name
    away = next(
        each.name for each in cluster.nodes() if each.is_ready and each.is_schedulable and each.name != home
    )

    row = yard.work(requesting.move, away, by=administrator)

    with app.app_context():
        done = session().scalars(select(Operation)).one()
        assert (done.kind, done.status.value) == (OperationKind.RESCHEDULE, "DONE")
    assert (row.volume_number, row.node_name) == (1, away)
    mails = [each.facts["kind"] for each in shop.messages(customer) if each.kind.value == "operation_done"]
    assert mails == ["RESCHEDULE"]


def _is_free(app: Flask) -> bool:
    """Whether it is known that the volume is tied to no node."""
    with app.app_context():
        return session().scalars(select(InstanceVolume.is_node_bound)).one() is False
