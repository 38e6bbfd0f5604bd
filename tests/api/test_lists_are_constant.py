"""Every list of the route table asks the database as often for many rows as for one.

A list is a GET that takes a `limit`, as the application's own document says; a new one is tried by itself. It is
tried in the furnished shop, which has several of most things; of what it lacks, more is made first, or it is named
here with the test that tries it over many rows.
"""

import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from minispod.kernel.database import session, table_of
from minispod.kernel.ids import new_id
from minispod.kernel.unit_of_work import unit_of_work
from minispod.operations.models import Operation
from minispod.operations.states import OperationStatus
from tests.api.roles.row import For, Row
from tests.api.roles.rows import ROWS
from tests.api.roles.test_matrix import Caller
from tests.factories.statements import asked
from tests.plugins.scene import Scene

pytestmark = pytest.mark.usefixtures("gateway", "cluster")

ELSEWHERE = {
    "GET /api/v1/admin/billing/low-credit": "tests/api/test_lists_ask_few_questions.py",
    "GET /api/v1/admin/refunds": "tests/domain/insights/test_long_lists.py",
}


def _redeem(app: Flask, scene: Scene) -> None:
    for code in scene.ids["coupon_code"][:2]:
        sent = {"couponCode": code}
        app.test_client().post("/api/v1/wallet/redeem-coupon", json=sent, headers=scene.customer.headers)


def _repeat_operations(app: Flask, scene: Scene) -> None:
    with app.app_context(), unit_of_work():
        for row in session().scalars(select(Operation)).all():
            columns = {each.name: getattr(row, each.name) for each in table_of(Operation).columns}
            finished = {"id": new_id(), "status": OperationStatus.FAILED}
            session().add(Operation(**{**columns, **finished}))


MORE = {
    "GET /api/v1/wallet/coupon-history": _redeem,
    "GET /api/v1/subscriptions/{subscription_id}/operations": _repeat_operations,
}


@cache
def _document() -> Any:
    return json.loads((Path(__file__).resolve().parents[2] / "docs" / "openapi.json").read_text())


def _takes_limit(row: Row) -> bool:
    said = _document()["paths"].get(row.path, {}).get("get", {}).get("parameters", [])
    return row.method == "GET" and any(each.get("name") == "limit" for each in said)


LISTS = [row for row in ROWS if _takes_limit(row)]


def _longest(data: Any) -> int:
    """How many rows the longest list of an answer has."""
    if isinstance(data, list):
        return max([len(data), *map(_longest, data)])
    return max(map(_longest, data.values()), default=0) if isinstance(data, dict) else 0


def test_the_route_table_has_lists() -> None:
    assert len(LISTS) > 20


@pytest.mark.parametrize("row", LISTS, ids=lambda row: row.route)
def test_many_rows_are_no_more_questions_than_one(app: Flask, scene: Scene, row: Row) -> None:
    who = scene.administrator if row.whom is For.STAFF else scene.customer
    if row.route in MORE:
        MORE[row.route](app, scene)
    found = []
    for limit in ("1", "20"):
        caller = Caller(app, scene, replace(row, query={**row.query, "limit": limit}))
        with asked() as sent:
            answer = caller.send(who)
        assert answer.status_code == 200, answer.data[:300]
        found.append((len(sent), _longest(answer.get_json()["data"])))

    (one, _), (many, rows) = found
    assert one == many, found
    assert (rows > 1) is (row.route not in ELSEWHERE), rows
