"""The checks of the fuzz can fail: an answer beside its document is told, whatever it is that is beside."""

import copy
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.api.fuzz.test_operations import DOCUMENT, promises, wrong
from tests.plugins.scene import Scene

PATH = "/api/v1/wallet/info"


def other_status(operation: dict[str, Any], _: dict[str, Any]) -> None:
    operation["responses"]["204"] = operation["responses"].pop("200")


def other_type(operation: dict[str, Any], _: dict[str, Any]) -> None:
    content = operation["responses"]["200"]["content"]
    content["text/csv"] = content.pop("application/json")


def other_field(_: dict[str, Any], schemas: dict[str, Any]) -> None:
    schemas["WalletOut"]["properties"]["creditBalance"] = {"type": "string"}


def missing_field(_: dict[str, Any], schemas: dict[str, Any]) -> None:
    schemas["WalletOut"]["required"] = ["neverSent"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (other_status, "Undocumented status code"),
        (other_type, "Undocumented Content-Type"),
        (other_field, "Response violates schema"),
        (missing_field, "Response violates schema"),
    ],
)
def test_an_answer_beside_its_document_is_told(
    client: FlaskClient, scene: Scene, change: Any, told: str
) -> None:
    document = copy.deepcopy(DOCUMENT)
    operation = document["paths"][PATH]["get"]
    operation["responses"].pop("default")
    assert look(document, client, scene) == ""

    change(operation, document["components"]["schemas"])

    assert told in look(document, client, scene)


def look(document: dict[str, Any], client: FlaskClient, scene: Scene) -> str:
    import schemathesis

    case = schemathesis.openapi.from_dict(copy.deepcopy(document))[PATH]["GET"].Case()
    answer = client.get(PATH, headers=scene.customer.headers)
    return wrong(lambda: case.validate_response(answer, checks=promises()))
