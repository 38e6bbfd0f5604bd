"""Rate limits, on an application of their own that has them switched on."""

import uuid
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from limits import parse
from werkzeug.test import TestResponse

from minispod.api import guard
from minispod.api.guard import limiter
from minispod.app import create_app
from minispod.integrations.redis_queue import connection
from minispod.kernel.database import db
from minispod.settings import Settings
from tests.contracts.wire.test_cross_origin import ORIGIN, preflight
from tests.factories.coupons import put_coupon
from tests.plugins.app import PASSWORD, START, Person, refused

FRONT_END = "192.0.2.7"


@pytest.fixture(scope="module")
def strict(settings: Settings) -> Iterator[Flask]:
    """The application with limits; built once, for building it takes half a second."""
    limits = Settings(
        minispod_env="test",
        database_url=settings.database.database_url,
        redis_url=settings.redis.redis_url,
        jwt_secret=settings.tokens.jwt_secret.get_secret_value(),
        log_level="WARNING",
        rate_limits_enabled=True,
        frontend_addresses=FRONT_END,
    )
    strict = create_app(limits)
    strict.testing = True
    yield strict
    with strict.app_context():
        db.engine.dispose()


@pytest.fixture
def limited(app: Flask, strict: Flask) -> Iterator[FlaskClient]:
    """A client of an application with limits; the limiter is one per process and is put back as it was."""
    strict.extensions["minispod.ports"] = app.extensions["minispod.ports"]
    limiter.enabled = True
    limiter.reset()
    yield strict.test_client()
    limiter.reset()
    limiter.enabled = False


def test_guessing_passwords_is_stopped(limited: FlaskClient) -> None:
    def attempt() -> int:
        return limited.post("/api/auth/login", json={"email": "x", "password": "y"}).status_code

    assert {attempt() for _ in range(10)} == {400}
    asked = limited.post("/api/auth/login", json={"email": "nobody@example.com", "password": "y"})
    assert asked.status_code == 401
    assert "X-RateLimit-Remaining" in asked.headers
    assert "Retry-After" not in asked.headers  # it would have a client wait that need not

    response = limited.post("/api/auth/login", json={"email": "x"}, headers={"Origin": ORIGIN})
    body = refused(response, 429, "too_many")
    assert body["message"] == "Too many requests. Please wait a moment."
    assert 0 < int(response.headers["Retry-After"]) <= 300
    assert response.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert preflight(limited, "/api/auth/login", "POST").status_code == 200


def test_who_knows_the_password_may_sign_in_again_and_again(limited: FlaskClient, customer: Person) -> None:
    def attempt(password: str) -> int:
        body = {"email": customer.email, "password": password}
        return limited.post("/api/auth/login", json=body).status_code

    assert {attempt("a guess") for _ in range(9)} == {401}
    assert {attempt(PASSWORD) for _ in range(15)} == {200}
    assert (attempt("a guess"), attempt("a guess")) == (401, 429)


def test_even_that_has_an_end_because_each_time_costs_a_hash(limited: FlaskClient, customer: Person) -> None:
    from_there = {"REMOTE_ADDR": FRONT_END}

    def attempt() -> int:
        body = {"email": customer.email, "password": PASSWORD}
        return limited.post("/api/auth/login", json=body, environ_overrides=from_there).status_code

    assert {attempt() for _ in range(60)} == {200}
    assert attempt() == 429


def test_neighbours_of_a_guesser_may_still_sign_in(limited: FlaskClient, customer: Person) -> None:
    for spelling in ("victim@example.com", " VICTIM@example.com") * 5:
        limited.post("/api/auth/login", json={"email": spelling, "password": "guess"})

    spelling = {"email": "Victim@Example.com", "password": "guess"}
    refused(limited.post("/api/v1/auth/login", json=spelling), 429, "too_many")
    refused(limited.post("/api/auth/login", data=spelling), 429, "too_many")
    mine = {"email": customer.email, "password": PASSWORD}
    assert limited.post("/api/auth/login", json=mine).status_code == 200


