"""What the tests of user administration share: its requests, as an administrator sends them."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from minispod.audit.models import AuditEntry
from minispod.kernel.database import session
from tests.plugins.app import Person, data_of

PATH = "/api/admin/users"


@pytest.fixture
def listed(client: FlaskClient, administrator: Person) -> Callable[..., Any]:
    def ask(**query: Any) -> Any:
        return data_of(client.get(PATH, query_string=query, headers=administrator.headers))

    return ask


@pytest.fixture
def put(client: FlaskClient, administrator: Person) -> Callable[..., Any]:
    def change(who: object, **body: Any) -> Any:
        return client.put(f"{PATH}/{who}", json=body, headers=administrator.headers)

    return change


@pytest.fixture
def switch(client: FlaskClient, administrator: Person) -> Callable[..., Any]:
    def patch(who: object, **body: Any) -> Any:
        return client.patch(f"{PATH}/{who}/status", json=body, headers=administrator.headers)

    return patch


@pytest.fixture
def remove(client: FlaskClient, administrator: Person) -> Callable[..., Any]:
    """DELETE as the front end sends it: announced as JSON, without a body."""

    def delete(who: object, **query: object) -> Any:
        headers = {**administrator.headers, "Content-Type": "application/json"}
        return client.delete(f"{PATH}/{who}", headers=headers, query_string=query)

    return delete


def acts_on(app: Flask, subject: object) -> list[str]:
    """The acts written down about something, oldest first."""
    with app.app_context():
        wanted = (
            select(AuditEntry.action).where(AuditEntry.subject_id == str(subject)).order_by(AuditEntry.id)
        )
        return [str(each) for each in session().scalars(wanted)]
