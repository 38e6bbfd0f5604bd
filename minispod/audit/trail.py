"""Write into and read the audit book. `record` belongs into the transaction of the change itself."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

import structlog
from sqlalchemy import or_, select

from minispod.audit.models import AuditEntry
from minispod.kernel.actor import Actor
from minispod.kernel.database import page_of, session, table_of
from minispod.kernel.ids import new_id
from minispod.kernel.inserting import insert_values
from minispod.kernel.paging import Page, PageRequest


class Action(StrEnum):
    """What can be done to something; grammar `subject.act`."""

    ACCOUNT_REGISTERED = "account.registered"
    ACCOUNT_SIGNED_IN = "account.signed_in"
    ACCOUNT_SIGN_IN_FAILED = "account.sign_in_failed"
    ACCOUNT_SIGNED_OUT = "account.signed_out"
    ACCOUNT_TOKEN_REUSED = "account.token_reused"  # noqa: S105 - the name of an act
    ACCOUNT_PROFILE_CHANGED = "account.profile_changed"
    ACCOUNT_BLOCKED = "account.blocked"
    ACCOUNT_UNBLOCKED = "account.unblocked"
    ACCOUNT_ROLE_CHANGED = "account.role_changed"
    ACCOUNT_GOOGLE_LINKED = "account.google_linked"
    ACCOUNT_GOOGLE_UNLINKED = "account.google_unlinked"
    ACCOUNT_CHANGED = "account.changed"
    ACCOUNT_DELETED = "account.deleted"
    ACCOUNT_ANONYMISED = "account.anonymised"
    ACCOUNT_EXPORTED = "account.exported"
    ACCOUNT_EMAIL_VERIFIED = "account.email_verified"
    ACCOUNT_PASSWORD_CHANGED = "account.password_changed"  # noqa: S105 - the name of an act
    ACCOUNT_PASSWORD_RESET_ASKED = "account.password_reset_asked"  # noqa: S105 - the name of an act
    ACCOUNT_VIEWING_BEGUN = "account.viewing_begun"
    ACCOUNT_VIEWING_CODE_MADE = "account.viewing_code_made"
    ACCOUNT_VIEWING_OPENED = "account.viewing_opened"
    ACCOUNT_VIEWING_ENDED = "account.viewing_ended"
    WALLET_CREDITED = "wallet.credited"
    WALLET_DEBITED = "wallet.debited"
    WALLET_ADJUSTED = "wallet.adjusted"
    WALLET_REBUILT = "wallet.rebuilt"
    WALLET_ADJUSTMENT_REQUESTED = "wallet.adjustment_requested"
    WALLET_ADJUSTMENT_DECLINED = "wallet.adjustment_declined"
    WALLET_ADJUSTMENT_EXPIRED = "wallet.adjustment_expired"
    WALLET_EXPORTED = "wallet.exported"
    TOPUP_OPENED = "topup.opened"
    TOPUP_CHANGED = "topup.changed"
    TOPUP_NEEDS_REVIEW = "topup.needs_review"
    TOPUP_AMOUNT_CORRECTED = "topup.amount_corrected"
    TOPUP_ACCEPTED = "topup.accepted"
    TOPUP_CLOSED = "topup.closed"
    TOPUP_REFUND_ASKED = "topup.refund_asked"
    TOPUP_REFUND_DONE = "topup.refund_done"
    TOPUP_REFUND_REFUSED = "topup.refund_refused"
    TOPUP_ASKED_ABOUT = "topup.asked_about"
    TOPUP_NOTICE_REPLAYED = "topup.notice_replayed"
    SUBSCRIPTION_ORDERED = "subscription.ordered"
    SUBSCRIPTION_RENEWED = "subscription.renewed"
    SUBSCRIPTION_GRACE_STARTED = "subscription.grace_started"
    SUBSCRIPTION_GRACE_SET = "subscription.grace_set"
    SUBSCRIPTION_EXPIRED = "subscription.expired"
    SUBSCRIPTION_REVIVED = "subscription.revived"
    SUBSCRIPTION_CANCELLED = "subscription.cancelled"
    SUBSCRIPTION_PLAN_CHANGED = "subscription.plan_changed"
    SUBSCRIPTION_PLAN_RETURNED = "subscription.plan_returned"
    SUBSCRIPTION_REFUNDED = "subscription.refunded"
    SUBSCRIPTION_EXTENDED = "subscription.extended"
    SUBSCRIPTION_PRICE_ANNOUNCED = "subscription.price_announced"
    SUBSCRIPTION_AUTO_RENEW_CHANGED = "subscription.auto_renew_changed"
    SUBSCRIPTION_EDITED = "subscription.edited"
    INSTANCE_RUNNING = "instance.running"
    INSTANCE_FAILED = "instance.failed"
    INSTANCE_STOPPED = "instance.stopped"
    INSTANCE_DELETED = "instance.deleted"
    INSTANCE_RETRIED = "instance.retried"
    INSTANCE_CONTROLLED = "instance.controlled"
    INSTANCE_VOLUME_DELETED = "instance.volume_deleted"
    INSTANCE_CREDENTIALS_SHOWN = "instance.credentials_shown"
    INSTANCE_ROTATION_ASKED = "instance.rotation_asked"
    INSTANCE_ROTATION_FAILED = "instance.rotation_failed"
    INSTANCE_CREDENTIALS_ROTATED = "instance.credentials_rotated"
    INSTANCE_ENVIRONMENT_CHANGED = "instance.environment_changed"
    INSTANCE_ENVIRONMENT_REVERTED = "instance.environment_reverted"
    INSTANCE_ENVIRONMENT_UNDONE = "instance.environment_undone"
    INSTANCE_ENVIRONMENT_SHOWN = "instance.environment_shown"
    INSTANCE_ADOPTED = "instance.adopted"
    ORPHAN_REMOVAL_DECIDED = "orphan.removal_decided"
    ORPHAN_REMOVED = "orphan.removed"
    INSTANCE_DELETED_WITHOUT_COPY = "instance.deleted_without_copy"
    OPERATION_REQUESTED = "operation.requested"
    OPERATION_DONE = "operation.done"
    OPERATION_FAILED = "operation.failed"
    BACKUP_BEGUN = "backup.begun"
    BACKUP_DONE = "backup.done"
    BACKUP_FAILED = "backup.failed"
    BACKUP_DELETED = "backup.deleted"
    BACKUP_REMOVED = "backup.removed"
    BACKUP_PROVEN = "backup.proven"
    BACKUP_NOT_PROVEN = "backup.not_proven"
    DOMAIN_ADDED = "domain.added"
    DOMAIN_VERIFIED = "domain.verified"
    DOMAIN_ACTIVE = "domain.active"
    DOMAIN_FAILING = "domain.failing"
    DOMAIN_GIVEN_UP = "domain.given_up"
    DOMAIN_TAKEN_OFF = "domain.taken_off"
    DOMAIN_REMOVED = "domain.removed"
    DOMAIN_MADE_PRIMARY = "domain.made_primary"
    INSTANCE_CERTIFICATE_RENEWED = "instance.certificate_renewed"
    INSTANCE_PORT_CHANGED = "instance.port_changed"
    PAPER_ISSUED = "paper.issued"
    CATALOG_SEEDED = "catalog.seeded"
    CATEGORY_CREATED = "category.created"
    CATEGORY_CHANGED = "category.changed"
    CATEGORY_DELETED = "category.deleted"
    SERVICE_CREATED = "service.created"
    SERVICE_CHANGED = "service.changed"
    SERVICE_DELETED = "service.deleted"
    PLAN_CREATED = "plan.created"
    PLAN_CHANGED = "plan.changed"
    PLAN_DELETED = "plan.deleted"
    PLAN_PRICE_CHANGED = "plan.price_changed"
    PLAN_QUOTA_CHANGED = "plan.quota_changed"
    PLAN_RECOUNTED = "plan.recounted"
    ROOM_RECOUNTED = "room.recounted"
    PROOF_REQUESTED = "proof.requested"
    PROOF_DIFFERED = "proof.differed"
    PROOF_REPAIRED = "proof.repaired"
    COUPON_CREATED = "coupon.created"
    COUPON_CHANGED = "coupon.changed"
    COUPON_DELETED = "coupon.deleted"
    COUPON_REDEEMED = "coupon.redeemed"
    COUPON_RETURNED = "coupon.returned"
    COUPON_RECOUNTED = "coupon.recounted"
    TICKET_OPENED = "ticket.opened"
    TICKET_WRITTEN = "ticket.written"
    TICKET_ANSWERED = "ticket.answered"
    TICKET_TAKEN_UP = "ticket.taken_up"
    TICKET_CLOSED = "ticket.closed"
    TICKET_REOPENED = "ticket.reopened"
    TICKET_PRIORITY_CHANGED = "ticket.priority_changed"
    TICKETS_FORGOTTEN = "tickets.forgotten"
    CANNED_ANSWER_ADDED = "canned_answer.added"
    CANNED_ANSWER_CHANGED = "canned_answer.changed"
    CANNED_ANSWER_REMOVED = "canned_answer.removed"
    MESSAGE_RESENT = "message.resent"
    JOB_ASKED_FOR = "job.asked_for"
    WORK_RETRIED = "work.retried"
    NODE_ACT_REQUESTED = "node.act_requested"
    NODE_ACT_DONE = "node.act_done"
    NODE_ACT_FAILED = "node.act_failed"
    NODE_ACT_CANCELLED = "node.act_cancelled"
    NODE_JOIN_REQUESTED = "node.join_requested"
    NODE_JOIN_SHOWN = "node.join_shown"
    NODE_JOIN_REVOKED = "node.join_revoked"
    NODE_JOIN_ENDED = "node.join_ended"
    NODE_JOINED = "node.joined"
    ALERT_RAISED = "alert.raised"
    ALERT_ENDED = "alert.ended"
    ALERT_ACKNOWLEDGED = "alert.acknowledged"
    ALERT_RESOLVED = "alert.resolved"
    ALERT_SILENCED = "alert.silenced"
    BULK_REQUESTED = "bulk.requested"
    BULK_CALLED_OFF = "bulk.called_off"
    BULK_ENDED = "bulk.ended"


SUBJECT_KINDS = (
    "user",
    "wallet",
    "topup",
    "subscription",
    "instance",
    "paper",
    "catalog",
    "category",
    "service",
    "plan",
    "coupon",
    "proof",
    "orphan",
    "backup",
    "ticket",
    "node",
    "node_join",
    "alert",
    "batch",
    "canned_answer",
    "message",
    "job",
)
"""What the book speaks about; a filter offers these."""

_BOOK = table_of(AuditEntry)


def record(
    actor: Actor,
    action: Action,
    *,
    at: datetime,
    subject_kind: str,
    subject_id: uuid.UUID | str,
    **details: Any,
) -> None:
    """Write one line into the book, in the caller's transaction."""
    insert_values(
        _BOOK,
        {
            "id": new_id(),
            "at": at,
            "action": action.value,
            "actor_kind": actor.kind.value,
            "actor_id": actor.user_id,
            "actor_name": actor.name[:120],
            "address": actor.address,
            "subject_kind": subject_kind,
            "subject_id": str(subject_id),
            "request_id": structlog.contextvars.get_contextvars().get("request_id"),
            "details": details,
        },
    )


