"""The public catalogue over the wire."""

from flask import Flask
from flask.testing import FlaskClient

from minispod.cluster import monitoring
from minispod.kernel.clock import FrozenClock
from minispod.kernel.unit_of_work import unit_of_work
from tests.factories.nodes import worker
from tests.plugins.app import data_of, refused


def test_services_come_with_plans_and_without_secrets(client: FlaskClient, catalog: None) -> None:
    data = data_of(client.get("/api/catalog/services"))

    assert {service["slug"] for service in data["services"]} == {
        "n8n-automation",
        "ghost-blog",
        "postgresql",
        "gitea",
        "grafana",
        "mariadb",
        "nextcloud",
        "redis",
        "uptime-kuma",
        "wordpress",
    }
    n8n = next(service for service in data["services"] if service["slug"] == "n8n-automation")
    basic = next(plan for plan in n8n["plans"] if plan["planType"] == "BASIC")
    assert (basic["monthlyPrice"], basic["cpuMilli"], basic["isAvailable"]) == (50_000, 1000, True)
    assert n8n["category"]["name"] == "Development Tools"
    assert "envTemplate" not in n8n
    assert ":latest" not in n8n["dockerImage"]


def test_a_plan_is_for_sale_only_while_the_machines_hold_it(
    client: FlaskClient, catalog: None, app: Flask, clock: FrozenClock
) -> None:
    with app.app_context(), unit_of_work():
        # Of 1,400 MB 36 % stay free: 896 MB hold one plan of 1 GB, whose request is 512 MB, and none of 2 GB.
        monitoring.record_nodes([worker(memory_mb=1400)], clock.now())

    plans = data_of(client.get("/api/catalog/services/n8n-automation/plans"))["plans"]

    left = {plan["memoryMb"]: (plan["availableQuota"], plan["isAvailable"]) for plan in plans}
    assert left[1024] == (1, True)
    assert left[2048] == (0, False)


def test_the_double_slash_of_the_front_end_is_answered(client: FlaskClient, catalog: None) -> None:
    data = data_of(client.get("/api//catalog/categories"))

    assert isinstance(data, list)
    assert {"id", "name", "_count"} <= set(data[0])


def test_both_trees_answer(client: FlaskClient, catalog: None) -> None:
    assert data_of(client.get("/api/catalog/services")) == data_of(client.get("/api/v1/catalog/services"))


def test_search_finds_by_words_and_tag(client: FlaskClient, catalog: None) -> None:
    def slugs(query: str) -> list[str]:
        return [each["slug"] for each in data_of(client.get(f"/api/catalog/search?{query}"))["services"]]

    assert slugs("q=newsletter") == ["ghost-blog"]
    assert slugs("q=sql") == ["postgresql", "mariadb", "nextcloud"]
    assert slugs("q=nothing-like-this") == []
    assert slugs("category=cms") == ["ghost-blog", "wordpress"]


def test_pages_are_counted(client: FlaskClient, catalog: None) -> None:
    data = data_of(client.get("/api/catalog/services?page=4&limit=3"))

    assert len(data["services"]) == 1
    assert data["pagination"]["totalPages"] == 4
    assert data["pagination"]["hasMore"] is False


def test_a_bad_page_is_refused(client: FlaskClient) -> None:
    for query in ("page=0", "limit=101", "page=x"):
        assert client.get(f"/api/catalog/services?{query}").status_code == 400


def test_unknown_names_are_404(client: FlaskClient, catalog: None) -> None:
    refused(client.get("/api/catalog/services/nothing"), 404, "catalog.no_such_service")
    refused(client.get("/api/catalog/categories/nothing/services"), 404, "catalog.no_such_category")
    plans = data_of(client.get("/api/catalog/services/postgresql/plans"))["plans"]
    assert [plan["planType"] for plan in plans] == ["BASIC", "PRO"]
