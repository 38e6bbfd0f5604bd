"""Ingresses, stateful sets, jobs and network policies."""

import uuid

from tests.contracts.kubernetes.manifests import (
    SHELL,
    Json,
    claim,
    container,
    deployment,
    ingress,
    pod,
    service,
)
from tests.contracts.kubernetes.target import Room, Target


def test_an_ingress_leads_to_the_pods_behind_it(room: Room, target: Target) -> None:
    host = f"{uuid.uuid4().hex[:10]}.contract.localhost"
    target.create(f"{room.core}/services", service("web"))
    made = target.create(f"{room.networking}/ingresses", ingress("web", host))
    assert made["status"] == {"loadBalancer": {}}

    found = target.eventually(lambda: _served(room, target))

    assert found["spec"]["rules"][0]["http"]["paths"][0]["pathType"] == "Prefix"
    if target.ingress is None:  # INGRESS_ADDRESS says where the hosts of a real cluster are answered
        return
    target.eventually(lambda: target.http(host)[0] in (502, 503))
    room.deploy(deployment("web"))
    target.eventually(lambda: target.http(host)[0] == 200)
    target.patch(f"{room.apps}/deployments/web/scale", {"spec": {"replicas": 0}})
    target.eventually(lambda: target.http(host)[0] in (502, 503))
    assert target.http("unknown.contract.localhost")[0] == 404


def _served(room: Room, target: Target) -> Json | None:
    found: Json = target.get(f"{room.networking}/ingresses/web")
    return found if found["status"]["loadBalancer"].get("ingress") else None


def test_network_policies_are_kept_with_their_types(room: Room, target: Target) -> None:
    spec = {"podSelector": {}, "egress": [{"ports": [{"port": 53}]}]}

    made = target.create(f"{room.networking}/networkpolicies", {"metadata": {"name": "n"}, "spec": spec})

    assert made["spec"]["policyTypes"] == ["Ingress", "Egress"]
    assert made["spec"]["egress"] == [{"ports": [{"port": 53, "protocol": "TCP"}]}]
    assert made["metadata"]["generation"] == 1


def stateful_set(replicas: int) -> Json:
    """A stateful set with a claim per pod."""
    mounted = container(volumeMounts=[{"name": "data", "mountPath": "/data"}])
    template = {"metadata": {"labels": {"app": "db"}}, "spec": pod("db", mounted)["spec"]}
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "db"},
        "spec": {
            "replicas": replicas,
            "serviceName": "db",
            "selector": {"matchLabels": {"app": "db"}},
            "template": template,
            "volumeClaimTemplates": [claim("data")],
        },
    }


def test_a_stateful_set_has_named_pods_with_claims_that_stay(room: Room, target: Target) -> None:
    target.create(f"{room.apps}/statefulsets", stateful_set(2))
    target.eventually(lambda: _status(room, target).get("readyReplicas") == 2)

    names = sorted(pod["metadata"]["name"] for pod in room.pods("db"))
    claims = target.get(f"{room.core}/persistentvolumeclaims")["items"]

    assert names == ["db-0", "db-1"]
    assert sorted(one["metadata"]["name"] for one in claims) == ["data-db-0", "data-db-1"]
    target.patch(f"{room.apps}/statefulsets/db/scale", {"spec": {"replicas": 0}})
    target.eventually(lambda: not target.get(f"{room.core}/pods")["items"])
    assert len(target.get(f"{room.core}/persistentvolumeclaims")["items"]) == 2
    target.patch(f"{room.apps}/statefulsets/db/scale", {"spec": {"replicas": 1}})
    target.eventually(lambda: _status(room, target).get("readyReplicas") == 1)
    assert [pod["metadata"]["name"] for pod in room.pods("db")] == ["db-0"]


def _status(room: Room, target: Target) -> Json:
    status: Json = target.get(f"{room.apps}/statefulsets/db")["status"]
    return status


def job(code: int, **more: int) -> Json:
    """A job whose pod exits with that code."""
    one = container(SHELL, command=["sh", "-c", f"exit {code}"])
    template = {"spec": {"restartPolicy": "Never", "containers": [one]}}
    return {"metadata": {"name": "j"}, "spec": {"template": template, **more}}


def test_a_job_completes(room: Room, target: Target) -> None:
    path = f"/apis/batch/v1/namespaces/{room.name}/jobs"
    made = target.create(path, job(0))
    assert made["spec"]["completions"] == made["spec"]["parallelism"] == 1

    done = target.eventually(lambda: _concluded(target, f"{path}/j", "Complete"))

    assert done["status"]["succeeded"] == 1
    assert {"startTime", "completionTime"} <= set(done["status"])
    (found,) = target.get(f"{room.core}/pods", labelSelector="job-name=j")["items"]
    assert found["status"]["phase"] == "Succeeded"


def test_a_job_gives_up(room: Room, target: Target) -> None:
    path = f"/apis/batch/v1/namespaces/{room.name}/jobs"
    target.create(path, job(1, backoffLimit=0))

    failed = target.eventually(lambda: _concluded(target, f"{path}/j", "Failed"))

    assert failed["status"]["failed"] == 1
    assert failed["status"]["conditions"][-1]["reason"] == "BackoffLimitExceeded"
    target.delete(f"{path}/j", {"propagationPolicy": "Background"})
    target.eventually(lambda: not target.get(f"{room.core}/pods")["items"])


def _concluded(target: Target, path: str, type_: str) -> Json | None:
    found: Json = target.get(path)
    conditions = found["status"].get("conditions", [])
    return found if any(one["type"] == type_ and one["status"] == "True" for one in conditions) else None
