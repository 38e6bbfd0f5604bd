"""Write down what instances use, make hours and days of it (and of the nodes' readings), and let the old go."""

from collections.abc import Sequence

import structlog

from minispod.cluster import monitoring, spells
from minispod.cluster.history import NODES
from minispod.cluster.port import ClusterRefused, ClusterUnavailable, VolumeUsage
from minispod.instances.uptime import watching
from minispod.instances.usage import sampling
from minispod.instances.usage.rolling import USAGE
from minispod.kernel.unit_of_work import release_connection, unit_of_work
from minispod.ports import Ports
from minispod.rules import keep_rules, node_keep_rules
from minispod.settings import Settings

log = structlog.get_logger()

_ROUNDS = 100


def sample_usage(ports: Ports, settings: Settings) -> None:
    """One sample of every instance; a silent cluster leaves a gap, which is no zero."""
    release_connection()
    at = ports.clock.now()
    try:
        usages = ports.cluster.usages()
    except ClusterUnavailable:
        log.warning("usage.not_sampled")
        return
    volumes, refusal = _volumes(ports)
    with unit_of_work():
        sampling.record(usages, volumes or (), at=at)
        is_news = (volumes is not None or refusal is not None) and monitoring.record_storage(refusal)
    if is_news and refusal is not None:
        log.warning("usage.storage_not_measured", reason=refusal)
    elif is_news:
        log.info("usage.storage_measured")


def _volumes(ports: Ports) -> tuple[Sequence[VolumeUsage] | None, str | None]:
    """What is used of volumes, or why the nodes do not tell; silence is neither.

    An account without the rights for it keeps nobody's CPU and memory from being noted.
    """
    try:
        return ports.cluster.volume_usages(), None
    except ClusterRefused as refusal:
        return None, refusal.message
    except ClusterUnavailable as silence:
        log.info("usage.nodes_silent", code=silence.code)
        return None, None


def roll_up_usage(ports: Ports, settings: Settings) -> None:
    """Make hours and days, then forget: in short transactions, a bounded number of them per run."""
    at, rules = ports.clock.now(), keep_rules(settings)
    for series, kept in ((USAGE, rules), (NODES, node_keep_rules(settings))):
        for step in (series.roll_up, series.forget_samples, series.forget_rollups):
            for _ in range(_ROUNDS):
                with unit_of_work():
                    more = step(kept, at=at)
                if not more:
                    break
    with unit_of_work():
        watching.forget(before=at - rules.days)
        spells.forget(before=at - rules.days)
