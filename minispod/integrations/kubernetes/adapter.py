"""ClusterPort on Kubernetes (K3s in production, any Kubernetes, or the simulator).

Refuses to talk inside a unit of work. Whatever goes wrong comes out as one of the port's three refusals;
what the API said is passed on only where it cannot hold a secret.
"""

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, ParamSpec, TypeVar

from minispod.cluster.draining import Eviction, PlacedPod
from minispod.cluster.events import WorkloadEvent
from minispod.cluster.lines import moment_of
from minispod.cluster.port import (
    CertificateSighting,
    ClusterRefused,
    ClusterUnavailable,
    LogPlace,
    Manifest,
    NodeSighting,
    NoSuchObject,
    PodSighting,
    PodUsage,
    VolumeSighting,
    VolumeUsage,
    WorkloadSighting,
)
from minispod.integrations.kubernetes import (
    application,
    certificates,
    commands,
    happenings,
    join_tokens,
    nodes,
    paths,
    removal,
    translation,
    volumes,
)
from minispod.integrations.kubernetes.client import TIMEOUT, ApiSaidNo, KubernetesClient
from minispod.integrations.kubernetes.logstream import LogStream
from minispod.integrations.kubernetes.paths import Kind
from minispod.kernel.unit_of_work import refuse_inside_unit_of_work

P = ParamSpec("P")
R = TypeVar("R")

MANAGED = f"{translation.MANAGED_LABEL}=true"
_LIVING = "status.phase!=Succeeded,status.phase!=Failed"
_LOG_BYTES = 1_000_000
_WAITING_CONTAINER = 400
_LOG_IS_GONE = "unable to retrieve container logs for "
_MOST_ENDINGS = 4
_ENDING_LINES = 20

_INVENTORY: dict[str, Kind] = {
    "claims": paths.CLAIM,
    "pods": paths.POD,
    "deployments": paths.DEPLOYMENT,
    "nodes": paths.NODE,
    "namespaces": paths.NAMESPACE,
    "ingresses": paths.INGRESS,
    "services": paths.NETWORK_SERVICE,
    "events": paths.EVENT,
}
_READ_OF_AN_INSTANCE = (
    ("apps/v1", "Deployment", paths.DEPLOYMENT),
    ("v1", "Service", paths.NETWORK_SERVICE),
    ("networking.k8s.io/v1", "Ingress", paths.INGRESS),
)
_METRICS: dict[str, Kind] = {"node_metrics": paths.NODE_METRICS, "pod_metrics": paths.POD_METRICS}


def _fenced(act: Callable[P, R]) -> Callable[P, R]:
    """Keep outside calls out of transactions, and let only the port's refusals through."""

    @functools.wraps(act)
    def fenced(*args: P.args, **kwargs: P.kwargs) -> R:
        refuse_inside_unit_of_work()
        try:
            return act(*args, **kwargs)
        except ApiSaidNo as refusal:
            raise _our_word_for(refusal) from None

    return fenced


def _our_word_for(refusal: ApiSaidNo) -> ClusterUnavailable | ClusterRefused | NoSuchObject:
    if refusal.status == 404:
        return NoSuchObject("The cluster has no such object.")
    if refusal.status in (401, 410, 429) or refusal.status >= 500 or refusal.reason == "NamespaceTerminating":
        return ClusterUnavailable(status=refusal.status, retry_after=refusal.retry_after)
    return ClusterRefused(refusal.message or None, status=refusal.status, reason=refusal.reason)


