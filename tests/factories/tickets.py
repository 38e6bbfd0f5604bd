"""Tickets as tests need them, through the doors."""

from collections.abc import Sequence
from io import BytesIO
from typing import Any

from flask.testing import FlaskClient
from werkzeug.datastructures import FileStorage
from werkzeug.test import TestResponse, encode_multipart

from tests.plugins.app import Person, data_of

JSON = "application/json"


def open_ticket(client: FlaskClient, who: Person, subject: str = "Cannot open it", **fields: Any) -> Any:
    """A new ticket of this customer, as the answer shows it."""
    body = {"subject": subject, "description": "It does not open since this morning.", **fields}
    return data_of(client.post("/api/tickets", json=body, headers=who.headers), 201)


def write(client: FlaskClient, who: Person, ticket: Any, content: str = "Any news?") -> Any:
    """A message of the customer's."""
    path = f"/api/tickets/{ticket['id']}/messages"
    return data_of(client.post(path, json={"content": content}, headers=who.headers), 201)


def answer(client: FlaskClient, staff: Person, ticket: Any, content: str = "We are looking at it.") -> Any:
    """An administrator's answer."""
    path = f"/api/admin/tickets/{ticket['id']}/messages"
    return data_of(client.post(path, json={"content": content}, headers=staff.headers), 201)


def send_files(
    client: FlaskClient,
    who: Person,
    files: Sequence[tuple[str, bytes]],
    *,
    path: str = "/api/tickets",
    declared: str | None = None,
    field: str = "attachments",
    **texts: str,
) -> TestResponse:
    """Post a form with files; `declared` is the type the client claims for each."""
    texts = texts or {"subject": "With a picture", "description": "See the picture attached here."}
    sent = [FileStorage(BytesIO(content), name, content_type=declared) for name, content in files]
    # The test client would write a large form into a file of its own, and leave it open.
    boundary, body = encode_multipart({**texts, field: sent})
    kind = f"multipart/form-data; boundary={boundary}"
    return client.post(path, data=body, content_type=kind, headers=who.headers)


def show(client: FlaskClient, who: Person, ticket: Any, *, door: str = "tickets") -> Any:
    """The ticket in full."""
    return data_of(client.get(f"/api/{door}/{ticket['id']}", headers=who.headers))
