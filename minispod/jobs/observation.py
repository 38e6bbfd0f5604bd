"""Look at the cluster: health, usage and drift of instances, and the history of nodes."""

from datetime import timedelta
from functools import partial

import structlog

from minispod.cluster import monitoring
from minispod.cluster.joining import requesting as joining
from minispod.cluster.port import ClusterUnavailable
from minispod.instances import observation, volumes
from minispod.instances.uptime import watching
from minispod.kernel.actor import system
from minispod.kernel.unit_of_work import release_connection, unit_of_work
from minispod.operations import node_loss
from minispod.ports import Ports
from minispod.rules import operation_rules, uptime_rules
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
    """Write the nodes into the history, and do what a lost one asks for; silence is recorded too."""
    release_connection()
    try:
        nodes = ports.cluster.nodes()
        places = ports.cluster.volumes()
    except ClusterUnavailable:
        with unit_of_work():
            monitoring.record_silence(ports.clock.now())
        return
    with unit_of_work(ports.courier):
        monitoring.record_nodes(nodes, ports.clock.now())
        joining.note_arrivals(nodes, ports.clock.now())
        volumes.note_places(places)
        node_loss.keep_safe(keep=operation_rules(settings).keep_retired, at=ports.clock.now())
        node_loss.make_way(at=ports.clock.now())
        node_loss.tell(at=ports.clock.now())
        node_loss.let_go(listed={node.name for node in nodes}, at=ports.clock.now())
    after = settings.data.evacuate_after_minutes
    if after:
        asked = node_loss.evacuate_overdue(
            after=timedelta(minutes=after),
            transaction=partial(unit_of_work, ports.courier),
            actor=system("node-loss"),
            at=ports.clock.now(),
        )
        if asked:
            log.warning("node.evacuated", instances=asked)
