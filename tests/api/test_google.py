"""Sign in with Google, link and unlink, over the wire: what is believed, who is let in, and what silence means."""

import base64
import json
import time
from collections.abc import Callable
from hashlib import sha256
from hmac import digest
from typing import Any

import jwt
import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from minispod.accounts.errors import GoogleSilent
from minispod.accounts.models import User
from minispod.audit.models import AuditEntry
from minispod.integrations.google_keys import GoogleKeysOverHttp
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.kernel.unit_of_work import UnitOfWorkMisuse, unit_of_work
from minispod.promotions.states import CouponType
from minispod.settings import Settings
from tests.factories.coupons import put_coupon
from tests.plugins.app import PASSWORD, Person, PortsNow, data_of, refused
from tests.plugins.google import CLIENT_ID, GoogleStandIn

LOGIN = "/api/auth/google/login"


def _enter(client: FlaskClient, token: str) -> Any:
    return data_of(client.post(LOGIN, json={"idToken": token}))


def _headers(signed_in: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {signed_in['accessToken']}"}


def _change(app: Flask, person: Person, **fields: Any) -> None:
    with app.app_context():
        user = session().get_one(User, person.id)
        for name, value in fields.items():
            setattr(user, name, value)
        session().commit()


def test_the_first_sign_in_opens_an_account_like_a_registration(
    app: Flask, client: FlaskClient, google: GoogleStandIn, clock: FrozenClock
) -> None:
    with app.app_context():
        put_coupon("HELLO", CouponType.WELCOME_BONUS, at=clock.now())

    data = _enter(client, google.token(sub="1", email="Budi@Example.com", name="Budi  Santoso\u202e"))

    user = data["user"]
    assert (user["name"], user["email"], user["role"]) == ("Budi Santoso", "Budi@Example.com", "USER")
    assert (user["isGoogleUser"], user["emailVerified"], user["creditBalance"]) == (True, True, 20_000)
    assert user["avatar"] == "https://lh3.googleusercontent.com/a/somebody"
    again = _enter(client, google.token(sub="1", email="Budi@Example.com", name="Another Name"))
    assert (again["user"]["id"], again["user"]["name"]) == (user["id"], "Budi Santoso")
    assert again["user"]["creditBalance"] == 20_000
    refused(
        client.post("/api/auth/login", json={"email": "budi@example.com", "password": "whatever"}),
        401,
        "accounts.bad_credentials",
    )
    data_of(client.get("/api/auth/profile", headers=_headers(again)))


def test_an_account_is_known_by_its_google_id_whatever_its_address_became(
    client: FlaskClient, google: GoogleStandIn
) -> None:
    first = _enter(client, google.token(sub="1", email="old@example.com"))

    again = _enter(client, google.token(sub="1", email="new@example.com"))

    assert (again["user"]["id"], again["user"]["email"]) == (first["user"]["id"], "old@example.com")


def test_a_proven_address_is_tied_and_keeps_its_password(
    app: Flask, client: FlaskClient, google: GoogleStandIn, customer: Person
) -> None:
    data = _enter(client, google.token(sub="7", email=customer.email.upper()))

    assert data["user"]["id"] == str(customer.id)
    data_of(client.get("/api/auth/profile", headers=customer.headers))
    data_of(client.post("/api/auth/login", json={"email": customer.email, "password": PASSWORD}))


def test_who_opened_an_account_with_a_strangers_address_is_out_when_the_owner_comes(
    app: Flask, client: FlaskClient, google: GoogleStandIn, customer: Person
) -> None:
    _change(app, customer, email_verified=False)

    data = _enter(client, google.token(sub="7", email=customer.email))

    assert data["user"]["id"] == str(customer.id)
    refused(client.get("/api/auth/profile", headers=customer.headers), 401, "accounts.bad_token")
    refused(
        client.post("/api/auth/login", json={"email": customer.email, "password": PASSWORD}),
        401,
        "accounts.bad_credentials",
    )
    with app.app_context():
        entry = (
            session().scalars(select(AuditEntry).where(AuditEntry.action == "account.google_linked")).one()
        )
        assert entry.details == {"password_dropped": True}


def test_another_google_account_does_not_take_over_a_tied_one(
    client: FlaskClient, google: GoogleStandIn
) -> None:
    _enter(client, google.token(sub="1", email="siti@example.com"))

    other = client.post(LOGIN, json={"idToken": google.token(sub="2", email="siti@example.com")})

    refused(other, 409, "accounts.google_account_taken")


def test_a_deactivated_account_is_refused(
    app: Flask, client: FlaskClient, google: GoogleStandIn, customer: Person
) -> None:
    _change(app, customer, is_active=False)

    refused(
        client.post(LOGIN, json={"idToken": google.token(email=customer.email)}), 401, "accounts.deactivated"
    )


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://accounts.google.com.evil.example"},
        {"iss": None},
        {"iss": ["https://accounts.google.com"]},
        {"aud": "somebody-else.apps.googleusercontent.com"},
        {"aud": [CLIENT_ID, "somebody-else"]},
        {"aud": None},
        {"exp": 1},
        {"exp": None},
        {"exp": "9999999999"},
        {"exp": True},
        {"iat": 99_999_999_999},
        {"email_verified": False},
        {"email_verified": "true"},
        {"email_verified": None},
        {"email": None},
        {"email": "nobody"},
        {"email": "no body@example.com"},
        {"email": "a\x00b@example.com"},
        {"email": "a" * 300 + "@example.com"},
        {"sub": None},
        {"sub": ""},
        {"sub": "1\x00"},
        {"sub": "9" * 256},
        {"sub": 7},
    ],
    ids=str,
)
def test_what_google_did_not_say_about_a_proven_person_to_us_now_is_not_believed(
    client: FlaskClient, google: GoogleStandIn, claims: dict[str, Any]
) -> None:
    refused(client.post(LOGIN, json={"idToken": google.token(**claims)}), 401, "accounts.bad_google_token")


