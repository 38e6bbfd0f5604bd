"""Deleting: grace, dependents, eviction, and what a deletion answers."""

from kubernetes import client

from tests.contracts.kubernetes.manifests import Json, config, deployment, pod
from tests.contracts.kubernetes.target import Room, Target


def test_deletion_of_plain_objects_answers_with_a_status(room: Room, target: Target) -> None:
    made = target.create(f"{room.core}/configmaps", config("c"))

    answer = target.delete(f"{room.core}/configmaps/c")

    assert answer["kind"] == "Status"
    assert answer["status"] == "Success"
    assert answer["details"] == {"name": "c", "kind": "configmaps", "uid": made["metadata"]["uid"]}
    assert target.ask("DELETE", f"{room.core}/configmaps/c").status == 404


def test_a_running_pod_is_given_time(room: Room, target: Target) -> None:
    target.create(f"{room.core}/pods", pod("p", terminationGracePeriodSeconds=20))
    target.eventually(lambda: target.get(f"{room.core}/pods/p")["status"]["phase"] == "Running")

    answer = target.delete(f"{room.core}/pods/p")

    assert answer["kind"] == "Pod"
    assert answer["metadata"]["deletionGracePeriodSeconds"] == 20
    assert "deletionTimestamp" in answer["metadata"]
    target.eventually(lambda: target.gone(f"{room.core}/pods/p"), 40)


def test_a_pod_without_grace_is_gone_at_once(room: Room, target: Target) -> None:
    target.create(f"{room.core}/pods", pod("p"))
    target.eventually(lambda: target.get(f"{room.core}/pods/p")["status"]["phase"] == "Running")

    target.delete(f"{room.core}/pods/p", gracePeriodSeconds=0)

    assert target.gone(f"{room.core}/pods/p")


def test_what_a_deployment_made_goes_with_it(room: Room, target: Target) -> None:
    room.deploy(deployment("web"))

    answer = target.delete(f"{room.apps}/deployments/web", {"propagationPolicy": "Background"})

    assert answer["status"] == "Success"
    assert target.gone(f"{room.apps}/deployments/web")
    target.eventually(lambda: not target.get(f"{room.apps}/replicasets")["items"])
    target.eventually(lambda: not target.get(f"{room.core}/pods")["items"])


def test_in_the_foreground_the_owner_goes_last(room: Room, target: Target) -> None:
    room.deploy(deployment("web"))

    answer = target.delete(f"{room.apps}/deployments/web", {"propagationPolicy": "Foreground"})

    assert answer["metadata"]["finalizers"] == ["foregroundDeletion"]
    assert "deletionTimestamp" in answer["metadata"]
    target.eventually(lambda: target.gone(f"{room.apps}/deployments/web"), 60)
    assert target.get(f"{room.apps}/replicasets")["items"] == []


def test_orphans_stay_and_forget_their_owner(room: Room, target: Target) -> None:
    room.deploy(deployment("web"))

    target.delete(f"{room.apps}/deployments/web", {"propagationPolicy": "Orphan"})

    target.eventually(lambda: target.gone(f"{room.apps}/deployments/web"))
    (kept,) = target.get(f"{room.apps}/replicasets")["items"]
    assert "ownerReferences" not in kept["metadata"]
    assert len(room.pods("web")) == 1


def test_a_deleted_pod_is_replaced(room: Room, target: Target) -> None:
    room.deploy(deployment("web"))
    (before,) = room.pods("web")

    target.delete(f"{room.core}/pods/{before['metadata']['name']}")

    target.eventually(lambda: _other(room, before))
    room.rolled_out("web")


def _other(room: Room, before: Json) -> bool:
    return any(pod["metadata"]["uid"] != before["metadata"]["uid"] for pod in room.pods("web"))


def test_an_evicted_pod_goes_and_is_replaced(room: Room, target: Target) -> None:
    room.deploy(deployment("web"))
    (before,) = room.pods("web")
    name = before["metadata"]["name"]
    version = "policy/v1" if target.at_least(22) else "policy/v1beta1"
    body = {"apiVersion": version, "kind": "Eviction", "metadata": {"name": name, "namespace": room.name}}

    answer = target.ask("POST", f"{room.core}/pods/{name}/eviction", body)

    assert answer.status == 201
    assert (answer.body["kind"], answer.body["status"], answer.body["code"]) == ("Status", "Success", 201)
    target.eventually(lambda: target.gone(f"{room.core}/pods/{name}"))
    target.eventually(lambda: _other(room, before))
    missing = target.ask(
        "POST", f"{room.core}/pods/nothing/eviction", {**body, "metadata": {"name": "nothing"}}
    )
    assert missing.status == 404


def test_a_disruption_budget_holds_an_eviction_up(room: Room, target: Target) -> None:
    version = "v1" if target.at_least(21) else "v1beta1"
    budgets = f"/apis/policy/{version}/namespaces/{room.name}/poddisruptionbudgets"
    if not target.at_least(21):  # policy/v1 came with 1.21
        assert target.ask("GET", budgets.replace("v1beta1", "v1")).status == 404
    spec = {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}}
    target.create(budgets, {"metadata": {"name": "b"}, "spec": spec})
    room.deploy(deployment("web"))
    (found,) = room.pods("web")
    name = found["metadata"]["name"]
    target.eventually(lambda: target.get(f"{budgets}/b").get("status", {}).get("currentHealthy") == 1)
    body = {"apiVersion": f"policy/{version}", "kind": "Eviction", "metadata": {"name": name}}

    answer = target.ask("POST", f"{room.core}/pods/{name}/eviction", body)

    assert (answer.status, answer.body["reason"]) == (429, "TooManyRequests")
    assert answer.body["message"] == "Cannot evict pod as it would violate the pod's disruption budget."
    assert answer.body["details"]["causes"][0]["reason"] == "DisruptionBudget"
    assert not target.gone(f"{room.core}/pods/{name}")


def test_a_collection_is_deleted_by_its_labels(room: Room, target: Target) -> None:
    for name, tier in (("a", "x"), ("b", "x"), ("c", "y")):
        target.create(f"{room.core}/configmaps", config(name, {"tier": tier}))

    target.delete(f"{room.core}/configmaps", labelSelector="tier=x")

    left = target.get(f"{room.core}/configmaps", labelSelector="tier")["items"]
    assert [one["metadata"]["name"] for one in left] == ["c"]


def test_a_finalizer_holds_an_object(room: Room, target: Target) -> None:
    body = config("c")
    body["metadata"]["finalizers"] = ["example.com/wait"]
    target.create(f"{room.core}/configmaps", body)

    answer = target.delete(f"{room.core}/configmaps/c")

    assert "deletionTimestamp" in answer["metadata"]
    assert not target.gone(f"{room.core}/configmaps/c")
    target.patch(f"{room.core}/configmaps/c", {"metadata": {"finalizers": None}})
    assert target.gone(f"{room.core}/configmaps/c")


def test_the_official_client_deletes(room: Room, target: Target) -> None:
    room.deploy(deployment("web"))

    client.AppsV1Api(target.api).delete_namespaced_deployment(
        "web", room.name, propagation_policy="Background"
    )

    target.eventually(lambda: target.gone(f"{room.apps}/deployments/web"))
