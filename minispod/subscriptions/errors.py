"""Refusals of the subscriptions package."""

from minispod.catalog.errors import PlanSoldOut
from minispod.kernel.errors import Conflict, NotFound, RuleBroken, TooMany


class NoSuchSubscription(NotFound):
    """There is no such subscription, or it is somebody else's."""

    code = "subscriptions.no_such_subscription"
    default_message = "Subscription not found"


class LiveSubscriptionExists(Conflict):
    """One live subscription per customer and service (decision 12)."""

    code = "subscriptions.live_subscription_exists"
    default_message = "There is an active subscription for this service already"


class OrderHindered(RuleBroken):
    """An order would be refused; `validation` says why."""

    code = "subscriptions.order_hindered"
    default_message = "Subscription validation failed"


class NothingToEdit(RuleBroken):
    """No field was given that could be edited."""

    code = "subscriptions.nothing_to_edit"
    default_message = "At least one field must be provided for update"


class NotEditable(RuleBroken):
    """A field follows from others or from the ledger; `fields` says by which act each is changed."""

    code = "subscriptions.not_editable"
    default_message = "Some of these fields are never edited by hand; `data.fields` says what changes them"


class RequestKeyReused(Conflict):
    """The same Idempotency-Key came with another wish."""

    code = "subscriptions.request_key_reused"
    default_message = "This Idempotency-Key was used for a different order."


class TooManyFreePlans(RuleBroken):
    """The customer holds as many free plans as one may (decision 20)."""

    code = "subscriptions.too_many_free_plans"
    default_message = "The allowed number of free plans is reached"


class EmailNotProven(RuleBroken):
    """Free plans are for people whose address is proven (decision 20)."""

    code = "subscriptions.email_not_proven"
    default_message = "Please confirm your email address first: a mail with a link is on its way to you"


class NotConfirmed(RuleBroken):
    """What cannot be taken back is confirmed by the instance's name."""

    code = "subscriptions.not_confirmed"
    default_message = "Please confirm with the name of the instance"


class TooManyBackups(TooMany):
    """So many backups on demand are taken of an instance in 24 hours."""

    code = "subscriptions.too_many_backups"
    default_message = "No more backups of this instance can be taken today"


class NotActive(RuleBroken):
    """This can only be done with an active subscription."""

    code = "subscriptions.not_active"
    default_message = "The subscription is not active"


class NotInGrace(RuleBroken):
    """The subscription is paid, or ended: no renewal waits for credit."""

    code = "subscriptions.not_in_grace"
    default_message = "The subscription is not in its payment grace"


class GraceTooLong(RuleBroken):
    """A payment grace may be that long and no longer."""

    code = "subscriptions.grace_too_long"
    default_message = "The payment grace would be too long"


class NoSuchJob(RuleBroken):
    """There is no billing job of this name."""

    code = "subscriptions.no_such_job"
    default_message = "Invalid job name"


class AlreadyCancelled(RuleBroken):
    """The subscription was cancelled before."""

    code = "subscriptions.already_cancelled"
    default_message = "The subscription is already cancelled"


class OtherService(RuleBroken):
    """A plan of another service: that is an order, not a change."""

    code = "subscriptions.other_service"
    default_message = "Cannot upgrade to a different service"


class NotAnUpgrade(RuleBroken):
    """Customers move upward only (product D2)."""

    code = "subscriptions.not_an_upgrade"
    default_message = "Can only upgrade to a higher tier plan"


class SamePlan(RuleBroken):
    """The subscription has this plan already."""

    code = "subscriptions.same_plan"
    default_message = "The subscription has this plan already"


class PeriodOver(RuleBroken):
    """The paid period is over: there are no days left that a change could be charged for."""

    code = "subscriptions.period_over"
    default_message = "The paid period is over. Renew the subscription before you change its plan."


class ChangeUnderWay(Conflict):
    """The last change of plan has not reached the cluster yet."""

    code = "subscriptions.change_under_way"
    default_message = "A change of plan is under way. Please wait until it is finished."


class NotStarted(RuleBroken):
    """Whoever upgrades watches it come up in its new size; what is stopped never would."""

    code = "subscriptions.not_started"
    default_message = "The application is stopped. Please start it first, then upgrade."


class ClusterFull(PlanSoldOut):
    """The machines hold no more instances of this size (decision 21)."""

    code = "subscriptions.cluster_full"
    default_message = "All machines are taken at the moment. Please try again later or choose a smaller plan."


class NothingToRecount(Conflict):
    """What is counted as live is what is live."""

    code = "subscriptions.nothing_to_recount"
    default_message = "The counter agrees with the live subscriptions already."


class MoreLiveThanSlots(RuleBroken):
    """The plan has more live subscriptions than slots; the counter cannot say so."""

    code = "subscriptions.more_live_than_slots"
    default_message = "The plan has more live subscriptions than slots. Give it more slots first."


class CreditLeft(Conflict):
    """Who deletes this customer forfeits their credit, and has not said so."""

    code = "subscriptions.credit_left"
    default_message = "This customer still has credit"


class StillSubscribed(Conflict):
    """A customer with live subscriptions is not deleted."""

    code = "subscriptions.still_subscribed"
    default_message = "This customer still has active subscriptions. Please cancel them first."
