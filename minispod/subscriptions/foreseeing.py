"""What an order would meet, without placing it: the same facts in the same order as `ordering.place_order`.

Nothing is locked, so somebody may still be faster; only the order itself decides.
"""

import uuid
from dataclasses import dataclass, replace
from enum import StrEnum

from sqlalchemy import func, select

from minispod.accounts import directory
from minispod.catalog import browsing
from minispod.catalog.errors import NoSuchPlan, PlanSoldOut
from minispod.catalog.models import Plan
from minispod.kernel.actor import Actor
from minispod.kernel.database import session
from minispod.subscriptions.errors import ClusterFull, LiveSubscriptionExists, TooManyFreePlans
from minispod.subscriptions.models import Subscription
from minispod.subscriptions.room import take_stock
from minispod.subscriptions.rules import BusinessRules
from minispod.subscriptions.states import LIVE
from minispod.wallet import statements
from minispod.wallet.errors import InsufficientCredit, WalletInDebt


class Hindrance(StrEnum):
    """Why an order would be refused; the words of the wire contract, and four of ours."""

    PLAN_NOT_AVAILABLE = "PLAN_NOT_AVAILABLE"
    DUPLICATE_SUBSCRIPTION = "DUPLICATE_SUBSCRIPTION"
    WALLET_IN_DEBT = "WALLET_IN_DEBT"
    INSUFFICIENT_CREDIT = "INSUFFICIENT_CREDIT"
    EMAIL_NOT_PROVEN = "EMAIL_NOT_PROVEN"
    TOO_MANY_FREE_PLANS = "TOO_MANY_FREE_PLANS"
    QUOTA_EXCEEDED = "QUOTA_EXCEEDED"
    CLUSTER_FULL = "CLUSTER_FULL"


_SENTENCES = {
    Hindrance.PLAN_NOT_AVAILABLE: NoSuchPlan.default_message,
    Hindrance.DUPLICATE_SUBSCRIPTION: LiveSubscriptionExists.default_message,
    Hindrance.WALLET_IN_DEBT: WalletInDebt.default_message,
    Hindrance.INSUFFICIENT_CREDIT: InsufficientCredit.default_message,
    # No mail goes out for a question, so the sentence does not speak of one.
    Hindrance.EMAIL_NOT_PROVEN: "Please confirm your email address first",
    Hindrance.TOO_MANY_FREE_PLANS: TooManyFreePlans.default_message,
    Hindrance.QUOTA_EXCEEDED: PlanSoldOut.default_message,
    Hindrance.CLUSTER_FULL: ClusterFull.default_message,
}


@dataclass(frozen=True, slots=True)
class Foresight:
    """What an order would meet; without a hindrance it would be taken now."""

    plan: Plan | None
    balance: int = 0
    hindrance: Hindrance | None = None
    live_id: uuid.UUID | None = None
    places: int = 0

    @property
    def sentence(self) -> str:
        """The hindrance for a person; empty without one."""
        return _SENTENCES[self.hindrance] if self.hindrance else ""


def foresee_order(
    plan_id: uuid.UUID | None, *, user_id: uuid.UUID, rules: BusinessRules, actor: Actor
) -> Foresight:
    """What an order of this plan would meet; None is a plan that nobody has."""
    try:
        plan = browsing.get_plan_for_sale(plan_id) if plan_id is not None else None
    except NoSuchPlan:
        plan = None
    if plan is None:
        return Foresight(None, hindrance=Hindrance.PLAN_NOT_AVAILABLE)
    wallet = statements.get_wallet(user_id, actor=actor)
    places = take_stock(rules.capacity).places(plan)
    met = Foresight(plan, wallet.balance, places=places)
    if (live_id := _live(user_id, plan)) is not None:
        return replace(met, hindrance=Hindrance.DUPLICATE_SUBSCRIPTION, live_id=live_id)
    if wallet.gateway_debt:
        return replace(met, hindrance=Hindrance.WALLET_IN_DEBT)
    if wallet.balance < plan.monthly_price:
        return replace(met, hindrance=Hindrance.INSUFFICIENT_CREDIT)
    if not plan.monthly_price and not actor.is_staff and not directory.get_user(user_id).email_verified:
        return replace(met, hindrance=Hindrance.EMAIL_NOT_PROVEN)
    if not plan.monthly_price and _free_plans(user_id) >= rules.free_plans_per_customer:
        return replace(met, hindrance=Hindrance.TOO_MANY_FREE_PLANS)
    if not plan.available_quota:
        return replace(met, hindrance=Hindrance.QUOTA_EXCEEDED)
    return met if places else replace(met, hindrance=Hindrance.CLUSTER_FULL)


def _live(user_id: uuid.UUID, plan: Plan) -> uuid.UUID | None:
    return session().scalar(
        select(Subscription.id).where(
            Subscription.user_id == user_id,
            Subscription.service_id == plan.service_id,
            Subscription.status.in_(LIVE),
        )
    )


def _free_plans(user_id: uuid.UUID) -> int:
    held = (
        select(func.count())
        .select_from(Subscription)
        .where(Subscription.user_id == user_id, Subscription.status.in_(LIVE), Subscription.price == 0)
    )
    return session().scalar(held) or 0
