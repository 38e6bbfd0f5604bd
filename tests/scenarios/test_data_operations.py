"""What a customer does with data, on a cluster: the simulator's, or with --cluster one with a real PostgreSQL."""

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from flask import Flask
from sqlalchemy import select

from minispod.backups.models import Backup
from minispod.catalog.recipes import get_recipe
from minispod.instances.controls import reconcile_later
from minispod.instances.models import Instance
from minispod.instances.states import InstanceStatus
from minispod.integrations.kubernetes.adapter import KubernetesCluster
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import db, session
from minispod.kernel.outbox import OutboxRow
from minispod.kernel.tasks import Task
from minispod.kernel.unit_of_work import unit_of_work
from minispod.operations import queries, requesting
from minispod.operations.models import Operation
from minispod.operations.states import OperationStatus
from minispod.subscriptions.models import Subscription
from tests.plugins.app import Person
from tests.plugins.shop import Shop

pytestmark = pytest.mark.timeout(600)
PATIENCE_SECONDS = 240
LINES = ["the first line", "a second line", "line number three"]
INSERT = b"CREATE TABLE notes (line text); INSERT INTO notes VALUES ('%s'), ('%s'), ('%s');\n" % tuple(
    line.encode() for line in LINES
)
_WORK = (Task.RECONCILE_INSTANCE.value, Task.RUN_OPERATION.value, Task.DRILL_BACKUP.value)


@dataclass
class Database:
    """One customer's PostgreSQL, written to with its own client."""

    app: Flask
    shop: Shop
    clock: FrozenClock
    run_jobs: Callable[[], int]
    cluster: KubernetesCluster
    customer: Person
    plan: uuid.UUID
    id: uuid.UUID | None = None

    def order(self) -> None:
        """Order one and wait until it runs."""
        subscription = self.shop.order(self.customer, self.plan)
        self.settle()
        self.id = self.shop.look(subscription)[1].id
        assert self.row().status is InstanceStatus.RUNNING, self.row().health_status

    def row(self) -> Instance:
        with self.app.app_context():
            row = session().scalars(select(Instance).where(Instance.id == self.id)).one()
            db.session.remove()
            return row

    def settle(self) -> None:
        """Let workers work until nothing is under way; the clock keeps step with the cluster's."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            began = time.monotonic()
            self.run_jobs()
            with self.app.app_context():
                waits = session().scalars(select(OutboxRow.id).where(OutboxRow.task.in_(_WORK))).all()
                db.session.remove()
            if not waits:
                return
            time.sleep(0.3)
            self.clock.advance(seconds=max(2.0, time.monotonic() - began))
        pytest.fail(f"{self.row().status}: {self.row().health_status}")

    def ask(self, act: Callable[..., Operation], *args: object) -> Operation:
        """Have something done with the data, and wait for its end."""
        with self.app.app_context():
            with unit_of_work():
                made = act(self.id, *args, actor=self.customer.actor, at=self.clock.now()).id
            db.session.remove()
        self.settle()
        with self.app.app_context():
            operation = queries.get_operation(made, actor=self.customer.actor)
            db.session.remove()
            return operation

    def done(self, act: Callable[..., Operation], *args: object) -> Operation:
        """The same, and it must have worked."""
        operation = self.ask(act, *args)
        assert (operation.status, operation.error) == (OperationStatus.DONE, None)
        assert self.row().status is InstanceStatus.RUNNING
        return operation

    def write(self, statement: bytes) -> None:
        """Have the database's own client carry out a statement."""
        row, command = self.row(), ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-U", "admin", "-d", "myapp"]
        self.cluster.write_to(row.namespace, self.pod(), "app", command, [statement], len(statement))

    def rows(self) -> list[str]:
        """Which of the three rows are there, by what the database tells when it is dumped."""
        command = ["pg_dump", "-U", "admin", "-d", "myapp", "--data-only"]
        told = b"".join(self.cluster.read_from(self.row().namespace, self.pod(), "app", command)).decode()
        return [line for line in LINES if line in told]

    def pod(self) -> str:
        """The pod in which it runs."""
        row = self.row()
        sighting = self.cluster.see(row.namespace, row.name)
        assert sighting is not None
        assert sighting.pod_name is not None
        return sighting.pod_name


