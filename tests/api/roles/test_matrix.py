"""Every route x {nobody, customer, another customer, administrator, deactivated}, on things that exist.

The routes come from the application's own table: one without a row fails, and so does a row without a route. The
refused come first and must have changed nothing; whoever is meant to use the route gets a success, or exactly the
documented refusal that the row names.
"""

import re
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text
from werkzeug.test import TestResponse

from minispod.kernel.database import session
from tests.api.roles.row import For, Row
from tests.api.roles.rows import ROWS
from tests.plugins.app import Person
from tests.plugins.scene import Scene, bring_back

pytestmark = pytest.mark.usefixtures("gateway", "cluster")
_PAGES = ("/admin", "/static")  # tests/admin/test_gate.py tries each of those
_HOLE = re.compile(r"<(?:\w+:)?(\w+)>")
_UNSAFE = {"POST", "PUT", "PATCH", "DELETE"}


def routes(app: Flask) -> set[str]:
    """Every method of every address that is no page of the administration."""
    return {
        " ".join((method, _HOLE.sub(r"{\1}", rule.rule)))
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) & {"GET", *_UNSAFE}
        if not rule.rule.startswith(_PAGES) and rule.rule not in {"/", "/favicon.ico"}
    }


def test_every_route_has_a_row_and_every_row_a_route(app: Flask) -> None:
    rows = [row.route for row in ROWS]

    assert len(rows) == len(set(rows))
    assert sorted(routes(app) - set(rows)) == [], "add a line for each to tests/api/roles/rows.py"
    assert sorted(set(rows) - routes(app)) == []


class Caller:
    """Sends the request of one row as one person."""

    def __init__(self, app: Flask, scene: Scene, row: Row) -> None:
        self.app, self.scene, self.row = app, scene, row

    def send(self, who: Person | None) -> TestResponse:
        """Send it."""
        how: dict[str, Any] = {"query_string": self._filled(self.row.query)}
        if self.row.body is not None:
            how["json"] = self._filled(self.row.body)
        path = re.sub(
            r"{(\w+)}", lambda hole: self._thing(hole[1], self.row.pick.get(hole[1], 0)), self.row.path
        )
        headers = who.headers if who else {}
        return self.app.test_client().open(path, method=self.row.method, headers=headers, **how)

    def _thing(self, name: str, number: int) -> str:
        return self.scene.ids[name][number]

    def _filled(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self._filled(each) for key, each in value.items()}
        if isinstance(value, list):
            return [self._filled(each) for each in value]
        if isinstance(value, str) and value.startswith("$"):
            name, _, number = value[1:].partition(".")
            return self._thing(name, int(number or 0))
        return value

    def is_refused(self, who: Person | None, status: int) -> None:
        """Whoever may not is told so, and nothing has changed."""
        before = self._books()
        answer = self.send(who)
        assert answer.status_code == status, (self.row.route, answer.data[:500])
        assert answer.get_json()["success"] is False
        assert self._books() == before, self.row.route

    def is_served(self, who: Person | None) -> None:
        """The rightful caller gets what the row says."""
        answer = self.send(who)
        if isinstance(self.row.answers, int):
            assert answer.status_code == self.row.answers, (
                self.row.route,
                answer.status_code,
                answer.data[:500],
            )
        else:
            body = answer.get_json()
            assert body.get("code") == self.row.answers, (self.row.route, answer.status_code, body)
        bring_back(self.app)

    def _books(self) -> list[Any]:
        """What any act writes into: the trail, the ledger and the outbox."""
        tables = "audit_entries", "ledger_entries", "outbox"
        with self.app.app_context():
            return [session().scalar(text(f"SELECT count(*) FROM {each}")) for each in tables]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.route)
def test_each_is_answered_as_they_may(app: Flask, scene: Scene, row: Row) -> None:
    caller = Caller(app, scene, row)
    if row.whom is For.ALL:
        for who in (None, scene.customer, scene.another, scene.administrator, scene.deactivated):
            caller.is_served(who)
        return

    caller.is_refused(None, 401)
    caller.is_refused(scene.deactivated, 401)
    if row.whom is For.SIGNED_IN:
        caller.is_served(scene.customer)
        for who in (scene.another, scene.administrator):
            assert caller.send(who).status_code not in {401, 403}
    elif row.whom is For.STAFF:
        caller.is_refused(scene.customer, 403)
        caller.is_refused(scene.another, 403)
        caller.is_served(scene.administrator)
    else:
        caller.is_refused(scene.another, 404)
        caller.is_served(scene.customer)
        caller.is_served(scene.administrator)
