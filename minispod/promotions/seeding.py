"""A few coupons for a demo, one of each kind. Repeating changes nothing that staff have edited."""

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import select

from minispod.catalog.models import PlanType, Service
from minispod.kernel.actor import Actor
from minispod.kernel.database import session
from minispod.promotions.issuing import Terms, issue
from minispod.promotions.models import Coupon
from minispod.promotions.states import CouponType, DiscountType

_SEASON = timedelta(days=90)

# Coupons for one service.
_FOR = {"N8N15K": "n8n-automation", "GHOSTGRATIS": "ghost-blog"}


def seed_coupons(*, actor: Actor, at: datetime) -> int:
    """Issue the demo's coupons that are missing, by code; return how many. The catalogue must be seeded."""
    present = set(session().scalars(select(Coupon.code)))
    services = {row.slug: row.id for row in session().scalars(select(Service))}
    missing = {
        code: terms
        for code, terms in _coupons(services, at).items()
        # Staff may have removed a service since.
        if code not in present and _FOR.get(code) in {None, *services}
    }
    for code, terms in missing.items():
        issue(code, terms, actor=actor, at=at)
    return len(missing)


def _coupons(services: Mapping[str, uuid.UUID], at: datetime) -> dict[str, Terms]:
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
            service_id=services.get(_FOR["N8N15K"]),
            plan_type=PlanType.BASIC,
        ),
        "GHOSTGRATIS": Terms(
            "Ghost: first month free",
            CouponType.FREE_SERVICE,
            at,
            description="For ten bloggers",
            max_uses=10,
            service_id=services.get(_FOR["GHOSTGRATIS"]),
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
