"""What is used of our volumes, from the kubelets' statistics: one question to each node that answers.

Only a volume that is measured as itself counts. A kubelet says nothing of a hostPath volume (K3s' local-path), and of
a `local` volume or a shared directory it tells the size of the whole file system: such a number is left out.
Needs the right to get nodes/proxy (deploy/volume-usage.yaml).
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import structlog

from minispod.cluster.port import ClusterRefused, ClusterUnavailable, VolumeUsage
from minispod.cluster.quantities import MEBIBYTE, parse_quantity
from minispod.integrations.kubernetes import paths
from minispod.integrations.kubernetes.client import ApiSaidNo, KubernetesClient

log = structlog.get_logger()

_AT_ONCE = 8
# A file system keeps a few per cent of its device; more than the claim, or far less, is another file system.
_LEAST, _MOST = 0.8, 1.05

_FORBIDDEN = 403
_REFUSALS = (_FORBIDDEN, 400, 404, 405)

_Claims = Mapping[tuple[str, str], float]


def volume_usages(client: KubernetesClient, selector: str) -> list[VolumeUsage]:
    """Ask every ready node once, several at a time; one that is silent or refuses does not stop the others.

    When none of them tells anything, ClusterRefused says what is missing, or ClusterUnavailable that all are silent.
    """
    claims = {
        (each["metadata"]["namespace"], each["metadata"]["name"]): float(
            parse_quantity(((each.get("status") or {}).get("capacity") or {}).get("storage"))
        )
        for each in client.items(paths.CLAIM.all(), labelSelector=selector)
    }
    if not claims:
        return []
    names = [node["metadata"]["name"] for node in client.items(paths.NODE.all()) if _is_ready(node)]
    with ThreadPoolExecutor(max_workers=max(1, min(_AT_ONCE, len(names)))) as pool:
        answers = list(pool.map(lambda name: _ask(client, name), names))
    told = [each for each in answers if isinstance(each, dict)]
    if answers and not told:
        raise _why_nothing(answers)
    for node, answer in zip(names, answers, strict=True):
        if isinstance(answer, Exception):
            log.warning("cluster.node_not_measured", node=node, status=getattr(answer, "status", None))
    return [usage for answer in told for usage in read_summary(answer, claims)]


def _ask(client: KubernetesClient, node: str) -> dict[str, Any] | ApiSaidNo | ClusterUnavailable:
    try:
        return client.get(paths.NODE.one(None, node) + "/proxy/stats/summary")
    except (ApiSaidNo, ClusterUnavailable) as silence:
        return silence


def _why_nothing(answers: Sequence[object]) -> ClusterRefused | ClusterUnavailable:
    """What every node's answer comes to: a right that is missing, something else they refuse, or silence."""
    refusals = [each for each in answers if isinstance(each, ApiSaidNo) and each.status in _REFUSALS]
    if not refusals:
        return ClusterUnavailable()
    if refusals[0].status == _FORBIDDEN:
        return ClusterRefused("The worker's account lacks the right to get nodes/proxy.", status=_FORBIDDEN)
    return ClusterRefused(
        f"The nodes do not tell it: get nodes/proxy is answered with {refusals[0].status} {refusals[0].reason}.",
        status=refusals[0].status,
    )


def read_summary(summary: Mapping[str, Any], claims: _Claims) -> Iterator[VolumeUsage]:
    """The volumes of one node's answer that belong to a claim of ours and are measured as themselves."""
    for pod in summary.get("pods") or []:
        reference = pod.get("podRef") or {}
        for volume in pod.get("volume") or []:
            claim = volume.get("pvcRef") or {}
            size = claims.get((str(claim.get("namespace")), str(claim.get("name"))))
            if size and _is_itself(volume, size):
                yield VolumeUsage(
                    namespace=str(reference.get("namespace")),
                    pod_name=str(reference.get("name")),
                    claim=str(claim["name"]),
                    used_mb=round(volume["usedBytes"] / MEBIBYTE),
                    capacity_mb=round(volume["capacityBytes"] / MEBIBYTE),
                )


def _is_itself(volume: Mapping[str, Any], size: float) -> bool:
    capacity, used = volume.get("capacityBytes"), volume.get("usedBytes")
    if not isinstance(capacity, int) or not isinstance(used, int):
        return False
    return size * _LEAST <= capacity <= size * _MOST and 0 <= used <= capacity


def _is_ready(node: Mapping[str, Any]) -> bool:
    conditions: Sequence[Mapping[str, Any]] = (node.get("status") or {}).get("conditions") or []
    return any(each.get("type") == "Ready" and each.get("status") == "True" for each in conditions)
