"""What staff see of the cluster: live lists, and the last known picture.

The live lists raise ClusterUnavailable when the cluster is silent (the door answers 503). Everything that
was recorded stays readable then, and says how old it is. Nothing here changes the cluster.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ScalarSelect, bindparam, case, func, select, true, update
from sqlalchemy.dialects.postgresql import insert

from minispod.cluster import listings, outages, spells
from minispod.cluster.capacity import Allocatable, Request, allocatable_of
from minispod.cluster.models import ClusterState, NodeReading
from minispod.cluster.port import ClusterPort, NodeSighting, NoSuchObject
from minispod.kernel.database import find, session, table_of
from minispod.kernel.questions import Question

_COLUMNS = (
    "name",
    "is_ready",
    "is_schedulable",
    "is_control_plane",
    "cpu_allocatable",
    "memory_allocatable",
    "cpu_capacity",
    "memory_capacity",
    "pods_allocatable",
    "cpu_requested",
    "memory_requested",
    "pods_running",
    "cpu_used",
    "memory_used",
    "version",
    "conditions",
)


@dataclass(frozen=True, slots=True)
class ClusterPicture:
    """The nodes as last seen, since when (if it is) the cluster has been silent, and why storage is not measured."""

    seen_at: datetime | None
    silent_since: datetime | None
    nodes: tuple[NodeSighting, ...]
    storage_refusal: str | None = None

    def age(self, at: datetime) -> timedelta | None:
        """Tell how old the picture is; None when there never was one."""
        return at - self.seen_at if self.seen_at is not None else None


def list_nodes(cluster: ClusterPort) -> list[listings.Item]:
    """List the nodes with what they use."""
    used = _by_name(cluster.inventory("node_metrics"))
    return [listings.node_item(node, used.get(_name(node))) for node in cluster.inventory("nodes")]


def get_node(cluster: ClusterPort, name: str) -> listings.Item:
    """Show one node; NoSuchObject when there is none of this name."""
    node = _by_name(cluster.inventory("nodes")).get(name)
    if node is None:
        raise NoSuchObject(f"There is no node called {name[:80]}.")
    return listings.node_detail(node, _by_name(cluster.inventory("node_metrics")).get(name))


def list_deployments(cluster: ClusterPort) -> list[listings.Item]:
    """List all deployments."""
    return [listings.deployment_item(each) for each in cluster.inventory("deployments")]


def list_pods(cluster: ClusterPort) -> list[listings.Item]:
    """List all pods, each with one list of containers that has everything."""
    used = {(_namespace(each), _name(each)): each for each in cluster.inventory("pod_metrics")}
    return [
        listings.pod_item(pod, used.get((_namespace(pod), _name(pod)))) for pod in cluster.inventory("pods")
    ]


def list_namespaces(cluster: ClusterPort) -> list[listings.Item]:
    """List all namespaces with their labels."""
    return [listings.namespace_item(each) for each in cluster.inventory("namespaces")]


def list_network_services(cluster: ClusterPort) -> list[listings.Item]:
    """List all network services with the addresses of the ready pods behind them."""
    ready: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for pod in cluster.inventory("pods"):
        if _is_ready(pod):
            ready[_namespace(pod)].append(pod)
    return [
        listings.service_item(each, _addresses_behind(each, ready[_namespace(each)]))
        for each in cluster.inventory("services")
    ]


def list_ingresses(cluster: ClusterPort) -> list[listings.Item]:
    """List all Ingresses."""
    return [listings.ingress_item(each) for each in cluster.inventory("ingresses")]


def record_nodes(sightings: Sequence[NodeSighting], at: datetime) -> None:
    """Write one poll into the history, and which nodes do not answer; the cluster itself has answered."""
    outages.note(last_picture().nodes, sightings, at)
    spells.note(sightings, at)
    for sighting in sightings:
        known = asdict(sighting)
        session().add(
            NodeReading(
                at=at,
                addresses=list(sighting.addresses),
                node_created_at=sighting.created_at,
                **{column: known[column] for column in _COLUMNS},
            )
        )
    told = {"answered_at": at, **_allocatable(sightings)}
    answered = insert(ClusterState).values(id=1, silent_since=None, **told)
    # Of two polls that end in the other order the later one's nodes stay.
    is_later = func.coalesce(ClusterState.answered_at <= answered.excluded.answered_at, true())
    kept = {
        name: case((is_later, answered.excluded[name]), else_=table_of(ClusterState).c[name]) for name in told
    }
    session().execute(
        answered.on_conflict_do_update(index_elements=["id"], set_={"silent_since": None, **kept})
    )


def record_silence(at: datetime) -> None:
    """Note that the cluster did not answer; the first time counts."""
    silent = insert(ClusterState).values(id=1, answered_at=None, silent_since=at)
    session().execute(
        silent.on_conflict_do_update(
            index_elements=["id"],
            set_={"silent_since": func.coalesce(ClusterState.silent_since, silent.excluded.silent_since)},
        )
    )


def record_answer() -> None:
    """Note that the cluster answers (again)."""
    session().execute(
        update(ClusterState)
        .where(ClusterState.id == 1, ClusterState.silent_since.is_not(None))
        .values(silent_since=None)
    )


def record_storage(refusal: str | None) -> bool:
    """Note why no node tells what is used of volumes, None when they do; True when that is news."""
    if session().scalar(select(ClusterState.storage_refusal)) == refusal:
        return False
    noted = insert(ClusterState).values(id=1, storage_refusal=refusal)
    session().execute(noted.on_conflict_do_update(index_elements=["id"], set_={"storage_refusal": refusal}))
    return True


_state = table_of(ClusterState).c
_STATE = Question(select(_state.answered_at, _state.silent_since, _state.storage_refusal))
_reading = table_of(NodeReading).c
_READINGS = Question(
    select(*(_reading[column] for column in _COLUMNS), _reading.addresses, _reading.node_created_at)
    .where(_reading.at == bindparam("read_at"))
    .order_by(_reading.name)
)


def last_picture() -> ClusterPicture:
    """Tell what the nodes said when they were last read, and since when the cluster is silent."""
    states = find(_STATE, {})
    state = states[0] if states else None
    if state is None:
        return ClusterPicture(None, None, ())
    if state.answered_at is None:
        return ClusterPicture(None, state.silent_since, (), state.storage_refusal)
    nodes = tuple(_sighting(each) for each in find(_READINGS, {"read_at": state.answered_at}))
    return ClusterPicture(state.answered_at, state.silent_since, nodes, state.storage_refusal)


ALLOCATABLE = (
    _state.cpu_allocatable,
    _state.memory_allocatable,
    _state.pods_allocatable,
    _state.cpu_of_biggest,
    _state.memory_of_biggest,
)
"""The columns, for a statement, that say what the workers last held; there is one row of them, or none."""
HAS_SEEN_NODES = _state.cpu_allocatable.is_not(None)


def allocatable_in(facts: Sequence[int]) -> Allocatable:
    """What the workers held when the nodes were last read, of the values of `ALLOCATABLE` where `HAS_SEEN_NODES`."""
    cpu, memory, pods, cpu_of_biggest, memory_of_biggest = facts
    return Allocatable(cpu, memory, pods, Request(cpu_of_biggest, memory_of_biggest))


def capacity_mark() -> ScalarSelect[str]:
    """What tells pictures apart that hold different amounts, for a statement: the same mark, the same room."""
    return select(func.concat_ws(",", *ALLOCATABLE)).scalar_subquery()


def _allocatable(sightings: Sequence[NodeSighting]) -> dict[str, int | None]:
    if not sightings:
        return dict.fromkeys((each.name for each in ALLOCATABLE), None)
    held = allocatable_of(sightings)
    facts = (held.cpu_milli, held.memory_mb, held.pods, held.biggest.cpu_milli, held.biggest.memory_mb)
    return dict(zip((each.name for each in ALLOCATABLE), facts, strict=True))


def _sighting(reading: Any) -> NodeSighting:
    *known, addresses, created_at = reading
    return NodeSighting(
        addresses=tuple(str(address) for address in addresses),
        created_at=created_at,
        **dict(zip(_COLUMNS, known, strict=True)),
    )


def _name(thing: Mapping[str, Any]) -> str:
    return str((thing.get("metadata") or {}).get("name") or "")


def _namespace(thing: Mapping[str, Any]) -> str:
    return str((thing.get("metadata") or {}).get("namespace") or "")


def _by_name(things: Iterable[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    return {_name(each): each for each in things}


def _is_ready(pod: Mapping[str, Any]) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or []
    return any(each.get("type") == "Ready" and each.get("status") == "True" for each in conditions)


def _addresses_behind(service: Mapping[str, Any], pods: Iterable[Mapping[str, Any]]) -> list[str]:
    selector = (service.get("spec") or {}).get("selector") or {}
    if not selector:
        return []
    behind = []
    for pod in pods:
        labels = (pod.get("metadata") or {}).get("labels") or {}
        if selector.items() <= labels.items():
            behind.append(str((pod.get("status") or {}).get("podIP") or ""))
    return behind
