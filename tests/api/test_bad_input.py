"""Bad input at every route that is there: paging, sizes, depths and types that nobody means well with.

The routes come from the application's own document, so that a new one is tried by itself. Each is asked as an
administrator about things that exist; what is asked is refused with a code, or answered as if it had not been there.
"""

import json
import re
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.api.fuzz.test_operations import DOCUMENT, METHODS
from tests.plugins.scene import Scene, bring_back

pytestmark = pytest.mark.usefixtures("gateway")
_MEGABYTES = 10 * 1024 * 1024


def _takes(method: str, path: str, *names: str) -> bool:
    item = DOCUMENT["paths"][path]
    given = [*item.get("parameters", ()), *item[method].get("parameters", ())]
    return {each["name"] for each in given if each["in"] == "query"} >= set(names)


ALL = [
    (method, path)
    for path, item in DOCUMENT["paths"].items()
    for method in sorted(METHODS & set(item))
    if path.startswith("/api/")
]
LISTS = [path for method, path in ALL if method == "get" and _takes(method, path, "page", "limit")]
READING = [(method, path) for method, path in ALL if "requestBody" in DOCUMENT["paths"][path][method]]


class Asker:
    """Sends to the things of the furnished shop, as an administrator."""

    def __init__(self, app: Flask, scene: Scene) -> None:
        self._app, self._client, self._scene = app, app.test_client(), scene

    def send(self, method: str, path: str, *, request_id: str | None = None, **how: Any) -> TestResponse:
        path = path.replace("categories/{slug}", "categories/databases")
        filled = re.sub(r"{(\w+)}", lambda hole: self._scene.first(hole[1]), path)
        answer = self._client.open(
            filled, method=method.upper(), headers=self._scene.administrator.headers, **how
        )
        assert answer.status_code != 500, (method, path, how)
        if method != "get" and answer.status_code < 300:
            bring_back(self._app)
        return answer


@pytest.fixture
def asker(app: Flask, scene: Scene) -> Asker:
    return Asker(app, scene)


def is_refused(answer: TestResponse, *statuses: int) -> None:
    body = answer.get_json()
    assert answer.status_code in statuses, body
    assert body["success"] is False
    assert re.fullmatch(r"[a-z_.]+", body["code"]), body
    assert len(answer.data) < 4096, "a refusal does not give back what was sent"


def test_there_are_lists_and_bodies() -> None:
    assert len(LISTS) > 10
    assert len(READING) > 30


@pytest.mark.parametrize("path", LISTS)
def test_a_page_beyond_the_end_is_empty_and_an_absurd_one_is_refused(asker: Asker, path: str) -> None:
    beyond = asker.send("get", path, query_string={"page": 100, "limit": 100})
    far = asker.send("get", path, query_string={"page": 99_999, "limit": 100})

    assert beyond.status_code == 200
    assert all(rows == [] for rows in _lists(beyond.get_json()["data"]))
    # Long lists of money name a cursor for what is so far away (docs/adr/0033); all others have nothing there.
    if far.status_code != 200:
        is_refused(far, 400)
        assert far.get_json()["code"] == "insights.beyond_window"
    for page, limit in ((0, 10), (-1, 10), (10**30, 10), (1, 0), (1, -5), (1, 10**9), ("x", 10), (1, "\x00")):
        is_refused(asker.send("get", path, query_string={"page": page, "limit": limit}), 400)


def _lists(data: Any) -> list[list[Any]]:
    """The list that is paged: whatever lies beside `pagination`."""
    if not isinstance(data, dict):
        return []
    if "pagination" in data:
        return [value for value in data.values() if isinstance(value, list)]
    return [found for value in data.values() for found in _lists(value)]


@pytest.mark.parametrize(("method", "path"), ALL)
def test_a_nul_in_the_path_leads_nowhere(asker: Asker, method: str, path: str) -> None:
    is_refused(asker.send(method, path.replace("{", "a%00{", 1) if "{" in path else f"{path}%00"), 404)


@pytest.mark.parametrize(("method", "path"), READING)
def test_ten_megabytes_are_too_much(asker: Asker, method: str, path: str) -> None:
    body = b'{"name": "' + b"x" * _MEGABYTES + b'"}'

    is_refused(asker.send(method, path, data=body, content_type="application/json"), 413)


@pytest.mark.parametrize(("method", "path"), READING)
def test_what_is_too_deep_is_no_json(asker: Asker, method: str, path: str) -> None:
    for body in (b"[" * 100_000, b'{"a":' * 100_000 + b"1" + b"}" * 100_000):
        # A notification of the gateway may have 64 kB, and this is more.
        statuses = {413} if "midtrans" in path else {400}
        is_refused(asker.send(method, path, data=body, content_type="application/json"), *statuses)


@pytest.mark.parametrize(("method", "path"), READING)
def test_a_body_of_another_type_is_refused_or_read_as_empty(asker: Asker, method: str, path: str) -> None:
    empty = asker.send(method, path, data=b"", content_type="application/json")
    for kind in ("text/plain", "application/xml", "application/octet-stream", "image/png", "nonsense"):
        answer = asker.send(method, path, data=json.dumps({"a": 1}).encode(), content_type=kind)
        assert answer.status_code in {empty.status_code, 400, 415}, (kind, answer.get_json())


@pytest.mark.parametrize(
    "given", ["short", "x" * 65, "two words", 'a"quoted"one', "l\u00e4nger-als-acht", "<script>alert"]
)
def test_a_request_id_that_could_harm_a_log_is_replaced(asker: Asker, given: str) -> None:
    answer = asker.send("get", "/api/v1/catalog/services/{subscription_id}", request_id=given)

    ours = answer.headers["X-Request-ID"]
    assert re.fullmatch(r"[0-9a-f]{32}", ours)
    assert answer.get_json()["requestId"] == ours
