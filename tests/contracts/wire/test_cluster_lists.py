"""The six cluster lists: the recorded refusals, and with a cluster every key the contract's table names."""

import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from minispod.integrations.kubernetes.adapter import KubernetesCluster
from minispod.kernel.clock import FrozenClock
from tests.contracts.wire.conftest import Replay
from tests.contracts.wire.shapes import differences, wire_faults
from tests.plugins.app import Person, data_of

AT = "2026-11-20T03:00:00.000Z"
CPU = {"raw": "1n", "millicores": 1, "cores": 0.5}
MEMORY = {"raw": "1Ki", "bytes": 1, "megabytes": 0.5, "gigabytes": 0.5}
CONTAINER = {
    "name": "app",
    "image": "ghost:5",
    "resources": {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"cpu": "1", "memory": "1Gi"}},
    "ports": [{"containerPort": 1, "name": "http", "protocol": "TCP"}],
    "volumeMounts": [{"name": "data", "mountPath": "/data", "readOnly": False}],
}
OBJECT = {"name": "x", "labels": {}, "createdAt": AT}
# What the contract's table M and the lines under it say of one item of each list.
TABLE: dict[str, dict[str, Any]] = {
    "nodes": {
        **OBJECT,
        "status": "Ready",
        "capacity": {"cpu": "4", "memory": "1Ki", "pods": "110", "storage": "1Ki"},
        "allocatable": {"cpu": "4", "memory": "1Ki", "pods": "110", "storage": "1Ki"},
        "metrics": {"timestamp": AT, "window": "30s", "usage": {"cpu": CPU, "memory": MEMORY}},
        "addresses": [{"type": "InternalIP", "address": "10.0.0.1"}],
        "conditions": [{"type": "Ready", "status": "True"}],
        "version": "v1",
        "os": "x",
        "kernel": "x",
        "containerRuntime": "x",
        "nodeInfo": {},
        "annotations": {},
    },
    "deployments": {
        **OBJECT,
        "namespace": "x",
        **dict.fromkeys(("replicas", "readyReplicas", "availableReplicas", "unavailableReplicas"), 1),
        "conditions": [{"type": "Available", "status": "True", "reason": "x"}],
        "images": ["x"],
        "containers": [CONTAINER],
    },
    "pods": {
        **OBJECT,
        "namespace": "x",
        "status": "Running",
        "restarts": 0,
        "nodeName": "x",
        "podIP": "x",
        "hostIP": "x",
        "metricsTimestamp": AT,
        "metricsWindow": "30s",
        "containers": [{**CONTAINER, "ready": True, "usage": {"cpu": CPU, "memory": MEMORY}}],
    },
    "namespaces": {**OBJECT, "status": "Active"},
    "services": {
        **OBJECT,
        "namespace": "x",
        "type": "ClusterIP",
        "clusterIP": "x",
        "externalIPs": [],
        "loadBalancerIPs": [],
        "ports": [{"port": 80, "name": "http", "protocol": "TCP", "targetPort": "http", "nodePort": None}],
        "selector": {},
        "sessionAffinity": "None",
        "endpoints": [],
        "annotations": {},
        "conditions": [],
    },
    "ingresses": {
        **OBJECT,
        "namespace": "x",
        "className": "x",
        "hosts": ["x"],
        "paths": [{"path": "/", "pathType": "Prefix", "serviceName": "x", "servicePort": 80}],
        "tls": [{"hosts": ["x"], "secretName": "x"}],
        "externalIPs": [],
        "conditions": [],
        "annotations": {},
    },
}
# "number or string", "metrics? null", "usage? null": where the table leaves a choice, ours may be either.
CHOICES = {
    "fraction instead of integer",
    "integer instead of fraction",
    "integer instead of text",
    "null instead of text",
    "null instead of timestamp",
    "null instead of object",
    "text instead of null",
}
PATIENCE_SECONDS = 60


def test_without_a_cluster_the_lists_are_unavailable(replay: Replay, administrator: Person) -> None:
    for name in (
        "admin_k8s__nodes_no_k8s",
        "admin_k8s__deployments_no_k8s",
        "admin_k8s__pods_no_k8s",
        "admin_k8s__namespaces_no_k8s",
        "admin_k8s__services_no_k8s",
        "admin_k8s__ingresses_no_k8s",
        "admin_k8s__node_by_name_no_k8s",
    ):
        assert replay(name, administrator)["code"] == "cluster.not_configured"


def test_the_lists_are_for_administrators(replay: Replay, customer: Person) -> None:
    assert replay("admin_k8s__nodes_as_user", customer)["code"] == "accounts.staff_only"
    assert replay("admin_k8s__nodes_no_token")["code"] == "unauthenticated"


@pytest.fixture
def running(
    replay: Replay,
    client: FlaskClient,
    customer: Person,
    plan_id: Callable[..., uuid.UUID],
    cluster: KubernetesCluster,
    run_jobs: Callable[[], int],
    clock: FrozenClock,
) -> dict[str, Any]:
    """A subscription as its owner sees it once its instance runs."""
    mine = replay("subscriptions__create_ok", customer, plan_id())["data"]["subscription"]["id"]
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        run_jobs()
        detail: dict[str, Any] = replay("subscriptions__detail", customer, mine)["data"]["subscription"]
        if detail["instances"][0]["status"] == "RUNNING":
            return detail
        assert time.monotonic() < deadline, detail["instances"]
        time.sleep(0.1)
        clock.advance(seconds=2)


def test_a_running_instance_and_the_lists_have_every_key_of_the_contract(
    client: FlaskClient, administrator: Person, running: dict[str, Any]
) -> None:
    check_instance(running["instances"][0])
    for kind, item in TABLE.items():
        data = data_of(client.get(f"/api/admin/k8s/{kind}", headers=administrator.headers))

        assert data["total"] == len(data[kind]) > 0
        apart = differences([item], data[kind], {}, frozenset({"[].labels", "[].annotations", "[].selector"}))
        apart = {each for each in apart if not each.endswith(": added")}
        assert not {each for each in apart if each.partition(": ")[2] not in CHOICES}, kind
        assert not wire_faults(data), kind
    assert all(each["capacity"]["memory"].endswith("Ki") for each in listed(client, administrator, "nodes"))
    labels = [each["labels"] for each in listed(client, administrator, "namespaces")]
    assert {"minispod.com/managed": "true"}.items() <= max(labels, key=len).items()


def check_instance(instance: dict[str, Any]) -> None:
    """Contract E1 and E3: what the list, the detail page and the polling read of `instances[0]`."""
    assert (instance["status"], instance["healthStatus"]) == ("RUNNING", "Healthy")
    assert instance["publicUrl"].startswith("http")
    keys = "id name subdomain adminUrl customDomain sslEnabled cpuUsage memoryUsage storageUsage podName namespace"
    assert {*keys.split(), "createdAt", "lastStarted", "lastHealthCheck"} <= set(instance)


def listed(client: FlaskClient, administrator: Person, kind: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = data_of(
        client.get(f"/api/admin/k8s/{kind}", headers=administrator.headers)
    )[kind]
    return items
