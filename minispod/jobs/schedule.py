"""What happens by the clock: one table of periodic jobs with interval and reason.

rq-scheduler is only the clock that ticks them; each job selects what is due in PostgreSQL and fans
out, so a tick that is lost, late or doubled does no harm.
"""

from dataclasses import dataclass

from minispod.jobs import housekeeping, lifecycle, observation, papers, payments, proof, usage, wallets
from minispod.jobs.work import PeriodicHandler
from minispod.settings import Settings


@dataclass(frozen=True, slots=True)
class Periodic:
    """One periodic job; `seconds` between two runs."""

    name: str
    run: PeriodicHandler
    seconds: int
    reason: str


def schedule(settings: Settings) -> tuple[Periodic, ...]:
    """The table."""
    operation = settings.operation
    return (
        Periodic("sweep-outbox", housekeeping.sweep_outbox, 2, "work a crash or a silent Redis left behind"),
        Periodic(
            "advance-calendar",
            lifecycle.fan_out_due,
            30,
            "renewals, graces, expiries, deletions that are due",
        ),
        Periodic("remind", lifecycle.fan_out_reminders, 3600, "expiry notices and low-credit warnings"),
        Periodic("poll-topups", payments.fan_out_topups, 30, "payments whose notification was late or lost"),
        Periodic("complete-papers", papers.complete_papers, 3600, "charges from before there were papers"),
        Periodic(
            "observe-cluster", observation.observe_cluster, operation.observe_seconds, "health, usage, drift"
        ),
        Periodic("sample-usage", usage.sample_usage, operation.usage_sample_seconds, "usage over time"),
        Periodic("roll-up-usage", usage.roll_up_usage, 600, "hours and days of usage; old usage goes"),
        Periodic("poll-nodes", observation.poll_nodes, operation.poll_nodes_seconds, "node history"),
        Periodic("prove-money", proof.fan_out_proof, 600, "once a night: does all money add up?"),
        Periodic(
            "snapshot-wallets", wallets.snapshot_wallets, 3 * 3600, "closing balances of the day that ended"
        ),
        Periodic("expire-adjustments", wallets.expire_adjustments, 900, "corrections that nobody confirmed"),
        Periodic("clean-up", housekeeping.clean_up, 6 * 3600, "spent tokens, old readings, old proofs"),
        Periodic(
            "tidy-namespaces", housekeeping.tidy_namespaces, 300, "nothing stays of a customer who has left"
        ),
        Periodic("heartbeat", housekeeping.beat, 10, "tells /readyz that a worker and the clock are alive"),
    )


def find(name: str, settings: Settings) -> Periodic | None:
    """The periodic job of this name."""
    return next((each for each in schedule(settings) if each.name == name), None)
