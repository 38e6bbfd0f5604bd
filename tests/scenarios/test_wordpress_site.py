"""A WordPress with its MariaDB keeps what was written: through stop and start, moving, a node's loss and a restore.

With --cluster and NODE_POWER the post is written through HTTP, as an author writes it, and read from the front page.
The simulator runs no WordPress: there the same is put into its database and found in its dump.
"""

import os
import re
import uuid
from collections.abc import Callable

import pytest
import requests

from minispod.instances import controls
from minispod.instances.states import InstanceStatus
from minispod.operations import node_loss, queries, requesting
from tests.plugins.app import Person
from tests.plugins.nodes import Yard, runs_well
from tests.plugins.shop import Shop

pytestmark = pytest.mark.timeout(900)
FIRST, SECOND = "Written over HTTP", "Written elsewhere"


class Blog:
    """The site, as its author and its readers meet it."""

    def __init__(self, yard: Yard, ingress: str | None) -> None:
        self._yard, self._ingress = yard, ingress
        self._password = uuid.uuid4().hex
        self._in_database: list[str] = []

    def install(self) -> None:
        """Fill in WordPress' own installation page."""
        if self._ingress is None:
            return
        form = {
            "weblog_title": "Toko",
            "user_name": "admin",
            "admin_password": self._password,
            "admin_password2": self._password,
            "admin_email": "owner@example.com",
        }
        assert "Success" in self._send("POST", "/wp-admin/install.php?step=2", data=form).text

    def write(self, title: str) -> None:
        """Sign in and publish a post."""
        if self._ingress is None:
            self._in_database.append(title)
            statements = "".join(
                f"INSERT INTO posts VALUES ('{each}');" for each in self._in_database
            ).encode()
            row = self._yard.row()
            self._yard.cluster.write_to(
                row.namespace, self._yard.pod(), "database", ("mariadb",), [statements], len(statements)
            )
            return
        cookie = {"Cookie": "wordpress_test_cookie=WP%20Cookie%20check"}
        form = {"log": "admin", "pwd": self._password, "testcookie": "1"}
        signed_in = self._send("POST", "/wp-login.php", data=form, headers=cookie)
        session = "; ".join(f"{each.name}={each.value}" for each in signed_in.cookies)
        editor = self._send("GET", "/wp-admin/post-new.php", headers={"Cookie": session}).text
        nonce = re.search(r'createNonceMiddleware\(\s*"([0-9a-f]+)"', editor)
        assert nonce is not None, "not signed in"
        made = self._send(
            "POST",
            "/index.php?rest_route=/wp/v2/posts",
            json={"title": title, "status": "publish", "content": "kept"},
            headers={"Cookie": session, "X-WP-Nonce": nonce[1]},
        )
        assert made.status_code == 201

    def posts(self) -> list[str]:
        """Which of the posts readers see."""
        if self._ingress is None:
            row = self._yard.row()
            dump = self._yard.cluster.read_from(
                row.namespace, self._yard.pod(), "database", ("mariadb-dump", "--all-databases")
            )
            page = b"".join(dump).decode()
        else:
            page = self._send("GET", "/").text
        return [title for title in (FIRST, SECOND) if title in page]

    def _send(self, method: str, path: str, **more: object) -> requests.Response:
        headers = {"Host": self._yard.row().host, **more.pop("headers", {})}  # type: ignore[dict-item]
        return requests.request(
            method,
            f"http://{self._ingress}{path}",
            headers=headers,
            allow_redirects=False,
            timeout=60,
            **more,
        )


@pytest.fixture
def blog(request: pytest.FixtureRequest, yard: Yard) -> Blog:
    """The customer's site."""
    return Blog(yard, os.environ["INGRESS_ADDRESS"] if request.config.getoption("--cluster") else None)


def test_a_post_survives_stop_start_moving_a_dead_node_and_a_restore(
    yard: Yard,
    blog: Blog,
    shop: Shop,
    customer: Person,
    administrator: Person,
    plan_id: Callable[..., uuid.UUID],
    power: Callable[[str, str], None],
) -> None:
    shop.order(customer, plan_id("wordpress", "PRO"))
    first_home = yard.until(runs_well, "it runs").node_name
    blog.install()
    blog.write(FIRST)
    assert blog.posts() == [FIRST]

    yard.act(controls.stop, by=customer)
    yard.until(lambda row: row.status is InstanceStatus.STOPPED, "it is stopped")
    yard.act(controls.start, by=customer)
    yard.until(runs_well, "it runs again")
    assert blog.posts() == [FIRST]

    other = next(
        each.name
        for each in yard.cluster.nodes()
        if each.is_ready and each.is_schedulable and each.name != first_home
    )
    home = yard.work(requesting.move, other, by=administrator).node_name
    assert home == other
    assert blog.posts() == [FIRST]

    yard.work(requesting.back_up, by=customer)
    power("stop", home)
    yard.until(lambda row: "server that holds its data" in (row.health_status or ""), "its owner is told why")
    yard.act(node_loss.evacuate_one, by=administrator)
    yard.until(lambda row: runs_well(row) and row.node_name != home, "it runs elsewhere")
    assert blog.posts() == [FIRST]

    power("start", home)
    yard.until(lambda row: yard.is_up(home) and runs_well(row), "the node is back")
    assert yard.pods_on(home) == []
    blog.write(SECOND)
    assert blog.posts() == [FIRST, SECOND]

    yard.work(requesting.restore, _newest_backup(yard), by=customer)
    assert blog.posts() == [FIRST]


def _newest_backup(yard: Yard) -> uuid.UUID:
    with yard.app.app_context():
        backup = queries.newest_usable_backup(yard.row().id)
        assert backup is not None
        return backup.id
