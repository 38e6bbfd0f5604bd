"""Bindings of rights, and classes of priority: what is stored, what is refused, what a pod gets from its class."""

import uuid

from tests.contracts.kubernetes.manifests import Json, pod
from tests.contracts.kubernetes.target import Room, Target

GROUP = "rbac.authorization.k8s.io"
CLASSES = "/apis/scheduling.k8s.io/v1/priorityclasses"


def binding(role: str) -> Json:
    """A binding of a ClusterRole to an account; the group of the role is left to the server."""
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "readers"},
        "roleRef": {"kind": "ClusterRole", "name": role},
        "subjects": [{"kind": "ServiceAccount", "name": "somebody", "namespace": "elsewhere"}],
    }


def test_role_of_a_binding_cannot_change(room: Room, target: Target) -> None:
    path = f"/apis/{GROUP}/v1/namespaces/{room.name}/rolebindings/readers"
    made = target.apply(path, binding("view"))

    changed = target.ask(
        "PATCH", path, binding("edit"), "application/apply-patch+yaml", fieldManager="minispod"
    )

    assert made["roleRef"] == {"apiGroup": GROUP, "kind": "ClusterRole", "name": "view"}
    assert made["subjects"] == binding("view")["subjects"]
    assert changed.status == 422
    assert "cannot change roleRef" in changed.body["message"]


def test_pod_has_the_priority_of_its_class(room: Room, target: Target) -> None:
    name = f"contract-{uuid.uuid4().hex[:8]}"
    target.create(CLASSES, {"metadata": {"name": name}, "value": -7, "preemptionPolicy": "Never"})
    try:
        made = target.eventually(lambda: _made(room, target, name))
    finally:
        target.delete(f"{CLASSES}/{name}")

    assert (made["spec"]["priority"], made["spec"]["preemptionPolicy"]) == (-7, "Never")


def _made(room: Room, target: Target, priority: str) -> Json | None:
    """A pod made once the class is known everywhere (a real server needs a moment)."""
    answer = target.ask("POST", f"{room.core}/pods", pod("p", priorityClassName=priority), dryRun="All")
    return answer.body if answer.status == 201 else None


def test_pod_of_a_class_that_is_not_there_is_forbidden(room: Room, target: Target) -> None:
    answer = target.ask(
        "POST", f"{room.core}/pods", pod("p", priorityClassName="nothing-of-it"), dryRun="All"
    )

    assert answer.status == 403
    assert answer.body["message"] == (
        'pods "p" is forbidden: no PriorityClass with name nothing-of-it was found'
    )


def test_value_of_a_class_cannot_change(target: Target) -> None:
    name = f"contract-{uuid.uuid4().hex[:8]}"
    target.create(CLASSES, {"metadata": {"name": name}, "value": 1})
    try:
        changed = target.ask("PATCH", f"{CLASSES}/{name}", {"value": 2}, "application/merge-patch+json")
    finally:
        target.delete(f"{CLASSES}/{name}")

    assert changed.status == 422
    assert "may not be changed in an update" in changed.body["message"]
