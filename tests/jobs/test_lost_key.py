"""Jobs that meet secrets no key opens: nothing is overwritten, nothing is lost, staff are told once a day."""

import uuid
from collections.abc import Callable

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import select

from minispod.instances import rotation
from minispod.instances.environment_models import RotationState, SecretRotation
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.kernel.outbox import OutboxRow
from minispod.kernel.sealed import Sealer
from minispod.kernel.tasks import Task
from minispod.kernel.unit_of_work import unit_of_work
from minispod.notifications.messages import MessageKind
from minispod.notifications.models import DeliveryState, Notification
from minispod.operations import requesting
from minispod.operations.models import Operation
from minispod.operations.states import OperationStatus, Step
from tests.plugins.app import Person, PortsNow
from tests.plugins.shop import Shop

PlanFinder = Callable[..., uuid.UUID]


@pytest.fixture
def running(
    shop: Shop, customer: Person, administrator: Person, plan_id: PlanFinder, ports: PortsNow
) -> uuid.UUID:
    """A subscription whose PostgreSQL runs, and an administrator to be told."""
    subscription = shop.order(customer, plan_id("postgresql", "BASIC"))
    shop.runs(subscription)
    return subscription


def _lose(ports: PortsNow) -> None:
    ports.change(sealer=Sealer([Fernet.generate_key().decode()]))


def _alerts(shop: Shop, administrator: Person) -> list[Notification]:
    return [each for each in shop.messages(administrator) if "cannot be opened" in str(each.facts)]


def _waits(shop: Shop, task: Task) -> bool:
    with shop.app.app_context():
        return session().scalar(select(OutboxRow).where(OutboxRow.task == task.value)) is not None


def test_a_rotation_waits_for_the_key(
    shop: Shop,
    ports: PortsNow,
    customer: Person,
    administrator: Person,
    running: uuid.UUID,
    run_jobs: Callable[[], int],
) -> None:
    instance = shop.look(running)[1]
    with shop.app.app_context(), unit_of_work():
        rotation.ask(
            instance.id, "POSTGRES_PASSWORD", sealer=ports.sealer, actor=customer.actor, at=shop.clock.now()
        )
    _lose(ports)

    run_jobs()

    with shop.app.app_context():
        [row] = session().scalars(select(SecretRotation))
        assert (row.state, row.sealed_new is not None) == (RotationState.ASKED, True)
    assert shop.look(running)[1].sealed_secrets == instance.sealed_secrets
    assert _waits(shop, Task.ROTATE_SECRET)
    assert len(_alerts(shop, administrator)) == 1


def test_an_operation_waits_for_the_key_where_it_stands(
    shop: Shop,
    ports: PortsNow,
    customer: Person,
    administrator: Person,
    running: uuid.UUID,
    run_jobs: Callable[[], int],
    clock: FrozenClock,
) -> None:
    instance = shop.look(running)[1]
    with shop.app.app_context(), unit_of_work():
        requesting.reset(instance.id, actor=customer.actor, at=clock.now())
    _lose(ports)

    run_jobs()
    clock.advance(minutes=6)
    run_jobs()

    with shop.app.app_context():
        [operation] = session().scalars(select(Operation))
        assert operation.step in (Step.BEGIN, Step.QUIESCE)
        assert operation.status in (OperationStatus.PENDING, OperationStatus.RUNNING)
    now = shop.look(running)[1]
    assert (now.volume_number, now.sealed_secrets) == (1, instance.sealed_secrets)
    assert "cannot be opened" in str(now.health_status)
    assert len(_alerts(shop, administrator)) == 1


def test_the_letter_with_the_first_login_waits_too(
    shop: Shop, ports: PortsNow, customer: Person, running: uuid.UUID, run_jobs: Callable[[], int]
) -> None:
    _lose(ports)

    run_jobs()

    [letter] = [each for each in shop.messages(customer) if each.kind is MessageKind.INSTANCE_READY]
    assert letter.state is DeliveryState.QUEUED
    assert "cannot be opened" in str(letter.last_error)
