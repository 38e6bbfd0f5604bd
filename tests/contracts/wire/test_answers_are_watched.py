"""The watch over all answers of the tests can fail: whatever an answer has beside its document is told."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, request_finished

from tests.plugins import answers
from tests.plugins.app import Person

WALLET = "/api/v1/wallet/info"


def missing(body: dict[str, Any]) -> None:
    del body["data"]["wallet"]["creditBalance"]


def null(body: dict[str, Any]) -> None:
    body["data"]["wallet"]["creditBalance"] = None


def other_type(body: dict[str, Any]) -> None:
    body["data"]["wallet"]["recentTransactions"] = {}


def no_instant(body: dict[str, Any]) -> None:
    body["data"]["wallet"]["memberSince"] = "yesterday"


def no_data(body: dict[str, Any]) -> None:
    del body["data"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (missing, f'GET {WALLET} 200 data.wallet: "creditBalance" is a required property'),
        (null, f'GET {WALLET} 200 data.wallet.creditBalance: null is not of type "integer"'),
        (other_type, f'GET {WALLET} 200 data.wallet.recentTransactions: {{}} is not of type "array"'),
        (no_instant, f'GET {WALLET} 200 data.wallet.memberSince: "yesterday" is not a "date-time"'),
        (no_data, f'GET {WALLET} 200 : "data" is a required property'),
    ],
)
def test_an_answer_beside_its_document_is_told(
    app: Flask, customer: Person, change: Callable[[dict[str, Any]], None], told: str
) -> None:
    true = app.test_client().get(WALLET, headers=customer.headers).get_json()
    assert look(app, WALLET, true) == []
    spoilt = copy.deepcopy(true)
    change(spoilt)

    assert look(app, WALLET, spoilt) == [told]


def test_a_refusal_is_looked_at_too(app: Flask) -> None:
    assert look(app, WALLET, {"success": False}, status=418) != []


def test_a_success_that_is_not_documented_is_told(app: Flask) -> None:
    assert look(app, WALLET, {}, status=202) == [f"GET {WALLET} 202: this status is not documented"]


def test_an_operation_that_is_not_documented_is_told() -> None:
    nothing = answers.Document({"paths": {}, "components": {}})

    assert nothing.judge("/api/v1/forgotten", "get", 200) == "this operation is not documented"
    assert nothing.judge("/admin/figures", "get", 200) is None


def look(app: Flask, path: str, body: dict[str, Any], status: int = 200) -> list[str]:
    """What the watch says about an answer; it is not held against this test."""
    answer = app.json.response(body)
    answer.status_code = status
    with app.test_request_context(path):
        request_finished.send(app, response=answer)
    told = list(answers.found)
    answers.found.clear()
    return told
