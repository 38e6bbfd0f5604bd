"""What the tests of the administration share: a browser that has signed in, and forms as a browser sends them."""

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from minispod.cluster import monitoring
from minispod.cluster.port import NodeSighting
from minispod.kernel.clock import FrozenClock
from minispod.kernel.unit_of_work import unit_of_work
from tests.admin.shop import Shop, open_shop
from tests.factories.nodes import worker
from tests.plugins.app import PASSWORD, Person

_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


@dataclass
class Browser:
    """A client that keeps its cookie and sends the token of the page it came from."""

    client: FlaskClient
    token: str = ""

    def get(self, path: str, **headers: str) -> TestResponse:
        """Open a page and remember its token."""
        response = self.client.get(
            path, headers={name.replace("_", "-"): value for name, value in headers.items()}
        )
        found = _TOKEN.search(response.text)
        self.token = found[1] if found else self.token
        return response

    def fragment(self, path: str, **headers: str) -> TestResponse:
        """Open a page as htmx does for one of its parts."""
        return self.get(path, HX_Request="true", **headers)

    def post(self, path: str, came_from: str = "/admin/", **fields: str) -> TestResponse:
        """Send a form that stands on the page `came_from`."""
        return self.client.post(
            path,
            data={"csrf_token": self.token, **fields},
            headers={"Referer": f"http://localhost{came_from}"},
        )

    def sign_in(self, email: str, password: str = PASSWORD, **fields: str) -> TestResponse:
        """Fill in the sign-in page."""
        self.get("/admin/login")
        return self.post("/admin/login", "/admin/login", email=email, password=password, **fields)

    def shown(self, path: str, status: int = 200) -> str:
        """The text of a page; fails unless it answers with `status`."""
        response = self.get(path)
        assert response.status_code == status, response.text[:400]
        return response.text


@pytest.fixture
def stranger(app: Flask) -> Callable[[], Browser]:
    """Make a browser nobody has signed in with."""
    return lambda: Browser(app.test_client())


@pytest.fixture
def browser(stranger: Callable[[], Browser], administrator: Person) -> Browser:
    """A browser in which an administrator has signed in."""
    made = stranger()
    assert made.sign_in(administrator.email).status_code == 303
    made.get("/admin/")
    return made


@pytest.fixture
def shop(app: Flask, clock: FrozenClock, customer: Person, plan_id: Callable[..., uuid.UUID]) -> Shop:
    """A shop with one of everything."""
    return open_shop(app, clock, customer, plan_id)


@pytest.fixture
def nodes_seen(app: Flask, clock: FrozenClock) -> None:
    """Two workers and a control plane, read every ten minutes for two hours."""
    with app.app_context():
        for minutes in range(120, -1, -10):
            with unit_of_work():
                names = ("control-1", "worker-1", "worker-2")
                monitoring.record_nodes(
                    [node_seen(name, clock) for name in names], clock.now() - timedelta(minutes=minutes)
                )


def node_seen(name: str, clock: FrozenClock) -> NodeSighting:
    """A busy node; `worker-2` is not ready, `control-...` is no worker."""
    return worker(
        name,
        is_ready=name != "worker-2",
        is_control_plane=name.startswith("control"),
        cpu_requested=3_000,
        memory_requested=16_384,
        pods_running=12,
        cpu_used=1_500,
        memory_used=None if name == "control-1" else 8_192,
        addresses=("10.0.0.4",),
        conditions={"Ready": "True"},
        created_at=clock.now() - timedelta(days=12),
    )
