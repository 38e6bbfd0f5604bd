"""The kinds of message: subject and template of each live in templates/email/<kind>/<language>."""

from enum import StrEnum


class MessageKind(StrEnum):
    """What a message is about; the value names its template folder."""

    WELCOME = "welcome"
    TOPUP_RECEIPT = "topup_receipt"
    INSTANCE_READY = "instance_ready"
    INSTANCE_FAILED = "instance_failed"
    PROVISIONING_REFUNDED = "provisioning_refunded"
    RENEWED = "renewed"
    EXPIRY_NOTICE = "expiry_notice"
    LOW_CREDIT = "low_credit"
    GRACE_STARTED = "grace_started"
    EXPIRED = "expired"
    REVIVED = "revived"
    DATA_DELETED = "data_deleted"
    PLAN_CHANGED = "plan_changed"
    PLAN_CHANGE_RETURNED = "plan_change_returned"
    REFUNDED = "refunded"
    EXTENDED = "extended"
    CANCELLED = "cancelled"
    STAFF_ALERT = "staff_alert"
    PROOF_DIFFERS = "proof_differs"
    OPERATION_DONE = "operation_done"
    OPERATION_FAILED = "operation_failed"
    DOMAIN_ACTIVE = "domain_active"
    DOMAIN_FAILING = "domain_failing"
    DOMAIN_ENDED = "domain_ended"
    NODE_LOST = "node_lost"
    NODE_BACK = "node_back"
    CREDENTIAL_ROTATED = "credential_rotated"
    ENVIRONMENT_UNDONE = "environment_undone"
    VERIFY_EMAIL = "verify_email"
    RESET_PASSWORD = "reset_password"  # noqa: S105 - the name of a message
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - the name of a message
    PRICE_ANNOUNCED = "price_announced"
    TICKET_ANSWERED = "ticket_answered"
    GRACE_REMINDER = "grace_reminder"
    TOPUP_TAKEN_BACK = "topup_taken_back"


MADE_WHEN_IT_LEAVES: dict[MessageKind, tuple[str, ...]] = {
    MessageKind.VERIFY_EMAIL: ("url",),
    MessageKind.RESET_PASSWORD: ("url",),
    MessageKind.INSTANCE_READY: ("access",),
}
"""Facts that open something: they are made when the mail is written, stored nowhere, and shown to nobody else."""

FOR_STAFF = frozenset({MessageKind.STAFF_ALERT, MessageKind.PROOF_DIFFERS})
"""What administrators are told; the pages say the same, and how it is now."""

OF_A_MOMENT = frozenset(
    {
        MessageKind.EXPIRY_NOTICE,
        MessageKind.LOW_CREDIT,
        MessageKind.GRACE_STARTED,
        MessageKind.GRACE_REMINDER,
        MessageKind.PRICE_ANNOUNCED,
        MessageKind.DOMAIN_FAILING,
        MessageKind.NODE_LOST,
    }
)
"""What says how things stand at a moment, and is soon not true any more."""
