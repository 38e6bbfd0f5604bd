"""What we ask of a cluster, in our own words; `integrations/kubernetes` answers for real.

Every call may raise ClusterUnavailable (silent, refusing, timing out) and is safe to repeat. Objects
to apply are plain dictionaries in the API's own shape, made by `instances/manifests.py`.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Protocol

from minispod.cluster.draining import Eviction, PlacedPod
from minispod.cluster.events import WorkloadEvent
from minispod.cluster.lines import Stamp
from minispod.kernel.errors import Conflict, NotFound, Unavailable

Manifest = dict[str, Any]


class ClusterUnavailable(Unavailable):
    """The cluster does not answer, or answers that it cannot."""

    code: ClassVar[str] = "cluster.unavailable"
    default_message = "The cluster does not answer at the moment. Nothing is lost; please try again shortly."


class ClusterRefused(Conflict):
    """The cluster answered and said no (invalid object, quota, rights); trying again will not help."""

    code: ClassVar[str] = "cluster.refused"
    default_message = "The cluster refused the request."


class PortTaken(ClusterRefused):
    """A network service asked for a port of the nodes that another one has."""

    code: ClassVar[str] = "cluster.port_taken"
    default_message = "The port is taken by something else in the cluster."


class NoSuchObject(NotFound):
    """The cluster has no object of this name."""

    code: ClassVar[str] = "cluster.no_such_object"


class CommandFailed(Conflict):
    """A command in a container did not end with status 0, or could not be started there.

    `exit_status` is None when it could not be started (an image without a shell, a container that does not run).
    `complaint` is the end of what it wrote to stderr. It may repeat the customer's data (a line that could not be
    restored, a password in a statement): it belongs neither into the message nor into logs, books and mails.
    """

    code: ClassVar[str] = "cluster.command_failed"
    default_message = "A command inside the application did not succeed."

    def __init__(self, message: str, *, exit_status: int | None, complaint: str = "") -> None:
        super().__init__(message, exit_status=exit_status)
        self.complaint = complaint
        self.exit_status = exit_status


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a workload is not ready: a stable reason ("image_pull", "crash_loop", "oom", "unschedulable",
    "quota", "volume", "config", "evicted", "scratch_full") and a sentence for a person; `is_final` when waiting will
    not help.
    """

    reason: str
    sentence: str
    is_final: bool = False


@dataclass(frozen=True, slots=True)
class WorkloadSighting:
    """What the cluster says about the workload of one instance at one moment.

    `is_ready`: the controller has observed the newest generation, exactly the wanted number of updated replicas
    is available, each pod says so itself, and no older one is left on its node. `is_stopped`: no pod is left.
    """

    namespace: str
    name: str
    instance_id: str
    wanted_replicas: int
    ready_replicas: int
    is_ready: bool
    is_stopped: bool
    spec_hash: str | None = None
    pod_name: str | None = None
    node_name: str | None = None
    restarts: int = 0
    trouble: Trouble | None = None


class CertificateState(StrEnum):
    """What can be told about a TLS certificate."""

    READY = "ready"
    WAITING = "waiting"
    FAILING = "failing"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class CertificateSighting:
    """A certificate at one moment; `message` is the issuer's own words, UNKNOWN when nobody issues any here."""

    state: CertificateState
    message: str = ""


@dataclass(frozen=True, slots=True)
class PodSighting:
    """A single pod of ours, outside any workload."""

    name: str
    phase: str
    is_ready: bool
    node_name: str | None = None
    trouble: Trouble | None = None


@dataclass(frozen=True, slots=True)
class PodUsage:
    """What a pod uses now: millicores and megabytes."""

    namespace: str
    pod_name: str
    cpu_milli: int
    memory_mb: float


@dataclass(frozen=True, slots=True)
class VolumeSighting:
    """The volume behind a claim; `nodes` are the only ones that reach it, none named means every node does."""

    namespace: str
    claim: str
    nodes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class VolumeUsage:
    """What is used of the volume that a pod's application keeps its data on, in megabytes."""

    namespace: str
    pod_name: str
    claim: str
    used_mb: int
    capacity_mb: int


