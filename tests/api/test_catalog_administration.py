"""The catalogue as administrators keep it, over the wire: what forms really send, and what is refused."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from minispod.audit.models import AuditEntry
from minispod.catalog.models import Category, Plan, Service
from minispod.kernel.database import session
from minispod.subscriptions.models import Subscription
from tests.api.test_catalog_freshness import counting
from tests.plugins.app import Person, data_of, refused
from tests.plugins.shop import Shop

PlanFinder = Callable[..., uuid.UUID]
SERVICES, CATEGORIES, QUOTA = "/api/admin/services", "/api/admin/categories", "/api/admin/quota"

pytestmark = pytest.mark.usefixtures("catalog")


class Office:
    """An administrator at the API."""

    def __init__(self, client: FlaskClient, who: Person) -> None:
        self.client, self.headers = client, who.headers

    def get(self, path: str) -> Any:
        return data_of(self.client.get(path, headers=self.headers))

    def post(self, path: str, **body: Any) -> Any:
        return data_of(self.client.post(path, json=body, headers=self.headers), 201)

    def put(self, path: str, **body: Any) -> Any:
        return data_of(self.client.put(path, json=body, headers=self.headers))

    def patch(self, path: str) -> Any:
        return data_of(self.client.patch(path, headers=self.headers, content_type="application/json"))

    def delete(self, path: str) -> None:
        data_of(self.client.delete(path, headers=self.headers))

    def refused(self, status: int, code: str, method: str, path: str, **body: Any) -> Any:
        response = self.client.open(path, method=method, json=body, headers=self.headers)
        return refused(response, status, code)


@pytest.fixture
def office(client: FlaskClient, administrator: Person) -> Office:
    return Office(client, administrator)


@pytest.fixture
def ids(app: Flask) -> Callable[[str], str]:
    """The id of a service or a category by its slug."""

    def find(slug: str) -> str:
        with app.app_context():
            for model in (Service, Category):
                found = session().scalar(select(model.id).where(model.slug == slug))
                if found is not None:
                    return str(found)
        raise AssertionError(slug)

    return find


def form(category: str, **fields: Any) -> dict[str, Any]:
    """Everything the front end's dialog sends, with nothing filled in that need not be."""
    blank = {"description": "", "longDescription": None, "icon": None, "version": "", "defaultPort": None}
    rest = {"dockerImage": "redis:7-alpine", "envTemplate": {"PASSWORD": "hunter2"}, "documentation": None}
    flags = {
        "isActive": True,
        "isPublic": True,
        "isFeatured": False,
        "sortOrder": 1,
        "tags": ["Cache", "cache "],
    }
    return {"name": "Cache", "slug": "cache", "categoryId": category, **blank, **rest, **flags, **fields}


def plan_form(**fields: Any) -> dict[str, Any]:
    """Everything the front end's dialog sends."""
    size = {"cpuMilli": 250, "memoryMb": 512, "storageGb": 1, "bandwidth": 10, "totalQuota": 20}
    rest = {"maxInstancesPerUser": 1, "maxDomains": 1, "isActive": True, "isPopular": False, "sortOrder": 1}
    said = {"name": "Big", "planType": "MAX", "description": "", "monthlyPrice": 0, "features": []}
    return {**said, **size, **rest, **fields}


def test_what_the_dialog_sends_is_understood(office: Office, ids: Callable[[str], str]) -> None:
    made = office.post(SERVICES, **form(ids("databases"), isActive=False))["service"]

    assert (made["description"], made["icon"], made["version"], made["defaultPort"]) == (
        "",
        None,
        "latest",
        3000,
    )
    assert made["tags"] == ["cache"]
    assert "hunter2" not in str(made)
    filled = office.put(
        f"{SERVICES}/{made['id']}",
        **form(
            ids("databases"),
            isActive=False,
            icon="https://x.example/i.svg",
            longDescription="Long",
            defaultPort=6379,
        ),
    )["service"]
    assert (filled["icon"], filled["longDescription"], filled["defaultPort"]) == (
        "https://x.example/i.svg",
        "Long",
        6379,
    )
    cleared = office.put(f"{SERVICES}/{made['id']}", **form(ids("databases"), isActive=False, tags=None))[
        "service"
    ]
    assert (cleared["icon"], cleared["longDescription"], cleared["defaultPort"]) == (None, None, 6379)
    assert cleared["tags"] == []


