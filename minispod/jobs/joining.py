"""Put tokens for new workers into the cluster, and take them out again."""

import uuid
from datetime import timedelta

import structlog

from minispod.cluster.joining import authority, requesting, working
from minispod.cluster.joining.working import NOTHING_THERE, JoinOrder, JoinReport
from minispod.cluster.port import ClusterPort, ClusterRefused, NoSuchObject
from minispod.jobs.work import Work
from minispod.kernel.unit_of_work import release_connection, unit_of_work
from minispod.ports import Ports
from minispod.settings import Settings

log = structlog.get_logger()


def work_on_join(work: Work) -> timedelta | None:
    """Bring the cluster to what one join's row says."""
    join_id = uuid.UUID(work.lease.args["join_id"])
    with unit_of_work():
        order = working.claim(join_id, sealer=work.ports.sealer, at=work.now())
    if order is None:
        return None
    release_connection()
    report = _carry_out(order, work.ports.cluster)
    with unit_of_work():
        again = working.settle(order, report, at=work.now())
    log.info("node.join_token", slot=order.slot, is_put=order.secret is not None, failure=report.failure)
    return again


def end_joins(ports: Ports, settings: Settings) -> None:
    """Take tokens out whose time is over."""
    with unit_of_work(ports.courier):
        ended = requesting.end_overdue(ports.clock.now())
    if ended:
        log.info("node.join_tokens_ended", count=ended)


def _carry_out(order: JoinOrder, cluster: ClusterPort) -> JoinReport:
    try:
        if order.secret is None:
            cluster.clear_join_token(order.slot)
            return JoinReport()
        pin = authority.hash_of(cluster.authority())
        cluster.put_join_token(order.slot, order.secret, expires_at=order.expires_at)
    except NoSuchObject:
        # What is not there lets nobody in; what is to be put there needs it.
        return JoinReport(failure=NOTHING_THERE.format(order.slot) if order.secret else None)
    except ClusterRefused as refusal:
        return JoinReport(failure=refusal.message)
    return JoinReport(authority_hash=pin)
