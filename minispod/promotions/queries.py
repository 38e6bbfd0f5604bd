"""Reads of coupons for staff, and the comparison of each counter with the redemptions it counts."""

import uuid
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, or_, select
from sqlalchemy.orm import joinedload

from minispod.kernel.database import page_of, session
from minispod.kernel.paging import Page, PageRequest
from minispod.promotions.errors import NoSuchCoupon
from minispod.promotions.models import Coupon, Redemption
from minispod.promotions.states import CouponStatus, CouponType
from minispod.promotions.validity import status_column


def get_coupon(coupon_id: uuid.UUID) -> Coupon:
    """One coupon as it is now, with the service it is for; raise NoSuchCoupon."""
    coupon = session().scalar(
        select(Coupon)
        .where(Coupon.id == coupon_id)
        .options(joinedload(Coupon.service))
        .execution_options(populate_existing=True)
    )
    if coupon is None:
        raise NoSuchCoupon()
    return coupon


def list_coupons(
    page: PageRequest,
    *,
    search: str = "",
    type_: CouponType | None = None,
    status: CouponStatus | None = None,
    service_id: uuid.UUID | None = None,
    at: datetime,
) -> Page[Coupon]:
    """List coupons, newest first; `search` looks into code, name and description, `status` is that of `at`."""
    wanted = (
        select(Coupon)
        .order_by(Coupon.created_at.desc(), Coupon.id.desc())
        .options(joinedload(Coupon.service))
    )
    if search:
        columns = (Coupon.code, Coupon.name, Coupon.description)
        wanted = wanted.where(or_(*(column.icontains(search.strip(), autoescape=True) for column in columns)))
    if type_ is not None:
        wanted = wanted.where(Coupon.type == type_)
    if status is not None:
        wanted = wanted.where(status_column(at) == status.value)
    if service_id is not None:
        wanted = wanted.where(Coupon.service_id == service_id)
    return page_of(wanted, page)


def count_redemptions(coupon_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, int]:
    """How often each of these coupons was redeemed, given back or not; those never redeemed are left out."""
    rows = session().execute(
        select(Redemption.coupon_id, func.count())
        .where(Redemption.coupon_id.in_(coupon_ids))
        .group_by(Redemption.coupon_id)
    )
    return {coupon_id: int(number) for coupon_id, number in rows}


def counts_by_status(at: datetime) -> dict[CouponStatus, int]:
    """Number of coupons in each status."""
    status = status_column(at).label("status")
    rows = session().execute(select(status, func.count()).group_by(status))
    return {CouponStatus(name): int(number) for name, number in rows}


def most_used(limit: int = 10) -> Sequence[Coupon]:
    """The coupons with the most uses."""
    wanted = select(Coupon).order_by(Coupon.used_count.desc(), Coupon.created_at, Coupon.id).limit(limit)
    return session().scalars(wanted).all()


def redemptions_by_type(since: datetime | None = None) -> dict[CouponType, int]:
    """Number of redemptions that stand, by type; since an instant, or all."""
    wanted = (
        select(Redemption.type, func.count())
        .where(Redemption.returned_at.is_(None))
        .group_by(Redemption.type)
    )
    if since is not None:
        wanted = wanted.where(Redemption.redeemed_at >= since)
    return {type_: int(number) for type_, number in session().execute(wanted)}
