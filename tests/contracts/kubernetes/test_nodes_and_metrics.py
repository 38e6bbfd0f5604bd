"""Nodes, what they have, and what is used of it."""

import re

from kubernetes import client

from tests.contracts.kubernetes.manifests import SMALL, Json, container, deployment
from tests.contracts.kubernetes.target import Room, Target

METRICS = "/apis/metrics.k8s.io/v1beta1"


def test_nodes_tell_what_they_are(target: Target) -> None:
    nodes = target.get("/api/v1/nodes")["items"]

    for node in nodes:
        status = node["status"]
        ready = next(one for one in status["conditions"] if one["type"] == "Ready")
        assert ready["status"] == "True"
        assert {"type", "status", "reason", "message", "lastHeartbeatTime", "lastTransitionTime"} <= set(
            ready
        )
        assert {"cpu", "memory", "pods", "ephemeral-storage"} <= set(status["capacity"]) & set(
            status["allocatable"]
        )
        assert {one["type"] for one in status["addresses"]} >= {"InternalIP", "Hostname"}
        assert status["nodeInfo"]["kubeletVersion"].startswith("v1.")
        assert node["metadata"]["labels"]["kubernetes.io/hostname"] == node["metadata"]["name"]


def test_the_official_client_reads_nodes(target: Target) -> None:
    found = client.CoreV1Api(target.api).list_node()

    assert found.items
    assert found.items[0].status.node_info.architecture == "amd64"


def test_a_cordoned_node_takes_no_new_pods(room: Room, target: Target) -> None:
    names = [node["metadata"]["name"] for node in target.get("/api/v1/nodes")["items"]]
    try:
        for name in names:
            target.patch(f"/api/v1/nodes/{name}", {"spec": {"unschedulable": True}})
        target.create(f"{room.apps}/deployments", deployment("web"))

        event = target.eventually(lambda: room.events("FailedScheduling"))[0]

        assert "unschedulable" in event["message"]
    finally:
        for name in names:
            target.patch(f"/api/v1/nodes/{name}", {"spec": {"unschedulable": None}})
    room.rolled_out("web")


def test_nodes_have_metrics(target: Target) -> None:
    found = target.eventually(lambda: target.get(f"{METRICS}/nodes")["items"])

    for one in found:
        assert re.fullmatch(r"\d+n", one["usage"]["cpu"])
        assert re.fullmatch(r"\d+Ki", one["usage"]["memory"])
        assert {"timestamp", "window"} <= set(one)
    single = target.get(f"{METRICS}/nodes/{found[0]['metadata']['name']}")
    assert single["kind"] == "NodeMetrics"


def test_pods_have_metrics(room: Room, target: Target) -> None:
    room.deploy(deployment("web", container(resources=SMALL)))

    (found,) = target.eventually(lambda: _pod_metrics(room, target))

    assert found["metadata"]["labels"]["app"] == "web"
    (one,) = found["containers"]
    assert one["name"] == "web"
    assert re.fullmatch(r"\d+n?", one["usage"]["cpu"])
    assert re.fullmatch(r"\d+Ki", one["usage"]["memory"])


def _pod_metrics(room: Room, target: Target) -> list[Json]:
    found: list[Json] = target.get(f"{METRICS}/namespaces/{room.name}/pods")["items"]
    return found


def test_discovery_tells_what_there_is(target: Target) -> None:
    version = target.get("/version")
    groups = {one["name"] for one in target.get("/apis")["groups"]}
    core = {one["name"]: one for one in target.get("/api/v1")["resources"]}
    apps = {one["name"]: one for one in target.get("/apis/apps/v1")["resources"]}

    assert (version["major"], version["platform"]) == ("1", "linux/amd64")
    assert target.get("/api")["versions"] == ["v1"]
    assert {"apps", "batch", "networking.k8s.io", "storage.k8s.io", "policy", "metrics.k8s.io"} <= groups
    assert core["pods"]["shortNames"] == ["po"]
    assert core["namespaces"]["namespaced"] is False
    assert {"pods/log", "pods/eviction", "pods/status", "secrets", "configmaps", "services"} <= set(core)
    scale = apps["deployments/scale"]
    assert (scale["group"], scale["version"], scale["kind"]) == ("autoscaling", "v1", "Scale")
    assert set(apps["deployments"]["verbs"]) >= {
        "get",
        "list",
        "watch",
        "create",
        "update",
        "patch",
        "delete",
    }
