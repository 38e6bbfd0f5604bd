"""Write down what instances use, make hours and days of it, and let the old go."""

import structlog

from minispod.cluster.port import ClusterUnavailable
from minispod.instances.uptime import watching
from minispod.instances.usage import rolling, sampling
from minispod.kernel.unit_of_work import release_connection, unit_of_work
from minispod.ports import Ports
from minispod.rules import keep_rules
from minispod.settings import Settings

log = structlog.get_logger()

_ROUNDS = 100


def sample_usage(ports: Ports, settings: Settings) -> None:
    """One sample of every instance; a silent cluster leaves a gap, which is no zero."""
    release_connection()
    at = ports.clock.now()
    try:
        usages = ports.cluster.usages()
        volumes = ports.cluster.volume_usages()
    except ClusterUnavailable:
        log.warning("usage.not_sampled")
        return
    with unit_of_work():
        sampling.record(usages, volumes, at=at)


def roll_up_usage(ports: Ports, settings: Settings) -> None:
    """Make hours and days, then forget: in short transactions, a bounded number of them per run."""
    at, rules = ports.clock.now(), keep_rules(settings)
    for step in (rolling.roll_up, rolling.forget_samples, rolling.forget_rollups):
        for _ in range(_ROUNDS):
            with unit_of_work():
                more = step(rules, at=at)
            if not more:
                break
    with unit_of_work():
        watching.forget(before=at - rules.days)
