"""Whatever is sent to any route of the API, by a visitor, a customer or an administrator: never a 500.

Routes, fields and parameters are read from the application's own OpenAPI document, so that a new route is
tried without anybody thinking of it.
"""

import base64
import json
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.plugins.app import Person, refused

_TEXTS = (
    "a\x00b",
    "\ud800\udfff\ud800",
    "\u202e\r\nBcc: x@example.com",
    "' OR 1=1 --",
    "<script>alert(1)</script>%s{0}",
    "../../../etc/passwd",
    "x" * 3000,
    "http://example.com/" + "x" * 3000,
    '"' + "\x01" * 30 + '"@example.com',
    "9" * 5000,
    "\u0661\u0662\u0663",
    "\U0001f600" * 40,
    "  ",
    "",
)
_OTHERS: tuple[Any, ...] = (
    None,
    True,
    -1,
    2**31,
    2**63,
    10**400,
    0.5,
    1e308,
    float("nan"),
    float("inf"),
    [],
    [[["x"]]],
    {"a": {"b": None}},
)
_BODIES = (
    b"\xff\xfe\x00",
    b"[" * 100_000,
    b'{"a":' * 50_000,
    b"9" * 10_000,
    b'{"amount": ' + b"9" * 10_000 + b"}",
    b'{"amount": 1e999999}',
    b'"text"',
    b"null",
    b"\xef\xbb\xbf{}",
    "{}".encode("utf-16"),
)
_SOME_ID = "01a1f922-b4b6-77d2-9267-754f21fb013a"
_DECENT = {
    "name": "Somebody",
    "password": "long enough",
    "amount": 10_000,
    "paymentMethod": "QRIS",
    "autoRenew": True,
    "planId": _SOME_ID,
}


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path, with what it takes."""

    method: str
    path: str
    query: tuple[str, ...]
    headers: tuple[str, ...]
    is_open: bool
    fields: tuple[str, ...]

    def with_path(self, value: str) -> str:
        """The path with `value` in each of its holes."""
        pieces = self.path.replace("}", "{").split("{")
        return "".join(
            quote(_bytes(value), safe="") if odd % 2 else piece for odd, piece in enumerate(pieces)
        )

    def with_field(self, name: str, value: Any) -> bytes:
        """A body that is decent but for one field."""
        decent = {each: _DECENT.get(each) for each in self.fields}
        if "email" in decent:
            decent["email"] = f"{uuid.uuid4().hex}@example.com"
        return json.dumps({**decent, name: value}).encode()


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _operations(app: Flask) -> Iterator[Operation]:
    document = app.test_client().get("/api/v1/openapi.json").get_json()
    schemas = document["components"]["schemas"]
    for path, item in document["paths"].items():
        for method in item.keys() & {"get", "post", "put", "patch", "delete"}:
            parameters = [*item.get("parameters", ()), *item[method].get("parameters", ())]
            content = item[method].get("requestBody", {}).get("content", {})
            names = [media["schema"]["$ref"].rsplit("/", 1)[1] for media in content.values()]
            yield Operation(
                method.upper(),
                path,
                tuple(each["name"] for each in parameters if each["in"] == "query"),
                tuple(each["name"] for each in parameters if each["in"] == "header"),
                not item[method].get("security"),
                tuple(field for name in names for field in schemas[name]["properties"]),
            )


class Attacker:
    """Sends everything to every route, and remembers what was answered with a crash."""

    def __init__(
        self, app: Flask, person: Person | None, headers: Callable[[Person], dict[str, str]]
    ) -> None:
        self._client = app.test_client()
        self._person = person
        self._headers = headers
        self.operations = [each for each in _operations(app) if each.is_open == (person is None)]
        self.answers: Counter[int] = Counter()
        self.crashes: list[tuple[str, str, str]] = []

    def send(self, operation: Operation, what: object, path: str | None = None, **how: Any) -> None:
        """Send one request; 503 is no crash: no gateway and no cluster are there."""
        # Signed in anew each time: some of what is sent signs out everywhere.
        headers = {**(self._headers(self._person) if self._person else {}), **how.pop("headers", {})}
        address = path or operation.with_path(_SOME_ID)
        status = self._client.open(address, method=operation.method, headers=headers, **how).status_code
        self.answers[status] += 1
        if status >= 500 and status != 503:
            self.crashes.append((operation.method, operation.path, repr(what)[:80]))


@pytest.fixture(params=["visitor", "customer", "administrator"])
def attacker(
    request: pytest.FixtureRequest,
    app: Flask,
    catalog: None,
    headers_now: Callable[[Person], dict[str, str]],
) -> Attacker:
    """Somebody with bad intentions."""
    who: str = request.param
    return Attacker(app, None if who == "visitor" else request.getfixturevalue(who), headers_now)


def test_no_address_crashes_us(attacker: Attacker) -> None:
    for operation in attacker.operations:
        for value in _TEXTS:
            if "{" in operation.path and value:
                attacker.send(operation, value, operation.with_path(value))
            for name in operation.query:
                attacker.send(operation, (name, value), query_string=f"{name}={quote(_bytes(value))}")

    assert attacker.crashes == []
    assert attacker.answers[400] + attacker.answers[404] > 10


@pytest.mark.timeout(600)
def test_no_field_of_a_body_crashes_us(attacker: Attacker) -> None:
    for operation in attacker.operations:
        for name in operation.fields:
            for value in (*_TEXTS, *_OTHERS):
                body = operation.with_field(name, value)
                attacker.send(operation, (name, value), data=body, content_type="application/json")

    assert attacker.crashes == []
    assert attacker.answers[400] > 50


def test_no_body_crashes_us(attacker: Attacker) -> None:
    for operation in attacker.operations:
        for body in _BODIES:
            attacker.send(operation, body, data=body, content_type="application/json")

    assert attacker.crashes == []


@pytest.mark.parametrize(
    "name", ["Authorization", "Idempotency-Key", "X-Request-ID", "X-Forwarded-For", "Cookie"]
)
def test_no_header_crashes_us(attacker: Attacker, name: str) -> None:
    deep = base64.urlsafe_b64encode(b"[" * 5000).decode().rstrip("=")
    values = (
        "\xff\xfe",
        "a\x00b",
        "x" * 8000,
        f"Bearer {deep}.e30.x",
        f"Bearer e30.{deep}.x",
        "Bearer \xe9.\xe9.\xe9",
    )
    for operation in attacker.operations:
        for value in values:
            attacker.send(operation, (name, value), headers={name: value}, json={})

    assert attacker.crashes == []


@pytest.mark.parametrize("body", _BODIES[:5])
def test_what_is_no_json_is_called_so(client: FlaskClient, body: bytes) -> None:
    answer = client.post("/api/v1/auth/login", data=body, content_type="application/json")

    refused(answer, 400, "request.malformed_json")


@pytest.mark.parametrize(
    "name", ["Siti\r\nBcc: x@example.com", "Siti\x00", "\ud800iti", "nimdA\u202eitiS", "   ", " S "]
)
def test_a_name_is_one_visible_line(client: FlaskClient, name: str) -> None:
    new = {"name": name, "email": "siti@example.com", "password": "long enough"}

    assert "name" in refused(client.post("/api/v1/auth/register", json=new), 400, "request.invalid")["errors"]


def test_a_name_stays_one_line_when_it_is_changed(client: FlaskClient, customer: Person) -> None:
    body = {"name": "Siti\r\nBcc: x@example.com"}

    refused(client.put("/api/v1/user/profile", json=body, headers=customer.headers), 400, "request.invalid")


@pytest.mark.parametrize(
    "email", ["siti@ex\u00e4mple.com", "s\u00edti@example.com", '"a\x01,b"@example.com', '"a,b"@example.com']
)
def test_mail_has_to_arrive_at_an_address(client: FlaskClient, email: str) -> None:
    new = {"name": "Siti", "email": email, "password": "long enough"}

    assert (
        "email" in refused(client.post("/api/v1/auth/register", json=new), 400, "request.invalid")["errors"]
    )


def test_a_text_the_database_cannot_hold_is_named(client: FlaskClient) -> None:
    body = refused(client.get("/api/v1/catalog/search?q=a%00b"), 400, "request.invalid")

    assert "NUL" in body["errors"]["q"][0]


def test_a_path_with_a_nul_leads_nowhere(client: FlaskClient) -> None:
    refused(client.get("/api/v1/catalog/services/a%00b"), 404, "route.not_found")
    assert client.get("/a%00b").status_code == 404
