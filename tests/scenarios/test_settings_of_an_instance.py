"""Environment and credentials from the click to the pod: on the simulated cluster, and on a real one by --cluster."""

import time
import uuid
from collections.abc import Callable

import pytest
from cryptography.fernet import Fernet
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from minispod.cluster.port import CommandFailed
from minispod.instances import controls
from minispod.instances.models import Instance
from minispod.instances.states import InstanceStatus
from minispod.integrations.kubernetes.adapter import KubernetesCluster
from minispod.kernel.actor import system
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import db, session
from minispod.kernel.sealed import Sealer
from minispod.kernel.unit_of_work import unit_of_work
from minispod.notifications.models import Notification
from tests.plugins.app import Person, PortsNow, data_of

PlanFinder = Callable[..., uuid.UUID]
PATIENCE_SECONDS = 240

pytestmark = pytest.mark.timeout(600)


class Ground:
    """One customer's instance on a cluster, and what its owner does to it over the wire."""

    def __init__(
        self,
        ports: PortsNow,
        client: FlaskClient,
        clock: FrozenClock,
        run_jobs: Callable[[], int],
        headers: Callable[[], dict[str, str]],
        cluster: KubernetesCluster,
    ) -> None:
        self.ports, self.client, self.clock, self.run_jobs, self.headers = (
            ports,
            client,
            clock,
            run_jobs,
            headers,
        )
        self.cluster = cluster
        self.path = ""

    def order(self, plan: uuid.UUID) -> Instance:
        """Order it and wait until it runs."""
        answer = self.client.post("/api/subscriptions", json={"planId": str(plan)}, headers=self.headers())
        self.path = f"/api/subscriptions/{data_of(answer, 201)['subscription']['id']}"
        return self.until(lambda row: row.status is InstanceStatus.RUNNING)

    def row(self) -> Instance:
        """The instance's row."""
        app: Flask = self.ports.app
        with app.app_context():
            row = session().scalars(select(Instance)).one()
            db.session.remove()
            return row

    def until(self, is_so: Callable[[Instance], bool], step: float = 2.0) -> Instance:
        """Run the jobs and let time pass until it is so; `step` seconds of our clock between two looks."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            self.run_jobs()
            row = self.row()
            if is_so(row):
                return row
            time.sleep(0.3)
            self.clock.advance(seconds=step)
        row = self.row()
        pytest.fail(f"still {row.status} ({row.health_status})")

    def secrets(self) -> dict[str, str]:
        """The credentials, as shown to the owner."""
        shown: dict[str, str] = data_of(self.client.post(f"{self.path}/access", headers=self.headers()))[
            "values"
        ]
        return shown

    def rotate(self, name: str) -> None:
        """Have one credential changed and wait until the instance runs with it."""
        generation = self.row().generation
        data_of(self.client.post(f"{self.path}/credentials/{name}/rotate", headers=self.headers()), 202)
        self.until(lambda row: row.generation > generation and row.status is InstanceStatus.RUNNING)

    def ask(self, container: str, command: str) -> str:
        """What a command writes in the present pod."""
        row = self.row()
        sighting = self.cluster.see(row.namespace, row.name)
        assert sighting is not None
        assert sighting.pod_name is not None
        written = self.cluster.read_from(
            row.namespace, sighting.pod_name, container, ["sh", "-c", f"{command} 2>&1"]
        )
        return b"".join(written).decode()


@pytest.fixture
def ground(
    ports: PortsNow,
    client: FlaskClient,
    customer: Person,
    clock: FrozenClock,
    run_jobs: Callable[[], int],
    headers_now: Callable[[Person], dict[str, str]],
    cluster: KubernetesCluster,
) -> Ground:
    """A customer with credit and a cluster."""
    return Ground(ports, client, clock, run_jobs, lambda: headers_now(customer), cluster)


# Container, how the data are written, and how one signs in over the network with a password.
DATABASES = {
    "POSTGRES_PASSWORD": (
        "postgresql",
        "app",
        "psql -q -U admin -d myapp -c 'create table t as select 42 as kept'",
        "PGPASSWORD={password} psql -h 127.0.0.1 -U admin -d myapp -Atc 'select kept from t'",
    ),
    "MARIADB_PASSWORD": (
        "mariadb",
        "app",
        'MYSQL_PWD="$MARIADB_ROOT_PASSWORD" mariadb -uroot myapp -e "create table t as select 42 as kept"',
        "MYSQL_PWD={password} mariadb -h127.0.0.1 -uadmin myapp -Ne 'select kept from t'",
    ),
    "MARIADB_ROOT_PASSWORD": (
        "mariadb",
        "app",
        'MYSQL_PWD="$MARIADB_ROOT_PASSWORD" mariadb -uroot myapp -e "create table t as select 42 as kept"',
        "MYSQL_PWD={password} mariadb -h127.0.0.1 -uroot myapp -Ne 'select kept from t'",
    ),
    "REDIS_PASSWORD": (
        "redis",
        "app",
        "redis-cli set kept 42",
        "REDISCLI_AUTH={password} redis-cli get kept",
    ),
}


@pytest.mark.parametrize("name", DATABASES)
def test_a_rotated_password_is_the_one_that_opens_the_data(
    ground: Ground, plan_id: PlanFinder, pytestconfig: pytest.Config, name: str
) -> None:
    slug, container, write, sign_in = DATABASES[name]
    ground.order(plan_id(slug, "BASIC"))
    before = ground.secrets()
    is_real = pytestconfig.getoption("--cluster")
    if is_real:
        ground.ask(container, write)

    ground.rotate(name)

    after = ground.secrets()
    assert {each for each in before if before[each] != after[each]} == {name}
    if is_real:
        assert "42" in ground.ask(container, sign_in.format(password=after[name]))
        assert "42" not in _refused(ground, container, sign_in.format(password=before[name]))


def test_a_website_goes_on_with_its_databases_new_password(
    ground: Ground, plan_id: PlanFinder, pytestconfig: pytest.Config
) -> None:
    ground.order(plan_id("wordpress", "BASIC"))
    before = ground.secrets()["MARIADB_PASSWORD"]

    ground.rotate("MARIADB_PASSWORD")

    # It runs: its probe asks a page that needs the database.
    assert ground.row().status is InstanceStatus.RUNNING
    if pytestconfig.getoption("--cluster"):
        sign_in = "MYSQL_PWD={} mariadb -h127.0.0.1 -uwordpress wordpress -Ne 'select 42'"
        after = ground.secrets()["MARIADB_PASSWORD"]
        assert "42" in ground.ask("database", sign_in.format(after))
        assert "42" not in _refused(ground, "database", sign_in.format(before))


def test_a_changed_environment_is_in_the_pod_and_gone_again(
    ground: Ground, plan_id: PlanFinder, pytestconfig: pytest.Config
) -> None:
    ground.order(plan_id("wordpress", "BASIC"))
    values = {"WORDPRESS_CONFIG_EXTRA": "define('WP_POST_REVISIONS', 3);", "MINE": "$(HOME) {x} 'y'"}

    data_of(
        ground.client.patch(f"{ground.path}/environment", json={"values": values}, headers=ground.headers()),
        202,
    )
    ground.until(lambda row: row.status is InstanceStatus.RUNNING)

    seen = data_of(ground.client.get(f"{ground.path}/environment", headers=ground.headers()))
    assert (seen["names"], seen["lastChange"]["state"]) == (sorted(values), "APPLIED")
    if pytestconfig.getoption("--cluster"):
        assert ground.ask("app", 'printf %s "$MINE"') == values["MINE"]
    data_of(ground.client.post(f"{ground.path}/environment/revert", headers=ground.headers()), 202)
    ground.until(lambda row: row.status is InstanceStatus.RUNNING)
    if pytestconfig.getoption("--cluster"):
        assert ground.ask("app", 'printf "<%s>" "$MINE"') == "<>"


def test_an_environment_with_which_it_does_not_come_up_is_taken_back(
    ground: Ground, plan_id: PlanFinder, pytestconfig: pytest.Config
) -> None:
    if not pytestconfig.getoption("--cluster"):
        pytest.skip("only a real application can refuse its environment; run with --cluster")
    ground.order(plan_id("wordpress", "BASIC"))

    data_of(
        ground.client.patch(
            f"{ground.path}/environment",
            json={"values": {"WORDPRESS_CONFIG_EXTRA": "this is no PHP"}},
            headers=ground.headers(),
        ),
        202,
    )
    ground.until(lambda row: row.status is InstanceStatus.RUNNING, step=60)

    seen = data_of(ground.client.get(f"{ground.path}/environment", headers=ground.headers()))
    assert (seen["names"], seen["lastChange"]["state"]) == ([], "UNDONE")


def test_a_lost_key_leaves_what_runs_alone_and_is_told(
    ground: Ground, ports: PortsNow, administrator: Person, plan_id: PlanFinder
) -> None:
    row = ground.order(plan_id("postgresql", "BASIC"))
    ours = ports.sealer
    ports.change(sealer=Sealer([Fernet.generate_key().decode()]))
    with ports.app.app_context(), unit_of_work():
        controls.restart(row.id, actor=system("tests"), at=ground.clock.now())

    ground.run_jobs()
    ground.clock.advance(minutes=6)
    ground.run_jobs()

    now = ground.row()
    assert (now.status, now.sealed_secrets) == (InstanceStatus.RESTARTING, row.sealed_secrets)
    assert "cannot be opened" in str(now.health_status)
    sighting = ground.cluster.see(row.namespace, row.name)
    assert sighting is not None
    assert sighting.is_ready
    with ports.app.app_context():
        alerts = [
            each
            for each in session().scalars(select(Notification))
            if each.user_id == administrator.id and "cannot be opened" in str(each.facts)
        ]
    assert len(alerts) == 1
    assert "SEALING_KEYS" in str(alerts[0].facts)

    ports.change(sealer=ours)
    ground.clock.advance(minutes=6)
    ground.until(lambda each: each.status is InstanceStatus.RUNNING)


def _refused(ground: Ground, container: str, command: str) -> str:
    try:
        return ground.ask(container, command)
    except CommandFailed:
        return ""
