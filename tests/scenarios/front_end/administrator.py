"""The administrator's pages, as they come in the menu; `customer` has walked his before."""

import uuid
from typing import Any

from tests.scenarios.front_end.customer import Customer
from tests.scenarios.front_end.tab import Tab

REASON = "Agreed with the customer on the phone."


class Administrator:
    """One administrator in one tab."""

    def __init__(self, tab: Tab, customer: Customer, email: str) -> None:
        self.tab, self.customer, self._email = tab, customer, email
        self._mark = uuid.uuid4().hex[:8]

    def walk(self) -> None:
        """Every page of the administrator."""
        self.tab.load("dashboard", "wallet", "subscriptions")
        self.tickets()
        self.cluster()
        self.services()
        self.plans()
        self.coupons()
        self.subscriptions()
        self.users()

    def tickets(self) -> None:
        """Answer, take up, close and reopen, from the list and from the ticket's own page."""
        tab, its = self.tab, self.customer.ticket
        _, listed = tab.load("all ticket stats", "all tickets")
        assert its in {each["id"] for each in listed["tickets"]}
        tab.load("any ticket", id=its)
        tab.call("answer as staff", {"content": "Please look into your wallet."}, id=its)

        def status() -> Any:
            return tab.call("any ticket", id=its)["status"]

        assert status() == "IN_PROGRESS"
        for act, reached in (
            ("close from its page", "CLOSED"),
            ("reopen from its page", "OPEN"),
            ("close from the list", "CLOSED"),
            ("reopen from the list", "OPEN"),
        ):
            tab.call(act, id=its)
            assert status() == reached, act
        tab.call("take up", {"status": "IN_PROGRESS"}, id=its)
        assert status() == "IN_PROGRESS"
        theirs = self.customer.tab.call("ticket", id=its)
        assert [each["isAdminReply"] for each in theirs["messages"]] == [False, True]

    def cluster(self) -> None:
        """Six tables; what the customer runs is among the pods."""
        shown = self.tab.load("nodes", "deployments", "pods", "namespaces", "cluster services", "ingresses")
        _, _, pods, namespaces, _, _ = shown
        assert {each["namespace"] for each in pods["pods"]} <= {
            each["name"] for each in namespaces["namespaces"]
        }

    def services(self) -> None:
        """Make one with the blanks the dialog sends, edit it; switch one off and on, and one that nothing can run."""
        tab = self.tab
        categories, _ = tab.load("categories", "all services")
        form = {
            "name": f"Walk {self._mark}",
            "slug": f"walk-{self._mark}",
            "description": "An application of the walk.",
            "longDescription": None,
            "icon": None,
            "version": "",
            "dockerImage": "nginx:1.27",
            "defaultPort": None,
            "categoryId": categories[0]["id"],
            "envTemplate": None,
            "tags": [],
            "documentation": None,
            "isActive": True,
            "isPublic": True,
            "isFeatured": False,
            "sortOrder": 90,
        }
        tab.call("make service", form)
        tab.refused("make service", form)
        shown = self._listed()
        self._service = shown["id"]
        form["isActive"] = shown["isActive"]  # the dialog is filled from the list
        filled = {
            **form,
            "description": "Changed by the walk.",
            "tags": ["walk"],
            "icon": "https://example.com/i.svg",
        }
        tab.call("save service", filled, id=self._service)
        assert self._listed()["tags"] == ["walk"]
        tab.call("save service", form, id=self._service)
        assert (self._listed()["icon"], self._listed()["tags"]) == (None, [])
        assert "recipe" in tab.refused("switch service", id=self._service)
        for wanted in (False, True):
            tab.call("switch service", id=self._listed("grafana")["id"])
            assert self._listed("grafana")["isActive"] is wanted

    def plans(self) -> None:
        """A plan of the form's own tier, saved again as the form sends it; then the empty service goes."""
        tab, its = self.tab, self._service
        form = {
            "name": "Max",
            "planType": "MAX",
            "description": "",
            "monthlyPrice": 0,
            "cpuMilli": 250,
            "memoryMb": 512,
            "storageGb": 1,
            "bandwidth": 10,
            "totalQuota": 20,
            "features": [],
            "maxInstancesPerUser": 1,
            "maxDomains": 1,
            "isActive": True,
            "isPopular": False,
            "sortOrder": 1,
        }
        tab.load("plans", id=its)
        tab.call("make plan", form, id=its)
        tab.refused("make plan", form, id=its)
        [plan] = tab.call("plans", id=its)["plans"]
        changed = {key: value for key, value in form.items() if key != "planType"} | {"monthlyPrice": 75_000}
        tab.call("save plan", changed, id=its, plan=plan["id"])
        [plan] = tab.call("plans", id=its)["plans"]
        assert (plan["planType"], plan["monthlyPrice"]) == ("MAX", 75_000)
        tab.call("delete service", id=its)
        assert its not in {each["id"] for each in tab.call("all services")["services"]}

    def coupons(self) -> None:
        """One of each kind the dialog makes, with blank dates; edited with the keys it always sends; deleted."""
        tab = self.tab
        tab.load("coupons")
        form = {"name": "A walk", "description": "", "validFrom": "", "validUntil": ""}
        kinds: tuple[dict[str, Any], ...] = (
            {"type": "CREDIT_TOPUP", "creditAmount": 5_000, "maxUses": 3, "maxUsesPerUser": 1},
            {"type": "SUBSCRIPTION_DISCOUNT", "discountType": "PERCENTAGE", "discountPercent": 10},
            {"type": "SUBSCRIPTION_DISCOUNT", "discountType": "FIXED_AMOUNT", "creditAmount": 5_000},
            {"type": "FREE_SERVICE"},
        )
        codes = {f"WALK{number}-{self._mark}".upper(): {**form, **kind} for number, kind in enumerate(kinds)}
        for code, wish in codes.items():
            tab.call("make coupon", {**wish, "code": code})
            tab.refused("make coupon", {**wish, "code": code})
        made = {each["code"]: each["id"] for each in tab.call("coupons")["coupons"] if each["code"] in codes}
        assert set(made) == set(codes)
        for code, wish in codes.items():
            until = {"name": "A longer walk", "validUntil": "2099-12-31T16:59:59.000Z"}
            tab.call("save coupon", {**wish, **until}, id=made[code])
            tab.call("delete coupon", id=made[code])
        assert not set(codes) & {each["code"] for each in tab.call("coupons")["coupons"]}

    def subscriptions(self) -> None:
        """Filters, and the three dialogs on a subscription given to the customer."""
        tab, mine = self.tab, self.customer
        listed, services, _ = tab.load("all subscriptions", "services", "users", more="")
        assert mine.subscription in {each["id"] for each in listed["subscriptions"]}
        for more in (
            f"&search={self._email}",
            "&status=ACTIVE",
            f"&serviceId={mine.service['id']}",
            "&search=pro",
        ):
            found = tab.call("all subscriptions", more=more)["subscriptions"]
            assert mine.subscription in {each["id"] for each in found}, more
        [ghost] = [each for each in services["services"] if each["slug"] == "ghost-blog"]
        low, high = sorted(ghost["plans"], key=lambda plan: plan["monthlyPrice"])[:2]
        [owner] = [each for each in tab.call("users")["users"] if each["email"] == self._email]
        wish = {"userId": owner["id"], "planId": low["id"], "skipCreditCheck": True, "reason": REASON}
        tab.call("give subscription", wish)
        tab.refused("give subscription", wish)
        [given] = [
            each
            for each in mine.tab.call("subscriptions")["subscriptions"]
            if each["service"]["id"] == ghost["id"]
        ]
        mine.main, mine.subscription = mine.subscription, given["id"]
        mine.until_healthy()
        for plan in (high, low):
            tab.call(
                "change plan",
                {"newPlanId": plan["id"], "skipCreditCheck": True, "reason": REASON},
                id=given["id"],
            )
            mine.until_healthy()
        ending = {"reason": REASON, "terminateInstances": False, "processRefund": False}
        tab.call("force-cancel", ending, id=given["id"])
        left = mine.tab.call("subscription", id=given["id"])["subscription"]
        assert (left["status"], left["autoRenew"]) == ("ACTIVE", False)
        tab.call("force-cancel", ending | {"terminateInstances": True, "processRefund": True}, id=given["id"])
        found = tab.call("all subscriptions", more="&status=CANCELLED")["subscriptions"]
        assert given["id"] in {each["id"] for each in found}

    def users(self) -> None:
        """The edit dialog sends the address too; the switch sends nothing; at last the customer is deleted."""
        tab = self.tab
        [user] = [each for each in tab.load("users")[0]["users"] if each["email"] == self._email]
        renamed = f"renamed-{self._email}"
        form = {"name": "Citra Dewi", "email": renamed, "phone": "", "avatar": "", "role": "USER"}
        tab.call("save user", form, id=user["id"])
        tab.refused("save user", {**form, "email": "admin@minispod.com"}, id=user["id"])

        def shown() -> Any:
            return {each["id"]: each for each in tab.call("users")["users"]}.get(user["id"])

        assert (shown()["email"], shown()["name"]) == (renamed, "Citra Dewi")
        for is_active in (False, True):
            tab.call("switch user", id=user["id"])
            assert shown()["isActive"] is is_active
        tab.refused("delete user", id=user["id"])  # something of his still runs
        ending = {"reason": REASON, "terminateInstances": True, "processRefund": True}
        tab.call("force-cancel", ending, id=self.customer.main)
        tab.refused("delete user", id=user["id"])  # credit is left: the account is deactivated first
        tab.call("switch user", id=user["id"])
        tab.call("delete user", id=user["id"])
        assert shown() is None or not shown()["isActive"]

    def _listed(self, slug: str = "") -> Any:
        listed = self.tab.call("all services")["services"]
        [found] = [each for each in listed if each["slug"] == (slug or f"walk-{self._mark}")]
        return found
