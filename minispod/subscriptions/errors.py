"""Refusals of the subscriptions package."""

from minispod.catalog.errors import PlanSoldOut
from minispod.kernel.errors import Conflict, NotFound, RuleBroken


class NoSuchSubscription(NotFound):
    """There is no such subscription, or it is somebody else's."""

    code = "subscriptions.no_such_subscription"
    default_message = "Subscription not found"


class LiveSubscriptionExists(Conflict):
    """One live subscription per customer and service (decision 12)."""

    code = "subscriptions.live_subscription_exists"
    default_message = "You already have an active subscription for this service"


class RequestKeyReused(Conflict):
    """The same Idempotency-Key came with another wish."""

    code = "subscriptions.request_key_reused"
    default_message = "This Idempotency-Key was used for a different order."


class TooManyFreePlans(RuleBroken):
    """The customer holds as many free plans as one may (decision 20)."""

    code = "subscriptions.too_many_free_plans"
    default_message = "You already hold the allowed number of free plans"


class NotActive(RuleBroken):
    """This can only be done with an active subscription."""

    code = "subscriptions.not_active"
    default_message = "The subscription is not active"


class AlreadyCancelled(RuleBroken):
    """The subscription was cancelled before."""

    code = "subscriptions.already_cancelled"
    default_message = "The subscription is already cancelled"


class ClusterFull(PlanSoldOut):
    """The machines hold no more instances of this size (decision 21)."""

    code = "subscriptions.cluster_full"
    default_message = "All machines are taken at the moment. Please try again later or choose a smaller plan."


class NothingToRecount(Conflict):
    """The plan's counter is the number of its live subscriptions."""

    code = "subscriptions.nothing_to_recount"
    default_message = "The counter agrees with the live subscriptions already."


class MoreLiveThanSlots(RuleBroken):
    """The plan has more live subscriptions than slots; the counter cannot say so."""

    code = "subscriptions.more_live_than_slots"
    default_message = "The plan has more live subscriptions than slots. Give it more slots first."