def two_faced(json: str, form: str) -> dict[str, str]:
    """A body that is an object to whoever reads JSON and says something else to whoever reads the form it is."""
    return {
        "data": '{%s, "z": "&%s&"}' % (json, form),  # noqa: UP031 - braces
        "content_type": "application/x-www-form-urlencoded",
    }


def test_a_guesser_is_counted_by_what_is_tried_not_by_what_else_could_be_read(limited: FlaskClient) -> None:
    def attempt(number: int) -> int:
        body = two_faced(f'"email": "{number}@example.com"', "email=victim@example.com&password=guess")
        return limited.post("/api/auth/login", **body).status_code

    assert {attempt(number) for number in range(10)} == {401}
    assert attempt(10) == 429


def test_a_guesser_does_not_get_far_with_many_accounts_either(limited: FlaskClient) -> None:
    def attempt(number: int) -> int:
        body = {"email": f"{number}@example.com"}
        return limited.post("/api/auth/login", json=body).status_code

    assert {attempt(number) for number in range(300)} == {400}
    assert attempt(300) == 429


def test_the_front_ends_server_signs_in_for_many_but_nobody_guesses_through_it(limited: FlaskClient) -> None:
    def attempt(email: str) -> int:
        from_there = {"REMOTE_ADDR": FRONT_END}
        return limited.post(
            "/api/auth/login", json={"email": email}, environ_overrides=from_there
        ).status_code

    assert {attempt(f"{number}@example.com") for number in range(301)} == {400}
    assert {attempt("victim@example.com") for _ in range(10)} == {400}
    assert attempt("victim@example.com") == 429


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"email": {"a": []}}', b'{"email": "\\ud800"}', b"\xff"])
def test_what_cannot_be_read_is_counted_too(limited: FlaskClient, body: bytes) -> None:
    def attempt() -> int:
        return limited.post("/api/auth/login", data=body, content_type="application/json").status_code

    assert {attempt() for _ in range(10)} == {400}
    assert attempt() == 429


def test_the_addresses_of_one_ipv6_customer_are_one_place(limited: FlaskClient) -> None:
    def attempt(address: str) -> int:
        return limited.post(
            "/api/auth/login", json={"email": "x"}, environ_overrides={"REMOTE_ADDR": address}
        ).status_code

    assert {attempt(f"2001:db8:1:2::{number:x}") for number in range(10)} == {400}
    assert attempt("2001:db8:1:2:ffff::1") == 429
    assert attempt("2001:db8:1:3::1") == 400


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


def test_guessing_coupon_codes_is_stopped_at_every_door(
    limited: FlaskClient, app: Flask, person: Callable[..., Person]
) -> None:
    with app.app_context():
        put_coupon("GIFT", at=START)
        put_coupon("MORE", at=START)
    one, other = person(), person()

    def attempt(who: Person, path: str, code: str) -> int:
        body = {"couponCode": code, "planId": str(uuid.uuid4())}
        return limited.post(f"/api/{path}", json=body, headers=who.headers).status_code

    def order(who: Person, code: str) -> int:
        return attempt(who, "subscriptions", code)

    assert attempt(one, "wallet/redeem-coupon", "GIFT") == 200  # what was right is not counted
    assert {attempt(one, "wallet/validate-coupon", f"GUESS{number}") for number in range(10)} == {200}
    assert {attempt(one, "wallet/redeem-coupon", f"GUESS{number}") for number in range(10)} == {400}

    for path in ("wallet/validate-coupon", "wallet/redeem-coupon", "subscriptions"):
        assert attempt(one, path, "MORE") == 429
    assert order(one, "") == 404  # without a code there is nothing to guess
    assert attempt(other, "wallet/redeem-coupon", "MORE") == 200


def test_a_form_that_was_looked_at_is_told_from_another_under_the_same_key(
    app: Flask, limited: FlaskClient, customer: Person
) -> None:
    with app.app_context():
        put_coupon("GIFT", at=START)
        put_coupon("MORE", at=START)

    def redeem(code: str) -> TestResponse:
        headers = customer.headers | {"Idempotency-Key": "one-click"}
        return limited.post("/api/wallet/redeem-coupon", data={"couponCode": code}, headers=headers)

    first = redeem("GIFT")
    assert first.status_code == 200
    refused(redeem("MORE"), 409, "kept_answers.key_reused")
    assert redeem("GIFT").data == first.data


