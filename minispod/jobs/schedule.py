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
    paid_time,
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
        Periodic(
            "sweep-outbox",
            housekeeping.sweep_outbox,
            2,
            "hands over work that a crash or a silent Redis left behind",
        ),
        Periodic(
            "advance-calendar",
            lifecycle.fan_out_due,
            30,
            "renews, begins graces, expires and deletes what is due",
        ),
        Periodic(
            "remind", lifecycle.fan_out_reminders, 3600, "writes expiry notices and low-credit warnings"
        ),
        Periodic(
            "announce-prices",
            lifecycle.announce_prices,
            60,
            "tells existing customers of prices that will hold for them",
        ),
        Periodic(
            "poll-topups",
            payments.fan_out_topups,
            30,
            "asks the gateway about payments whose notification is late or lost",
        ),
        Periodic(
            "complete-papers",
            papers.complete_papers,
            3600,
            "writes papers for charges from before there were any",
        ),
        Periodic(
            "observe-cluster",
            observation.observe_cluster,
            operation.observe_seconds,
            "looks at health and usage, and puts back what has drifted",
        ),
        Periodic(
            "find-orphans", orphans.find_orphans, 600, "looks for objects of ours that belong to no instance"
        ),
        Periodic(
            "sample-usage",
            usage.sample_usage,
            operation.usage_sample_seconds,
            "writes down what instances use",
        ),
        Periodic("roll-up-usage", usage.roll_up_usage, 600, "makes hours and days of usage; old usage goes"),
        Periodic(
            "poll-nodes",
            observation.poll_nodes,
            operation.poll_nodes_seconds,
            "writes down how the nodes are",
        ),
        Periodic("end-joins", joining.end_joins, 30, "ends tokens of new workers whose time is over"),
        Periodic("check-domains", domains.fan_out_checks, 10, "looks at custom domains whose turn it is"),
        Periodic(
            "renew-certificates",
            certificates.renew_certificates,
            3600,
            "renews certificates of databases before they end",
        ),
        Periodic("prove-money", proof.fan_out_proof, 600, "proves once a night that all money adds up"),
        Periodic(
            "snapshot-wallets",
            wallets.snapshot_wallets,
            3 * 3600,
            "writes the closing balances of the day that ended",
        ),
        Periodic(
            "expire-adjustments", wallets.expire_adjustments, 900, "ends corrections that nobody confirmed"
        ),
        Periodic(
            "note-paid-time",
            paid_time.note_paid_time,
            600,
            "notes down which time was paid for, so that revenue is read quickly",
        ),
        Periodic(
            "clean-up",
            housekeeping.clean_up,
            6 * 3600,
            "removes spent tokens, old answers, proofs, alerts and acts",
        ),
        Periodic(
            "tidy-namespaces",
            housekeeping.tidy_namespaces,
            300,
            "removes what is left of customers who have gone",
        ),
        Periodic(
            "request-backups", operations.fan_out_backups, 10, "asks for the daily backups, some at a time"
        ),
        Periodic(
            "drill-backups", operations.fan_out_drills, 3600, "restores a sample of backups where nobody runs"
        ),
        Periodic("carry-on", operations.carry_on, 60, "takes up operations whose work in the queue was lost"),
        Periodic(
            "delete-volumes", operations.delete_volumes, 300, "deletes retired volumes whose time is over"
        ),
        Periodic(
            "remove-old-backups", backups.remove_old_backups, 3600, "removes backups whose time is over"
        ),
        Periodic(
            "remove-stray-files",
            backups.remove_stray_files,
            6 * 3600,
            "removes files that a crash left in the store",
        ),
        Periodic(
            "remove-loose-attachments",
            tickets.remove_loose_attachments,
            1800,
            "removes pictures that came with no ticket, or whose ticket is gone",
        ),
        Periodic("watch-alerts", alerts.watch_alerts, 30, "raises alerts, and ends those that are over"),
        Periodic("heartbeat", housekeeping.beat, 10, "shows that a worker and the clock are alive"),
    )


def find(name: str, settings: Settings) -> Periodic | None:
    """The periodic job of this name."""
    return next((each for each in schedule(settings) if each.name == name), None)
