"""Take a node out of service and empty it: mark it, list its pods, ask pods to leave.

A pod is asked to leave by an eviction, never deleted, so that disruption budgets are kept. No volume is touched.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from minispod.cluster.draining import Eviction, Keeper, PlacedPod
from minispod.integrations.kubernetes import paths, translation
from minispod.integrations.kubernetes.client import ApiSaidNo, KubernetesClient

_MIRROR = "kubernetes.io/config.mirror"
_TOO_MANY = 429
_BROKEN_BUDGET = "PodDisruptionBudget"
_OVER = ("Succeeded", "Failed")


def set_schedulable(client: KubernetesClient, name: str, *, manager: str, is_schedulable: bool) -> None:
    """Let the scheduler use a node, or not; what runs there goes on."""
    # None removes the field, which is what "schedulable" looks like.
    body = {"spec": {"unschedulable": None if is_schedulable else True}}
    client.merge(paths.NODE.one(None, name), body, manager)


def pods_on(client: KubernetesClient, node: str) -> Sequence[PlacedPod]:
    """All pods of a node, of every namespace."""
    return [_placed(each) for each in client.items(paths.POD.all(), fieldSelector=f"spec.nodeName={node}")]


def evict(client: KubernetesClient, namespace: str, name: str) -> Eviction:
    """Ask a pod to leave its node; one that is gone has left."""
    body = {
        "apiVersion": _eviction_version(client),
        "kind": "Eviction",
        "metadata": {"namespace": namespace, "name": name},
    }
    try:
        client.create(f"{paths.POD.one(namespace, name)}/eviction", body)
    except ApiSaidNo as refusal:
        if refusal.status == 404 or refusal.reason == "NamespaceTerminating":
            return Eviction()
        # 500 is what the server says when two budgets cover one pod: as little its fault as ours.
        if refusal.status == _TOO_MANY or (refusal.status == 500 and _BROKEN_BUDGET in refusal.message):
            return Eviction(refusal.message or "The cluster asks to wait.")
        raise
    return Eviction()


def _eviction_version(client: KubernetesClient) -> str:
    """The form of the request that this server knows: policy/v1 from 1.22 on, before that policy/v1beta1."""
    for each in client.get("/api/v1").get("resources") or []:
        if each.get("name") == "pods/eviction":
            return f"{each.get('group') or 'policy'}/{each.get('version') or 'v1'}"
    return "policy/v1"


def _placed(pod: Mapping[str, Any]) -> PlacedPod:
    metadata, spec = pod["metadata"], pod.get("spec") or {}
    claims = [
        (each.get("persistentVolumeClaim") or {}).get("claimName") for each in spec.get("volumes") or []
    ]
    return PlacedPod(
        namespace=metadata["namespace"],
        name=metadata["name"],
        keeper=_keeper(metadata),
        claims=tuple(str(claim) for claim in claims if claim),
        instance_id=translation.label_of(pod, translation.INSTANCE_LABEL) or None,
        is_leaving=bool(metadata.get("deletionTimestamp")),
        is_over=(pod.get("status") or {}).get("phase") in _OVER,
        is_workbench=bool(translation.label_of(pod, translation.WORKBENCH_LABEL)),
    )


def _keeper(metadata: Mapping[str, Any]) -> Keeper:
    if _MIRROR in (metadata.get("annotations") or {}):
        return Keeper.NODE
    owner = next((each for each in metadata.get("ownerReferences") or [] if each.get("controller")), None)
    if owner is None:
        return Keeper.NOBODY
    return {"DaemonSet": Keeper.DAEMON_SET, "Node": Keeper.NODE}.get(
        str(owner.get("kind")), Keeper.CONTROLLER
    )
