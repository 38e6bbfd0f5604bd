"""Pages of the configured front end may call the API from a browser, and read its refusals too."""

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.plugins.app import Person

ORIGIN = "http://localhost:3100"
HEADERS = "Authorization, Content-Type, Idempotency-Key, X-Request-ID"
METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


def preflight(client: FlaskClient, path: str, method: str = "GET", origin: str = ORIGIN) -> TestResponse:
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": HEADERS,
    }
    return client.options(path, headers=headers)


def words(response: TestResponse, header: str) -> set[str]:
    return {each.strip() for each in response.headers[header].split(",")}


@pytest.mark.parametrize(
    ("path", "method"),
    [
        ("/api//catalog/categories", "GET"),
        ("/api/v1/subscriptions", "POST"),
        ("/api/subscriptions/any", "DELETE"),
        ("/api/subscriptions/any/auto-renew", "PUT"),
        ("/api/admin/k8s/nodes", "GET"),
        ("/api/auth/login", "POST"),
        ("/api/nothing/here", "GET"),  # else the page would not get to see the 404
    ],
)
def test_a_preflight_is_answered_at_once_without_token(client: FlaskClient, path: str, method: str) -> None:
    response = preflight(client, path, method)

    assert response.status_code == 200
    assert response.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert words(response, "Access-Control-Allow-Methods") == METHODS
    assert words(response, "Access-Control-Allow-Headers") == set(HEADERS.split(", "))
    assert response.headers["Access-Control-Max-Age"] == "86400"
    assert "Access-Control-Allow-Credentials" not in response.headers


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/catalog/services", 200),
        ("/api/catalog/services?page=0", 400),
        ("/api/wallet/info", 401),
        ("/api/nothing/here", 404),
        ("/api/auth/login", 405),
    ],
)
def test_every_answer_can_be_read_by_the_page(
    client: FlaskClient, catalog: None, path: str, status: int
) -> None:
    response = client.get(path, headers={"Origin": ORIGIN})

    assert response.status_code == status
    assert response.headers["Access-Control-Allow-Origin"] == ORIGIN
    exposed = words(response, "Access-Control-Expose-Headers")
    assert {"X-Request-ID", "Retry-After", "X-RateLimit-Remaining", "Idempotent-Replayed"} <= exposed


def test_headers_that_http_libraries_add_are_no_obstacle(client: FlaskClient) -> None:
    asked = "authorization, cache-control, content-type, pragma, x-requested-with"
    headers = {
        "Origin": ORIGIN,
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": asked,
    }

    response = client.options("/api/wallet/info", headers=headers)

    assert words(response, "Access-Control-Allow-Headers") == set(asked.split(", "))


def test_refusals_to_customers_can_be_read_too(client: FlaskClient, customer: Person) -> None:
    headers = {**customer.headers, "Origin": ORIGIN}

    forbidden = client.get("/api/admin/k8s/nodes", headers=headers)

    assert forbidden.status_code == 403
    assert forbidden.headers["Access-Control-Allow-Origin"] == ORIGIN


def test_a_crash_can_be_read_too(app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.view_functions, "catalog.list_services", crash)

    response = client.get("/api/catalog/services", headers={"Origin": ORIGIN})

    assert response.status_code == 500
    assert response.headers["Access-Control-Allow-Origin"] == ORIGIN


def crash(**_: object) -> Callable[..., object]:
    raise RuntimeError("a fault of ours")


@pytest.mark.parametrize("origin", ["https://evil.example", "null", f"{ORIGIN}.evil.example"])
def test_other_pages_may_not(client: FlaskClient, catalog: None, origin: str) -> None:
    for response in (
        preflight(client, "/api/catalog/services", origin=origin),
        client.get("/api/catalog/services", headers={"Origin": origin}),
    ):
        assert "Access-Control-Allow-Origin" not in response.headers


@pytest.mark.parametrize("origin", [ORIGIN, "https://evil.example", None])
@pytest.mark.parametrize("path", ["/api/catalog/services", "/api/wallet/info", "/api/nothing/here"])
def test_every_answer_tells_caches_that_it_depends_on_who_calls(
    client: FlaskClient, catalog: None, path: str, origin: str | None
) -> None:
    headers = {"Origin": origin} if origin else {}

    answers = [client.get(path, headers=headers), preflight(client, path, origin=origin or "null")]

    assert ["origin" in each.vary for each in answers] == [True, True]
    assert [each.headers.get("Vary", "").lower().count("origin") for each in answers] == [1, 1]


def test_so_does_a_crash(app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.view_functions, "catalog.list_services", crash)

    assert "origin" in client.get("/api/catalog/services").vary


def test_the_administration_is_not_for_other_origins(client: FlaskClient) -> None:
    response = client.get("/admin/login", headers={"Origin": ORIGIN})

    assert "Access-Control-Allow-Origin" not in response.headers
