"""An administrator at the API of the catalogue, and what the front end's dialogs send."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from minispod.catalog.models import Category, Service
from minispod.kernel.database import session
from tests.plugins.app import Person, data_of, refused


class Office:
    """An administrator at the API."""

    def __init__(self, client: FlaskClient, who: Person) -> None:
        self.client, self.headers = client, who.headers

    def get(self, path: str) -> Any:
        return data_of(self.client.get(path, headers=self.headers))

    def post(self, path: str, **body: Any) -> Any:
        return data_of(self.client.post(path, json=body, headers=self.headers), 201)

    def put(self, path: str, **body: Any) -> Any:
        return data_of(self.client.put(path, json=body, headers=self.headers))

    def patch(self, path: str) -> Any:
        return data_of(self.client.patch(path, headers=self.headers, content_type="application/json"))

    def delete(self, path: str) -> None:
        data_of(self.client.delete(path, headers=self.headers))

    def refused(self, status: int, code: str, method: str, path: str, **body: Any) -> Any:
        response = self.client.open(path, method=method, json=body, headers=self.headers)
        return refused(response, status, code)


@pytest.fixture
def office(client: FlaskClient, administrator: Person) -> Office:
    return Office(client, administrator)


@pytest.fixture
def ids(app: Flask) -> Callable[[str], str]:
    """The id of a service or a category by its slug."""

    def find(slug: str) -> str:
        with app.app_context():
            for model in (Service, Category):
                found = session().scalar(select(model.id).where(model.slug == slug))
                if found is not None:
                    return str(found)
        raise AssertionError(slug)

    return find
