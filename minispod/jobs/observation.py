"""Look at the cluster: health, usage and drift of instances, and the history of nodes."""

import structlog

from minispod.cluster import monitoring
from minispod.cluster.port import ClusterUnavailable
from minispod.instances import observation
from minispod.instances.uptime import watching
from minispod.kernel.unit_of_work import release_connection, unit_of_work
from minispod.ports import Ports
from minispod.rules import uptime_rules
from minispod.settings import Settings

log = structlog.get_logger()


def observe_cluster(ports: Ports, settings: Settings) -> None:
    """Compare what runs with what is wanted; silence is recorded, not an error."""
    release_connection()
    at = ports.clock.now()
    try:
        sightings = ports.cluster.see_all()
        usages = ports.cluster.usages()
    except ClusterUnavailable:
        with unit_of_work():
            monitoring.record_silence(ports.clock.now())
        log.warning("cluster.silent")
        return
    with unit_of_work(ports.courier):
        monitoring.record_answer()
        found = observation.apply_sightings(sightings, usages, at=at)
        watching.note_look(sightings, tolerance=uptime_rules(settings).tolerance, at=at)
    if found.drifted or found.orphans:
        log.warning(
            "cluster.differs", drifted=[str(each) for each in found.drifted], orphans=list(found.orphans)
        )


def poll_nodes(ports: Ports, settings: Settings) -> None:
    """Write the nodes into the history; silence is recorded too."""
    release_connection()
    try:
        nodes = ports.cluster.nodes()
    except ClusterUnavailable:
        with unit_of_work():
            monitoring.record_silence(ports.clock.now())
        return
    with unit_of_work(ports.courier):
        monitoring.record_nodes(nodes, ports.clock.now())
