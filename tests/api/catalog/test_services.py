"""Services as administrators keep them, over the wire: what forms really send, and what is refused."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from minispod.kernel.database import session
from minispod.subscriptions.models import Subscription
from minispod.subscriptions.states import SubscriptionStatus
from tests.api.catalog.conftest import Office
from tests.api.catalog.test_freshness import counting
from tests.plugins.app import Person, data_of, refused
from tests.plugins.shop import Shop

PlanFinder = Callable[..., uuid.UUID]
SERVICES, CATEGORIES, QUOTA = "/api/admin/services", "/api/admin/categories", "/api/admin/quota"

pytestmark = pytest.mark.usefixtures("catalog")


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
    answer = client.post(SERVICES, json=form(ids("databases")), headers=office.headers)
    made = data_of(answer, 201)["service"]
    path = f"{SERVICES}/{made['id']}"

    assert "It stays inactive: there is no recipe called cache" in answer.get_json()["message"]
    assert (made["hasRecipe"], made["isActive"]) == (False, False)
    told = office.refused(400, "catalog.nothing_to_run", "PUT", path, **form(ids("databases")))
    assert "There is no recipe called cache" in told["message"]
    assert "redis" in told["message"]
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


def test_the_slug_of_what_runs_or_ran_stays(
    office: Office,
    shop: Shop,
    customer: Person,
    administrator: Person,
    ids: Callable[[str], str],
    plan_id: PlanFinder,
    headers_now: Callable[[Person], dict[str, str]],
) -> None:
    mine = shop.order(customer, plan_id())
    path = f"{SERVICES}/{ids('n8n-automation')}"

    def stays() -> None:
        office.refused(409, "catalog.slug_in_use", "PUT", path, slug="other-name", isActive=False)

    stays()
    shop.runs(mine)
    shop.auto_renew(customer, mine, False)
    shop.clock.advance(days=30)
    shop.advance(mine)
    assert shop.look(mine)[0].status is SubscriptionStatus.EXPIRED
    office.headers = headers_now(administrator)
    assert shop.used(plan_id()) == 0
    stays()  # the data are kept for a while, and come back with the recipe that wrote them
    shop.cancel(customer, mine)
    assert office.put(path, slug="other-name", isActive=False)["service"]["slug"] == "other-name"
    office.refused(409, "catalog.slug_taken", "PUT", f"{SERVICES}/{ids('gitea')}", slug="grafana")


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


@pytest.mark.parametrize("odd", ["x", "0" * 80, str(uuid.UUID(int=7))])
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
