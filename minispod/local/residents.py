"""The customers a demo has from its first start, so that no page is empty: what they have they bought over the wire.

The account that is printed for trying things out is left as it is. Played once: a resident who can sign in is at home.
Nothing waits for it, and a failure is said in one sentence; the demo runs all the same.
"""

import sys
from dataclasses import dataclass
from typing import Any

import requests

from minispod.local import payment_page
from minispod.local.shopper import Shopper
from minispod.local.surroundings import QUICK, Surroundings
from minispod.local.timeline import StoryStopped, eventually

PASSWORD = "password"  # noqa: S105 - of a demo, for everybody to read
_PAID_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Resident:
    """One customer: what is paid in, what is ordered (service, tier), and what becomes of the last order."""

    name: str
    email: str
    phone: str
    topup: int
    orders: tuple[tuple[str, str], ...]
    coupon: str | None = None
    ends: str | None = None
    asks: tuple[str, str] | None = None


RESIDENTS = (
    Resident(
        "John Doe",
        "user1@minispod.com",
        "+6289876543210",
        500_000,
        (("n8n-automation", "BASIC"), ("wordpress", "BASIC"), ("postgresql", "BASIC")),
        asks=("More memory for WordPress", "The shop page takes four seconds. Would the next plan help?"),
    ),
    Resident(
        "Jane Smith",
        "user2@minispod.com",
        "+6281122334455",
        250_000,
        (("ghost-blog", "BASIC"), ("grafana", "BASIC")),
        coupon="HEMAT20",
        ends="EXPIRED",
    ),
    Resident(
        "Bob Johnson",
        "user3@minispod.com",
        "+6285566778899",
        100_000,
        (("gitea", "BASIC"), ("uptime-kuma", "BASIC")),
        ends="CANCELLED",
        asks=(
            "Is there a backup of Gitea?",
            "I would like to know how far back I could go, and how to get there.",
        ),
    ),
)


def main() -> int:
    """Move in whoever does not live here yet; the argument is the demo's own address."""
    around = Surroundings(sys.argv[1], None, None, None, QUICK, is_simulated=True)
    staff = Shopper(around)
    try:
        staff.keep(staff.call("POST", "/auth/login", {"email": "admin@minispod.com", "password": PASSWORD}))
        for resident in RESIDENTS:
            _move_in(resident, Shopper(around), staff)
    except (StoryStopped, requests.RequestException, LookupError, TypeError, ValueError) as reason:
        print(f"Not all of the demo's customers could move in: {reason}", flush=True)
        return 1
    return 0


def _move_in(resident: Resident, me: Shopper, staff: Shopper) -> None:
    who = {"email": resident.email, "password": PASSWORD}
    if me.send("POST", "/auth/login", who).status_code == requests.codes.ok:
        return
    # Opened by staff, the address counts as proven: nobody reads these mails.
    staff.call("POST", "/admin/users", {**who, "name": resident.name, "phone": resident.phone}, status=201)
    me.keep(me.call("POST", "/auth/login", who))
    _pay_in(me, resident.topup)
    plans = {
        (service["slug"], plan["planType"]): plan["id"]
        for service in me.call("GET", "/catalog/services")["services"]
        for plan in service["plans"]
    }
    coupon, subscription = resident.coupon, ""
    for wanted in resident.orders:
        wish = {"planId": plans[wanted]} | ({"couponCode": coupon} if coupon else {})
        subscription, coupon = me.call("POST", "/subscriptions", wish, status=201)["subscription"]["id"], None
    if resident.ends == "CANCELLED":
        me.call("DELETE", f"/subscriptions/{subscription}")
    elif resident.ends == "EXPIRED":
        reason = {"reason": "A customer of the demo whose time is over"}
        staff.call("POST", f"/admin/billing/expire/{subscription}", reason)
    if resident.asks:
        subject, description = resident.asks
        me.call("POST", "/tickets", {"subject": subject, "description": description}, status=201)


def _pay_in(me: Shopper, amount: int) -> None:
    """Pay one top-up and leave a second one open."""
    before = _balance(me)
    payment_page.pay(_ask_for(me, amount)["redirectUrl"])
    eventually(
        lambda: _balance(me) >= before + amount,
        within=_PAID_SECONDS,
        every=0.2,
        otherwise="the money did not come",
    )
    _ask_for(me, 50_000)


def _ask_for(me: Shopper, amount: int) -> dict[str, Any]:
    opened: dict[str, Any] = me.call(
        "POST", "/wallet/topup", {"amount": amount, "paymentMethod": "QRIS"}, status=201
    )["transaction"]
    return opened


def _balance(me: Shopper) -> int:
    return int(me.call("GET", "/wallet/info")["wallet"]["creditBalance"])


if __name__ == "__main__":
    sys.exit(main())
