"""The cluster's objects as rows of the staff's pages, and the rows as they were last seen, for when it is silent.

The rows are made of the same items as the JSON lists. What is kept is what was shown, nothing more; one row per kind.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy.dialects.postgresql import insert

from minispod.cluster import monitoring
from minispod.cluster.listings import Item
from minispod.cluster.models import ClusterSight
from minispod.cluster.port import ClusterPort
from minispod.kernel.database import session
from minispod.kernel.paging import Page, PageRequest

Row = Mapping[str, str]


class Kind(StrEnum):
    """What there is a list of; the value is part of the address."""

    PODS = "pods"
    DEPLOYMENTS = "deployments"
    SERVICES = "services"
    INGRESSES = "ingresses"
    NAMESPACES = "namespaces"


@dataclass(frozen=True, slots=True)
class Sight:
    """The rows of one kind, and when they were read."""

    seen_at: datetime
    rows: Sequence[Row]

    def find(self, text: str, page: PageRequest) -> Page[Row]:
        """The rows in which all words of `text` occur anywhere, for one page."""
        words = text.lower().split()
        found = [row for row in self.rows if _holds(row, words)]
        return Page(found[page.offset : page.offset + page.limit], len(found), page.page, page.limit)


def look(cluster: ClusterPort, kind: Kind, at: datetime) -> Sight:
    """Read one list now. Raises ClusterUnavailable."""
    read, shape = _LISTS[kind]
    rows = [{name: str(value) for name, value in shape(item).items()} for item in read(cluster)]
    return Sight(at, sorted(rows, key=lambda row: (row.get("namespace", ""), row["name"])))


def keep(kind: Kind, sight: Sight) -> None:
    """Remember what was seen, for when the cluster is silent."""
    row = insert(ClusterSight).values(kind=kind.value, seen_at=sight.seen_at, rows=[*map(dict, sight.rows)])
    newer = {"seen_at": row.excluded.seen_at, "rows": row.excluded.rows}
    session().execute(row.on_conflict_do_update(index_elements=["kind"], set_=newer))


def last_seen(kind: Kind) -> Sight | None:
    """What was last seen of a kind; None when nobody has ever looked."""
    kept = session().get(ClusterSight, kind.value, populate_existing=True)
    return Sight(kept.seen_at, kept.rows) if kept is not None else None


def _holds(row: Row, words: Sequence[str]) -> bool:
    text = " ".join(row.values()).lower()
    return all(word in text for word in words)


def _pod(item: Item) -> Item:
    containers = item["containers"]
    used = [each["usage"] for each in containers if each["usage"]]
    return {
        **_named(item),
        "status": item["reason"] or item["status"],
        "ready": f"{sum(each['ready'] for each in containers)} of {len(containers)}",
        "restarts": item["restarts"],
        "node": item["nodeName"] or "",
        "cpu": f"{sum(each['cpu']['millicores'] for each in used)} m" if used else "",
        "memory": f"{sum(each['memory']['megabytes'] for each in used):.0f} MB" if used else "",
    }


def _deployment(item: Item) -> Item:
    return {
        **_named(item),
        "ready": f"{item['readyReplicas']} of {item['replicas']}",
        "images": ", ".join(item["images"]),
    }


def _service(item: Item) -> Item:
    ports = [
        f"{each['port']}/{each['protocol']}" + (f" (node {each['nodePort']})" if each["nodePort"] else "")
        for each in item["ports"]
    ]
    return {
        **_named(item),
        "type": item["type"],
        "address": item["clusterIP"] or "",
        "ports": ", ".join(ports),
        "behind": len(item["endpoints"]),
    }


def _ingress(item: Item) -> Item:
    return {
        **_named(item),
        "hosts": ", ".join(item["hosts"]),
        "leads_to": ", ".join(f"{each['serviceName']}:{each['servicePort']}" for each in item["paths"]),
        "tls": ", ".join(each["secretName"] or "" for each in item["tls"]),
        "class": item["className"] or "",
    }


def _namespace(item: Item) -> Item:
    return {"name": item["name"], "status": item["status"], "made": item["createdAt"] or ""}


def _named(item: Item) -> Item:
    return {"name": item["name"], "namespace": item["namespace"], "made": item["createdAt"] or ""}


_LISTS: dict[Kind, tuple[Callable[[ClusterPort], list[Item]], Callable[[Item], Item]]] = {
    Kind.PODS: (monitoring.list_pods, _pod),
    Kind.DEPLOYMENTS: (monitoring.list_deployments, _deployment),
    Kind.SERVICES: (monitoring.list_network_services, _service),
    Kind.INGRESSES: (monitoring.list_ingresses, _ingress),
    Kind.NAMESPACES: (monitoring.list_namespaces, _namespace),
}
