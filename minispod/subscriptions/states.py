"""States of a subscription and which may follow which (decisions 9, 17, 18)."""

from enum import StrEnum

from minispod.kernel.lifecycle import Lifecycle


class SubscriptionStatus(StrEnum):
    """The values of the wire contract; SUSPENDED and the pending ones are reserved and never set."""

    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"
    PENDING_UPGRADE = "PENDING_UPGRADE"
    PENDING_PAYMENT = "PENDING_PAYMENT"


class EndReason(StrEnum):
    """Why a subscription is not active any more."""

    NO_CREDIT = "no_credit"
    AUTO_RENEW_OFF = "auto_renew_off"
    IDLE = "idle"
    CUSTOMER = "customer"
    NOT_PROVISIONED = "not_provisioned"
    RETENTION_OVER = "retention_over"
    ADMINISTRATOR = "administrator"


class ChangeState(StrEnum):
    """How far a change of plan has come: waiting for the cluster, done, or taken back with its money."""

    PENDING = "PENDING"
    DONE = "DONE"
    RETURNED = "RETURNED"


LIVE = (
    SubscriptionStatus.ACTIVE,
    SubscriptionStatus.PENDING_UPGRADE,
    SubscriptionStatus.PENDING_PAYMENT,
)

LIFECYCLE: Lifecycle[SubscriptionStatus] = Lifecycle(
    "subscription",
    {
        SubscriptionStatus.ACTIVE: frozenset({SubscriptionStatus.EXPIRED, SubscriptionStatus.CANCELLED}),
        SubscriptionStatus.EXPIRED: frozenset({SubscriptionStatus.ACTIVE, SubscriptionStatus.CANCELLED}),
        SubscriptionStatus.CANCELLED: frozenset(),
        SubscriptionStatus.SUSPENDED: frozenset(),
        SubscriptionStatus.PENDING_UPGRADE: frozenset(),
        SubscriptionStatus.PENDING_PAYMENT: frozenset(),
    },
)
