"""Deployments: to ready, patched, scaled, recreated, and their conditions."""

from kubernetes import client

from tests.contracts.kubernetes.manifests import (
    MISSING,
    SMALL,
    WEB_NEWER,
    Json,
    config,
    container,
    deployment,
    service,
)
from tests.contracts.kubernetes.target import APPLY, STRATEGIC, Room, Target

READY_PROBE = {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1}


def conditions(obj: Json) -> dict[str, Json]:
    """The conditions by type."""
    return {one["type"]: one for one in obj["status"].get("conditions", [])}


def test_a_deployment_becomes_ready(room: Room, target: Target) -> None:
    body = deployment("web", container(readinessProbe=READY_PROBE, resources=SMALL))

    found = room.deploy(body)

    status = found["status"]
    assert status["observedGeneration"] == found["metadata"]["generation"] == 1
    assert status["replicas"] == status["updatedReplicas"] == status["readyReplicas"] == 1
    assert status["availableReplicas"] == 1
    assert "unavailableReplicas" not in status
    available, progressing = conditions(found)["Available"], conditions(found)["Progressing"]
    assert (available["status"], available["reason"]) == ("True", "MinimumReplicasAvailable")
    assert available["message"] == "Deployment has minimum availability."
    progressing = target.eventually(
        lambda: _when(conditions(target.get(f"{room.apps}/deployments/web"))["Progressing"])
    )
    assert progressing["status"] == "True"
    assert found["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "1"


def _when(condition: Json) -> Json | None:
    return condition if condition["reason"] == "NewReplicaSetAvailable" else None


def test_its_pod_tells_everything_about_itself(room: Room, target: Target) -> None:
    room.deploy(deployment("web", container(readinessProbe=READY_PROBE, resources=SMALL)))

    (pod,) = room.pods("web")

    (status,) = pod["status"]["containerStatuses"]
    assert pod["status"]["phase"] == "Running"
    assert pod["status"]["qosClass"] == "Burstable"
    assert {"podIP", "hostIP", "startTime"} <= set(pod["status"])
    found = conditions(pod)
    assert {
        name: found[name]["status"] for name in ("PodScheduled", "Initialized", "ContainersReady", "Ready")
    } == {
        "PodScheduled": "True",
        "Initialized": "True",
        "ContainersReady": "True",
        "Ready": "True",
    }
    assert status["ready"] is True
    assert status["started"] is True
    assert status["restartCount"] == 0
    assert status["image"] == "docker.io/minispod-test/web:1"
    assert status["containerID"].startswith("containerd://")
    assert "startedAt" in status["state"]["running"]
    assert pod["spec"]["nodeName"]
    assert pod["spec"]["serviceAccountName"] == "default"
    (owner,) = pod["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["controller"], owner["blockOwnerDeletion"]) == ("ReplicaSet", True, True)
    reasons = {event["reason"] for event in target.get(f"{room.core}/events")["items"]}
    assert {"ScalingReplicaSet", "SuccessfulCreate", "Scheduled", "Pulled", "Created", "Started"} <= reasons


def test_the_official_client_reads_it_all(room: Room, target: Target) -> None:
    room.deploy(deployment("web"))

    found = client.AppsV1Api(target.api).read_namespaced_deployment_status("web", room.name)
    pods = client.CoreV1Api(target.api).list_namespaced_pod(room.name, label_selector="app=web")
    sets = client.AppsV1Api(target.api).list_namespaced_replica_set(room.name)

    assert found.status.available_replicas == 1
    assert found.metadata.managed_fields[0].fields_v1
    assert pods.items[0].status.container_statuses[0].state.running.started_at
    assert sets.items[0].status.ready_replicas == 1


def test_defaults_are_filled_in(room: Room, target: Target) -> None:
    found = target.create(f"{room.apps}/deployments", deployment("web", replicas=0))

    spec = found["spec"]
    assert spec["strategy"] == {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"},
    }
    assert (spec["revisionHistoryLimit"], spec["progressDeadlineSeconds"]) == (10, 600)
    pod = spec["template"]["spec"]
    assert (pod["restartPolicy"], pod["dnsPolicy"]) == ("Always", "ClusterFirst")
    assert pod["securityContext"] == {}
    assert pod["containers"][0]["resources"] == {}
    assert pod["containers"][0]["imagePullPolicy"] == "IfNotPresent"


def test_quantities_come_back_in_their_usual_form(room: Room, target: Target) -> None:
    asked = {"requests": {"cpu": "0.5", "memory": "1024Mi"}, "limits": {"cpu": 2, "memory": "1.5Gi"}}

    found = target.create(
        f"{room.apps}/deployments", deployment("web", container(resources=asked), replicas=0)
    )

    assert found["spec"]["template"]["spec"]["containers"][0]["resources"] == {
        "requests": {"cpu": "500m", "memory": "1Gi"},
        "limits": {"cpu": "2", "memory": "1536Mi"},
    }


def test_a_changed_template_annotation_rolls_the_pods(room: Room, target: Target) -> None:
    room.deploy(deployment("web"))
    (before,) = room.pods("web")
    stamp = {"spec": {"template": {"metadata": {"annotations": {"restarted-at": "now"}}}}}

    target.patch(f"{room.apps}/deployments/web", stamp, STRATEGIC)

    found = room.rolled_out("web")
    (after,) = target.eventually(lambda: [pod for pod in room.pods("web") if pod != before])
    assert after["metadata"]["name"] != before["metadata"]["name"]
    assert after["metadata"]["annotations"]["restarted-at"] == "now"
    assert found["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "2"
    assert found["spec"]["template"]["spec"]["containers"][0]["image"] == "minispod-test/web:1"


def test_a_strategic_patch_merges_containers_by_name(room: Room, target: Target) -> None:
    target.create(f"{room.apps}/deployments", deployment("web", container(resources=SMALL), replicas=0))
    change = {"spec": {"template": {"spec": {"containers": [{"name": "web", "image": WEB_NEWER}]}}}}

    found = target.patch(f"{room.apps}/deployments/web", change, STRATEGIC)

    (only,) = found["spec"]["template"]["spec"]["containers"]
    assert only["image"] == WEB_NEWER
    assert only["resources"] == SMALL


def test_recreate_stops_the_old_pod_before_it_starts_the_new(room: Room, target: Target) -> None:
    room.deploy(deployment("web", strategy={"type": "Recreate"}))
    (before,) = room.pods("web")
    change = {"spec": {"template": {"spec": {"containers": [{"name": "web", "image": WEB_NEWER}]}}}}
    target.patch(f"{room.apps}/deployments/web", change, STRATEGIC)

    seen_together = 0
    while not (room.complete("web") and _runs(room, WEB_NEWER)):
        found = target.get(f"{room.core}/pods", labelSelector="app=web")["items"]
        seen_together = max(seen_together, len(found))

    (after,) = room.pods("web")
    assert seen_together <= 1
    assert after["metadata"]["uid"] != before["metadata"]["uid"]


def _runs(room: Room, image: str) -> bool:
    return any(pod["spec"]["containers"][0]["image"] == image for pod in room.pods("web"))


def test_the_scale_subresource_stops_and_starts(room: Room, target: Target) -> None:
    room.deploy(deployment("web"))
    path = f"{room.apps}/deployments/web/scale"
    scale = target.get(path)
    assert scale["kind"] == "Scale"
    assert (scale["spec"], scale["status"]) == ({"replicas": 1}, {"replicas": 1, "selector": "app=web"})

    target.patch(path, {"spec": {"replicas": 0}})

    target.eventually(lambda: not target.get(f"{room.core}/pods", labelSelector="app=web")["items"])
    stopped = room.rolled_out("web")
    assert stopped["spec"]["replicas"] == 0
    assert "replicas" not in stopped["status"]
    target.patch(path, {"spec": {"replicas": 2}})
    assert room.rolled_out("web")["status"]["readyReplicas"] == 2
    assert len(room.pods("web")) == 2


def test_the_official_client_scales(room: Room, target: Target) -> None:
    room.deploy(deployment("web"))
    apps = client.AppsV1Api(target.api)

    apps.patch_namespaced_deployment_scale("web", room.name, {"spec": {"replicas": 2}})

    assert room.rolled_out("web")["spec"]["replicas"] == 2
    assert apps.read_namespaced_deployment_scale("web", room.name).status.replicas == 2


def test_scaling_takes_the_replicas_from_an_applier(room: Room, target: Target) -> None:
    path = f"{room.apps}/deployments/web"
    target.apply(path, deployment("web", replicas=0))
    target.patch(f"{path}/scale", {"spec": {"replicas": 1}}, fieldManager="scaler")

    answer = target.ask("PATCH", path, deployment("web", replicas=0), APPLY, fieldManager="minispod")

    if target.at_least(22):
        assert answer.status == 409
        assert answer.body["message"] == (
            'Apply failed with 1 conflict: conflict with "scaler" with subresource "scale" using apps/v1: '
            ".spec.replicas"
        )
    else:  # releases before 1.22 do not record who scaled
        assert answer.status == 200


def test_a_rolling_update_keeps_the_service_answered(room: Room, target: Target) -> None:
    target.create(f"{room.core}/services", service("web"))
    room.deploy(deployment("web", replicas=2))
    target.eventually(lambda: len(_addresses(room, target)) == 2)
    change = {"spec": {"template": {"spec": {"containers": [{"name": "web", "image": WEB_NEWER}]}}}}

    target.patch(f"{room.apps}/deployments/web", change, STRATEGIC)

    fewest = 2
    while not room.complete("web"):
        fewest = min(fewest, target.get(f"{room.apps}/deployments/web")["status"].get("availableReplicas", 0))
    assert fewest >= 2
    sets = target.get(f"{room.apps}/replicasets")["items"]
    assert sorted(one["spec"]["replicas"] for one in sets) == [0, 2]


def _addresses(room: Room, target: Target) -> list[Json]:
    answer = target.ask("GET", f"{room.core}/endpoints/web")
    subsets = answer.body.get("subsets") or [] if answer.status == 200 else []
    return [address for subset in subsets for address in subset.get("addresses") or []]


def test_a_service_gets_an_address_and_endpoints(room: Room, target: Target) -> None:
    made = target.create(f"{room.core}/services", service("web"))
    room.deploy(deployment("web"))

    (address,) = target.eventually(lambda: _addresses(room, target))

    (pod,) = room.pods("web")
    assert made["spec"]["type"] == "ClusterIP"
    assert made["spec"]["clusterIP"].startswith("10.43.")
    assert made["spec"]["ports"] == [{"port": 80, "protocol": "TCP", "targetPort": 8080}]
    assert address["ip"] == pod["status"]["podIP"]
    assert address["targetRef"]["name"] == pod["metadata"]["name"]
    target.delete(f"{room.core}/services/web")
    target.eventually(lambda: target.gone(f"{room.core}/endpoints/web"))


def test_a_missing_secret_keeps_the_container_from_starting(room: Room, target: Target) -> None:
    env = [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "later", "key": "a"}}}]
    target.create(f"{room.apps}/deployments", deployment("web", container(env=env)))

    waiting = target.eventually(lambda: _waiting(room, "CreateContainerConfigError"))

    assert waiting["message"] == 'secret "later" not found'
    target.create(f"{room.core}/secrets", {"metadata": {"name": "later"}, "stringData": {"a": "1"}})
    room.rolled_out("web")


