"""Environment and credentials from the click to the pod: on the simulated cluster, and on a real one by --cluster."""

import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.fernet import Fernet
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from minispod.cluster.port import CommandFailed
from minispod.instances import controls, rotation
from minispod.instances.models import Instance
from minispod.instances.states import InstanceStatus
from minispod.integrations.kubernetes.adapter import KubernetesCluster
from minispod.kernel.actor import system
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import db, session
from minispod.kernel.sealed import Sealer
from minispod.kernel.unit_of_work import unit_of_work
from minispod.notifications.models import Notification
from tests.contracts.cluster.conftest import pull_lever
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

    def operate(self, route: str, **body: object) -> None:
        """Have something done with the data, and wait until it is done and the instance runs."""
        answer = self.client.post(f"{self.path}/{route}", json=body, headers=self.headers())
        path = f"{self.path}/operations/{data_of(answer, 202)['operation']['id']}"

        def is_over(row: Instance) -> bool:
            seen = data_of(self.client.get(path, headers=self.headers()))["operation"]
            assert seen["status"] != "FAILED", seen["error"]
            return seen["status"] == "DONE" and row.status is InstanceStatus.RUNNING

        self.until(is_over)

    def pod(self) -> str:
        """The pod in which it runs now."""
        row = self.row()
        sighting = self.cluster.see(row.namespace, row.name)
        assert sighting is not None
        assert sighting.pod_name is not None
        return sighting.pod_name

    def ask(self, container: str, command: str) -> str:
        """What a command writes in the present pod."""
        written = self.cluster.read_from(
            self.row().namespace, self.pod(), container, ["sh", "-c", f"{command} 2>&1"]
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
        "MYSQL_PWD={password} mariadb -h127.0.0.1 --skip-ssl-verify-server-cert -uadmin myapp -Ne 'select kept from t'",
    ),
    "MARIADB_ROOT_PASSWORD": (
        "mariadb",
        "app",
        'MYSQL_PWD="$MARIADB_ROOT_PASSWORD" mariadb -uroot myapp -e "create table t as select 42 as kept"',
        "MYSQL_PWD={password} mariadb -h127.0.0.1 --skip-ssl-verify-server-cert -uroot myapp -Ne 'select kept from t'",
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


@pytest.mark.parametrize(
    ("slug", "names", "write", "dump"),
    [
        (
            "postgresql",
            ["POSTGRES_PASSWORD"],
            ["psql", "-X", "-q", "-U", "admin", "-d", "myapp"],
            ["pg_dump", "-U", "admin", "-d", "myapp", "--data-only"],
        ),
        (
            "mariadb",
            ["MARIADB_PASSWORD", "MARIADB_ROOT_PASSWORD"],
            ["sh", "-c", 'MYSQL_PWD="$MARIADB_ROOT_PASSWORD" exec mariadb -uroot myapp'],
            ["sh", "-c", 'MYSQL_PWD="$MARIADB_ROOT_PASSWORD" exec mariadb-dump -uroot myapp'],
        ),
    ],
)
def test_rotated_passwords_leave_the_data_as_they_are(
    ground: Ground, plan_id: PlanFinder, slug: str, names: list[str], write: list[str], dump: list[str]
) -> None:
    row = ground.order(plan_id(slug, "BASIC"))
    statement = b"CREATE TABLE notes (line varchar(20)); INSERT INTO notes VALUES ('still here');"
    ground.cluster.write_to(row.namespace, ground.pod(), "app", write, [statement], len(statement))

    for name in names:
        ground.rotate(name)

    dumped = b"".join(ground.cluster.read_from(row.namespace, ground.pod(), "app", dump))
    assert b"still here" in dumped


@pytest.mark.parametrize("name", ["POSTGRES_PASSWORD", "MARIADB_ROOT_PASSWORD"])
def test_a_worker_that_dies_after_the_command_is_followed_by_one_that_ends_it(
    ground: Ground, plan_id: PlanFinder, ports: PortsNow, pytestconfig: pytest.Config, name: str
) -> None:
    slug, container, write, sign_in = DATABASES[name]
    row = ground.order(plan_id(slug, "BASIC"))
    is_real = pytestconfig.getoption("--cluster")
    if is_real:
        ground.ask(container, write)
    data_of(ground.client.post(f"{ground.path}/credentials/{name}/rotate", headers=ground.headers()), 202)
    with ports.app.app_context():
        with unit_of_work():
            order = rotation.claim(row.id, sealer=ports.sealer, actor=system("tests"), at=ground.clock.now())
        assert order is not None
        assert rotation.carry_out(order, ground.cluster) is None  # and here it dies
        db.session.remove()
    before = ground.secrets()[name]

    ground.until(lambda each: each.generation > row.generation and each.status is InstanceStatus.RUNNING)

    after = ground.secrets()[name]
    assert after != before
    assert after in order.input
    if is_real:
        assert "42" in ground.ask(container, sign_in.format(password=after))


def test_a_password_that_the_owner_changed_inside_is_not_claimed_to_be_rotated(
    ground: Ground,
    plan_id: PlanFinder,
    pytestconfig: pytest.Config,
    request: pytest.FixtureRequest,
) -> None:
    row = ground.order(plan_id("mariadb", "BASIC"))
    before = ground.secrets()
    if pytestconfig.getoption("--cluster"):
        statements = "".join(
            f"ALTER USER 'root'@'{host}' IDENTIFIED BY 'my-own-choice';" for host in ("%", "localhost")
        )
        ground.ask("app", f'MYSQL_PWD="$MARIADB_ROOT_PASSWORD" mariadb -uroot -e "{statements}"')
    else:
        simulator = request.getfixturevalue("kubernetes_simulator")
        pull_lever(simulator, "exec", namespace=row.namespace, workload=row.name, how="exit", times=3)

    path = f"{ground.path}/credentials/MARIADB_PASSWORD/rotate"
    data_of(ground.client.post(path, headers=ground.headers()), 202)

    def state() -> str:
        listed = data_of(ground.client.get(f"{ground.path}/credentials", headers=ground.headers()))
        [one] = [each for each in listed["credentials"] if each["name"] == "MARIADB_PASSWORD"]
        return str(one["rotation"]["state"])

    ground.until(lambda _: state() == "FAILED", step=15)
    assert ground.secrets() == before
    assert ground.row().generation == row.generation


def test_a_backup_from_before_the_rotation_comes_back_under_the_new_password(
    ground: Ground, plan_id: PlanFinder, pytestconfig: pytest.Config
) -> None:
    _, container, write, sign_in = DATABASES["POSTGRES_PASSWORD"]
    ground.order(plan_id("postgresql", "BASIC"))
    is_real = pytestconfig.getoption("--cluster")
    if is_real:
        ground.ask(container, write)
    ground.operate("backups")
    [backup] = data_of(ground.client.get(f"{ground.path}/backups", headers=ground.headers()))["backups"]
    ground.rotate("POSTGRES_PASSWORD")
    if is_real:
        ground.ask(container, "psql -q -U admin -d myapp -c 'drop table t'")

    ground.operate(f"backups/{backup['id']}/restore")

    password = ground.secrets()["POSTGRES_PASSWORD"]
    if is_real:
        assert "42" in ground.ask(container, sign_in.format(password=password))
    ground.operate("reset-pod", confirmName=ground.row().name)
    assert ground.secrets()["POSTGRES_PASSWORD"] == password
    if is_real:
        assert "42" not in _refused(ground, container, sign_in.format(password=password))
        empty = f"PGPASSWORD={password} psql -h 127.0.0.1 -U admin -d myapp -Atc 'select 6 * 7'"
        assert "42" in ground.ask(container, empty)


def test_a_website_goes_on_with_its_databases_new_password(
    ground: Ground, plan_id: PlanFinder, pytestconfig: pytest.Config
) -> None:
    ground.order(plan_id("wordpress", "BASIC"))
    before = ground.secrets()["MARIADB_PASSWORD"]

    ground.rotate("MARIADB_PASSWORD")

    # It runs: its probe asks a page that needs the database.
    assert ground.row().status is InstanceStatus.RUNNING
    if pytestconfig.getoption("--cluster"):
        sign_in = "MYSQL_PWD={} mariadb -h127.0.0.1 --skip-ssl-verify-server-cert -uwordpress wordpress -Ne 'select 42'"
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
    ground: Ground,
    plan_id: PlanFinder,
    pytestconfig: pytest.Config,
    request: pytest.FixtureRequest,
) -> None:
    row = ground.order(plan_id("wordpress", "BASIC"))
    simulator = (
        None if pytestconfig.getoption("--cluster") else request.getfixturevalue("kubernetes_simulator")
    )
    if simulator is not None:
        pull_lever(simulator, "crash", namespace=row.namespace, workload=row.name, times=1000)
    body = {"values": {"WORDPRESS_CONFIG_EXTRA": "this is no PHP"}}

    data_of(ground.client.patch(f"{ground.path}/environment", json=body, headers=ground.headers()), 202)

    def seen() -> dict[str, Any]:
        found: dict[str, Any] = data_of(
            ground.client.get(f"{ground.path}/environment", headers=ground.headers())
        )
        return found

    ground.until(lambda _: seen()["lastChange"]["state"] == "UNDONE", step=60)
    if simulator is not None:
        pull_lever(simulator, "heal", namespace=row.namespace, workload=row.name)
    ground.until(lambda each: each.status is InstanceStatus.RUNNING)
    assert (seen()["names"], seen()["lastChange"]["state"]) == ([], "UNDONE")


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
