"""The cluster's pods, deployments, network services, ingresses and namespaces: as they are or were last seen."""

from datetime import datetime
from typing import Any

from flask import abort

from minispod.admin import pages, wording
from minispod.admin.door import door
from minispod.admin.languages import N_, said
from minispod.admin.languages import gettext as _
from minispod.cluster import monitoring, sights
from minispod.cluster.port import ClusterRefused, ClusterUnavailable
from minispod.cluster.sights import Kind, Sight
from minispod.kernel.unit_of_work import release_connection, unit_of_work
from minispod.ports import current_ports

# Heading and key of each column; "made" is a time.
_COLUMNS: dict[Kind, tuple[tuple[str, str], ...]] = {
    Kind.PODS: (
        (N_("Name"), "name"),
        (N_("Namespace"), "namespace"),
        (N_("State"), "status"),
        (N_("Ready"), "ready"),
        (N_("Restarts"), "restarts"),
        (N_("Node"), "node"),
        ("CPU", "cpu"),
        (N_("Memory"), "memory"),
        (N_("Made"), "made"),
    ),
    Kind.DEPLOYMENTS: (
        (N_("Name"), "name"),
        (N_("Namespace"), "namespace"),
        (N_("Ready"), "ready"),
        (N_("Images"), "images"),
        (N_("Made"), "made"),
    ),
    Kind.SERVICES: (
        (N_("Name"), "name"),
        (N_("Namespace"), "namespace"),
        (N_("Type"), "type"),
        (N_("Address"), "address"),
        (N_("Ports"), "ports"),
        (N_("Ready behind"), "behind"),
        (N_("Made"), "made"),
    ),
    Kind.INGRESSES: (
        (N_("Name"), "name"),
        (N_("Namespace"), "namespace"),
        (N_("Hosts"), "hosts"),
        (N_("Leads to"), "leads_to"),
        (N_("Certificate"), "tls"),
        (N_("Class"), "class"),
        (N_("Made"), "made"),
    ),
    Kind.NAMESPACES: ((N_("Name"), "name"), (N_("State"), "status"), (N_("Made"), "made")),
}
TITLES = {
    Kind.PODS: N_("Pods"),
    Kind.DEPLOYMENTS: N_("Deployments"),
    Kind.SERVICES: N_("Network services"),
    Kind.INGRESSES: N_("Ingresses"),
    Kind.NAMESPACES: N_("Namespaces"),
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
        lists={each: _(title) for each, title in TITLES.items()},
        tone_of=_tone_of,
        columns=[(_(heading), key) for heading, key in _COLUMNS[chosen]],
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
        return sights.last_seen(kind), said(refusal.message)
    with unit_of_work():
        sights.keep(kind, sight)
    return sight, None
