"""Money comes in: once per payment, however often it is announced, and twice only when it was paid twice."""

import uuid

from minispod.local.shopper import Unexpected
from minispod.local.timeline import eventually
from minispod.local.visit import SOON_SECONDS, TopUp, Visit, check

FIRST, TWICE = 20_000, 10_000


def top_up(visit: Visit) -> None:
    """Pay by QRIS; a repeated and a forged notice change nothing."""
    told = visit.told
    with told.step(f"asks to top up {FIRST:,}"):
        topup = visit.topups["QRIS"] = visit.open_topup(FIRST)
    with told.step("pays by QRIS on the payment page"):
        visit.pay(topup)
        told.remark(f"order {topup.order_id}")
    with told.step("the credit arrives"):
        visit.moved(FIRST)
    title = "a repeated notice credits nothing"
    if gateway := visit.levers(title):
        with told.step(title):
            status = gateway.repeat_notice(topup.order_id)
            check(status == 200, f"The repeated notice was answered with {status}.")
            visit.unmoved()
            told.remark(f"answered {status}")
    with told.step("a forged notice is refused"):
        _forge(visit, topup)
        visit.unmoved()


def pay_twice(visit: Visit) -> None:
    """Pay an order that is paid: the second payment is a top-up of its own and waits for a person."""
    title = f"pays {TWICE:,} and, by mistake, pays it once more"
    gateway, told = visit.levers(title), visit.told
    if gateway is None:
        return
    with told.step(title):
        topup = visit.open_topup(TWICE)
        gateway.let_be_paid_twice(topup.order_id)
        visit.pay(topup)
        visit.moved(TWICE)
    with told.step("the second payment is held; nothing is credited by itself"):
        second = eventually(
            lambda: _waiting(visit), within=SOON_SECONDS, every=0.1, otherwise="no second top-up is shown"
        )
        visit.unmoved()
        told.remark(f"{second['customId']}, {second['status']}")
    with told.step("the administrator accepts it as a top-up of its own"):
        page = f"/admin/money/topups/{second['id']}"
        told.remark(visit.office.press(page, f"{page}/accept", reason="The customer wants to keep it"))
        visit.moved(TWICE)


def _waiting(visit: Visit) -> dict[str, str] | None:
    rows = visit.me.call("GET", "/wallet/transactions?status=PENDING")["transactions"]
    return rows[0] if rows else None


def _forge(visit: Visit, topup: TopUp) -> None:
    forged = {
        "order_id": topup.order_id,
        "transaction_id": str(uuid.uuid4()),
        "payment_type": "qris",
        "status_code": "200",
        "gross_amount": f"{topup.amount}.00",
        "transaction_status": "settlement",
        "signature_key": "0" * 128,
    }
    answer = visit.me.send("POST", "/wallet/webhook/midtrans", forged)
    if answer.status_code != 403:
        raise Unexpected("POST", "/wallet/webhook/midtrans", 403, answer)
    visit.told.remark(f"answered {answer.status_code}")