class KubernetesCluster:
    """A cluster behind the Kubernetes API; one object per process may serve many threads."""

    def __init__(self, kubeconfig: str | None = None, timeout: tuple[float, float] = TIMEOUT) -> None:
        """Prepare; nothing is read or asked before the first call. `timeout`: seconds to connect, to answer."""
        self._client = KubernetesClient(kubeconfig, timeout)

    @_fenced
    def version(self) -> str:
        """Ask the server's version."""
        return str(self._client.get("/version").get("gitVersion") or "")

    @_fenced
    def apply(self, objects: Sequence[Manifest]) -> None:
        """Apply the objects in order; a claim that the storage class cannot resize keeps its size."""
        application.apply(self._client, objects)

    @_fenced
    def prune(self, namespace: str, instance_id: str, keep: Sequence[Manifest]) -> None:
        """Delete what carries the instance's label and is not wanted any more; never a volume claim."""
        removal.prune(self._client, namespace, instance_id, keep)

    @_fenced
    def withdraw_domains(self, namespace: str, instance_id: str, keep: Sequence[Manifest]) -> None:
        """Delete the addresses of custom domains that are not wanted any more, with their certificates."""
        removal.withdraw_domains(self._client, namespace, instance_id, keep)

    @_fenced
    def see_certificate(self, namespace: str, name: str) -> CertificateSighting:
        """Look at a TLS certificate."""
        return certificates.see_certificate(self._client, namespace, name)

    @_fenced
    def scale(self, namespace: str, name: str, replicas: int) -> None:
        """Set the replicas of a workload."""
        path = paths.DEPLOYMENT.one(namespace, name) + "/scale"
        self._client.merge(path, {"spec": {"replicas": replicas}}, application.MANAGER)

    @_fenced
    def restart(self, namespace: str, name: str, at: datetime) -> None:
        """Replace the pods, once per `at`."""
        annotations = {"minispod.com/restarted-at": at.isoformat()}
        change = {"spec": {"template": {"metadata": {"annotations": annotations}}}}
        self._client.merge(paths.DEPLOYMENT.one(namespace, name), change, application.MANAGER)

    @_fenced
    def see(self, namespace: str, name: str) -> WorkloadSighting | None:
        """Look at one workload and its pods."""
        deployment = self._find(paths.DEPLOYMENT.one(namespace, name))
        if deployment is None:
            return None
        return translation.sight_workload(deployment, self._pods_of(namespace, deployment))

    @_fenced
    def see_all(self) -> Sequence[WorkloadSighting]:
        """Look at all our workloads with two lists."""
        deployments = list(self._client.items(paths.DEPLOYMENT.all(), labelSelector=MANAGED))
        pods = self._client.items(paths.POD.all(), labelSelector=MANAGED)
        return translation.sight_workloads(deployments, pods)

    @_fenced
    def delete_instance(self, namespace: str, instance_id: str, *, with_volume: bool) -> bool:
        """Delete everything of one instance; True when nothing of it is left."""
        return removal.delete_instance(self._client, namespace, instance_id, with_volume=with_volume)

    @_fenced
    def delete_namespace(self, name: str) -> bool:
        """Delete a namespace and all in it; True when it is gone."""
        return removal.delete_namespace(self._client, name)

    @_fenced
    def see_pod(self, namespace: str, name: str) -> PodSighting | None:
        """Look at one pod."""
        pod = self._find(paths.POD.one(namespace, name))
        return None if pod is None else translation.sight_pod(pod)

    @_fenced
    def delete_pod(self, namespace: str, name: str, *, force: bool = False) -> bool:
        """Delete a pod; True when it is gone. Forced, its node is not asked whether it has ended."""
        return removal.delete_pod(self._client, namespace, name, force=force)

    @_fenced
    def delete_secret(self, namespace: str, name: str) -> None:
        """Delete one Secret, if it is there."""
        removal.delete_secret(self._client, namespace, name)

    @_fenced
    def delete_workload(self, namespace: str, name: str, *, instance_label: str) -> bool:
        """Delete one Deployment by its name, unless it carries another instance's label; True when it is gone."""
        return removal.delete_workload(self._client, namespace, name, instance_label)

    @_fenced
    def delete_claim(self, namespace: str, name: str) -> bool:
        """Delete one volume claim and its data; True when it is gone."""
        return removal.delete_claim(self._client, namespace, name)

    def read_from(self, namespace: str, pod: str, container: str, command: Sequence[str]) -> Iterator[bytes]:
        """Run a command and yield what it writes; it begins with the first chunk that is asked for."""
        refuse_inside_unit_of_work()
        try:
            yield from commands.read_from(self._client, namespace, pod, container, command)
        except ApiSaidNo as refusal:
            raise _our_word_for(refusal) from None

    @_fenced
    def write_to(
        self,
        namespace: str,
        pod: str,
        container: str,
        command: Sequence[str],
        chunks: Iterable[bytes],
        size: int,
    ) -> None:
        """Run a command and give it `chunks` as stdin."""
        commands.write_to(self._client, namespace, pod, container, command, chunks, size)

    @_fenced
    def usages(self) -> Sequence[PodUsage]:
        """What our pods use; empty without a metrics server."""
        found = self._metrics(paths.POD_METRICS, labelSelector=MANAGED)
        return [translation.usage_of(each) for each in found]

    @_fenced
    def volumes(self) -> Sequence[VolumeSighting]:
        """All bound volumes, from one list."""
        sighted = map(translation.sight_volume, self._client.items(paths.VOLUME.all()))
        return [each for each in sighted if each is not None]

    @_fenced
    def volume_usages(self) -> Sequence[VolumeUsage]:
        """What is used of our volumes: one list of claims, one of nodes, and one question to each node."""
        return volumes.volume_usages(self._client, MANAGED)

    @_fenced
    def nodes(self) -> Sequence[NodeSighting]:
        """All nodes, with what is requested and used on them."""
        found = list(self._client.items(paths.NODE.all()))
        pods = self._client.items(paths.POD.all(), fieldSelector=_LIVING)
        return translation.sight_nodes(found, pods, self._metrics(paths.NODE_METRICS))

    @_fenced
    def set_schedulable(self, node: str, *, is_schedulable: bool) -> None:
        """Let the scheduler use a node, or not."""
        nodes.set_schedulable(self._client, node, manager=application.MANAGER, is_schedulable=is_schedulable)

    @_fenced
    def authority(self) -> bytes:
        """The certificates that the server is believed by."""
        found = self._client.authority()
        if not found:
            raise ClusterRefused(
                "The cluster is believed by no authority of its own, so nothing can be pinned."
            )
        return found

    @_fenced
    def put_join_token(self, slot: str, secret: str, *, expires_at: datetime) -> None:
        """Fill the Secret of a token."""
        join_tokens.put(self._client, slot, secret, expires_at=expires_at, manager=application.MANAGER)

    @_fenced
    def clear_join_token(self, slot: str) -> None:
        """Empty the Secret of a token."""
        join_tokens.clear(self._client, slot, manager=application.MANAGER)

    @_fenced
    def pods_on(self, node: str) -> Sequence[PlacedPod]:
        """All pods of a node."""
        return nodes.pods_on(self._client, node)

    @_fenced
    def evict(self, namespace: str, pod: str) -> Eviction:
        """Ask a pod to leave its node, within the disruption budgets."""
        return nodes.evict(self._client, namespace, pod)

    @_fenced
    def tail_logs(
        self,
        namespace: str,
        workload: str,
        *,
        container: str,
        lines: int,
        previous: bool = False,
        timed: bool = False,
    ) -> Sequence[str]:
        """The last lines of the newest pod; none while it has not started, or has no earlier run."""
        pod = self._newest_pod(namespace, workload)
        if pod is None:
            return []
        path = paths.POD.one(namespace, pod) + "/log"
        return self._tail(path, container, lines, previous=previous, timed=timed)

    @_fenced
    def follow_logs(
        self,
        namespace: str,
        workload: str,
        *,
        container: str,
        lines: int,
        after: LogPlace | None = None,
        goes_on: bool = True,
    ) -> LogStream:
        """The last lines and each new one; NoSuchObject while nothing has started."""
        pod = self._newest_pod(namespace, workload)
        # The API counts in whole seconds; what was there before within this one is left out by the stream.
        stamp = after.stamp if after is not None and after.pod == pod else None
        since = {"sinceTime": moment_of(stamp).strftime("%Y-%m-%dT%H:%M:%SZ")} if stamp else {}
        try:
            if pod is not None:
                path = paths.POD.one(namespace, pod) + "/log"
                query = {"container": container, "tailLines": lines, "timestamps": "true", **since}
                follow = "true" if goes_on else None
                return LogStream(self._client.open(path, follow=follow, **query), pod, stamp)
        except ApiSaidNo as refusal:
            if refusal.status != _WAITING_CONTAINER:
                raise
        raise NoSuchObject("The application has not started yet.")

    @_fenced
    def objects_of(self, namespace: str, instance_id: str) -> Sequence[Manifest]:
        """What of an instance web may read; a list leaves out what its items are, so that is said again."""
        selector = f"{translation.INSTANCE_LABEL}={instance_id}"
        return [
            {"apiVersion": version, "kind": kind, **each}
            for version, kind, where in _READ_OF_AN_INSTANCE
            for each in self._client.items(where.within(namespace), labelSelector=selector)
        ]

    @_fenced
    def events_of(self, namespace: str, workload: str) -> Sequence[WorkloadEvent]:
        """Events of the workload's objects, and what its containers ended with, with the end of their logs."""
        deployment = self._find(paths.DEPLOYMENT.one(namespace, workload))
        pods = self._pods_of(namespace, deployment) if deployment is not None else []
        events = self._client.items(paths.EVENT.within(namespace))
        ours = [event for event in events if happenings.belongs(event, workload)]
        ended = []
        for pod, status, ending in list(happenings.endings(pods))[:_MOST_ENDINGS]:
            path = paths.POD.one(namespace, pod["metadata"]["name"]) + "/log"
            is_over = bool((status.get("state") or {}).get("terminated"))
            lines = self._tail(path, status["name"], _ENDING_LINES, previous=not is_over)
            ended.append((status, ending, lines))
        return happenings.tell(ours, ended)

    @_fenced
    def inventory(self, kind: str) -> Sequence[dict[str, Any]]:
        """Raw objects for the staff's lists; metrics are empty without a metrics server."""
        if kind in _METRICS:
            return list(self._metrics(_METRICS[kind]))
        if kind not in _INVENTORY:
            raise ValueError(f"no inventory of this kind: {kind}")
        return list(self._client.items(_INVENTORY[kind].all()))

    def _find(self, path: str) -> dict[str, Any] | None:
        try:
            return self._client.get(path)
        except ApiSaidNo as refusal:
            if refusal.status == 404:
                return None
            raise

    def _pods_of(self, namespace: str, deployment: Manifest) -> list[translation.Raw]:
        instance = translation.label_of(deployment, translation.INSTANCE_LABEL)
        selector = f"{translation.INSTANCE_LABEL}={instance}"
        found = self._client.items(paths.POD.within(namespace), labelSelector=selector)
        return translation.own_pods(deployment, found)

    def _newest_pod(self, namespace: str, workload: str) -> str | None:
        deployment = self._client.get(paths.DEPLOYMENT.one(namespace, workload))
        pod = translation.newest(self._pods_of(namespace, deployment))
        return str(pod["metadata"]["name"]) if pod else None

    def _tail(
        self, path: str, container: str, lines: int, *, previous: bool, timed: bool = False
    ) -> list[str]:
        query = {"container": container, "tailLines": lines, "limitBytes": _LOG_BYTES}
        wishes = {"previous": "true" if previous else None, "timestamps": "true" if timed else None}
        try:
            text = self._client.text(path, **query, **wishes)
            # What a kubelet answers, with status 200, when it has removed the log of a container that ended.
            return [] if text.startswith(_LOG_IS_GONE) else text.splitlines()
        except ApiSaidNo as refusal:
            # 404: the pod went meanwhile.
            if refusal.status in (_WAITING_CONTAINER, 404):
                return []
            raise

    def _metrics(self, kind: Kind, **query: str) -> Iterable[dict[str, Any]]:
        # 404: no metrics server; 503 or 403: it is there but not answering yet. None of them is our trouble.
        try:
            return list(self._client.items(kind.all(), **query))
        except ApiSaidNo:
            return []
