"""Applying objects: server-side, ours by force, in order, with the waits that Kubernetes itself asks for.

A quota counts only after its controller has seen it, and two creations under one quota may collide for a
moment: both look like refusals and are none. Every wait here is short and bounded.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import structlog

from minispod.cluster.port import ClusterRefused, ClusterUnavailable, PortTaken
from minispod.integrations.kubernetes import paths
from minispod.integrations.kubernetes.client import ApiSaidNo, KubernetesClient

log = structlog.get_logger()

MANAGER = "minispod"
_ATTEMPTS = 5
_PAUSE_SECONDS = 0.2
_QUOTA_POLLS = 20
_QUOTA_PAUSE_SECONDS = 0.1
# What the API says when trying again at once is the right answer.
_PASSING = ("status unknown for quota", "the object has been modified")
# Rights that came with the namespace a moment ago: the server's authorizer learns of them a little later.
_NO_RIGHT = ("cannot patch resource", "cannot create resource")
_ATTEMPTS_WITH_NEW_RIGHTS = 25
# The one answer of status 500 that says something about the object: it has a field or a type that is not known.
_MALFORMED = "failed to create typed patch object"
# A namespace that is still going takes seconds to minutes; nobody is to blame and the wish stands.
_GOING = "because it is being terminated"
_PORT_TAKEN = "provided port is already allocated"


def apply(client: KubernetesClient, objects: Sequence[Mapping[str, Any]]) -> None:
    """Apply the objects in the given order."""
    rights_are_new = False
    for manifest in objects:
        kind = paths.kind_of(manifest)
        try:
            applied = _apply_patiently(client, manifest, rights_are_new=rights_are_new)
        except ApiSaidNo as refusal:
            if kind is paths.CLAIM and _keeps_its_size(client, manifest, refusal):
                continue
            if kind is paths.SECRET and refusal.status in (400, 403, 409, 422):
                # The API repeats values in its messages.
                raise ClusterRefused("The cluster refused the secret.", status=refusal.status) from None
            if kind is paths.NETWORK_SERVICE and _PORT_TAKEN in refusal.message:
                raise PortTaken(status=refusal.status) from None
            raise
        rights_are_new = kind is paths.ROLE_BINDING
        if kind is paths.QUOTA:
            _await_quota(client, manifest, applied)


def _apply_patiently(
    client: KubernetesClient, manifest: Mapping[str, Any], *, rights_are_new: bool
) -> dict[str, Any]:
    address = paths.address_of(manifest)
    attempts = _ATTEMPTS_WITH_NEW_RIGHTS if rights_are_new else _ATTEMPTS
    for left in reversed(range(attempts)):
        try:
            return client.apply(address, manifest, MANAGER)
        except ApiSaidNo as refusal:
            if _GOING in refusal.message:
                raise ClusterUnavailable("The namespace is still being deleted.") from None
            if _MALFORMED in refusal.message:
                raise ApiSaidNo(422, "Invalid", refusal.message) from None
            waits_for_rights = rights_are_new and any(words in refusal.message for words in _NO_RIGHT)
            if not waits_for_rights and not any(words in refusal.message for words in _PASSING):
                raise
            if waits_for_rights and not left:
                raise
            time.sleep(_PAUSE_SECONDS)
    raise ClusterUnavailable


def _keeps_its_size(client: KubernetesClient, claim: Mapping[str, Any], refusal: ApiSaidNo) -> bool:
    """Tell whether the refusal is only about the size of a claim that exists: then its data are served as they are."""
    if refusal.status not in (403, 422):
        return False
    try:
        existing = client.get(paths.address_of(claim))
    except ApiSaidNo:
        return False
    wanted = claim["spec"]["resources"]["requests"]["storage"]
    present = existing["spec"]["resources"]["requests"]["storage"]
    if wanted == present:
        return False
    log.warning(
        "cluster.volume_keeps_its_size", claim=claim["metadata"]["name"], wanted=wanted, present=present
    )
    return True


def _await_quota(client: KubernetesClient, quota: Mapping[str, Any], applied: dict[str, Any]) -> None:
    """Wait until the quota counts: admission judges by its status, not by its spec."""
    address = paths.address_of(quota)
    for _ in range(_QUOTA_POLLS):
        if (applied.get("status") or {}).get("hard") == applied["spec"]["hard"]:
            return
        time.sleep(_QUOTA_PAUSE_SECONDS)
        applied = client.get(address)
    log.warning("cluster.quota_not_counted_yet", namespace=quota["metadata"]["namespace"])
