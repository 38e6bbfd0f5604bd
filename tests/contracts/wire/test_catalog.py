"""Recorded exchanges of the catalogue: public here, without secrets."""

import pytest

from tests.contracts.wire.conftest import Replay
from tests.plugins.app import Person

pytestmark = pytest.mark.usefixtures("catalog")


def test_services(replay: Replay, customer: Person) -> None:
    services = replay("catalog__services", customer)["data"]["services"]

    assert [each["slug"] for each in services] == [
        "ghost-blog",
        "n8n-automation",
        "postgresql",
        "gitea",
        "grafana",
        "mariadb",
        "nextcloud",
        "wordpress",
        "redis",
        "uptime-kuma",
    ]
    assert replay("catalog__services_no_token")["data"]["services"] == services
    paged = replay("catalog__services_paged", customer)["data"]["services"]
    assert [each["slug"] for each in paged] == ["postgresql", "gitea"]
    assert "limit" in replay("catalog__services_bad_limit", customer)["errors"]


def test_one_service(replay: Replay, customer: Person) -> None:
    replay("catalog__service_detail", customer)
    assert replay("catalog__service_detail_404", customer)["code"] == "catalog.no_such_service"
    replay("catalog__service_plans", customer)
    assert replay("catalog__service_plans_404", customer)["code"] == "catalog.no_such_service"


def test_search(replay: Replay, customer: Person) -> None:
    found = replay("catalog__search", customer)["data"]
    assert [each["slug"] for each in found["services"]] == ["ghost-blog"]
    assert (found["totalCount"], found["hasMore"]) == (1, False)
    assert replay("catalog__search_empty", customer)["data"]["services"] == []


def test_featured_services_come_with_their_cheapest_plan(replay: Replay, customer: Person) -> None:
    services = replay("catalog__featured", customer)["data"]

    assert [(each["slug"], [plan["monthlyPrice"] for plan in each["plans"]]) for each in services] == [
        ("ghost-blog", [0]),
        ("n8n-automation", [0]),
    ]


def test_categories(replay: Replay, customer: Person, administrator: Person) -> None:
    listed = replay("catalog__categories", customer)["data"]

    assert replay("catalog__categories_double_slash", administrator)["data"] == listed
    replay("catalog__category_services", customer)
    assert replay("catalog__category_services_404", customer)["code"] == "catalog.no_such_category"