@pytest.fixture
def database(
    app: Flask,
    shop: Shop,
    clock: FrozenClock,
    run_jobs: Callable[[], int],
    cluster: KubernetesCluster,
    customer: Person,
    plan_id: Callable[..., uuid.UUID],
) -> Database:
    """A running PostgreSQL with three rows."""
    made = Database(app, shop, clock, run_jobs, cluster, customer, plan_id("postgresql", "BASIC"))
    made.order()
    made.write(INSERT)
    return made


def test_rows_are_backed_up_lost_by_a_reset_and_back_after_a_restore(database: Database) -> None:
    assert database.rows() == LINES
    backup = database.done(requesting.back_up).backup_id

    database.done(requesting.reset)
    assert database.rows() == []

    database.done(requesting.restore, backup)
    assert database.rows() == LINES
    assert database.row().volume_number == 3


def test_what_was_deleted_after_its_end_is_restored_into_a_newly_ordered_instance(
    database: Database, tick: Callable[[str], None]
) -> None:
    old = database.row()
    with database.app.app_context(), unit_of_work():
        session().get_one(Subscription, old.subscription_id).auto_renew = False
    database.clock.advance(days=32)
    tick("advance-calendar")
    database.settle()
    assert database.row().status is InstanceStatus.STOPPED
    database.clock.advance(days=31)
    tick("advance-calendar")
    database.settle()
    assert database.row().status is InstanceStatus.TERMINATED
    assert database.cluster.see(old.namespace, old.name) is None
    with database.app.app_context():
        backup = queries.newest_usable_backup(old.id)
        assert backup is not None
        assert backup.reason.value == "before_delete"

    database.order()
    assert database.rows() == []
    database.done(requesting.restore, backup.id)

    assert database.rows() == LINES


def test_an_upgrade_brings_the_rows_into_the_newer_version(database: Database) -> None:
    recipe = get_recipe("postgresql")
    old, new = recipe.versions[-1], recipe.version
    with database.app.app_context(), unit_of_work():
        instance = session().get_one(Instance, database.id)
        instance.version = old
        reconcile_later(instance, database.clock.now())
    database.settle()
    assert database.rows() == LINES

    database.done(requesting.upgrade, new)

    assert database.row().version == new
    assert database.rows() == LINES


def test_a_last_backup_comes_before_the_deletion_a_customer_asks_for(database: Database) -> None:
    row = database.row()
    database.shop.cancel(database.customer, row.subscription_id)
    database.settle()

    assert database.row().status is InstanceStatus.TERMINATED
    with database.app.app_context():
        backup = queries.newest_usable_backup(row.id)
        assert backup is not None
        assert backup.plain_size > 0
        assert queries.live_operation(row.id) is None
        db.session.remove()


def test_a_backup_is_restored_for_proof_and_nothing_is_left_of_it(
    database: Database, tick: Callable[[str], None]
) -> None:
    backup_id = database.done(requesting.back_up).backup_id
    tick("drill-backups")
    database.settle()

    with database.app.app_context():
        [drill] = queries.newest_drills()
        backup = session().get_one(Backup, backup_id)
        assert (drill.backup_id, drill.error) == (backup_id, None)
        assert backup.proven_at == drill.ended_at is not None
        db.session.remove()
    deadline = time.monotonic() + PATIENCE_SECONDS
    names = {f"drill-{drill.id.hex}"}
    while names & {each["metadata"]["name"] for each in database.cluster.inventory("namespaces")}:
        assert time.monotonic() < deadline, "its namespace was asked to go"
        time.sleep(0.5)
    assert database.rows() == LINES
