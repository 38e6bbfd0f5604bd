"""A bank takes back what is spent: the wallet owes it, nothing can be bought, and new credit settles the debt."""

from minispod.local.visit import HIGHER_PLAN, OTHER_PLAN, OTHER_SERVICE, SERVICE, Visit, check

BY_CARD = 50_000
IN_DEBT = "wallet.in_debt"


def pay_by_card(visit: Visit) -> None:
    """Pay by a card whose owner will object later."""
    with visit.told.step(f"tops up {BY_CARD:,} by card"):
        topup = visit.topups["CREDIT_CARD"] = visit.top_up(BY_CARD, "CREDIT_CARD")
        visit.told.remark(f"order {topup.order_id}")


def charge_back(visit: Visit) -> None:
    """The card's bank takes the payment back, after most of it was spent."""
    title = "the card's bank takes its payment back"
    gateway, told = visit.levers(title), visit.told
    if gateway is None:
        return
    with told.step(title):
        paid = visit.topups["CREDIT_CARD"]
        gateway.happen(paid.order_id, "settle_card")
        gateway.happen(paid.order_id, "chargeback")
        visit.moved(-paid.amount)
        owed = visit.wallet()["gatewayDebt"]
        check(owed == -visit.credit > 0, f"The wallet owes {owed:,} with a balance of {visit.credit:,}")
        told.remark(f"the wallet owes {owed:,}")
    _cannot_buy(visit)
    _settle(visit)


def _cannot_buy(visit: Visit) -> None:
    me, told = visit.me, visit.told
    with told.step("cannot order while in debt"):
        wish = {"planId": visit.plans[OTHER_SERVICE, OTHER_PLAN]["id"]}
        told.remark(me.refused("POST", "/subscriptions", wish, status=400, code=IN_DEBT))
    with told.step("cannot upgrade while in debt"):
        wish = {"newPlanId": visit.plans[SERVICE, HIGHER_PLAN]["id"]}
        path = f"/subscriptions/{visit.subscription}/upgrade"
        told.remark(me.refused("PUT", path, wish, status=400, code=IN_DEBT))
        visit.unmoved()


def _settle(visit: Visit) -> None:
    me, told = visit.me, visit.told
    price = visit.plans[OTHER_SERVICE, OTHER_PLAN]["monthlyPrice"]
    with told.step("tops up; the debt is settled first"):
        visit.top_up(-visit.credit + price)
        wallet = visit.wallet()
        check(wallet["gatewayDebt"] == 0, f"The wallet still owes {wallet['gatewayDebt']:,}")
        told.remark(f"{visit.credit:,} left")
    with told.step("can order again"):
        wish = {"planId": visit.plans[OTHER_SERVICE, OTHER_PLAN]["id"]}
        placed = me.call("POST", "/subscriptions", wish, status=201)
        visit.moved(-price)
    with told.step("changes his mind before it has started, and has all of it back"):
        ended = me.call("DELETE", f"/subscriptions/{placed['subscription']['id']}")
        check(ended["refundAmount"] == price, f"It answered {ended}")
        visit.moved(price)
