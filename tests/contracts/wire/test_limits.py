"""Rate limits, on an application of their own that has them switched on."""

import uuid
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient

from minispod.api.guard import limiter
from minispod.app import create_app
from minispod.kernel.database import db
from minispod.settings import Settings
from tests.contracts.wire.test_cross_origin import ORIGIN, preflight
from tests.plugins.app import Person, refused


@pytest.fixture
def limited(app: Flask, settings: Settings) -> Iterator[FlaskClient]:
    """A client of an application with limits; the limiter is one per process and is put back as it was."""
    limits = Settings(
        minispod_env="test",
        database_url=settings.database.database_url,
        redis_url=settings.redis.redis_url,
        jwt_secret=settings.tokens.jwt_secret.get_secret_value(),
        log_level="WARNING",
        rate_limits_enabled=True,
    )
    strict = create_app(limits, app.extensions["minispod.ports"])
    strict.testing = True
    limiter.reset()
    yield strict.test_client()
    limiter.reset()
    limiter.enabled = False
    with strict.app_context():
        db.engine.dispose()


def test_guessing_passwords_is_stopped(limited: FlaskClient) -> None:
    def attempt() -> int:
        return limited.post("/api/auth/login", json={"email": "x", "password": "y"}).status_code

    assert {attempt() for _ in range(30)} == {400}

    response = limited.post("/api/auth/login", json={"email": "x"}, headers={"Origin": ORIGIN})
    body = refused(response, 429, "too_many")
    assert body["message"] == "Too many requests. Please wait a moment."
    assert 0 < int(response.headers["Retry-After"]) <= 300
    assert response.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert preflight(limited, "/api/auth/login", "POST").status_code == 200


def test_orders_are_counted_per_customer(limited: FlaskClient, person: Callable[..., Person]) -> None:
    one, other = person(), person()

    def order(who: Person) -> int:
        body = {"planId": str(uuid.uuid4())}
        return limited.post("/api/subscriptions", json=body, headers=who.headers).status_code

    assert {order(one) for _ in range(60)} == {404}

    response = limited.post("/api/subscriptions", json={}, headers=one.headers)
    refused(response, 429, "too_many")
    assert int(response.headers["Retry-After"]) > 0
    assert order(other) == 404


def test_preflights_are_not_counted(limited: FlaskClient) -> None:
    for _ in range(40):
        assert preflight(limited, "/api/auth/login", "POST").status_code == 200

    assert limited.post("/api/auth/login", json={}).status_code == 400


def test_polling_is_not_limited(limited: FlaskClient, customer: Person) -> None:
    for _ in range(100):
        assert limited.get("/api/subscriptions", headers=customer.headers).status_code == 200
