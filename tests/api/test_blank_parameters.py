"""A blank parameter of a query was not given, on every route there is: what is not chosen filters nothing."""

import re
from typing import Any

import pytest
from flask import Flask

from tests.api.roles.row import For, Row
from tests.api.roles.rows import ROWS
from tests.plugins.scene import Scene

pytestmark = pytest.mark.usefixtures("gateway", "cluster")


def _parameters(app: Flask) -> dict[str, list[str]]:
    """The names of the query parameters of each route that reads, from the document."""
    paths: dict[str, Any] = app.test_client().get("/api/openapi.json").get_json()["paths"]
    return {
        f"GET {path}": [
            each["name"] for each in operations["get"].get("parameters", ()) if each["in"] == "query"
        ]
        for path, operations in paths.items()
        if "get" in operations
    }


def _answer(app: Flask, scene: Scene, row: Row, query: dict[str, str]) -> Any:
    path = re.sub(r"{(\w+)}", lambda hole: scene.ids[hole[1]][row.pick.get(hole[1], 0)], row.path)
    who = scene.administrator if row.whom is For.STAFF else scene.customer
    return app.test_client().get(path, query_string=query, headers=who.headers)


def test_a_blank_parameter_is_as_if_it_were_not_there(app: Flask, scene: Scene) -> None:
    parameters = _parameters(app)
    rows = [row for row in ROWS if parameters.get(row.route) and row.answers == 200]

    assert {"GET /api/v1/wallet/transactions", "GET /api/v1/subscriptions", "GET /api/v1/tickets"} <= {
        row.route for row in rows
    }
    for row in rows:
        for blank in ("", " "):
            query = {**dict.fromkeys(parameters[row.route], blank), **row.query}
            answer = _answer(app, scene, row, query)
            assert answer.status_code == 200, (row.route, query, answer.data[:300])


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/api/v1/wallet/transactions", "type=&status=&startDate=&endDate=&page=&limit="),
        ("/api/v1/subscriptions", "status=&includeInstances="),
        ("/api/v1/tickets", "status=&page="),
    ],
)
def test_a_blank_filter_leaves_nothing_out(app: Flask, scene: Scene, path: str, query: str) -> None:
    client, headers = app.test_client(), scene.customer.headers

    everything = client.get(path, headers=headers).get_json()["data"]

    assert client.get(f"{path}?{query}", headers=headers).get_json()["data"] == everything
    assert client.get(f"{path}?status=NONE", headers=headers).status_code == 400