@dataclass(frozen=True, slots=True)
class NodeSighting:
    """A node at one moment; CPU in millicores, memory in megabytes (2**20 bytes)."""

    name: str
    is_ready: bool
    is_schedulable: bool
    is_control_plane: bool
    cpu_allocatable: int
    memory_allocatable: int
    cpu_capacity: int
    memory_capacity: int
    pods_allocatable: int
    cpu_requested: int
    memory_requested: int
    pods_running: int
    cpu_used: int | None
    memory_used: int | None
    version: str
    addresses: tuple[str, ...] = ()
    conditions: dict[str, str] = field(default_factory=dict)
    created_at: datetime | None = None
    # Which join it came with (joining/script): what its own label says.
    join: str = ""


@dataclass(frozen=True, slots=True)
class LogPlace:
    """A place in the log of one pod. Another pod's log has places of its own: two may write at the same time."""

    pod: str
    stamp: Stamp


class LogStream(Protocol):
    """Lines of a log as they are written; ends by itself, or when any thread closes it.

    `pod` is whose log it is, `place` where the last line that came stands: there another stream goes on.
    """

    pod: str
    place: LogPlace | None

    def __iter__(self) -> Iterator[str]:
        """The lines."""
        ...

    def __next__(self) -> str:
        """The next line; waits for it."""
        ...

    def close(self) -> None:
        """End the stream, also while another thread waits for its next line."""
        ...


