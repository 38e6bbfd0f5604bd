"""A refused field is named once: the answer puts its name before the sentence, so no sentence begins with it."""

import pkgutil
import re
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from flask.testing import FlaskClient
from marshmallow import fields

import minispod.api.schemas as package
from minispod.api.schemas.base import WireSchema
from tests.plugins.app import Person, refused


def _schemas(above: type[WireSchema] = WireSchema) -> Iterator[type[WireSchema]]:
    for each in above.__subclasses__():
        yield each
        yield from _schemas(each)


def _sentences(field: fields.Field[Any]) -> Iterator[str]:
    yield from (str(text) for text in field.error_messages.values())
    yield from (str(check.error) for check in field.validators if getattr(check, "error", None))
    if isinstance(field, fields.List):
        yield from _sentences(field.inner)


def _plain(text: str) -> str:
    return re.sub(r"[^a-z]", "", text.lower())


def test_no_sentence_begins_with_the_name_of_its_field() -> None:
    for module in pkgutil.iter_modules(package.__path__):
        import_module(f"{package.__name__}.{module.name}")
    seen, doubled = 0, []
    for schema in (each for each in set(_schemas()) if not each.__name__.endswith("Out")):
        for field in schema().load_fields.values():
            name = str(field.data_key)
            for sentence in _sentences(field):
                seen += 1
                if _plain(sentence).startswith((_plain(name), _plain(name) + "s")):
                    doubled.append(f"{schema.__name__}.{name}: {sentence}")

    assert seen > 500
    assert doubled == []


def test_a_refused_ticket_names_each_field_once(client: FlaskClient, customer: Person) -> None:
    body = {"subject": "Hi", "description": "Short"}

    answer = refused(client.post("/api/tickets", json=body, headers=customer.headers), 400, "request.invalid")

    assert answer["message"].split(", ") == [
        "subject: must have 5 to 200 characters",
        "description: must have 10 to 2000 characters",
    ]