def newest(limit: int) -> Sequence[AuditEntry]:
    """The last lines of the book, newest first; the book itself is not counted for them."""
    wanted = select(AuditEntry).order_by(AuditEntry.at.desc(), AuditEntry.id.desc()).limit(limit)
    return session().scalars(wanted).all()


def search(
    page: PageRequest,
    *,
    subject_kind: str | None = None,
    subject_id: str | None = None,
    actor_id: uuid.UUID | None = None,
    action: str | None = None,
    actor_kind: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    text: str = "",
) -> Page[AuditEntry]:
    """Find lines of the book, newest first; `text` looks into actor, address, subject and request id."""
    wanted = select(AuditEntry).order_by(AuditEntry.at.desc(), AuditEntry.id.desc())
    if subject_kind:
        wanted = wanted.where(AuditEntry.subject_kind == subject_kind)
    if subject_id:
        wanted = wanted.where(AuditEntry.subject_id == subject_id)
    if actor_id:
        wanted = wanted.where(AuditEntry.actor_id == actor_id)
    if action:
        wanted = wanted.where(AuditEntry.action == action)
    if actor_kind:
        wanted = wanted.where(AuditEntry.actor_kind == actor_kind)
    if since:
        wanted = wanted.where(AuditEntry.at >= since)
    if until:
        wanted = wanted.where(AuditEntry.at <= until)
    if text:
        exact = (AuditEntry.subject_id == text, AuditEntry.request_id == text, AuditEntry.address == text)
        wanted = wanted.where(or_(AuditEntry.actor_name.icontains(text, autoescape=True), *exact))
    return page_of(wanted, page)
