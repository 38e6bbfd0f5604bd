"""What happens by the clock: one table of periodic jobs with interval and reason.

rq-scheduler is only the clock that ticks them; each job selects what is due in PostgreSQL and fans
out, so a tick that is lost, late or doubled does no harm.
"""

from dataclasses import dataclass

from minispod.jobs import (
    alerts,
    backups,
    certificates,
    domains,
    housekeeping,
    joining,
    lifecycle,
    observation,
    operations,
    orphans,
    papers,
    payments,
    proof,
    tickets,
    usage,
    wallets,
)
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
        Periodic(
            "announce-prices", lifecycle.announce_prices, 60, "prices that will hold for existing customers"
        ),
        Periodic("poll-topups", payments.fan_out_topups, 30, "payments whose notification was late or lost"),
        Periodic("complete-papers", papers.complete_papers, 3600, "charges from before there were papers"),
        Periodic(
            "observe-cluster", observation.observe_cluster, operation.observe_seconds, "health, usage, drift"
        ),
        Periodic("find-orphans", orphans.find_orphans, 600, "objects of ours that belong to no instance"),
        Periodic("sample-usage", usage.sample_usage, operation.usage_sample_seconds, "usage over time"),
        Periodic("roll-up-usage", usage.roll_up_usage, 600, "hours and days of usage; old usage goes"),
        Periodic("poll-nodes", observation.poll_nodes, operation.poll_nodes_seconds, "node history"),
        Periodic("end-joins", joining.end_joins, 30, "tokens of new workers whose time is over"),
        Periodic("check-domains", domains.fan_out_checks, 10, "custom domains that should be looked at"),
        Periodic(
            "renew-certificates", certificates.renew_certificates, 3600, "certificates of databases end"
        ),
        Periodic("prove-money", proof.fan_out_proof, 600, "once a night: does all money add up?"),
        Periodic(
            "snapshot-wallets", wallets.snapshot_wallets, 3 * 3600, "closing balances of the day that ended"
        ),
        Periodic("expire-adjustments", wallets.expire_adjustments, 900, "corrections that nobody confirmed"),
        Periodic("clean-up", housekeeping.clean_up, 6 * 3600, "spent tokens, old readings, old proofs"),
        Periodic(
            "tidy-namespaces", housekeeping.tidy_namespaces, 300, "nothing stays of a customer who has left"
        ),
        Periodic("request-backups", operations.fan_out_backups, 10, "the daily backups, some at a time"),
        Periodic("drill-backups", operations.fan_out_drills, 3600, "can backups be restored? a sample"),
        Periodic("carry-on", operations.carry_on, 60, "operations whose work in the queue was lost"),
        Periodic("delete-volumes", operations.delete_volumes, 300, "retired volumes whose time is over"),
        Periodic("remove-old-backups", backups.remove_old_backups, 3600, "backups whose time is over"),
        Periodic(
            "remove-stray-files", backups.remove_stray_files, 6 * 3600, "what a crash left in the store"
        ),
        Periodic(
            "remove-loose-attachments",
            tickets.remove_loose_attachments,
            1800,
            "pictures that came with no ticket, or whose ticket is gone",
        ),
        Periodic("watch-alerts", alerts.watch_alerts, 30, "what needs staff: the alert book"),
        Periodic("heartbeat", housekeeping.beat, 10, "tells /readyz that a worker and the clock are alive"),
    )


def find(name: str, settings: Settings) -> Periodic | None:
    """The periodic job of this name."""
    return next((each for each in schedule(settings) if each.name == name), None)
