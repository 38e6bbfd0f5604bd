"""The OpenAPI document keeps its word: structure, parameters, errors, and a token exactly where one is needed."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

DOCUMENT: dict[str, Any] = json.loads(
    (Path(__file__).parents[3] / "docs" / "openapi.json").read_text(encoding="utf-8")
)
METHODS = {"get", "post", "put", "patch", "delete"}
# The front end sends one there (contract, I4), and clients may say why they leave (backend 4); nowhere else.
BODY_ON_DELETE = {
    "/api/v1/admin/subscriptions/{subscription_id}/force-cancel",
    "/api/v1/subscriptions/{subscription_id}",
}
STATUS = re.compile(r"^([1-5]\d\d|default)$")


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in DOCUMENT["paths"].items():
        for method in sorted(METHODS & set(item)):
            shared = item.get("parameters", [])
            operation = item[method]
            yield path, method, {**operation, "parameters": [*shared, *operation.get("parameters", [])]}


ALL = [pytest.param(*each, id=f"{each[1]} {each[0]}") for each in operations()]


def test_the_document_is_of_openapi_3_1() -> None:
    assert DOCUMENT["openapi"].startswith("3.1.")
    assert {"title", "version"} <= set(DOCUMENT["info"])
    assert set(DOCUMENT) <= {"openapi", "info", "paths", "components", "tags", "servers", "security"}
    assert DOCUMENT["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    for path, item in DOCUMENT["paths"].items():
        assert path.startswith("/")
        assert set(item) <= METHODS | {"parameters"}, path


@pytest.mark.parametrize(("path", "method", "operation"), ALL)
def test_parameters_and_answers_are_declared(path: str, method: str, operation: dict[str, Any]) -> None:
    parameters = operation["parameters"]
    names = [(each["in"], each["name"]) for each in parameters]

    assert len(names) == len(set(names))
    assert {name for place, name in names if place == "path"} == set(re.findall(r"{(\w+)}", path))
    assert all(each["in"] in {"path", "query", "header"} and "schema" in each for each in parameters)
    assert all(each.get("required") for each in parameters if each["in"] == "path")
    for status, answer in operation["responses"].items():
        assert STATUS.match(status)
        assert "$ref" in answer or answer["description"]
    if method in {"get", "delete"}:
        assert ("requestBody" in operation) is (method == "delete" and path in BODY_ON_DELETE)


@pytest.mark.parametrize(("path", "method", "operation"), ALL)
def test_a_token_is_documented_exactly_where_one_is_needed(
    client: FlaskClient, path: str, method: str, operation: dict[str, Any]
) -> None:
    needs_token = {"bearer": []} in operation.get("security", []) and {} not in operation["security"]

    response = client.open(re.sub(r"{\w+}", "x", path), method=method.upper(), json={})

    assert (response.status_code == 401) is needs_token


def test_every_operation_of_the_api_documents_its_refusals() -> None:
    problem = DOCUMENT["components"]["schemas"]["Problem"]
    default = DOCUMENT["components"]["responses"]["DEFAULT_ERROR"]
    assert default["content"]["application/json"]["schema"]["$ref"].endswith("/Problem")
    assert {"success", "statusCode", "message", "timestamp", "code", "requestId"} == set(problem["required"])
    for path, method, operation in operations():
        assert "default" in operation["responses"], (method, path)


def test_schemas_are_types_json_schema_knows() -> None:
    known = {"string", "integer", "number", "boolean", "object", "array", "null"}
    for schema in schemas(DOCUMENT["components"]["schemas"]):
        said = schema["type"]
        assert {said} <= known if isinstance(said, str) else set(said) <= known, schema
        assert set(schema.get("required", [])) <= set(schema.get("properties", schema.get("required", [])))


def schemas(node: Any) -> Iterator[dict[str, Any]]:
    """Every part of the schemas that states a type."""
    if isinstance(node, dict):
        if isinstance(node.get("type"), str | list):
            yield node
        for value in node.values():
            yield from schemas(value)
    elif isinstance(node, list):
        for value in node:
            yield from schemas(value)


def test_the_document_is_valid() -> None:
    OpenAPIV31SpecValidator(DOCUMENT).validate()  # type: ignore[arg-type]


def test_every_operation_has_a_name_of_its_own_a_tag_that_is_described_and_says_its_security() -> None:
    described = {tag["name"] for tag in DOCUMENT["tags"] if tag.get("description")}
    names = [operation["operationId"] for _, _, operation in operations()]

    assert len(names) == len(set(names))
    assert all(re.fullmatch(r"[a-z][A-Za-z0-9]+", name) for name in names)
    for path, method, operation in operations():
        assert set(operation["tags"]) <= described, (method, path)
        assert operation["security"] in ([], [{"bearer": []}], [{}, {"bearer": []}]), (method, path)


def test_what_an_operation_may_refuse_follows_from_its_guard_and_what_it_takes() -> None:
    for path, method, operation in operations():
        told = set(operation["responses"])
        assert {"429", "503"} <= told, (method, path)
        assert ("401" in told) or operation["security"] != [{"bearer": []}], (method, path)
        assert ("403" in told) is path.startswith("/api/v1/admin/"), (method, path)
        assert "404" in told or "{" not in path, (method, path)
        assert method == "get" or {"400", "409", "413"} <= told, (method, path)


def test_every_success_has_a_schema_or_a_type_of_file() -> None:
    for path, method, operation in operations():
        for status, answer in operation["responses"].items():
            if status.startswith("2"):
                assert answer.get("content"), (method, path, status)


def test_examples_fit_their_schemas() -> None:
    found = [node for node in schemas(DOCUMENT) if "examples" in node]

    assert len(found) > 300
    for node in found:
        for example in node["examples"]:
            Draft202012Validator(node).validate(example)


def test_patterns_are_those_of_json_schema() -> None:
    patterns = [node["pattern"] for node in schemas(DOCUMENT) if "pattern" in node]

    assert patterns
    assert [each for each in patterns if not each.startswith("^") or r"\Z" in each or r"\A" in each] == []
