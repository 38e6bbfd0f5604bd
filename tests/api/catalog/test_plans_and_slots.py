"""Plans, their prices and their slots as administrators keep them, over the wire."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from minispod.audit.models import AuditEntry
from minispod.catalog.models import Plan
from minispod.kernel.database import session
from tests.api.catalog.conftest import Office
from tests.plugins.app import Person
from tests.plugins.shop import Shop

PlanFinder = Callable[..., uuid.UUID]
SERVICES, QUOTA = "/api/admin/services", "/api/admin/quota"

pytestmark = pytest.mark.usefixtures("catalog")


def plan_form(**fields: Any) -> dict[str, Any]:
    """Everything the front end's dialog sends."""
    size = {"cpuMilli": 250, "memoryMb": 512, "storageGb": 1, "bandwidth": 10, "totalQuota": 20}
    rest = {"maxInstancesPerUser": 1, "maxDomains": 1, "isActive": True, "isPopular": False, "sortOrder": 1}
    said = {"name": "Big", "planType": "MAX", "description": "", "monthlyPrice": 0, "features": []}
    return {**said, **size, **rest, **fields}


def test_plans_of_all_types_and_sizes(office: Office, ids: Callable[[str], str]) -> None:
    service = f"{SERVICES}/{ids('n8n-automation')}"
    made = office.post(f"{service}/plans", **plan_form())["plan"]

    assert (made["planType"], made["description"], made["usedQuota"]) == ("MAX", None, 0)
    changed = office.put(
        f"{service}/plans/{made['id']}", **{**plan_form(storageGb=2.0), "monthlyPrice": 99_000}
    )
    assert (changed["plan"]["storageGb"], changed["plan"]["monthlyPrice"]) == (2, 99_000)
    for fields in (
        {"storageGb": 0.5},
        {"storageGb": -1},
        {"monthlyPrice": 1.5},
        {"cpuMilli": True},
        {"totalQuota": "x"},
    ):
        office.refused(400, "request.invalid", "PUT", f"{service}/plans/{made['id']}", **fields)
    office.refused(400, "catalog.nothing_given", "PUT", f"{service}/plans/{made['id']}")
    office.refused(400, "request.invalid", "POST", f"{service}/plans", **plan_form(planType="HUGE"))
    office.refused(400, "request.invalid", "POST", f"{service}/plans", **plan_form(features=["a\x00b"]))


def test_a_plan_holds_what_its_recipe_needs(office: Office, ids: Callable[[str], str]) -> None:
    nextcloud = f"{SERVICES}/{ids('nextcloud')}"

    small = office.refused(400, "catalog.plan_does_not_fit", "POST", f"{nextcloud}/plans", **plan_form())
    assert "1024 MB" in small["message"]
    kept = plan_form(memoryMb=2048, storageGb=0)
    office.refused(400, "catalog.plan_does_not_fit", "POST", f"{nextcloud}/plans", **kept)
    draft = office.post(f"{nextcloud}/plans", **{**kept, "isActive": False})["plan"]
    path = f"{nextcloud}/plans/{draft['id']}"
    office.refused(400, "catalog.plan_does_not_fit", "PATCH", f"{path}/toggle-status")
    office.put(path, storageGb=10)
    assert office.patch(f"{path}/toggle-status")["plan"]["isActive"] is True


def test_a_plan_is_saved_under_whatever_service_the_page_had_open(
    office: Office, ids: Callable[[str], str], plan_id: PlanFinder
) -> None:
    plan = plan_id()

    for prefix in (f"{SERVICES}/{ids('gitea')}/plans", f"{SERVICES}/undefined/plans", f"{SERVICES}//plans"):
        assert office.put(f"{prefix}/{plan}", bandwidth=7)["plan"]["bandwidth"] == 7
    for method, tail in (("GET", ""), ("DELETE", ""), ("PATCH", "/toggle-status")):
        path = f"{SERVICES}/{ids('gitea')}/plans/{plan}{tail}"
        office.refused(404, "catalog.no_such_plan", method, path)


