"""Every JSON answer of every test is held against the OpenAPI document: which keys are there, and what they hold.

It listens to all applications of the process, so that no test has to ask for it. An answer costs some microseconds:
the schema of each operation and status is compiled once.
"""

import re
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from flask import Flask, Response, request, request_finished

if TYPE_CHECKING:
    from jsonschema_rs import Draft202012Validator

found: list[str] = []
"""What was wrong with the answers of the running test."""

_DOCUMENT = "urn:openapi"
_ITSELF = "/api/v1/openapi.json"
_SUCCESS = range(200, 300)


@pytest.fixture(autouse=True)
def _answers_are_as_documented() -> Iterator[None]:
    """Fail the test in which an answer is not what the document says."""
    found.clear()
    yield
    wrong = sorted(set(found))
    found.clear()
    assert wrong == [], "the document says otherwise: mend the schema, or the answer"


class Document:
    """The document of one application, and what its answers are held against."""

    def __init__(self, said: dict[str, Any]) -> None:
        import jsonschema_rs  # a tenth of a second, which tests without answers need not wait

        self._said = said
        self._judge_by = jsonschema_rs.Draft202012Validator
        self._registry = jsonschema_rs.Registry([(_DOCUMENT, said)])
        self.judge = cache(self._judge)

    def _judge(self, path: str, method: str, status: int) -> "Draft202012Validator | str | None":
        """What judges an answer; a sentence when it should not be there, None for what is no part of the API."""
        operation = self._said["paths"].get(path, {}).get(method)
        if operation is None:
            is_ours = path.startswith("/api/") and path != _ITSELF
            return "this operation is not documented" if is_ours else None
        answers = operation["responses"]
        if status in _SUCCESS and str(status) not in answers:
            return "this status is not documented"
        answer = answers.get(str(status), answers.get("default"))
        if "$ref" in answer:
            answer = self._said["components"]["responses"][answer["$ref"].rpartition("/")[2]]
        if "application/json" not in answer.get("content", {}):
            return "JSON is not documented"
        schema = answer["content"]["application/json"]["schema"]["$ref"]
        return self._judge_by({"$ref": _DOCUMENT + schema}, registry=self._registry, validate_formats=True)


def _document_of(app: Flask) -> Document | None:
    known: Document | None = app.extensions.get(_DOCUMENT)
    apis = app.extensions.get("flask-smorest", {}).get("apis")
    if known is None and apis:
        known = Document(orjson.loads(orjson.dumps(apis[""]["ext_obj"].spec.to_dict())))
        app.extensions[_DOCUMENT] = known
    return known


@request_finished.connect
def _look(app: Flask, response: Response, **_: Any) -> None:
    rule = request.url_rule
    if rule is None or not response.is_json or response.content_encoding or request.method == "HEAD":
        return
    document = _document_of(app)
    if document is None:
        return
    path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
    judge = document.judge(path, request.method.lower(), response.status_code)
    if judge is None:
        return
    place = f"{request.method} {path} {response.status_code}"
    if isinstance(judge, str):
        found.append(f"{place}: {judge}")
        return
    faults = judge.iter_errors(orjson.loads(response.get_data()))
    found.extend(f"{place} {'.'.join(map(str, each.instance_path))}: {each.message[:300]}" for each in faults)


__all__ = ["found"]
