"""Quotas and limit ranges refuse what is too much, and say so in the right places."""

from typing import Any

from tests.contracts.kubernetes.manifests import SMALL, Json, claim, config, container, deployment, pod
from tests.contracts.kubernetes.target import Room, Target


def with_quota(room: Room, target: Target, **hard: str) -> None:
    """Put a quota into the namespace, and wait until its status is there."""
    named = {key.replace("_", "."): value for key, value in hard.items()}
    target.create(f"{room.core}/resourcequotas", {"metadata": {"name": "plan"}, "spec": {"hard": named}})
    target.eventually(lambda: target.get(f"{room.core}/resourcequotas/plan").get("status", {}).get("used"))


def used(room: Room, target: Target) -> Any:
    """What the quota says is used."""
    return target.get(f"{room.core}/resourcequotas/plan")["status"]["used"]


def test_a_pod_beyond_the_quota_is_forbidden(room: Room, target: Target) -> None:
    with_quota(room, target, requests_cpu="20m", pods="5")
    target.create(f"{room.core}/pods", pod("small", container(resources=SMALL)))

    big = {"requests": {"cpu": "1"}, "limits": {"cpu": "1"}}
    answer = target.ask("POST", f"{room.core}/pods", pod("big", container(resources=big)))

    assert answer.status == 403
    assert answer.body["reason"] == "Forbidden"
    assert answer.body["details"] == {"name": "big", "kind": "pods"}
    assert answer.body["message"] == (
        'pods "big" is forbidden: exceeded quota: plan, requested: requests.cpu=1, used: requests.cpu=10m, '
        "limited: requests.cpu=20m"
    )
    target.eventually(lambda: used(room, target) == {"requests.cpu": "10m", "pods": "1"})


def test_with_a_quota_pods_must_say_what_they_need(room: Room, target: Target) -> None:
    with_quota(room, target, requests_cpu="1")

    answer = target.ask("POST", f"{room.core}/pods", pod("silent"))

    assert answer.status == 403
    told = 'pods "silent" is forbidden: failed quota: plan: must specify requests.cpu'
    assert answer.body["message"] == (f"{told} for: web" if target.at_least(23) else told)


def test_a_deployment_beyond_the_quota_stays_without_pods(room: Room, target: Target) -> None:
    with_quota(room, target, pods="1")
    target.create(f"{room.apps}/deployments", deployment("web", replicas=2))

    failure = target.eventually(lambda: room.events("FailedCreate"))[0]

    assert failure["type"] == "Warning"
    assert failure["involvedObject"]["kind"] == "ReplicaSet"
    assert (
        "is forbidden: exceeded quota: plan, requested: pods=1, used: pods=1, limited: pods=1"
        in (failure["message"])
    )
    assert failure["message"].startswith('Error creating: pods "web-')
    condition = target.eventually(lambda: _replica_failure(room, target))
    assert (condition["status"], condition["reason"]) == ("True", "FailedCreate")
    assert len(room.pods("web")) == 1


def _replica_failure(room: Room, target: Target) -> Json | None:
    found = target.get(f"{room.apps}/deployments/web")["status"].get("conditions", [])
    return next((one for one in found if one["type"] == "ReplicaFailure"), None)


def test_pods_come_once_the_quota_allows_them(room: Room, target: Target) -> None:
    with_quota(room, target, pods="0")
    target.create(f"{room.apps}/deployments", deployment("web"))
    target.eventually(lambda: room.events("FailedCreate"))

    target.patch(f"{room.core}/resourcequotas/plan", {"spec": {"hard": {"pods": "2"}}})

    room.rolled_out("web")


def test_objects_are_counted(room: Room, target: Target) -> None:
    with_quota(room, target, **{"count/configmaps": "2", "persistentvolumeclaims": "1"})
    target.create(f"{room.core}/configmaps", config("a"))

    answer = target.ask("POST", f"{room.core}/configmaps", config("b"))

    assert answer.status == 403
    assert (
        "requested: count/configmaps=1, used: count/configmaps=2, limited: count/configmaps=2"
        in (answer.body["message"])
    )


