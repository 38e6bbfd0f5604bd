"""The customer's pages, in the order a new customer opens them; what one page learned, the next one uses."""

import time
from typing import Any
from urllib.parse import urlsplit

import requests

from minispod.local import payment_page
from tests.scenarios.front_end.tab import ORIGIN, Refused, Tab

SOON, PATIENT = 180.0, 400.0
TOP_UP, PLAN = 200_000, "BASIC"


class Customer:
    """One customer in one tab."""

    def __init__(self, tab: Tab, ingress: str) -> None:
        self.tab, self._ingress = tab, ingress
        self.main = self.subscription = self.ticket = ""
        self.service: dict[str, Any] = {}

    def walk(self) -> None:
        """Every page of the customer."""
        self.profile()
        self.without_credit()
        self.billing()
        self.applications()
        self.my_apps()
        self.detail()
        self.monitoring()
        self.upgrade()
        self.controls()
        self.support()

    def profile(self) -> None:
        """The form always sends all three texts, blank ones too."""
        tab = self.tab
        [shown] = tab.load("profile")
        name = shown["user"]["name"]
        tab.call("save profile", {"name": name, "phone": "", "avatar": ""})
        number = f"08{123_000_000 + int(time.time() * 1000) % 100_000_000}"
        tab.call("save profile", {"name": "Citra D.", "phone": number, "avatar": f"{ORIGIN}/citra.png"})
        assert (
            "phone" in tab.refused("save profile", {"name": "Citra D.", "phone": "12", "avatar": ""}).lower()
        )
        user = tab.call("profile")["user"]
        assert (user["name"], user["phone"], user["avatar"]) == ("Citra D.", number, f"{ORIGIN}/citra.png")
        tab.call("save profile", {"name": name, "phone": "", "avatar": ""})

    def billing(self) -> None:
        """Dashboard and wallet; credit is bought in the payment window and with a coupon."""
        tab = self.tab
        wallet, _ = tab.load("wallet", "subscriptions")
        before = wallet["wallet"]["creditBalance"]
        tab.load("wallet", "transactions", page=1)
        assert "10,000" in tab.refused("top up", {"amount": 9_999, "paymentMethod": "QRIS"})
        opened = tab.call("top up", {"amount": TOP_UP, "paymentMethod": "QRIS"})["transaction"]
        newest = tab.call("transactions", page=1)["transactions"][0]
        assert (newest["status"], newest["metadata"]["midtrans_token"]) == ("PENDING", opened["snapToken"])
        window = requests.get(opened["redirectUrl"], params={"embed": "1"}, timeout=20)
        assert (
            "http://localhost:*" in window.headers["Content-Security-Policy"]
        )  # the page opens it in a frame
        payment_page.pay(opened["redirectUrl"])
        tab.poll("wallet", lambda data: data["wallet"]["creditBalance"] == before + TOP_UP, within=SOON)
        newest = tab.call("transactions", page=1)["transactions"][0]
        assert (newest["type"], newest["status"], newest["amount"]) == ("TOP_UP", "COMPLETED", TOP_UP)
        tab.call("redeem", {"couponCode": "SALDO25K"})
        assert tab.call("wallet")["wallet"]["creditBalance"] == before + TOP_UP + 25_000
        tab.refused("redeem", {"couponCode": "SALDO25K"})
        tab.refused("redeem", {"couponCode": "NO SUCH CODE"})
        tab.refused("redeem", {"couponCode": ""})

    def without_credit(self) -> None:
        """The order dialog shows why not."""
        [services] = self.tab.load("services")
        dear = max((plan for each in services["services"] for plan in each["plans"]), key=_price)
        assert "credit" in self.tab.refused("order", {"planId": dear["id"]}).lower()

    def applications(self) -> None:
        """Order the n8n card's plan; the dialog polls until it can show the address."""
        tab = self.tab
        services, mine = tab.load("services", "subscriptions")
        assert mine["subscriptions"] == []
        [self.service] = [each for each in services["services"] if each["slug"] == "n8n-automation"]
        [plan] = [each for each in self.service["plans"] if each["planType"] == PLAN]
        self.subscription = tab.call("order", {"planId": plan["id"]})["subscription"]["id"]
        self.until_healthy()
        tab.refused("order", {"planId": plan["id"]})

    def my_apps(self) -> None:
        """The card offers to open the application, and its address answers."""
        [listed] = self.tab.load("subscriptions")
        [card] = listed["subscriptions"]
        instance = card["instances"][0]
        assert (card["status"], instance["status"]) == ("ACTIVE", "RUNNING")
        host = urlsplit(instance["publicUrl"]).netloc
        answer = requests.get(f"http://{self._ingress}/", headers={"Host": host}, timeout=20)
        assert answer.ok, answer.status_code

    def detail(self) -> None:
        """The page of the subscription; the switch merges its answer over what is shown."""
        tab, its = self.tab, self.subscription
        shown = tab.load("subscription", id=its)[0]["subscription"]
        assert (shown["status"], shown["plan"]["planType"]) == ("ACTIVE", PLAN)
        for wanted in (False, True):
            merged = {
                **shown,
                **tab.call("auto-renew", {"autoRenew": wanted}, id=its).get("subscription", {}),
            }
            assert merged["autoRenew"] is wanted
            assert merged["plan"]["cpuMilli"] == shown["plan"]["cpuMilli"]
            assert merged["service"].get("icon") == shown["service"].get("icon")

    def monitoring(self) -> None:
        """Usage is polled and may be missing at first; the log comes line by line."""
        self._until_measured()
        lines = self.tab.follow_log(self.subscription, lines=3)
        assert all(isinstance(each, str) and each.strip() for each in lines), lines

    def upgrade(self) -> None:
        """The quote is the charge, and the dialog's polling ends."""
        tab, its = self.tab, self.subscription
        [offered] = tab.load("billing info", id=its)
        best = next(
            each for each in offered["availableUpgrades"] if each["canUpgrade"] and each["quotaAvailable"]
        )
        before = tab.call("wallet")["wallet"]["creditBalance"]
        tab.call("upgrade", {"newPlanId": best["id"]}, id=its)
        self.until_healthy()
        assert tab.call("wallet")["wallet"]["creditBalance"] == before - best["upgradeCost"]
        assert tab.call("subscription", id=its)["subscription"]["plan"]["name"] == best["name"]

    def controls(self) -> None:
        """What is reported right after a press stays on the screen: there is no polling."""
        for press, reached in (("stop", "STOPPED"), ("start", "RUNNING"), ("restart", "RUNNING")):
            shown = self.tab.call(press, id=self.subscription)["instance"]["status"]
            assert self._instance()["status"] in (shown, reached), press
            self._until(reached)  # at once, where the cluster was quick enough for the press to wait for it
            if reached == "STOPPED":
                self.tab.refused("metrics", id=self.subscription)
                self.tab.refused("restart", id=self.subscription)
        self.tab.refused("retry", id=self.subscription)
        self.until_healthy()

    def support(self) -> None:
        """A ticket is opened, found and written to."""
        tab = self.tab
        [stats] = tab.load("ticket stats")
        assert tab.refused("open ticket", {"subject": "Hi", "description": "no"})
        opened = {"subject": "Where is my invoice?", "description": "I look for the invoice of this month."}
        tab.call("open ticket", opened)
        counted, listed = tab.load("ticket stats", "tickets")
        for name in ("totalTickets", "openTickets", "recentTickets"):
            assert counted[name] == stats[name] + 1, name
        self.ticket = listed["tickets"][0]["id"]
        assert listed["tickets"][0]["ticketNumber"].startswith("#")
        tab.load("ticket", id=self.ticket)
        tab.call("answer", {"content": "It is about last month, sorry."}, id=self.ticket)
        assert [each["isAdminReply"] for each in tab.call("ticket", id=self.ticket)["messages"]] == [False]

    def until_healthy(self) -> None:
        """Poll as the dialogs do: RUNNING and exactly Healthy, with an address."""

        def is_up(data: Any) -> bool:
            instance = data["subscription"]["instances"][0]
            assert data["subscription"]["status"] == "ACTIVE"
            assert instance["status"] != "ERROR", instance
            is_ready = (instance["status"], instance["healthStatus"]) == ("RUNNING", "Healthy")
            assert not is_ready or instance["publicUrl"]
            return is_ready

        self.tab.poll("subscription", is_up, within=PATIENT, id=self.subscription)

    def _until_measured(self) -> None:
        deadline = time.monotonic() + PATIENT
        while True:
            try:
                self.tab.call("metrics", id=self.subscription)
                return
            except Refused:
                assert time.monotonic() < deadline, "no figures came"
                time.sleep(1)

    def _until(self, status: str) -> None:
        def is_there(data: Any) -> bool:
            return bool(data["subscription"]["instances"][0]["status"] == status)

        self.tab.poll("subscription", is_there, within=PATIENT, id=self.subscription)

    def _instance(self) -> Any:
        return self.tab.call("subscription", id=self.subscription)["subscription"]["instances"][0]


def _price(plan: dict[str, Any]) -> int:
    return int(plan["monthlyPrice"])
