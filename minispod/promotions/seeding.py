"""A few coupons for a demo, one of each kind. Repeating changes nothing that staff have edited."""

from datetime import datetime, timedelta

from sqlalchemy import select

from minispod.catalog.models import PlanType, Service
from minispod.kernel.actor import Actor
from minispod.kernel.database import session
from minispod.promotions.issuing import Terms, issue
from minispod.promotions.models import Coupon
from minispod.promotions.states import CouponType, DiscountType

_SEASON = timedelta(days=90)


def seed_coupons(*, actor: Actor, at: datetime) -> int:
    """Issue the demo's coupons that are missing, by code; return how many. The catalogue must be seeded."""
    present = set(session().scalars(select(Coupon.code)))
    missing = {code: terms for code, terms in _coupons(at).items() if code not in present}
    for code, terms in missing.items():
        issue(code, terms, actor=actor, at=at)
    return len(missing)


def _coupons(at: datetime) -> dict[str, Terms]:
    services = {row.slug: row.id for row in session().scalars(select(Service))}
    return {
        "HEMAT20": Terms(
            "20% off",
            CouponType.SUBSCRIPTION_DISCOUNT,
            at,
            description="Off the first month of any application; the first hundred orders",
            discount_type=DiscountType.PERCENTAGE,
            discount_percent=20,
            max_uses=100,
            valid_until=at + _SEASON,
        ),
        "N8N15K": Terms(
            "15,000 off n8n",
            CouponType.SUBSCRIPTION_DISCOUNT,
            at,
            description="Off the first month of n8n Basic",
            discount_type=DiscountType.FIXED_AMOUNT,
            credit_amount=15_000,
            service_id=services["n8n-automation"],
            plan_type=PlanType.BASIC,
        ),
        "GHOSTGRATIS": Terms(
            "Ghost: first month free",
            CouponType.FREE_SERVICE,
            at,
            description="For ten bloggers",
            max_uses=10,
            service_id=services["ghost-blog"],
            valid_until=at + _SEASON,
        ),
        "SALDO25K": Terms(
            "25,000 credit",
            CouponType.CREDIT_TOPUP,
            at,
            description="Handed out at meetups",
            credit_amount=25_000,
            max_uses=50,
            valid_until=at + _SEASON,
        ),
        "SELAMATDATANG": Terms(
            "Welcome credit",
            CouponType.WELCOME_BONUS,
            at,
            description="For everybody who registers",
            credit_amount=10_000,
            max_uses=1_000,
        ),
    }
