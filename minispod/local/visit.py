"""One customer's visit: who takes part, what the chapters leave behind for each other, and acts they share.

The visit knows what the wallet must show after each act (`credit`), so that every chapter checks it to the rupiah.
"""

import uuid
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from minispod.local import payment_page
from minispod.local.bystanders import Gateway, Mailbox
from minispod.local.office import Office
from minispod.local.shopper import Shopper
from minispod.local.surroundings import Surroundings
from minispod.local.timeline import StoryStopped, Timeline, eventually

SOON_SECONDS = 60.0
SERVICE, PLAN, HIGHER_PLAN = "n8n-automation", "BASIC", "PRO"
OTHER_SERVICE, OTHER_PLAN = "postgresql", "BASIC"
_OFTEN = 0.1
_PAID = ("settlement", "capture")


@dataclass(frozen=True, slots=True)
class TopUp:
    """A top-up that was asked for: `id` is ours, `order_id` the gateway's name for it."""

    id: str
    order_id: str
    amount: int
    page: str


class Visit:
    """What the chapters share."""

    def __init__(self, around: Surroundings, told: Timeline) -> None:
        self.around, self.told = around, told
        self.me, self.office = Shopper(around), Office(around)
        self.mailbox = Mailbox(around.mailbox) if around.mailbox else None
        self.gateway: Gateway | None = None
        if around.midtrans and around.lever_token:
            self.gateway = Gateway(around.midtrans, around.lever_token)
        self.email = f"story-{uuid.uuid4().hex[:12]}@example.com"
        self.credit = 0
        self.plans: dict[tuple[str, str], dict[str, Any]] = {}
        self.topups: dict[str, TopUp] = {}
        self.coupon = ""
        self.coupons: list[str] = []
        self.subscription = ""
        self.charge = 0
        self.url = ""

    @property
    def plan(self) -> dict[str, Any]:
        """The plan that is ordered."""
        return self.plans[SERVICE, PLAN]

    def wallet(self) -> dict[str, Any]:
        """The figures of the customer's wallet."""
        shown: dict[str, Any] = self.me.call("GET", "/wallet/info")["wallet"]
        return shown

    def moved(self, amount: int) -> None:
        """The wallet shows this much more (or less) now or soon."""
        self.credit += amount
        shown = [0]

        def is_there() -> bool:
            shown[0] = self.wallet()["creditBalance"]
            return shown[0] == self.credit

        try:
            eventually(is_there, within=SOON_SECONDS, every=_OFTEN, otherwise="it stayed so")
        except StoryStopped as late:
            raise StoryStopped(f"The wallet shows {shown[0]:,} instead of {self.credit:,}; {late}") from None

    def unmoved(self) -> None:
        """The wallet shows what it showed before."""
        shown = self.wallet()["creditBalance"]
        check(shown == self.credit, f"The wallet shows {shown:,} instead of {self.credit:,}.")

    def open_topup(self, amount: int, method: str = "QRIS") -> TopUp:
        """Ask for credit."""
        wish = {"amount": amount, "paymentMethod": method}
        opened = self.me.call("POST", "/wallet/topup", wish, status=201)["transaction"]
        path = f"/wallet/transactions/{opened['transactionId']}"
        order_id = self.me.call("GET", path)["transaction"]["paymentReference"]
        return TopUp(opened["transactionId"], order_id, amount, opened["redirectUrl"])

    def pay(self, topup: TopUp) -> None:
        """Pay it on its payment page."""
        said = payment_page.pay(topup.page)
        check(
            said["transaction_status"] in _PAID and said["order_id"] == topup.order_id,
            f"The payment page of {topup.order_id} ended with {said}",
        )

    def top_up(self, amount: int, method: str = "QRIS") -> TopUp:
        """Ask for credit, pay it, and see it in the wallet."""
        topup = self.open_topup(amount, method)
        self.pay(topup)
        self.moved(amount)
        return topup

    def shown(self) -> dict[str, Any]:
        """The subscription as its owner sees it."""
        shown: dict[str, Any] = self.me.call("GET", f"/subscriptions/{self.subscription}")["subscription"]
        return shown

    def instance(self) -> dict[str, Any]:
        """What runs for the subscription."""
        instance: dict[str, Any] = self.shown()["instances"][0]
        return instance

    def until_healthy(self) -> None:
        """Wait until the instance is RUNNING and Healthy, and remark what it went through."""
        seen: list[str] = []

        def is_up() -> bool:
            instance = self.instance()
            if instance["status"] not in seen[-1:]:
                seen.append(instance["status"])
            check(instance["status"] != "ERROR", f"The instance failed: {instance['healthStatus']}")
            return bool(instance["status"] == "RUNNING" and instance["healthStatus"] == "Healthy")

        eventually(is_up, within=self.around.patience, every=0.25, otherwise="it did not start")
        self.told.remark(" > ".join(seen))

    def answers(self, *statuses: int) -> bool:
        """Tell whether the instance's address answers with one of these."""
        answer = self.me.visit(self.url)
        return answer is not None and answer.status_code in statuses

    def expect_mail(self, *kinds: str) -> None:
        """All of these kinds of mail came or come soon."""
        mailbox = self.mailbox
        if mailbox is None:
            self.told.remark("left out: this demo has no mailbox")
            return
        eventually(
            lambda: set(kinds) <= mailbox.kinds_for(self.email),
            within=SOON_SECONDS,
            otherwise=f"not all of these mails came: {sorted(kinds)}",
        )

    def confirm_address(self) -> None:
        """Follow the mail that asks for it."""
        if self.mailbox is None:
            self.told.remark("left out: this demo has no mailbox")
            return
        confirm_address(self.me, self.mailbox, self.email)

    def levers(self, title: str) -> Gateway | None:
        """The gateway's levers; None, with a step that says so, where the gateway is a real one."""
        if self.gateway is None:
            with self.told.step(title):
                self.told.remark("left out: only the simulated gateway can be told to")
        return self.gateway


def confirm_address(who: Shopper, mailbox: Mailbox, email: str) -> None:
    """Wait for the mail that asks to confirm an address, and send its token back."""

    def token() -> str | None:
        links = [urlsplit(link) for link in mailbox.links_for(email, "verify_email")]
        found = (parse_qs(link.query).get("token") for link in links if link.path == "/account/verify")
        return next((values[0] for values in found if values), None)

    otherwise = "the mail to confirm the address did not come"
    who.call(
        "POST", "/auth/email/verify", {"token": eventually(token, within=SOON_SECONDS, otherwise=otherwise)}
    )


def check(is_so: bool, otherwise: str) -> None:
    """Stop the story when something is not as told."""
    if not is_so:
        raise StoryStopped(otherwise)