def test_only_what_has_a_recipe_is_offered(
    office: Office, client: FlaskClient, ids: Callable[[str], str]
) -> None:
    told = office.refused(400, "catalog.nothing_to_run", "POST", SERVICES, **form(ids("databases")))
    assert "There is no recipe called cache" in told["message"]
    assert "redis" in told["message"]
    made = office.post(SERVICES, **form(ids("databases"), isActive=False))["service"]
    path = f"{SERVICES}/{made['id']}"

    assert made["hasRecipe"] is False
    office.refused(400, "catalog.nothing_to_run", "PATCH", f"{path}/toggle-status")
    office.refused(400, "catalog.nothing_to_run", "PUT", path, isActive=True)
    office.refused(
        400,
        "catalog.bad_service_terms",
        "POST",
        SERVICES,
        **form(ids("databases"), slug="x1", isActive=False, dockerImage=None),
    )
    office.delete(f"{SERVICES}/{ids('redis')}")
    named = office.put(path, slug="redis", isActive=True)["service"]
    assert (named["hasRecipe"], named["isActive"]) == (True, True)
    assert named["dockerImage"] != "redis:7-alpine"  # what the recipe runs, and not what somebody wrote
    assert data_of(client.get("/api/catalog/services/redis"))["name"] == "Cache"


def test_hidden_and_inactive_services_do_not_leave_the_office(
    office: Office, client: FlaskClient, ids: Callable[[str], str], plan_id: PlanFinder, customer: Person
) -> None:
    def shown() -> set[str]:
        return {each["slug"] for each in data_of(client.get("/api/catalog/services"))["services"]}

    path = f"{SERVICES}/{ids('n8n-automation')}"
    office.put(path, isPublic=False)
    assert "n8n-automation" not in shown()
    for headers in ({}, customer.headers):
        refused(
            client.get("/api/catalog/services/n8n-automation", headers=headers),
            404,
            "catalog.no_such_service",
        )
    office.put(path, isPublic=True)
    assert "n8n-automation" in shown()
    assert office.patch(f"{path}/toggle-status")["service"]["isActive"] is False
    assert "n8n-automation" not in shown()
    order = client.post("/api/subscriptions", json={"planId": str(plan_id())}, headers=customer.headers)
    assert order.status_code == 404


def test_what_was_sold_is_never_deleted(
    office: Office, shop: Shop, customer: Person, ids: Callable[[str], str], plan_id: PlanFinder, app: Flask
) -> None:
    mine = shop.order(customer, plan_id())
    shop.cancel(customer, mine)
    service = f"{SERVICES}/{ids('n8n-automation')}"

    for force in ("", "?force=true"):
        office.refused(409, "catalog.service_in_use", "DELETE", f"{service}{force}")
        office.refused(409, "catalog.plan_in_use", "DELETE", f"{service}/plans/{plan_id()}{force}")
    with app.app_context():
        assert session().get(Subscription, mine) is not None
    assert len(office.get(service)["service"]["plans"]) == 3
    office.delete(f"{SERVICES}/{ids('gitea')}")
    assert "gitea" not in {each["slug"] for each in office.get(SERVICES)["services"]}


def test_the_slug_of_what_runs_stays(
    office: Office, shop: Shop, customer: Person, ids: Callable[[str], str], plan_id: PlanFinder
) -> None:
    shop.order(customer, plan_id())

    path = f"{SERVICES}/{ids('n8n-automation')}"
    office.refused(409, "catalog.slug_in_use", "PUT", path, slug="other-name", isActive=False)
    office.refused(409, "catalog.slug_taken", "PUT", f"{SERVICES}/{ids('gitea')}", slug="grafana")


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
    assert other["plan"]["isPriceForAll"] is True
    office.refused(400, "request.invalid", "PUT", path, monthlyPrice=60_000, applyPriceTo="everybody")
    with app.app_context():
        written = session().scalars(select(AuditEntry.action).where(AuditEntry.subject_id == str(plan_id())))
        assert list(written).count("plan.price_changed") == 2


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


def test_categories_lie_within_one_another_but_never_in_themselves(
    office: Office, client: FlaskClient, ids: Callable[[str], str]
) -> None:
    top = office.post(CATEGORIES, name="Everything", slug="everything")["category"]
    databases, cms = ids("databases"), ids("cms")
    office.put(f"{CATEGORIES}/{databases}", parentId=top["id"])
    office.put(f"{CATEGORIES}/{cms}", parentId=databases)

    for path, parent in ((top["id"], cms), (top["id"], top["id"]), (databases, cms)):
        office.refused(400, "catalog.category_cycle", "PUT", f"{CATEGORIES}/{path}", parentId=parent)
    office.refused(404, "catalog.no_such_category", "PUT", f"{CATEGORIES}/{cms}", parentId=str(uuid.uuid4()))
    listed = {each["slug"]: each for each in data_of(client.get("/api/catalog/categories"))}
    assert listed["everything"]["_count"]["services"] == listed["databases"]["_count"]["services"] == 5
    assert listed["cms"]["parentId"] == databases
    found = data_of(client.get("/api/catalog/categories/everything/services"))["services"]
    assert {each["category"]["slug"] for each in found} == {"databases", "cms"}
    assert len(data_of(client.get("/api/catalog/search?category=databases"))["services"]) == 5
    assert office.put(f"{CATEGORIES}/{databases}", parentId="")["category"]["parentId"] is None


