"""Look for what nobody owns in the cluster, and carry out what administrators decided about it."""

import uuid
from datetime import timedelta

import structlog

from minispod.cluster.port import ClusterRefused, ClusterUnavailable
from minispod.instances import orphan_finding, orphans
from minispod.instances.errors import OrphanNotRemovable
from minispod.jobs.work import Work
from minispod.kernel.actor import system
from minispod.kernel.unit_of_work import release_connection, unit_of_work
from minispod.ports import Ports
from minispod.settings import Settings
from minispod.subscriptions import adopting

log = structlog.get_logger()

_LOOK_AGAIN = timedelta(seconds=3)


def find_orphans(ports: Ports, settings: Settings) -> None:
    """Compare what carries our labels with the instances; silence changes nothing of what is known."""
    try:
        _look(ports)
    except (ClusterUnavailable, ClusterRefused) as silence:
        log.warning("orphans.not_looked_for", code=silence.code)


def find_orphans_now(work: Work) -> None:
    """The same because an administrator asked; a silent cluster is asked again."""
    _look(work.ports)


def _look(ports: Ports) -> None:
    release_connection()
    at = ports.clock.now()
    found = orphan_finding.look(ports.cluster)
    with unit_of_work():
        number = orphan_finding.keep(found, at=at)
    if number:
        log.warning("orphans.found", number=number)


def resolve_orphan(work: Work) -> timedelta | None:
    """Remove one orphan, as decided: claim, carry out, settle."""
    orphan_id = uuid.UUID(work.lease.args["orphan_id"])
    with unit_of_work():
        order = orphans.claim(orphan_id)
    if order is None:
        return None
    release_connection()
    try:
        is_gone = orphans.carry_out(order, work.ports.cluster)
    except (ClusterRefused, OrphanNotRemovable) as refusal:
        with unit_of_work():
            orphans.note_refusal(orphan_id, refusal.message)
        return None
    if not is_gone:
        return _LOOK_AGAIN
    with unit_of_work(work.ports.courier):
        row = orphans.settle(order, actor=system("orphans"), at=work.now())
        if row is not None:
            adopting.take_place(row, at=work.now())
    return None
