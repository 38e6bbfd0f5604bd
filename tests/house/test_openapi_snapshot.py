"""The OpenAPI document is a promise: docs/openapi.json is what the application says, and it is well formed."""

import json
from pathlib import Path
from typing import Any

import pytest

from minispod.app import create_app
from minispod.settings import Settings

SNAPSHOT = Path(__file__).resolve().parents[2] / "docs" / "openapi.json"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    app = create_app(
        Settings(database_url="postgresql://nobody@127.0.0.1:1/none", redis_url="redis://127.0.0.1:1/0")
    )
    found: dict[str, Any] = app.extensions["flask-smorest"]["apis"][""]["ext_obj"].spec.to_dict()
    return json.loads(json.dumps(found))


def test_the_snapshot_is_what_the_application_says(document: dict[str, Any]) -> None:
    kept = json.loads(SNAPSHOT.read_text())

    assert sorted(kept["paths"]) == sorted(document["paths"]), "run `make openapi` and read the difference"
    assert kept == document, "run `make openapi` and read the difference"


def test_every_operation_is_summed_up_and_answers_something(document: dict[str, Any]) -> None:
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if method == "parameters":
                continue
            assert operation.get("summary"), (method, path)
            assert set(operation["responses"]) - {"default"}, (method, path)


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    for reference in references(document):
        place: Any = document
        for part in reference.removeprefix("#/").split("/"):
            place = place[part]
        assert place


def references(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return own + [found for value in node.values() for found in references(value)]
    if isinstance(node, list):
        return [found for value in node for found in references(value)]
    return []
