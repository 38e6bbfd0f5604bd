"""A shop on a cluster in memory, with one running application of a customer, and what is asked of both afterwards."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from sqlalchemy import select

from minispod.backups.models import Backup
from minispod.instances import volumes
from minispod.instances.models import Instance, InstanceVolume
from minispod.instances.naming import claim_name
from minispod.instances.states import InstanceStatus, VolumeStatus, Wanted
from minispod.kernel.actor import Actor
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import db, session
from minispod.kernel.outbox import OutboxRow
from minispod.kernel.tasks import Task
from minispod.kernel.unit_of_work import unit_of_work
from minispod.operations import requesting
from minispod.operations.models import Operation
from tests.domain.operations.machine import Machine
from tests.plugins.app import Person, PortsNow
from tests.plugins.shop import Shop

ROWS = b"three rows of the customer"


@dataclass
class Yard:
    """One customer's instance on the machine, and the levers of both."""

    shop: Shop
    machine: Machine
    clock: FrozenClock
    run_jobs: Callable[[], int]
    customer: Person
    plan_id: Callable[..., uuid.UUID]
    id: uuid.UUID = field(default_factory=uuid.uuid4)

    @property
    def actor(self) -> Actor:
        """The customer."""
        return self.customer.actor

    def order(self, slug: str, who: Person | None = None) -> uuid.UUID:
        """A running instance of an application, with rows in it."""
        subscription = self.shop.order(who or self.customer, self.plan_id(slug, "BASIC"))
        self.settle()
        found = self.shop.look(subscription)[1]
        assert found.status is InstanceStatus.RUNNING, found.health_status
        self.write(ROWS, found.id)
        return found.id

    def settle(self, rounds: int = 60) -> None:
        """Let workers work and time pass until nothing is under way."""
        for _ in range(rounds):
            self.run_jobs()
            if not self.is_under_way():
                return
            self.clock.advance(seconds=5)
        pytest.fail("something is still under way")

    def is_under_way(self) -> bool:
        """Whether work on instances or their data waits or runs."""
        tasks = (Task.RECONCILE_INSTANCE.value, Task.RUN_OPERATION.value)
        with self.shop.app.app_context():
            rows = session().scalars(select(OutboxRow.id).where(OutboxRow.task.in_(tasks))).all()
            db.session.remove()
        return bool(rows)

    def ask(self, act: Callable[..., Operation], *args: object, of: uuid.UUID | None = None) -> uuid.UUID:
        """Ask for an operation, in a unit of work of its own."""
        with self.shop.app.app_context(), unit_of_work():
            return act(of or self.id, *args, actor=self.actor, at=self.clock.now()).id

    def back_up(self, of: uuid.UUID | None = None) -> uuid.UUID:
        """Take a backup and tell its id."""
        made = self.ask(requesting.back_up, of=of)
        self.settle()
        backup = self.operation(made).backup_id
        assert backup is not None, self.operation(made).error
        return backup

    def operation(self, operation_id: uuid.UUID) -> Operation:
        with self.shop.app.app_context():
            return session().get_one(Operation, operation_id)

    def backup(self, backup_id: uuid.UUID) -> Backup:
        with self.shop.app.app_context():
            return session().get_one(Backup, backup_id)

    def instance(self, of: uuid.UUID | None = None) -> Instance:
        with self.shop.app.app_context():
            return session().get_one(Instance, of or self.id)

    def put(self, **fields: object) -> None:
        """Set columns of the instance."""
        self.shop.put(self.instance().subscription_id, **fields)

    def volumes(self, of: uuid.UUID | None = None) -> dict[int, VolumeStatus]:
        """The status of each volume, by number."""
        with self.shop.app.app_context():
            return {each.number: each.status for each in volumes.list_volumes(of or self.id)}

    def volume(self, number: int) -> InstanceVolume:
        with self.shop.app.app_context():
            found = volumes.volume_of(self.id, number)
            assert found is not None
            return found

    def claim(self) -> str:
        """The claim of the volume that the instance runs on."""
        row = self.instance()
        return claim_name(row.name, row.volume_number)

    def data(self, of: uuid.UUID | None = None) -> dict[str, bytes]:
        """What lies on the volume that the instance runs on."""
        row = self.instance(of)
        return self.machine.volumes[row.namespace, claim_name(row.name, row.volume_number)]

    def write(self, rows: bytes, of: uuid.UUID | None = None) -> None:
        """The application writes."""
        self.data(of)["app"] = rows

    def assert_at_rest(self, wanted: Wanted = Wanted.RUNNING) -> None:
        """Wanted is seen; one volume is active, none is being filled, nothing is left of a workbench."""
        row = self.instance()
        expected = InstanceStatus.RUNNING if wanted is Wanted.RUNNING else InstanceStatus.STOPPED
        assert (row.wanted, row.status) == (wanted, expected), row.health_status
        workload = self.machine.workloads[row.namespace, row.name]
        assert workload["spec"]["replicas"] == (1 if wanted is Wanted.RUNNING else 0)
        assert self.machine._claim(workload)[1] == claim_name(row.name, row.volume_number)
        images = [each["image"] for each in workload["spec"]["template"]["spec"]["containers"]]
        assert images[0].endswith(f":{row.version}")
        self.assert_clean()
        states = self.volumes()
        assert [n for n, status in states.items() if status is VolumeStatus.ACTIVE] == [row.volume_number]
        there = {claim for namespace, claim in self.machine.volumes if namespace == row.namespace}
        kept = {n for n, status in states.items() if status is not VolumeStatus.DELETED}
        assert {claim for claim in there if claim.startswith(row.name)} == {
            claim_name(row.name, n) for n in kept
        }

    def assert_clean(self) -> None:
        """Nobody ever wrote beside another, and nothing is left of a workbench or of a half-filled volume."""
        assert self.machine.violations == []
        assert self.machine.benches == {}
        assert not [each for each in self.machine.objects if each[0] == "Secret" and "workbench" in each[2]]
        assert VolumeStatus.FILLING not in self.volumes().values()
        with self.shop.app.app_context():
            assert (
                session().scalars(select(Operation).where(Operation.status.in_(("PENDING", "RUNNING")))).all()
                == []
            )
            db.session.remove()

    def wait(self, **span: float) -> None:
        """Let time pass, with the workers at work."""
        ends = self.clock.now() + timedelta(**span)
        while self.clock.now() < ends:
            self.clock.advance(minutes=5)
            self.run_jobs()


@pytest.fixture
def machine(ports: PortsNow, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """The cluster in memory; nobody waits for it."""
    made = Machine()
    ports.change(cluster=made)
    monkeypatch.setattr("minispod.operations.carrying._LOOK_EVERY", 0.001)
    monkeypatch.setattr("minispod.jobs.operations._PATIENCE_SECONDS", 0.01)
    monkeypatch.setattr("minispod.instances.provisioning._LOOK_EVERY", 0.001)
    monkeypatch.setattr("minispod.jobs.provisioning._PATIENCE_SECONDS", 0.01)
    return made


@pytest.fixture
def yard(
    shop: Shop,
    machine: Machine,
    clock: FrozenClock,
    run_jobs: Callable[[], int],
    person: Callable[..., Person],
    plan_id: Callable[..., uuid.UUID],
) -> Yard:
    """A customer with a running PostgreSQL."""
    made = Yard(shop, machine, clock, run_jobs, person(credit=5_000_000), plan_id)
    made.id = made.order("postgresql")
    return made