def test_storage_is_counted(room: Room, target: Target) -> None:
    with_quota(room, target, requests_storage="2Gi", persistentvolumeclaims="5")
    target.create(f"{room.core}/persistentvolumeclaims", claim("a", "1536Mi"))

    answer = target.ask("POST", f"{room.core}/persistentvolumeclaims", claim("b", "1Gi"))

    assert answer.status == 403
    assert answer.body["message"].endswith(
        "requested: requests.storage=1Gi, used: requests.storage=1536Mi, limited: requests.storage=2Gi"
    )


def test_room_is_given_back(room: Room, target: Target) -> None:
    with_quota(room, target, pods="1")
    target.create(f"{room.core}/pods", pod("first"))
    assert target.ask("POST", f"{room.core}/pods", pod("second")).status == 403

    target.delete(f"{room.core}/pods/first", gracePeriodSeconds=0)

    target.eventually(lambda: target.ask("POST", f"{room.core}/pods", pod("second")).status == 201)


def test_a_limit_range_gives_defaults(room: Room, target: Target) -> None:
    rule = {
        "type": "Container",
        "default": {"cpu": "500m", "memory": "128Mi"},
        "defaultRequest": {"cpu": "50m", "memory": "32Mi"},
    }
    target.create(f"{room.core}/limitranges", {"metadata": {"name": "l"}, "spec": {"limits": [rule]}})

    made = target.eventually(lambda: _with_defaults(room, target))

    assert made["spec"]["containers"][0]["resources"] == {
        "limits": {"cpu": "500m", "memory": "128Mi"},
        "requests": {"cpu": "50m", "memory": "32Mi"},
    }
    assert made["metadata"]["annotations"]["kubernetes.io/limit-ranger"].startswith(
        "LimitRanger plugin set: "
    )


def _with_defaults(room: Room, target: Target) -> Json | None:
    """A pod made once the limit range is known everywhere (a real server needs a moment)."""
    made: Json = target.create(f"{room.core}/pods", pod("p"), dryRun="All")
    return made if made["spec"]["containers"][0]["resources"] else None


def test_a_limit_range_refuses_too_much(room: Room, target: Target) -> None:
    rules = [
        {"type": "Container", "max": {"cpu": "1"}, "min": {"cpu": "10m"}},
        {"type": "PersistentVolumeClaim", "max": {"storage": "5Gi"}},
    ]
    target.create(f"{room.core}/limitranges", {"metadata": {"name": "l"}, "spec": {"limits": rules}})
    big = {"requests": {"cpu": "2"}, "limits": {"cpu": "3"}}

    answer = target.eventually(lambda: _refused(room, target, pod("p", container(resources=big))))

    assert answer["message"] == 'pods "p" is forbidden: maximum cpu usage per Container is 1, but limit is 3'
    volume = target.ask("POST", f"{room.core}/persistentvolumeclaims", claim("c", "9Gi"))
    assert volume.body["message"] == (
        'persistentvolumeclaims "c" is forbidden: maximum storage usage per PersistentVolumeClaim is 5Gi, '
        "but request is 9Gi"
    )


def _refused(room: Room, target: Target, body: Json) -> Json | None:
    answer = target.ask("POST", f"{room.core}/pods", body, dryRun="All")
    return answer.body if answer.status == 403 else None


def test_restricted_namespaces_refuse_careless_pods(room: Room, target: Target) -> None:
    level = {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}
    target.patch(f"/api/v1/namespaces/{room.name}", level)

    careless = target.ask("POST", f"{room.core}/pods", pod("careless"), dryRun="All")

    if not target.at_least(25):  # Pod Security admission came with 1.25
        assert careless.status == 201
        return
    assert careless.status == 403
    assert careless.body["message"] == (
        'pods "careless" is forbidden: violates PodSecurity "restricted:latest": '
        "allowPrivilegeEscalation != false "
        '(container "web" must set securityContext.allowPrivilegeEscalation=false), '
        'unrestricted capabilities (container "web" must set securityContext.capabilities.drop=["ALL"]), '
        'runAsNonRoot != true (pod or container "web" must set securityContext.runAsNonRoot=true), '
        'seccompProfile (pod or container "web" must set securityContext.seccompProfile.type to "RuntimeDefault" '
        'or "Localhost")'
    )
    context = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    careful = pod(
        "careful",
        container(securityContext=context),
        securityContext={
            "runAsNonRoot": True,
            "runAsUser": 1000,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    )
    assert target.ask("POST", f"{room.core}/pods", careful, dryRun="All").status == 201
