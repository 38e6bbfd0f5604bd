"""How a workload is judged from what Kubernetes writes: readiness is strict, trouble is in plain words."""

import copy

import pytest

from minispod.integrations.kubernetes.translation import (
    sight_nodes,
    sight_workload,
    sight_workloads,
    usage_of,
)

INSTANCE = "01998a2e-1111-7a33-9d0a-000000000001"
LABELS = {"minispod.com/instance": INSTANCE, "minispod.com/managed": "true"}


def deployment(replicas=1, generation=3, **status):
    settled = {
        "observedGeneration": generation,
        "replicas": replicas,
        "updatedReplicas": replicas,
        "readyReplicas": replicas,
        "availableReplicas": replicas,
    }
    return {
        "metadata": {
            "name": "n8n-k7m2qa",
            "namespace": "user-1",
            "generation": generation,
            "labels": LABELS,
            "annotations": {"minispod.com/spec-hash": "abc"},
        },
        "spec": {"replicas": replicas},
        "status": {**settled, **status},
    }


def pod(name="n8n-k7m2qa-1", created="2026-11-20T10:00:00Z", leaving=False, container=None, **status):
    metadata = {"name": name, "namespace": "user-1", "creationTimestamp": created, "labels": LABELS}
    if leaving:
        metadata["deletionTimestamp"] = created
    container = container or {"name": "app", "ready": True, "restartCount": 0}
    running = {
        "phase": "Running",
        "conditions": [{"type": "Ready", "status": str(container["ready"])}],
        "containerStatuses": [container],
    }
    return {"metadata": metadata, "spec": {"nodeName": "worker-1"}, "status": {**running, **status}}


def waiting(reason, message="", **more):
    return {
        "name": "app",
        "image": "n8nio/n8n:9",
        "ready": False,
        "state": {"waiting": {"reason": reason, "message": message}},
        **more,
    }


def starting(**status):
    return deployment(updatedReplicas=1, readyReplicas=0, availableReplicas=0, **status)


def test_settled_workload_is_ready():
    seen = sight_workload(deployment(), [pod()])

    assert seen.is_ready
    assert not seen.is_stopped
    assert (seen.pod_name, seen.node_name, seen.spec_hash) == ("n8n-k7m2qa-1", "worker-1", "abc")
    assert seen.trouble is None


@pytest.mark.parametrize(
    "status",
    [
        {"observedGeneration": 2},
        {"updatedReplicas": 0},
        {"readyReplicas": 0},
        {"availableReplicas": 0},
        {"replicas": 2},
    ],
)
def test_workload_is_not_ready_while_anything_lags(status):
    assert not sight_workload(deployment(**status), [pod()]).is_ready


def test_workload_is_not_ready_while_the_controller_still_counts_a_pod_that_was_replaced():
    starts = pod("n8n-k7m2qa-2", container=waiting("ContainerCreating"), phase="Pending")

    assert not sight_workload(deployment(), [starts]).is_ready


def test_workload_is_not_ready_while_an_old_pod_is_left():
    old = pod("n8n-k7m2qa-0", created="2026-11-20T09:00:00Z", leaving=True)

    seen = sight_workload(deployment(), [pod(), old])

    assert not seen.is_ready
    assert seen.pod_name == "n8n-k7m2qa-1"


def test_a_pod_that_a_dead_node_keeps_does_not_hinder_the_one_that_replaced_it():
    old = pod("n8n-k7m2qa-0", created="2026-11-20T09:00:00Z", leaving=True)
    old["spec"]["nodeName"] = "worker-2"

    seen = sight_workload(deployment(), [pod(), old])

    assert seen.is_ready
    assert seen.node_name == "worker-1"
    assert not sight_workload(deployment(replicas=0), [old]).is_stopped


def test_pod_that_ended_long_ago_does_not_count():
    evicted = pod("n8n-k7m2qa-0", created="2026-11-20T09:00:00Z", phase="Failed", reason="Evicted")

    assert sight_workload(deployment(), [evicted, pod()]).is_ready


def test_workload_is_stopped_when_its_last_pod_is_gone():
    assert not sight_workload(deployment(replicas=0), [pod(leaving=True)]).is_stopped
    assert sight_workload(deployment(replicas=0), []).is_stopped


