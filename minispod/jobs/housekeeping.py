"""Sweep the outbox, clean up, and show that worker and clock are alive."""

from datetime import timedelta

import structlog

from minispod.accounts import mailed_tokens, sessions, viewing
from minispod.alerts import book
from minispod.cluster.joining import requesting as joining
from minispod.cluster.port import ClusterRefused, ClusterUnavailable
from minispod.instances import restarts, tidying
from minispod.jobs import runner
from minispod.kernel import kept_answers, pulse
from minispod.kernel.unit_of_work import release_connection, unit_of_work
from minispod.ports import Ports
from minispod.proof import history
from minispod.settings import Settings
from minispod.subscriptions.bulk import requesting as bulk

log = structlog.get_logger()


def sweep_outbox(ports: Ports, settings: Settings) -> None:
    """Deliver what is due and not with a worker."""
    runner.sweep(ports=ports)


def clean_up(ports: Ports, settings: Settings) -> None:
    """Remove tokens that cannot be used any more, and answers, proofs, alerts and acts that are too old."""
    at = ports.clock.now()
    with unit_of_work():
        kept_answers.forget(before=at - timedelta(days=1))
        sessions.forget_spent(before=at - timedelta(days=30))
        viewing.forget(before=at - timedelta(days=1))
        mailed_tokens.forget_ended(before=at - timedelta(days=30))
        history.forget(before=at - timedelta(days=settings.operation.proof_days))
        restarts.forget(before=at - timedelta(days=1))
        bulk.forget(before=at - timedelta(days=settings.operation.staff_act_days))
        joining.forget(before=at - timedelta(days=settings.operation.staff_act_days))
        book.forget(before=at - timedelta(days=settings.alerts.alert_keep_days))


def tidy_namespaces(ports: Ports, settings: Settings) -> None:
    """Delete the namespaces in which nothing is left; one with a volume is for people to decide about (orphans)."""
    with unit_of_work():
        names = tidying.claim_empty_namespaces(ports.clock.now())
    release_connection()
    if not names:
        return
    try:
        claims = ports.cluster.inventory("claims")
    except (ClusterUnavailable, ClusterRefused):
        claims = None
    full = {each["metadata"]["namespace"] for each in claims or ()}
    for name in names:
        if claims is not None and name not in full and _is_deleted(name, ports):
            continue
        if name in full:
            log.warning("namespace.has_volumes", namespace=name)
        with unit_of_work():
            tidying.give_back(name)


def _is_deleted(name: str, ports: Ports) -> bool:
    """Delete a namespace, unless somebody has come back to it meanwhile."""
    if not tidying.is_still_cleared(name):
        return True
    release_connection()
    try:
        ports.cluster.delete_namespace(name)
    except (ClusterUnavailable, ClusterRefused):
        return False
    return True


def beat(ports: Ports, settings: Settings) -> None:
    """Write that a worker has run a tick of the clock just now."""
    with unit_of_work():
        pulse.beat("worker", ports.clock.now())
