"""Coupons: an administrator makes two, the customer turns one into credit and orders with the other, once each."""

import uuid

from minispod.local.visit import OTHER_PLAN, OTHER_SERVICE, Visit, check

GIFT, PERCENT = 2_000, 10


def make_coupons(visit: Visit) -> None:
    """Let the administrator issue a credit coupon and a discount, and redeem the credit once."""
    told, me = visit.told, visit.me
    with told.step("the administrator signs in"):
        visit.office.sign_in()
    ending = uuid.uuid4().hex[:8].upper()
    gift, visit.coupon = f"GIFT-{ending}", f"SAVE{PERCENT}-{ending}"
    with told.step("and makes two coupons"):
        credit = {"type": "CREDIT_TOPUP", "creditAmount": GIFT}
        discount = {
            "type": "SUBSCRIPTION_DISCOUNT",
            "discountType": "PERCENTAGE",
            "discountPercent": PERCENT,
        }
        for code, terms in ((gift, credit), (visit.coupon, discount)):
            facts = {"code": code, "name": "A story", "maxUses": 5, **terms}
            visit.coupons.append(visit.office.call("POST", "/coupons", facts, status=201)["coupon"]["id"])
        told.remark(f"{gift}, {visit.coupon}")
    with told.step(f"the customer turns one into {GIFT:,} credit"):
        done = me.call("POST", "/wallet/redeem-coupon", {"couponCode": gift.lower()})["redemption"]
        visit.moved(GIFT)
        check(done["newBalance"] == visit.credit, f"It answered {done}")
    with told.step("but not twice"):
        again = {"couponCode": gift}
        code = "promotions.already_redeemed"
        told.remark(me.refused("POST", "/wallet/redeem-coupon", again, status=409, code=code))
        visit.unmoved()


def order_with_coupon(visit: Visit) -> None:
    """Look what the discount takes off, and pay that much less; a second use is refused."""
    told, me, price = visit.told, visit.me, visit.plan["monthlyPrice"]
    off = price * PERCENT // 100
    with told.step(f"asks what {visit.coupon} takes off"):
        asked = {
            "couponCode": visit.coupon,
            "serviceId": visit.plan["serviceId"],
            "subscriptionAmount": price,
        }
        found = me.call("POST", "/wallet/validate-coupon", asked)["validation"]
        check(found["valid"] and found["coupon"]["potentialValue"] == off, f"It answered {found}")
        told.remark(found["coupon"]["valueDescription"])
    with told.step(f"orders for {price - off:,} instead of {price:,}"):
        wish = {"planId": visit.plan["id"], "couponCode": visit.coupon}
        placed = me.call("POST", "/subscriptions", wish, status=201)
        visit.subscription = placed["subscription"]["id"]
        shown = placed["originalAmount"], placed["discountAmount"], placed["finalAmount"]
        check(shown == (price, off, price - off), f"It was charged as {shown}")
        visit.charge = price - off
        visit.moved(-visit.charge)
        told.remark(f"subscription {visit.subscription}")
    with told.step("cannot use it for a second order"):
        other = {"planId": visit.plans[OTHER_SERVICE, OTHER_PLAN]["id"], "couponCode": visit.coupon}
        code = "promotions.already_redeemed"
        told.remark(me.refused("POST", "/subscriptions", other, status=409, code=code))
    with told.step("cannot order the same service twice"):
        again = {"planId": visit.plan["id"]}
        code = "subscriptions.live_subscription_exists"
        told.remark(me.refused("POST", "/subscriptions", again, status=409, code=code))


def put_coupons_away(visit: Visit) -> None:
    """Switch the two coupons off, so that a demo does not fill with living ones."""
    with visit.told.step("the administrator switches the coupons off"):
        wish = {"couponIds": visit.coupons, "status": "DISABLED"}
        switched = visit.office.call("PUT", "/coupons/bulk-status", wish)["updatedCount"]
        check(switched == len(visit.coupons), f"{switched} were switched off")