@pytest.mark.parametrize("name", [None, "", "x", 7, "\x00\x01", "\ud800", "   "])
def test_without_a_proper_name_the_address_stands_for_it(
    client: FlaskClient, google: GoogleStandIn, name: Any
) -> None:
    user = _enter(client, google.token(name=name, picture="javascript:alert(1)"))["user"]

    assert (user["name"], user["avatar"]) == ("somebody@example.com", None)


def test_a_token_ends_at_its_time(client: FlaskClient, google: GoogleStandIn, clock: FrozenClock) -> None:
    token = google.token()

    clock.advance(hours=1, seconds=30)
    _enter(client, token)  # the clocks may differ a little
    clock.advance(minutes=1)

    refused(client.post(LOGIN, json={"idToken": token}), 401, "accounts.bad_google_token")


def _parts(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    claims = jwt.decode(token, options={"verify_signature": False})
    return jwt.get_unverified_header(token), claims


def _raw(header: dict[str, Any], claims: dict[str, Any], signature: bytes = b"") -> str:
    parts = (json.dumps(header).encode(), json.dumps(claims).encode(), signature)
    return ".".join(base64.urlsafe_b64encode(each).decode().rstrip("=") for each in parts)


def _public_pem(google: GoogleStandIn) -> bytes:
    key = jwt.PyJWK(requests.get(google.simulator["keys_url"], timeout=5).json()["keys"][0]).key
    return bytes(
        key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )


def _hmac_with(key: bytes, header: dict[str, Any], claims: dict[str, Any]) -> str:
    """Signed with the public key as if it were a secret; the library refuses to do so itself."""
    unsigned = _raw({**header, "alg": "HS256"}, claims).rpartition(".")[0]
    signature = digest(key, unsigned.encode(), sha256)
    return f"{unsigned}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


def test_forged_signatures_are_not_believed(client: FlaskClient, google: GoogleStandIn) -> None:
    token = google.token()
    header, claims = _parts(token)
    stranger = rsa.generate_private_key(65537, 2048)
    forged = {
        "none": _raw({**header, "alg": "none"}, claims),
        "None": _raw({**header, "alg": "None"}, claims),
        "no algorithm": _raw({"kid": header["kid"]}, claims),
        "public key as a secret": _hmac_with(_public_pem(google), header, claims),
        "another key": jwt.encode(claims, stranger, algorithm="RS256", headers={"kid": header["kid"]}),
        "another algorithm": jwt.encode(claims, stranger, algorithm="RS512", headers={"kid": header["kid"]}),
        "unknown key": jwt.encode(claims, stranger, algorithm="RS256", headers={"kid": "unknown"}),
        "no key": jwt.encode(claims, stranger, algorithm="RS256"),
        "own key": jwt.encode(
            claims,
            stranger,
            algorithm="RS256",
            headers={"kid": header["kid"], "jwk": {"kty": "RSA"}, "jku": "http://127.0.0.1:1/"},
        ),
        "key name that is none": _raw({**header, "kid": 7}, claims, b"x"),
        "unsigned": token.rpartition(".")[0] + ".",
        "changed": ".".join(
            [token.split(".")[0], _raw({}, claims | {"sub": "2"}).split(".")[1], token.split(".")[2]]
        ),
    }

    for how, each in forged.items():
        answer = client.post(LOGIN, json={"idToken": each})
        assert (answer.status_code, answer.get_json()["code"]) == (401, "accounts.bad_google_token"), how
    _enter(client, token)


@pytest.mark.parametrize(
    "token", ["x", "a.b.c", "..", "é.é.é", "." * 5000, "a" * 9999, "eyJhbGciOiJSUzI1NiJ9.W10.x"]
)
def test_what_is_no_token_is_refused(client: FlaskClient, google: GoogleStandIn, token: str) -> None:
    refused(client.post(LOGIN, json={"idToken": token}), 401, "accounts.bad_google_token")


@pytest.mark.parametrize("token", ["", None, 7, "a\x00", "a" * 10_001], ids=ascii)
def test_what_cannot_be_a_token_is_named(client: FlaskClient, token: Any) -> None:
    answer = refused(client.post(LOGIN, json={"idToken": token}), 400, "request.invalid")

    assert "idToken" in answer["errors"]


def test_our_own_access_token_is_none_of_googles_nor_googles_ours(
    client: FlaskClient, google: GoogleStandIn, customer: Person
) -> None:
    ours = customer.headers["Authorization"].split()[1]
    refused(client.post(LOGIN, json={"idToken": ours}), 401, "accounts.bad_google_token")

    theirs = {"Authorization": f"Bearer {google.token()}"}
    refused(client.get("/api/auth/profile", headers=theirs), 401, "accounts.bad_token")


def test_a_new_key_is_fetched_and_the_one_before_still_counts(
    client: FlaskClient, google: GoogleStandIn
) -> None:
    before = google.token()
    _enter(client, before)
    google.rotate()

    _enter(client, google.token())
    _enter(client, before)


def test_a_silent_google_is_a_clear_503_and_cached_keys_go_on(
    client: FlaskClient, google: GoogleStandIn, ports: PortsNow
) -> None:
    token = google.token()
    _enter(client, token)
    google.trouble(status=503)
    _enter(client, token)

    ports.change(google_keys=google.keys())
    answer = client.post(LOGIN, json={"idToken": token})

    refused(answer, 503, "accounts.google_silent")
    assert answer.headers["Retry-After"]
    google.release()
    _enter(client, token)


def test_a_slow_google_is_not_waited_for_for_long_nor_asked_again_at_once(google: GoogleStandIn) -> None:
    google.trouble(delay_s=1)
    keys = google.keys(timeout=0.2, silence_pause=60.0)
    for _ in range(2):
        with pytest.raises(GoogleSilent):
            keys.find("any")
    google.release()
    with pytest.raises(GoogleSilent):
        keys.find("any")


def test_an_unknown_key_does_not_make_us_ask_google_again_and_again(google: GoogleStandIn) -> None:
    keys = google.keys(unknown_pause=60.0)
    assert keys.find("unknown") is None
    google.trouble(status=500)

    assert keys.find("another unknown") is None


def test_what_is_no_key_set_is_silence(google: GoogleStandIn) -> None:
    with pytest.raises(GoogleSilent):
        GoogleKeysOverHttp(google.simulator["url"] + "/nothing").find("any")


def test_google_is_never_asked_within_a_unit_of_work(app: Flask, google: GoogleStandIn) -> None:
    with app.app_context(), unit_of_work(), pytest.raises(UnitOfWorkMisuse):
        google.keys().find("any")


def test_without_a_client_id_it_is_not_offered(
    app: Flask, client: FlaskClient, google: GoogleStandIn, settings: Settings
) -> None:
    bare = Settings(
        minispod_env="test",
        database_url=settings.database.database_url,
        redis_url=settings.redis.redis_url,
    )
    app.extensions["minispod.settings"] = bare
    try:
        refused(client.post(LOGIN, json={"idToken": "a.b.c"}), 400, "accounts.google_not_offered")
    finally:
        app.extensions["minispod.settings"] = settings


def test_linking_and_unlinking(
    client: FlaskClient, google: GoogleStandIn, customer: Person, person: Callable[..., Person]
) -> None:
    def link(who: Person, **claims: Any) -> Any:
        return client.post(
            "/api/auth/google/link", json={"idToken": google.token(**claims)}, headers=who.headers
        )

    refused(link(customer, email="other@example.com"), 400, "accounts.google_email_differs")
    user = data_of(link(customer, sub="1", email=customer.email))["user"]
    assert (user["isGoogleUser"], user["googleId"], user["creditBalance"]) == (True, "1", 500_000)
    data_of(link(customer, sub="1", email=customer.email))
    refused(link(customer, sub="2", email=customer.email), 409, "accounts.google_account_taken")
    other = person()
    refused(link(other, sub="1", email=other.email), 409, "accounts.google_account_taken")
    refused(link(other, email_verified=False), 400, "accounts.google_token_refused")
    data_of(client.get("/api/auth/profile", headers=customer.headers))

    user = data_of(client.post("/api/auth/google/unlink", headers=customer.headers))["user"]

    assert (user["isGoogleUser"], user["googleId"]) == (False, None)
    refused(
        client.post("/api/auth/google/unlink", headers=customer.headers), 400, "accounts.google_not_linked"
    )


def test_the_only_way_in_is_not_cut(client: FlaskClient, google: GoogleStandIn) -> None:
    mine = _headers(_enter(client, google.token()))

    refused(client.post("/api/auth/google/unlink", headers=mine), 400, "accounts.no_password")


def test_two_first_sign_ins_at_once_open_one_account(
    app: Flask, google: GoogleStandIn, at_once: Callable[..., list[Any]]
) -> None:
    token = google.token(sub="1")

    results = at_once(4, lambda _: app.test_client().post(LOGIN, json={"idToken": token}).get_json())

    assert {each["data"]["user"]["id"] for each in results if each["success"]} == {
        results[0]["data"]["user"]["id"]
    }
    assert all(each["success"] for each in results), results


def test_cached_keys_are_believed_for_a_while_only(google: GoogleStandIn) -> None:
    keys = google.keys(kept=0.2)
    assert keys.find("unknown") is None
    google.trouble(status=500)

    time.sleep(0.25)
    with pytest.raises(GoogleSilent):
        keys.find("unknown")
