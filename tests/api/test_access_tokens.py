"""Bearer tokens that are none: forged, of another kind, ended, odd. Each is a plain 401, at every kind of door."""

import base64
import json
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from flask.testing import FlaskClient

from minispod.kernel.clock import FrozenClock
from tests.plugins.app import PASSWORD, Person, PortsNow, data_of, refused

DOORS = ("/api/auth/profile", "/api/wallet/info", "/api/admin/users")
Forge = Callable[..., str]


@pytest.fixture
def claims(administrator: Person) -> dict[str, Any]:
    """What a good token of the administrator says."""
    token = administrator.headers["Authorization"].split()[1]
    found: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return found


@pytest.fixture
def sign(ports: PortsNow) -> Forge:
    """Sign claims with our own secret, so that only the claims can be at fault."""

    def make(claims: dict[str, Any], algorithm: str = "HS256", **changes: Any) -> str:
        changed = {name: value for name, value in {**claims, **changes}.items() if value is not None}
        payload = json.dumps(changed).encode()
        return jwt.PyJWS().encode(payload, ports.token_keys.secret, algorithm=algorithm)

    return make


def _is_refused(client: FlaskClient, token: str, door: str = DOORS[0]) -> bool:
    answer = client.get(door, headers={"Authorization": f"Bearer {token}"})
    body = answer.get_json()
    return (answer.status_code, body["code"]) == (401, "accounts.bad_token")


def _unsigned(header: dict[str, Any], claims: dict[str, Any]) -> str:
    parts = (json.dumps(each).encode() for each in (header, claims))
    return ".".join(base64.urlsafe_b64encode(each).decode().rstrip("=") for each in parts) + "."


@pytest.mark.parametrize("door", DOORS)
def test_the_unchanged_claims_are_good(
    client: FlaskClient, claims: dict[str, Any], sign: Forge, door: str
) -> None:
    data_of(client.get(door, headers={"Authorization": f"Bearer {sign(claims)}"}))


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "", None, 7, "HS256"])
def test_without_a_signature_nothing_is_believed(
    client: FlaskClient, claims: dict[str, Any], door: str, algorithm: Any
) -> None:
    assert _is_refused(client, _unsigned({"alg": algorithm, "typ": "JWT"}, claims), door)


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
def test_another_algorithm_or_key_is_not_believed(
    client: FlaskClient, claims: dict[str, Any], sign: Forge
) -> None:
    key = rsa.generate_private_key(65537, 2048)

    assert _is_refused(client, sign(claims, "HS384"))
    assert _is_refused(client, sign(claims, "HS512"))
    assert _is_refused(client, jwt.encode(claims, key, algorithm="RS256"))
    assert _is_refused(
        client, jwt.encode(claims, "another secret, which is long enough too", algorithm="HS256")
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "refresh"},
        {"exp": None},
        {"exp": 1},
        {"exp": "later"},
        {"exp": [1]},
        {"sub": None},
        {"sub": "nobody"},
        {"sub": 7},
        {"sub": "\x00"},
        {"sub": "01a20005-a1d4-7e29-be51-6aad2fb5c2b0"},
        {"ver": None},
        {"ver": 99},
        {"ver": "x"},
        {"ver": 10**30},
        {"jti": 7},
        {"nbf": 99_999_999_999},
    ],
    ids=ascii,
)
def test_claims_that_do_not_fit_are_not_believed(
    client: FlaskClient, claims: dict[str, Any], sign: Forge, changes: dict[str, Any]
) -> None:
    assert _is_refused(client, sign(claims, **changes))


@pytest.mark.parametrize(
    "token",
    [
        "x",
        "..",
        "a.b.c",
        "\u00e9.\u00e9.\u00e9",
        "x" * 100_000,
        ".".join(["e30"] * 3),
        "[]",
        "{}",
        "null.null.null",
    ],
    ids=lambda token: ascii(token)[:20],
)
def test_what_is_no_token_at_all_is_none(client: FlaskClient, token: str) -> None:
    assert _is_refused(client, token.encode().decode("latin-1"))


def test_a_refresh_token_opens_nothing_and_an_access_token_refreshes_nothing(
    client: FlaskClient, customer: Person
) -> None:
    login = {"email": customer.email, "password": PASSWORD}
    tokens = data_of(client.post("/api/auth/login", json=login))

    assert _is_refused(client, tokens["refreshToken"])
    body = {"refreshToken": tokens["accessToken"][:200]}
    refused(client.post("/api/auth/refresh-token", json=body), 401, "accounts.bad_token")


def test_a_revoked_family_refreshes_no_more(
    client: FlaskClient, customer: Person, clock: FrozenClock
) -> None:
    def refresh(token: str) -> Any:
        return client.post("/api/auth/refresh-token", json={"refreshToken": token})

    first = data_of(client.post("/api/auth/login", json={"email": customer.email, "password": PASSWORD}))
    second = data_of(refresh(first["refreshToken"]))
    other = data_of(client.post("/api/auth/login", json={"email": customer.email, "password": PASSWORD}))
    clock.advance(minutes=1)

    refused(refresh(first["refreshToken"]), 401, "accounts.token_reused")

    refused(refresh(second["refreshToken"]), 401, "accounts.bad_token")
    data_of(refresh(other["refreshToken"]))  # another family, of another device


@pytest.mark.parametrize("token", [None, "", "a\x00", "x" * 201, 7, ["x"], {"a": 1}], ids=ascii)
def test_an_odd_refresh_token_is_named(client: FlaskClient, token: Any) -> None:
    answer = client.post("/api/auth/refresh-token", json={"refreshToken": token})

    assert "refreshToken" in refused(answer, 400, "request.invalid")["errors"]


def test_an_expired_refresh_token_is_worth_nothing(
    client: FlaskClient, customer: Person, clock: FrozenClock
) -> None:
    login = {"email": customer.email, "password": PASSWORD}
    token = data_of(client.post("/api/auth/login", json=login))["refreshToken"]
    clock.advance(days=7)

    answer = client.post("/api/auth/refresh-token", json={"refreshToken": token})

    refused(answer, 401, "accounts.bad_token")
