"""Removing objects, by label and by name; safe to repeat until all is gone.

Data are removed only where the caller says so: no function here touches a volume claim by itself.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from minispod.instances.domains.manifests import CUSTOM_DOMAIN
from minispod.integrations.kubernetes import paths
from minispod.integrations.kubernetes.client import ApiSaidNo, KubernetesClient
from minispod.integrations.kubernetes.paths import Kind
from minispod.integrations.kubernetes.translation import INSTANCE_LABEL, WORKBENCH_LABEL


def prune(
    client: KubernetesClient, namespace: str, instance_id: str, keep: Sequence[Mapping[str, Any]]
) -> None:
    """Delete the instance's objects that are not in `keep`; its custom domains have a life of their own."""
    kept = {paths.address_of(manifest) for manifest in keep}
    for kind in paths.INSTANCE_KINDS:
        for found in _of_instance(client, kind, namespace, instance_id):
            address = kind.one(namespace, found["metadata"]["name"])
            if address not in kept and CUSTOM_DOMAIN not in found["metadata"]["labels"]:
                _delete(client, address)


def withdraw_domains(
    client: KubernetesClient, namespace: str, instance_id: str, keep: Sequence[Mapping[str, Any]]
) -> None:
    """Delete the Ingresses of custom domains that are not in `keep`, with their certificates."""
    kept = {paths.address_of(manifest) for manifest in keep}
    selector = f"{INSTANCE_LABEL}={instance_id},{CUSTOM_DOMAIN}=true"
    for found in client.items(paths.INGRESS.within(namespace), labelSelector=selector):
        address = paths.INGRESS.one(namespace, found["metadata"]["name"])
        if address not in kept:
            _delete_certificates(client, namespace, found)
            _delete(client, address)


def delete_instance(client: KubernetesClient, namespace: str, instance_id: str, *, with_volume: bool) -> bool:
    """Delete all of an instance; True when nothing was left to delete and no pod is there."""
    kinds = (*paths.INSTANCE_KINDS, paths.CLAIM) if with_volume else paths.INSTANCE_KINDS
    left = 0
    for kind in kinds:
        for found in _of_instance(client, kind, namespace, instance_id):
            left += 1
            if kind is paths.INGRESS:
                _delete_certificates(client, namespace, found)
            if not found["metadata"].get("deletionTimestamp"):
                _delete(client, kind.one(namespace, found["metadata"]["name"]))
    pods = sum(1 for _ in _of_instance(client, paths.POD, namespace, instance_id))
    # A workbench belongs to no workload, and would hold the volume for ever.
    selector = f"{WORKBENCH_LABEL}={instance_id}"
    for found in client.items(paths.POD.within(namespace), labelSelector=selector):
        left += 1
        if not found["metadata"].get("deletionTimestamp"):
            _delete(client, paths.POD.one(namespace, found["metadata"]["name"]))
    return left + pods == 0


def delete_namespace(client: KubernetesClient, name: str) -> bool:
    """Delete a namespace; True when it is gone."""
    return _delete_one(client, paths.NAMESPACE.one(None, name))


def delete_pod(client: KubernetesClient, namespace: str, name: str, *, force: bool) -> bool:
    """Delete a pod; True when it is gone. Forced, nobody is asked whether it has ended."""
    return _delete_one(client, paths.POD.one(namespace, name), force=force)


def delete_secret(client: KubernetesClient, namespace: str, name: str) -> None:
    """Delete one Secret without reading it."""
    _delete(client, paths.SECRET.one(namespace, name))


def delete_workload(client: KubernetesClient, namespace: str, name: str, instance_label: str) -> bool:
    """Delete one workload; True when none of this name carries this label: what is there by now is another's."""
    return _delete_one(client, paths.DEPLOYMENT.one(namespace, name), instance_label=instance_label)


def delete_claim(client: KubernetesClient, namespace: str, name: str) -> bool:
    """Delete one volume claim; True when it is gone."""
    return _delete_one(client, paths.CLAIM.one(namespace, name))


def _delete_one(
    client: KubernetesClient, address: str, *, force: bool = False, instance_label: str | None = None
) -> bool:
    try:
        found = client.get(address)
    except ApiSaidNo as refusal:
        if refusal.status == 404:
            return True
        raise
    labels = found["metadata"].get("labels") or {}
    if instance_label is not None and (labels.get(INSTANCE_LABEL) or "") != instance_label:
        return True
    if force or not found["metadata"].get("deletionTimestamp"):
        _delete(client, address, grace_seconds=0 if force else None)
    return False


def _of_instance(
    client: KubernetesClient, kind: Kind, namespace: str, instance_id: str
) -> Iterator[dict[str, Any]]:
    return client.items(kind.within(namespace), labelSelector=f"{INSTANCE_LABEL}={instance_id}")


def _delete_certificates(client: KubernetesClient, namespace: str, ingress: Mapping[str, Any]) -> None:
    # cert-manager leaves the secret behind when the Ingress goes.
    for entry in ingress["spec"].get("tls") or []:
        if entry.get("secretName"):
            _delete(client, paths.SECRET.one(namespace, entry["secretName"]))


def _delete(client: KubernetesClient, address: str, *, grace_seconds: int | None = None) -> None:
    try:
        client.delete(address, grace_seconds=grace_seconds)
    except ApiSaidNo as refusal:
        # 404: somebody was faster; 409: it is being deleted already.
        if refusal.status not in (404, 409):
            raise