@pytest.mark.parametrize(
    ("container", "reason", "is_final"),
    [
        (waiting("ErrImagePull", "manifest unknown: not found"), "image_pull", True),
        (waiting("ImagePullBackOff", "Back-off pulling image"), "image_pull", False),
        (waiting("InvalidImageName"), "image_pull", True),
        (waiting("CreateContainerConfigError", "secret not found"), "config", True),
        (
            waiting("CrashLoopBackOff", restartCount=2, lastState={"terminated": {"exitCode": 1}}),
            "crash_loop",
            False,
        ),
        (
            waiting("CrashLoopBackOff", restartCount=6, lastState={"terminated": {"exitCode": 1}}),
            "crash_loop",
            True,
        ),
        (
            waiting(
                "CrashLoopBackOff",
                restartCount=1,
                lastState={"terminated": {"exitCode": 137, "reason": "OOMKilled"}},
            ),
            "oom",
            False,
        ),
    ],
)
def test_container_that_does_not_come_up_is_explained(container, reason, is_final):
    trouble = sight_workload(starting(), [pod(container=container, phase="Pending")]).trouble

    assert trouble is not None
    assert (trouble.reason, trouble.is_final) == (reason, is_final)
    assert trouble.sentence.endswith(".")


def test_container_that_is_being_made_is_no_trouble():
    assert (
        sight_workload(starting(), [pod(container=waiting("ContainerCreating"), phase="Pending")]).trouble
        is None
    )


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("0/3 nodes are available: 3 Insufficient memory.", "unschedulable"),
        ("0/3 nodes are available: 3 node(s) had volume node affinity conflict.", "volume"),
        ("0/1 nodes are available: 1 node(s) had untolerated taint.", "unschedulable"),
    ],
)
def test_pod_without_a_place_is_explained(message, reason):
    conditions = [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}]
    pending = pod(phase="Pending", containerStatuses=[], conditions=conditions)

    trouble = sight_workload(starting(), [pending]).trouble

    assert trouble is not None
    assert trouble.reason == reason


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ('pods "x" is forbidden: exceeded quota: plans', "quota"),
        ('pods "x" is forbidden: violates PodSecurity "restricted:latest"', "config"),
    ],
)
def test_pod_that_was_refused_is_explained(message, reason):
    conditions = [{"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": message}]

    trouble = sight_workload(starting(conditions=conditions), []).trouble

    assert trouble is not None
    assert trouble.reason == reason


def test_pods_are_matched_to_their_own_workload():
    other = copy.deepcopy(deployment())
    other["metadata"]["labels"] = {"minispod.com/instance": "another"}

    first, second = sight_workloads([deployment(), other], [pod()])

    assert first.is_ready
    assert not second.is_ready


def test_usage_is_the_sum_of_the_containers():
    usage = usage_of(
        {
            "metadata": {"name": "p", "namespace": "user-1"},
            "containers": [
                {"usage": {"cpu": "1500000n", "memory": "1024Ki"}},
                {"usage": {"cpu": "8m", "memory": "1Mi"}},
            ],
        }
    )

    assert (usage.cpu_milli, usage.memory_mb) == (10, 2.0)


def test_node_is_joined_with_its_pods_and_usage():
    node = {
        "metadata": {"name": "worker-1", "labels": {}, "creationTimestamp": "2026-11-20T10:00:00Z"},
        "spec": {},
        "status": {
            "allocatable": {"cpu": "12", "memory": "32768Mi", "pods": "110"},
            "capacity": {"cpu": "12", "memory": "33554432Ki", "pods": "110"},
            "conditions": [{"type": "Ready", "status": "True"}],
            "nodeInfo": {"kubeletVersion": "v1.32.4+k3s1"},
        },
    }
    busy = pod()
    busy["spec"]["containers"] = [{"resources": {"requests": {"cpu": "250m", "memory": "512Mi"}}}]
    ended = pod("over", phase="Succeeded")
    metrics = [{"metadata": {"name": "worker-1"}, "usage": {"cpu": "500m", "memory": "4096Mi"}}]

    (seen,) = sight_nodes([node], [busy, ended], metrics)

    assert seen.is_ready
    assert seen.is_schedulable
    assert (seen.cpu_requested, seen.memory_requested, seen.pods_running) == (250, 512, 1)
    assert (seen.cpu_used, seen.memory_used) == (500, 4096)
    assert seen.memory_capacity == 32768


@pytest.mark.parametrize(
    "spec",
    [
        {"unschedulable": True},
        {"taints": [{"key": "node.kubernetes.io/unreachable", "effect": "NoSchedule"}]},
    ],
)
def test_cordoned_or_tainted_node_takes_nothing(spec):
    (seen,) = sight_nodes([{"metadata": {"name": "w"}, "spec": spec, "status": {}}], [], [])

    assert not seen.is_schedulable
    assert not seen.is_ready
    assert seen.cpu_used is None
