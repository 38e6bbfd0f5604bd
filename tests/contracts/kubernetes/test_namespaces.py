"""The life of a namespace."""

import uuid

from kubernetes import client

from tests.contracts.kubernetes.manifests import config, deployment
from tests.contracts.kubernetes.target import Room, Target


def test_a_new_namespace_is_active_and_has_a_default_account(room: Room, target: Target) -> None:
    space = target.get(f"/api/v1/namespaces/{room.name}")

    assert space["status"] == {"phase": "Active"}
    assert space["spec"] == {"finalizers": ["kubernetes"]}
    assert space["metadata"]["labels"] == {"kubernetes.io/metadata.name": room.name}
    assert target.get(f"{room.core}/serviceaccounts/default")["metadata"]["namespace"] == room.name
    assert target.get(f"{room.core}/configmaps/kube-root-ca.crt")["data"]["ca.crt"].startswith("-----BEGIN")


def test_deleting_a_namespace_takes_everything_in_it(target: Target) -> None:
    name = f"contract-{uuid.uuid4().hex[:8]}"
    room = Room(target, name)
    target.create("/api/v1/namespaces", {"metadata": {"name": name}})
    target.eventually(lambda: not target.gone(f"{room.core}/serviceaccounts/default"))
    target.create(f"{room.core}/configmaps", config("kept", a="1"))
    room.deploy(deployment("web"))

    answer = target.delete(f"/api/v1/namespaces/{name}")

    assert answer["status"]["phase"] == "Terminating"
    assert "deletionTimestamp" in answer["metadata"]
    late = target.ask("POST", f"{room.core}/configmaps", config("late"))
    if late.status == 403:
        assert late.body["reason"] == "Forbidden"
        assert late.body["details"]["causes"][0]["reason"] == "NamespaceTerminating"
        assert (
            f"unable to create new content in namespace {name} because it is being terminated"
            in (late.body["message"])
        )
    else:
        assert (late.status, late.body["reason"]) == (404, "NotFound")
    target.eventually(lambda: target.gone(f"/api/v1/namespaces/{name}"), 60)
    assert target.get(f"{room.apps}/deployments")["items"] == []
    assert target.get(f"{room.core}/pods")["items"] == []


def test_system_namespaces_cannot_be_deleted(target: Target) -> None:
    answer = target.ask("DELETE", "/api/v1/namespaces/kube-system")

    assert answer.status == 403
    assert answer.body["message"] == (
        'namespaces "kube-system" is forbidden: this namespace may not be deleted'
    )


def test_the_official_client_reads_namespaces(room: Room, target: Target) -> None:
    found = client.CoreV1Api(target.api).read_namespace(room.name)

    assert found.metadata.name == room.name
    assert found.status.phase == "Active"
