"""What there are alerts about: each rule with its severity, how it ends, and how it is told. Pure."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How much it hurts to leave it alone."""

    CRITICAL = "CRITICAL"
    WARNING = "WARNING"
    ADVICE = "ADVICE"


class Rule(StrEnum):
    """What an alert is about."""

    CLUSTER_SILENT = "cluster_silent"
    NODE_DOWN = "node_down"
    NODE_FULL = "node_full"
    ADD_NODE = "add_node"
    INSTANCE_DOWN = "instance_down"
    INSTANCE_FAILED = "instance_failed"
    INSTANCE_RESTARTS = "instance_restarts"
    VOLUME_FULL = "volume_full"
    CERTIFICATE_ENDS = "certificate_ends"
    BACKUP_FAILED = "backup_failed"
    BACKUP_OVERDUE = "backup_overdue"
    DRILL_FAILED = "drill_failed"
    DELETION_WAITS = "deletion_waits"
    OPERATION_FAILED = "operation_failed"
    JOB_STUCK = "job_stuck"
    MAIL_STUCK = "mail_stuck"
    PAYMENT_HELD = "payment_held"
    PAYMENT_TROUBLE = "payment_trouble"
    PROOF_DIFFERS = "proof_differs"
    ORDER_RETURNED = "order_returned"
    SECRETS_CLOSED = "secrets_closed"

    @property
    def nature(self) -> "Nature":
        """Its severity, its end, how it is told."""
        return _NATURES[self]


@dataclass(frozen=True, slots=True)
class Nature:
    """What is the same for all alerts of a rule.

    `ends_by_itself`: the watch resolves it when what it is about is over; otherwise a person does. `tells_end`: staff
    are told of that end. `flaps`: what comes and goes; having been told of lately, it is not told again at once.
    """

    severity: Severity
    ends_by_itself: bool = True
    tells_end: bool = False
    flaps: bool = False


_CRITICAL, _WARNING, _ADVICE = Severity.CRITICAL, Severity.WARNING, Severity.ADVICE
_NATURES = {
    Rule.CLUSTER_SILENT: Nature(_CRITICAL, tells_end=True, flaps=True),
    Rule.NODE_DOWN: Nature(_CRITICAL, tells_end=True, flaps=True),
    Rule.NODE_FULL: Nature(_WARNING, flaps=True),
    Rule.ADD_NODE: Nature(_ADVICE, flaps=True),
    Rule.INSTANCE_DOWN: Nature(_WARNING, flaps=True),
    # What has run may fail at every turn and come up again.
    Rule.INSTANCE_FAILED: Nature(_WARNING, flaps=True),
    Rule.INSTANCE_RESTARTS: Nature(_WARNING, flaps=True),
    Rule.VOLUME_FULL: Nature(_WARNING, flaps=True),
    Rule.CERTIFICATE_ENDS: Nature(_WARNING),
    Rule.BACKUP_FAILED: Nature(_WARNING),
    Rule.BACKUP_OVERDUE: Nature(_WARNING),
    Rule.DRILL_FAILED: Nature(_WARNING, ends_by_itself=False),
    Rule.DELETION_WAITS: Nature(_WARNING),
    Rule.OPERATION_FAILED: Nature(_WARNING, ends_by_itself=False),
    Rule.JOB_STUCK: Nature(_WARNING, flaps=True),
    Rule.MAIL_STUCK: Nature(_WARNING, flaps=True),
    Rule.PAYMENT_HELD: Nature(_WARNING),
    Rule.PAYMENT_TROUBLE: Nature(_WARNING, ends_by_itself=False),
    Rule.PROOF_DIFFERS: Nature(_CRITICAL),
    Rule.ORDER_RETURNED: Nature(_ADVICE, ends_by_itself=False),
    Rule.SECRETS_CLOSED: Nature(_CRITICAL, ends_by_itself=False),
}