def test_categories_are_kept(office: Office, client: FlaskClient, ids: Callable[[str], str]) -> None:
    made = office.post(CATEGORIES, name="Games", slug="games", description="", parentId=None)["category"]
    path = f"{CATEGORIES}/{made['id']}"

    assert "games" not in {each["slug"] for each in data_of(client.get("/api/catalog/categories"))}
    staff = client.get("/api//catalog/categories", headers=office.headers)
    assert "games" in {each["slug"] for each in data_of(staff)}
    office.refused(409, "catalog.category_taken", "POST", CATEGORIES, name="Games", slug="games2")
    office.refused(409, "catalog.category_taken", "PUT", path, slug="cms")
    office.refused(400, "catalog.nothing_given", "PUT", path)
    office.refused(400, "request.invalid", "POST", CATEGORIES, name="  ", slug="x y")
    office.refused(409, "catalog.category_in_use", "DELETE", f"{CATEGORIES}/{ids('cms')}")
    assert office.get(path)["category"]["name"] == "Games"
    [found] = office.get(f"{CATEGORIES}?search=game")["categories"]
    assert found["_count"] == {"services": 0, "children": 0}
    office.delete(path)
    office.refused(404, "catalog.no_such_category", "GET", path)


def test_lists_are_searched_sorted_and_paged(office: Office, ids: Callable[[str], str]) -> None:
    def names(query: str) -> list[str]:
        return [each["slug"] for each in office.get(f"{SERVICES}?{query}")["services"]]

    everything = names("")
    assert len(everything) == 10
    assert names("sortBy=name&sortOrder=asc")[:2] == ["ghost-blog", "gitea"]
    assert names("sortBy=name&sortOrder=asc&page=2&limit=3") == names("sortBy=name&sortOrder=asc")[3:6]
    assert set(names("category=databases")) == {"postgresql", "mariadb", "redis"}
    assert names("search=%25") == names("search=_") == []
    office.patch(f"{SERVICES}/{ids('gitea')}/toggle-status")
    assert names("status=inactive") == ["gitea"]
    assert names("status=&search=") == everything
    for query in ("sortBy=price", "sortOrder=up", "status=odd", "limit=101"):
        office.refused(400, "request.invalid", "GET", f"{SERVICES}?{query}")
    plans = office.get(
        f"{SERVICES}/plans?planType=PRO&sortBy=monthlyPrice&sortOrder=asc&serviceId={ids('postgresql')}"
    )
    assert [each["planType"] for each in plans["plans"]] == ["PRO"]
    prices = [each["monthlyPrice"] for each in office.get(f"{SERVICES}/plans?sortBy=monthlyPrice")["plans"]]
    assert prices == sorted(prices, reverse=True)


@pytest.mark.parametrize(
    "path",
    [
        SERVICES,
        f"{SERVICES}/plans",
        CATEGORIES,
        f"{QUOTA}/overview",
        f"{QUOTA}/statistics",
        f"{SERVICES}/statistics",
    ],
)
def test_lists_take_the_same_number_of_statements_however_long(office: Office, path: str) -> None:
    office.get(path)
    mark = "&" if "?" in path else "?"
    with counting() as few:
        office.get(f"{path}{mark}limit=1")
    with counting() as many:
        office.get(path)

    assert len(many) == len(few) <= 8


def test_customers_and_visitors_stay_outside(
    client: FlaskClient, customer: Person, plan_id: PlanFinder
) -> None:
    for path in (SERVICES, f"{SERVICES}/plans", f"{SERVICES}/statistics", CATEGORIES, f"{QUOTA}/overview"):
        refused(client.get(path, headers=customer.headers), 403, "accounts.staff_only")
        assert client.get(path).status_code == 401
    body = {"totalQuota": 9, "reason": "because I can"}
    assert client.put(f"{QUOTA}/plans/{plan_id()}", json=body, headers=customer.headers).status_code == 403


@pytest.mark.parametrize("odd", ["x", "0" * 80, str(uuid.uuid4())])
def test_odd_ids_are_not_found(office: Office, odd: str) -> None:
    for method, path in (
        ("GET", f"{SERVICES}/{odd}"),
        ("PUT", f"{SERVICES}/{odd}"),
        ("DELETE", f"{SERVICES}/{odd}"),
        ("PATCH", f"{SERVICES}/{odd}/toggle-status"),
        ("GET", f"{SERVICES}/{odd}/plans"),
        ("GET", f"{SERVICES}/{odd}/plans/{odd}"),
        ("GET", f"{QUOTA}/plans/{odd}"),
        ("GET", f"{CATEGORIES}/{odd}"),
        ("DELETE", f"{CATEGORIES}/{odd}"),
    ):
        response = office.client.open(path, method=method, json={"name": "Name"}, headers=office.headers)
        assert response.status_code == 404, (method, path)
