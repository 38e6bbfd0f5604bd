"""Count a coupon's uses anew from its redemptions. Lock: the coupon.

Whoever uses a coupon or gives a use back changes the coupon's row in the same transaction as the redemption, so what
is counted under the lock of that row is right: an act under way either shows in both or in neither.
"""

import uuid
from datetime import datetime

from sqlalchemy import func, select

from minispod.audit import trail
from minispod.kernel.actor import Actor
from minispod.kernel.database import lock, session
from minispod.promotions.errors import MoreUsesThanAllowed, NoSuchCoupon, NothingToRecount
from minispod.promotions.models import Coupon, Redemption


def recount(coupon_id: uuid.UUID, *, actor: Actor, at: datetime) -> Coupon:
    """Set the counter to the number of uses that stand.

    Refuses NoSuchCoupon, NothingToRecount, MoreUsesThanAllowed.
    """
    coupon: Coupon | None = lock(Coupon, coupon_id)
    if coupon is None:
        raise NoSuchCoupon()
    standing = select(func.count()).where(Redemption.coupon_id == coupon_id, Redemption.returned_at.is_(None))
    uses, before = int(session().scalar(standing) or 0), coupon.used_count
    if uses == before:
        raise NothingToRecount()
    if coupon.max_uses is not None and uses > coupon.max_uses:
        raise MoreUsesThanAllowed(uses=uses, allowed=coupon.max_uses)
    coupon.used_count = uses
    coupon.updated_at = at
    trail.record(
        actor,
        trail.Action.COUPON_RECOUNTED,
        at=at,
        subject_kind="coupon",
        subject_id=coupon_id,
        changed={"used_count": [before, uses]},
    )
    return coupon
