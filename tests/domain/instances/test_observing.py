"""What a look at the cluster puts back to work, and what it leaves alone."""

import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select

from minispod.cluster.port import WorkloadSighting
from minispod.instances import observation
from minispod.instances.states import InstanceStatus
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.kernel.outbox import OutboxRow
from minispod.kernel.tasks import Task
from minispod.kernel.unit_of_work import unit_of_work
from tests.plugins.app import Person
from tests.plugins.shop import Shop


@pytest.fixture
def mine(shop: Shop, customer: Person, plan_id: Callable[..., uuid.UUID]) -> uuid.UUID:
    """A subscription that was ordered just now."""
    return shop.order(customer, plan_id())


def _observe(shop: Shop, *sightings: WorkloadSighting) -> None:
    with shop.app.app_context(), unit_of_work():
        observation.apply_sightings(sightings, [], at=shop.clock.now())


def _row(shop: Shop) -> OutboxRow:
    with shop.app.app_context():
        wanted = select(OutboxRow).where(OutboxRow.task == Task.RECONCILE_INSTANCE.value)
        return session().scalars(wanted).one()


def test_the_pause_before_the_next_attempt_is_kept(shop: Shop, mine: uuid.UUID, clock: FrozenClock) -> None:
    shop.put(mine, status=InstanceStatus.PROVISIONING)
    clock.advance(minutes=5)
    with shop.app.app_context(), unit_of_work():
        row = (
            session().scalars(select(OutboxRow).where(OutboxRow.task == Task.RECONCILE_INSTANCE.value)).one()
        )
        row.run_after = clock.now() + timedelta(minutes=1)

    _observe(shop)

    assert _row(shop).run_after == clock.now() + timedelta(minutes=1)


def test_work_whose_row_was_lost_is_asked_for_again(shop: Shop, mine: uuid.UUID, clock: FrozenClock) -> None:
    with shop.app.app_context(), unit_of_work():
        for row in session().scalars(select(OutboxRow)):
            session().delete(row)
    clock.advance(minutes=5)

    _observe(shop)

    assert _row(shop).run_after == clock.now()


def _sighting(shop: Shop, subscription_id: uuid.UUID, *, is_ready: bool) -> WorkloadSighting:
    instance = shop.look(subscription_id)[1]
    return WorkloadSighting(
        namespace=instance.namespace,
        name=instance.name,
        instance_id=str(instance.id),
        wanted_replicas=1,
        ready_replicas=int(is_ready),
        is_ready=is_ready,
        is_stopped=False,
    )


def test_a_failed_one_that_came_up_after_all_is_taken_up(
    shop: Shop, mine: uuid.UUID, clock: FrozenClock
) -> None:
    until = clock.now() + timedelta(hours=24)
    shop.put(mine, status=InstanceStatus.ERROR, repair_until=until, attempts=2)
    before = shop.look(mine)[1].generation

    _observe(shop, _sighting(shop, mine, is_ready=True))

    instance = shop.look(mine)[1]
    assert (instance.status, instance.attempts) == (InstanceStatus.PENDING, 0)
    assert instance.generation == before + 1
    assert instance.repair_until == until, "the window stays until it really runs"
    assert _row(shop).key == str(instance.id)


def test_a_failed_one_that_is_not_ready_stays_with_people(
    shop: Shop, mine: uuid.UUID, clock: FrozenClock
) -> None:
    shop.put(mine, status=InstanceStatus.ERROR)

    _observe(shop, _sighting(shop, mine, is_ready=False))

    assert shop.look(mine)[1].status is InstanceStatus.ERROR


def test_what_changed_after_the_look_is_not_judged_by_it(
    shop: Shop, mine: uuid.UUID, clock: FrozenClock
) -> None:
    shop.put(
        mine,
        status=InstanceStatus.RUNNING,
        health_status="Healthy",
        applied_at=clock.now(),
        status_changed_at=clock.now() + timedelta(seconds=1),
    )

    _observe(shop)

    assert shop.look(mine)[1].health_status == "Healthy"
