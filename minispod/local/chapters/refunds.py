"""Money goes back: a part of a charge into the wallet, a part of a top-up through the gateway, each once."""

from minispod.local.bystanders import Gateway
from minispod.local.timeline import eventually
from minispod.local.visit import SOON_SECONDS, Visit, check

OF_CHARGE, OF_TOPUP, BY_GATEWAY = 1_000, 12_000, 6_000
WHY = "The customer waited too long"


def refund_charge(visit: Visit) -> None:
    """Let the administrator give back a part of what the order cost; never more than that."""
    told, path = visit.told, f"/subscriptions/{visit.subscription}/refund"
    with told.step(f"the administrator gives back {OF_CHARGE:,} of what the order cost"):
        wish = {"amount": OF_CHARGE, "reason": WHY}
        done = visit.office.call("POST", path, wish)["refund"]
        visit.moved(OF_CHARGE)
        check(done["balanceAfter"] == visit.credit, f"It answered {done}")
    with told.step("but cannot give back more than is left of it"):
        wish = {"amount": visit.charge - OF_CHARGE + 1, "reason": WHY}
        code = "wallet.refund_too_large"
        told.remark(visit.office.refused("POST", path, wish, status=400, code=code))
        visit.unmoved()


def refund_topup(visit: Visit) -> None:
    """Let the administrator give a part of the first payment back through the gateway, and the gateway another."""
    topup, told, gateway = visit.topups["QRIS"], visit.told, visit.gateway
    page = f"/admin/money/topups/{topup.id}"
    known = gateway.notices(topup.order_id) if gateway else 0
    with told.step(f"the administrator has the gateway give back {OF_TOPUP:,} of the top-up"):
        told.remark(visit.office.press(page, f"{page}/refund", amount=str(OF_TOPUP), reason=WHY))
        visit.moved(-OF_TOPUP)
    title = "the gateway's own notices about it take nothing more"
    if (gateway := visit.levers(title)) is None:
        return
    with told.step(title):
        _tell_again(visit, gateway, topup.order_id, known)
    with told.step(
        f"gives back {BY_GATEWAY:,} in the gateway's dashboard; the notice takes it from the wallet"
    ):
        known = gateway.notices(topup.order_id)
        gateway.happen(topup.order_id, "refund", amount=BY_GATEWAY, reason=WHY)
        visit.moved(-BY_GATEWAY)
    with told.step("once, however often it is told"):
        _tell_again(visit, gateway, topup.order_id, known)


def _tell_again(visit: Visit, gateway: Gateway, order_id: str, known: int) -> None:
    """Wait for the gateway's notice beyond the `known` ones, have it sent once more, and see nothing move."""
    eventually(
        lambda: gateway.notices(order_id) > known,
        within=SOON_SECONDS,
        every=0.1,
        otherwise="the gateway told nothing",
    )
    status = gateway.repeat_notice(order_id)
    check(status == 200, f"The repeated notice was answered with {status}.")
    visit.unmoved()
    visit.told.remark(f"answered {status}")