def test_a_guesser_of_coupons_is_counted_by_what_is_tried(limited: FlaskClient, customer: Person) -> None:
    def attempt() -> int:
        body = two_faced('"no": "code"', "couponCode=GUESS")
        return limited.post("/api/wallet/redeem-coupon", headers=customer.headers, **body).status_code

    assert {attempt() for _ in range(20)} == {400}
    assert attempt() == 429


def test_a_guesser_of_coupons_does_not_get_far_with_many_accounts_either(
    limited: FlaskClient, person: Callable[..., Person]
) -> None:
    def attempt(who: Person) -> int:
        return limited.post(
            "/api/wallet/redeem-coupon", json={"couponCode": "GUESS"}, headers=who.headers
        ).status_code

    people = [person() for _ in range(11)]

    assert {attempt(who) for who in people[:10] for _ in range(20)} == {400}
    assert attempt(people[10]) == 429


def test_whatever_has_no_limit_of_its_own_has_the_one_for_writes(
    limited: FlaskClient, person: Callable[..., Person]
) -> None:
    one, other = person(), person()

    def rename(who: Person | None) -> TestResponse:
        return limited.put("/api/user/profile", json={"name": "Siti"}, headers=who.headers if who else {})

    first = rename(one)
    assert first.headers["X-RateLimit-Limit"] == "120"
    assert first.headers["X-RateLimit-Remaining"] == "119"
    assert {rename(one).status_code for _ in range(119)} == {200}
    response = rename(one)
    refused(response, 429, "too_many")
    assert 0 < int(response.headers["Retry-After"]) <= 60
    assert rename(other).status_code == 200
    assert rename(None).status_code == 401
    assert limited.get("/api/user/profile", headers=one.headers).status_code == 200


def test_a_made_up_token_is_no_new_account(limited: FlaskClient) -> None:
    def rename(number: int) -> int:
        headers = {"Authorization": f"Bearer e30.e30.{number:04}"}
        return limited.put("/api/user/profile", json={}, headers=headers).status_code

    assert {rename(number) for number in range(120)} == {401}
    assert rename(121) == 429


def test_who_reads_without_end_is_told_to_wait(
    limited: FlaskClient, monkeypatch: pytest.MonkeyPatch, person: Callable[..., Person]
) -> None:
    monkeypatch.setattr(guard, "READS", parse("30 per minute"))
    one, other = person(), person()

    def poll(who: Person) -> TestResponse:
        return limited.get("/api/subscriptions", headers=who.headers)

    assert {poll(one).status_code for _ in range(30)} == {200}
    response = poll(one)
    refused(response, 429, "too_many")
    assert 0 < int(response.headers["Retry-After"]) <= 60
    assert poll(other).status_code == 200
    assert limited.head("/api/subscriptions", headers=one.headers).status_code == 429


def test_a_silent_redis_stops_no_read_and_no_guesser_goes_free(
    limited: FlaskClient, monkeypatch: pytest.MonkeyPatch, person: Callable[..., Person]
) -> None:
    one = person()
    silent = connection("redis://127.0.0.1:1/0").connection_pool
    monkeypatch.setattr(limiter.storage.storage, "connection_pool", silent)
    monkeypatch.setattr(
        limiter, "_storage_dead", False
    )  # what the limiter now learns is forgotten afterwards

    assert limited.get("/api/subscriptions", headers=one.headers).status_code == 200
    guesses = [limited.post("/api/auth/login", json={"email": "x"}).status_code for _ in range(12)]

    assert guesses == [400] * 10 + [429] * 2


def test_the_gateway_may_send_many_notices(limited: FlaskClient) -> None:
    for path in ("/api/wallet/webhook/midtrans", "/api/webhooks/midtrans/notification"):
        response = limited.post(path, json={})

        assert response.status_code == 400
        assert response.headers["X-RateLimit-Limit"] == "1200"