def test_a_price_is_changed_for_new_customers_unless_it_is_chosen(
    office: Office, shop: Shop, customer: Person, ids: Callable[[str], str], plan_id: PlanFinder, app: Flask
) -> None:
    shop.order(customer, plan_id())
    path = f"{SERVICES}/{ids('n8n-automation')}/plans/{plan_id()}"

    silent = office.put(path, monthlyPrice=60_000)
    chosen = office.put(path, applyPriceTo="existing")
    other = office.put(path, bandwidth=12)

    assert silent["priceChange"] == {
        "oldPrice": 50_000,
        "newPrice": 60_000,
        "appliesTo": "new",
        "existingSubscriptions": 1,
    }
    assert (silent["plan"]["isPriceForAll"], chosen["plan"]["isPriceForAll"]) == (False, True)
    assert chosen["priceChange"]["appliesTo"] == "existing"
    assert "priceChange" not in other
    withdrawn = office.put(path, applyPriceTo="new")
    assert (withdrawn["plan"]["isPriceForAll"], withdrawn["priceChange"]["appliesTo"]) == (False, "new")
    office.refused(400, "catalog.nothing_given", "PUT", path)
    assert other["plan"]["isPriceForAll"] is True
    office.refused(400, "request.invalid", "PUT", path, monthlyPrice=60_000, applyPriceTo="everybody")
    with app.app_context():
        written = session().scalars(select(AuditEntry.action).where(AuditEntry.subject_id == str(plan_id())))
        assert list(written).count("plan.price_changed") == 3


def test_quotas_are_set_together_or_not_at_all(
    office: Office, shop: Shop, customer: Person, plan_id: PlanFinder
) -> None:
    full, other = plan_id(), plan_id(tier="PRO")
    shop.order(customer, full)

    def update(*pairs: tuple[object, int]) -> dict[str, Any]:
        updates = [{"planId": str(plan), "totalQuota": total} for plan, total in pairs]
        return {"updates": updates, "reason": "more machines"}

    def totals() -> dict[str, int]:
        lines = office.get(f"{QUOTA}/overview")["quotaOverview"]
        return {each["planId"]: each["totalQuota"] for each in lines}

    before = totals()
    path = f"{QUOTA}/bulk-update"
    told = office.refused(
        400, "catalog.quotas_refused", "PUT", path, **update((other, 3), (full, 0), (uuid.uuid4(), 1))
    )
    assert {each["code"] for each in told["data"]["validationErrors"]} == {
        "catalog.quota_below_use",
        "catalog.no_such_plan",
    }
    assert totals() == before
    office.refused(400, "catalog.quota_named_twice", "PUT", path, **update((other, 3), (other, 4)))
    office.put(path, **update((other, 3), (full, 1)))
    assert (totals()[str(other)], totals()[str(full)]) == (3, 1)
    lines = office.get(f"{QUOTA}/overview?status=critical")["quotaOverview"]
    assert [(each["planId"], each["utilizationPercentage"]) for each in lines] == [(str(full), 100)]


def test_who_does_not_renew_holds_a_slot_and_is_billed_no_more(
    office: Office, shop: Shop, customer: Person, plan_id: PlanFinder
) -> None:
    shop.auto_renew(customer, shop.order(customer, plan_id()), False)

    (holder,) = office.get(f"{QUOTA}/plans/{plan_id()}")["quotaDetails"]["activeSubscriptions"]

    assert (holder["status"], holder["nextBilling"]) == ("ACTIVE", None)


@pytest.mark.parametrize(
    ("used", "total", "status"),
    [
        (0, 0, "healthy"),
        (74, 100, "healthy"),
        (75, 100, "warning"),
        (89, 100, "warning"),
        (90, 100, "critical"),
    ],
)
def test_levels(office: Office, app: Flask, plan_id: PlanFinder, used: int, total: int, status: str) -> None:
    with app.app_context():
        plan = session().get_one(Plan, plan_id())
        plan.used_quota, plan.total_quota = used, total
        session().commit()

    lines = office.get(f"{QUOTA}/overview?search=n8n&status={status}")["quotaOverview"]
    [line] = [each for each in lines if each["planId"] == str(plan_id())]
    assert (line["planId"], line["status"]) == (str(plan_id()), status)
    alerts = office.get(f"{QUOTA}/statistics")["statistics"]["alerts"]
    assert (alerts["criticalPlans"], alerts["warningPlans"]) == (status == "critical", status == "warning")
