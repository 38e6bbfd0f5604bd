"""The cluster's pods, deployments, network services, ingresses and namespaces: as they are or were last seen."""

from datetime import datetime
from typing import Any

from flask import abort

from minispod.admin import pages, wording
from minispod.admin.door import door
from minispod.cluster import monitoring, sights
from minispod.cluster.port import ClusterRefused, ClusterUnavailable
from minispod.cluster.sights import Kind, Sight
from minispod.kernel.unit_of_work import release_connection, unit_of_work
from minispod.ports import current_ports

# Heading and key of each column; "made" is a time.
_COLUMNS: dict[Kind, tuple[tuple[str, str], ...]] = {
    Kind.PODS: (
        ("Name", "name"),
        ("Namespace", "namespace"),
        ("State", "status"),
        ("Ready", "ready"),
        ("Restarts", "restarts"),
        ("Node", "node"),
        ("CPU", "cpu"),
        ("Memory", "memory"),
        ("Made", "made"),
    ),
    Kind.DEPLOYMENTS: (
        ("Name", "name"),
        ("Namespace", "namespace"),
        ("Ready", "ready"),
        ("Images", "images"),
        ("Made", "made"),
    ),
    Kind.SERVICES: (
        ("Name", "name"),
        ("Namespace", "namespace"),
        ("Type", "type"),
        ("Address", "address"),
        ("Ports", "ports"),
        ("Ready behind", "behind"),
        ("Made", "made"),
    ),
    Kind.INGRESSES: (
        ("Name", "name"),
        ("Namespace", "namespace"),
        ("Hosts", "hosts"),
        ("Leads to", "leads_to"),
        ("Certificate", "tls"),
        ("Class", "class"),
        ("Made", "made"),
    ),
    Kind.NAMESPACES: (("Name", "name"), ("State", "status"), ("Made", "made")),
}
TITLES = {
    Kind.PODS: "Pods",
    Kind.DEPLOYMENTS: "Deployments",
    Kind.SERVICES: "Network services",
    Kind.INGRESSES: "Ingresses",
    Kind.NAMESPACES: "Namespaces",
}


@door.get("/cluster/<kind>")
def cluster_list(kind: str) -> Any:
    """Show one list; what is typed is searched for in all columns."""
    if kind not in set(Kind):
        abort(404)
    chosen = Kind(kind)
    sight, complaint = _look(chosen, current_ports().clock.now())
    text = pages.search_text()
    return pages.page_or_fragment(
        "admin/cluster/page.html",
        "admin/cluster/_list.html",
        kind=chosen,
        lists=TITLES,
        tone_of=_tone_of,
        columns=_COLUMNS[chosen],
        text=text,
        sight=sight,
        complaint=complaint,
        silent_since=monitoring.last_picture().silent_since,
        found=sight.find(text, pages.page_request()) if sight else None,
    )


def _tone_of(status: str) -> str:
    """The colour of a state as Kubernetes calls it; there are many words for trouble, and each has such a part."""
    if any(mark in status for mark in ("BackOff", "Err", "OOM", "Evicted", "Failed")):
        return "bad"
    return wording.tone(status.upper())


def _look(kind: Kind, at: datetime) -> tuple[Sight | None, str | None]:
    """The list as it is, or as it was last seen with the reason why not."""
    release_connection()
    try:
        sight = sights.look(current_ports().cluster, kind, at)
    except (ClusterUnavailable, ClusterRefused) as refusal:
        return sights.last_seen(kind), refusal.message
    with unit_of_work():
        sights.keep(kind, sight)
    return sight, None