class ClusterPort(Protocol):
    """A Kubernetes cluster."""

    def version(self) -> str:
        """Return the server's version, e.g. "v1.32.4"; the cheapest question there is."""
        ...

    def apply(self, objects: Sequence[Manifest]) -> None:
        """Server-side apply the objects in the given order, ours to own (force), strict field validation."""
        ...

    def prune(self, namespace: str, instance_id: str, keep: Sequence[Manifest]) -> None:
        """Delete objects of this instance (by label) that are not in `keep`; never a volume claim.

        What belongs to its custom domains is left to `withdraw_domains`.
        """
        ...

    def withdraw_domains(self, namespace: str, instance_id: str, keep: Sequence[Manifest]) -> None:
        """Delete the addresses of this instance's custom domains that are not in `keep`, with their certificates."""
        ...

    def see_certificate(self, namespace: str, name: str) -> CertificateSighting:
        """Look at the certificate that is kept in the secret `name`."""
        ...

    def scale(self, namespace: str, name: str, replicas: int) -> None:
        """Set the replicas of a workload; NoSuchObject when it is gone."""
        ...

    def restart(self, namespace: str, name: str, at: datetime) -> None:
        """Have the workload's pods replaced, once per `at` (an annotation of the pod template)."""
        ...

    def see(self, namespace: str, name: str) -> WorkloadSighting | None:
        """Look at one workload, with its newest pod and what troubles it; None when there is none."""
        ...

    def see_all(self) -> Sequence[WorkloadSighting]:
        """Look at every workload of ours, with one list per kind."""
        ...

    def delete_instance(self, namespace: str, instance_id: str, *, with_volume: bool) -> bool:
        """Delete everything of one instance (the volume claim only when said so); True when all is gone."""
        ...

    def delete_namespace(self, name: str) -> bool:
        """Delete a customer's namespace; True when it is gone."""
        ...

    def see_pod(self, namespace: str, name: str) -> PodSighting | None:
        """Look at one pod; None when there is none."""
        ...

    def delete_pod(self, namespace: str, name: str, *, force: bool = False) -> bool:
        """Delete a pod; True when it is gone. `force` does not wait for its node (which may be dead)."""
        ...

    def delete_secret(self, namespace: str, name: str) -> None:
        """Delete one Secret; harmless when it is not there."""
        ...

    def delete_workload(self, namespace: str, name: str, *, instance_label: str) -> bool:
        """Delete one workload by its name and nothing else; True when none of this name carries this label."""
        ...

    def delete_claim(self, namespace: str, name: str) -> bool:
        """Delete one volume claim and so its data; True when it is gone. Only by a recorded decision."""
        ...

    def read_from(self, namespace: str, pod: str, container: str, command: Sequence[str]) -> Iterator[bytes]:
        """Run a command and yield what it writes to stdout, in chunks; ends only when it ended with status 0.

        Nothing happens before the first chunk is asked for. Raises CommandFailed (with the end of stderr),
        NoSuchObject, ClusterUnavailable: also in the middle. Closing the iterator ends the command. The container's
        image needs `sh`.
        """
        ...

    def write_to(
        self,
        namespace: str,
        pod: str,
        container: str,
        command: Sequence[str],
        chunks: Iterable[bytes],
        size: int,
    ) -> None:
        """Run a command and give it `chunks` as stdin, to the end; the same refusals as read_from.

        Kubernetes cannot close a command's stdin, so the command is told beforehand how long it is: `size` is the
        number of bytes of all chunks (ValueError when it is not). What the command writes to stdout is not looked at.
        The container's image needs `sh`, `head` and `cat`.
        """
        ...

    def usages(self) -> Sequence[PodUsage]:
        """What our pods use now; empty when the cluster has no metrics."""
        ...

    def volumes(self) -> Sequence[VolumeSighting]:
        """All bound volumes, with the nodes they are tied to."""
        ...

    def volume_usages(self) -> Sequence[VolumeUsage]:
        """What is used of our volumes, asked once of each node; a node that is silent is left out.

        Raises ClusterRefused with the right that is missing when no node may be asked, ClusterUnavailable when all
        are silent.
        Only volumes that are measured as themselves: a storage class that shows nothing (hostPath, as with K3s'
        local-path) or the whole file system it lies on is left out, never guessed.
        """
        ...

    def nodes(self) -> Sequence[NodeSighting]:
        """All nodes with requests and usage."""
        ...

    def set_schedulable(self, node: str, *, is_schedulable: bool) -> None:
        """Let the scheduler place pods on a node, or not; what runs there stays. NoSuchObject when it is gone."""
        ...

    def authority(self) -> bytes:
        """The certificates (PEM) of the authority that this cluster is believed by. ClusterRefused: there are none."""
        ...

    def put_join_token(self, slot: str, secret: str, *, expires_at: datetime) -> None:
        """Let a machine join with this token until its time; NoSuchObject when its empty Secret is not there."""
        ...

    def clear_join_token(self, slot: str) -> None:
        """Let nobody join with it any more; NoSuchObject when its Secret is not there."""
        ...

    def pods_on(self, node: str) -> Sequence[PlacedPod]:
        """All pods of a node, whoever they belong to; none of a node that is not there."""
        ...

    def evict(self, namespace: str, pod: str) -> Eviction:
        """Ask a pod to leave its node; refused while a disruption budget needs it. A pod that is gone has left."""
        ...

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
        """The last lines of the newest pod's container; `previous`: of its run before this one. None: no lines.

        `timed`: each with its time before it (cluster/lines).
        """
        ...

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
        """The last lines of the newest pod, then each new one as it is written; ends when the container does.

        `after`: only what this pod wrote later, so that a stream goes on where another one ended; all of another's.
        `goes_on`: without it, the stream ends with what is written now.
        """
        ...

    def objects_of(self, namespace: str, instance_id: str) -> Sequence[Manifest]:
        """The workloads, network services and Ingresses of one instance as they are; none where nothing is."""
        ...

    def events_of(self, namespace: str, workload: str) -> Sequence[WorkloadEvent]:
        """What happened to the objects of one instance lately, newest first, each thing told once."""
        ...

    def inventory(self, kind: str) -> Sequence[dict[str, Any]]:
        """Raw objects of the whole cluster for the staff's lists: kind is one of "pods", "deployments",
        "nodes", "namespaces", "ingresses", "services", "claims", "node_metrics", "pod_metrics", "events".
        """
        ...