def _waiting(room: Room, reason: str) -> Json | None:
    for pod in room.pods("web"):
        for status in pod["status"].get("containerStatuses", []):
            waiting: Json = status["state"].get("waiting", {})
            if waiting.get("reason") == reason:
                return waiting
    return None


def test_a_rollout_without_progress_says_so(room: Room, target: Target) -> None:
    target.create(
        f"{room.apps}/deployments", deployment("web", container(MISSING), progressDeadlineSeconds=3)
    )

    found = target.eventually(lambda: _stuck(room, target))

    assert (found["status"], found["reason"]) == ("False", "ProgressDeadlineExceeded")
    assert found["message"].startswith('ReplicaSet "web-')
    assert found["message"].endswith('" has timed out progressing.')


def _stuck(room: Room, target: Target) -> Json | None:
    found = conditions(target.get(f"{room.apps}/deployments/web")).get("Progressing")
    return found if found and found["status"] == "False" else None


def test_availability_takes_as_long_as_asked(room: Room, target: Target) -> None:
    target.create(f"{room.apps}/deployments", deployment("web", minReadySeconds=2))

    room.rolled_out("web")

    (found,) = target.get(f"{room.apps}/replicasets")["items"]
    assert found["spec"]["minReadySeconds"] == 2
    assert found["status"]["availableReplicas"] == 1


def test_a_paused_deployment_makes_nothing(room: Room, target: Target) -> None:
    target.create(f"{room.core}/configmaps", config("here"))
    target.create(f"{room.apps}/deployments", deployment("web", paused=True))

    target.eventually(lambda: target.get(f"{room.apps}/deployments/web")["status"].get("observedGeneration"))

    assert target.get(f"{room.apps}/replicasets")["items"] == []
