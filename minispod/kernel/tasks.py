"""The inventory of everything that can be done later, with the queue and the lease of each.

It may name business things: it is a list, not a rule. `jobs/registry.py` says who does the work; a
test compares the two.
"""

from dataclasses import dataclass
from enum import StrEnum


class Queue(StrEnum):
    """Queues by the nature of the work, so that slow work cannot delay money."""

    MONEY = "money"
    PROVISIONING = "provisioning"
    MAIL = "mail"
    DATA = "data"

    @property
    def longest_seconds(self) -> int:
        """For how long one piece of work may keep a worker; copying data takes as long as there are data."""
        return 24 * 3600 if self is Queue.DATA else 120

    SWEEPS = "sweeps"


@dataclass(frozen=True, slots=True)
class TaskNature:
    """Where a task waits, and for how long (seconds) one worker may hold it before another may try."""

    queue: Queue
    lease_seconds: int


class Task(StrEnum):
    """Something that can be done later; the value is stored in the outbox."""

    RECONCILE_INSTANCE = "reconcile_instance"
    CREDIT_ARRIVED = "credit_arrived"
    SETTLE_NOTICE = "settle_notice"
    POLL_TOPUP = "poll_topup"
    REFUND_TOPUP = "refund_topup"
    ADVANCE_SUBSCRIPTION = "advance_subscription"
    SEND_REMINDER = "send_reminder"
    DELIVER_MESSAGE = "deliver_message"
    PROVE_MONEY = "prove_money"
    ISSUE_PAPERS = "issue_papers"
    FIND_ORPHANS = "find_orphans"
    RESOLVE_ORPHAN = "resolve_orphan"
    ROTATE_SECRET = "rotate_secret"  # noqa: S105 - the name of a task
    RUN_OPERATION = "run_operation"
    DRILL_BACKUP = "drill_backup"
    CHECK_DOMAIN = "check_domain"
    PUBLISH_DOMAINS = "publish_domains"
    FOLLOW_DEACTIVATION = "follow_deactivation"
    WORK_ON_NODE = "work_on_node"
    POST_ALERTS = "post_alerts"
    WORK_ON_BATCH = "work_on_batch"
    WORK_ON_JOIN = "work_on_join"
    RUN_PERIODIC = "run_periodic"

    @property
    def nature(self) -> TaskNature:
        """Queue and lease of this task."""
        return _NATURES[self]


_NATURES = {
    Task.RECONCILE_INSTANCE: TaskNature(Queue.PROVISIONING, 60),
    Task.CREDIT_ARRIVED: TaskNature(Queue.MONEY, 30),
    Task.SETTLE_NOTICE: TaskNature(Queue.MONEY, 30),
    Task.POLL_TOPUP: TaskNature(Queue.MONEY, 30),
    Task.REFUND_TOPUP: TaskNature(Queue.MONEY, 60),
    Task.ADVANCE_SUBSCRIPTION: TaskNature(Queue.MONEY, 30),
    Task.SEND_REMINDER: TaskNature(Queue.MAIL, 30),
    Task.DELIVER_MESSAGE: TaskNature(Queue.MAIL, 60),
    Task.PROVE_MONEY: TaskNature(Queue.SWEEPS, 120),
    Task.ISSUE_PAPERS: TaskNature(Queue.MONEY, 60),
    Task.FIND_ORPHANS: TaskNature(Queue.SWEEPS, 60),
    Task.RESOLVE_ORPHAN: TaskNature(Queue.SWEEPS, 60),
    Task.ROTATE_SECRET: TaskNature(Queue.PROVISIONING, 60),
    # Renewed while data stream (outbox.extend), so that a dead worker's operation is soon taken up.
    Task.RUN_OPERATION: TaskNature(Queue.DATA, 60),
    Task.DRILL_BACKUP: TaskNature(Queue.DATA, 60),
    # The DNS of others may be slow: whatever else there is goes before.
    Task.CHECK_DOMAIN: TaskNature(Queue.SWEEPS, 60),
    Task.PUBLISH_DOMAINS: TaskNature(Queue.PROVISIONING, 120),
    Task.FOLLOW_DEACTIVATION: TaskNature(Queue.MONEY, 30),
    # Not where data are copied: a drain waits for copies that it has asked for itself.
    Task.WORK_ON_NODE: TaskNature(Queue.PROVISIONING, 120),
    Task.POST_ALERTS: TaskNature(Queue.MAIL, 60),
    Task.WORK_ON_BATCH: TaskNature(Queue.PROVISIONING, 120),
    Task.WORK_ON_JOIN: TaskNature(Queue.PROVISIONING, 60),
    Task.RUN_PERIODIC: TaskNature(Queue.SWEEPS, 120),
}
