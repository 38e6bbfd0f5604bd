"""What counts as taken on the machines (decision 21), and what the shop offers of what is left."""

import uuid
from collections.abc import Callable

import pytest

from minispod.catalog.models import Plan
from minispod.cluster import monitoring
from minispod.cluster.capacity import Load
from minispod.insights.outlook import look_ahead
from minispod.instances.states import InstanceStatus, Wanted
from minispod.kernel.database import session
from minispod.kernel.unit_of_work import unit_of_work
from minispod.rules import business_rules
from minispod.subscriptions.room import take_stock
from minispod.subscriptions.states import SubscriptionStatus
from tests.factories.nodes import worker
from tests.plugins.app import Person
from tests.plugins.shop import Shop


@pytest.fixture
def basic(plan_id: Callable[..., uuid.UUID]) -> uuid.UUID:
    """A plan of 1 GB, which requests 512 MB."""
    return plan_id("n8n-automation", "BASIC")


def _places(shop: Shop, plan: uuid.UUID) -> int:
    with shop.app.app_context():
        return take_stock(business_rules(shop.settings).capacity).places(session().get_one(Plan, plan))


def test_what_its_owner_has_stopped_keeps_its_place(
    shop: Shop, customer: Person, basic: uuid.UUID, one_machine: Callable[[int], None]
) -> None:
    one_machine(1600)
    mine = shop.order(customer, basic)
    assert _places(shop, basic) == 1

    shop.put(mine, wanted=Wanted.STOPPED, status=InstanceStatus.STOPPED)

    assert _places(shop, basic) == 1


def test_what_expired_gives_its_place_back(
    shop: Shop, customer: Person, basic: uuid.UUID, one_machine: Callable[[int], None]
) -> None:
    one_machine(1600)
    mine = shop.order(customer, basic)
    shop.auto_renew(customer, mine, False)
    shop.clock.advance(days=32)
    shop.advance(mine)

    assert shop.look(mine)[0].status is SubscriptionStatus.EXPIRED
    assert _places(shop, basic) == 2


def test_the_control_plane_does_not_stand_in_for_the_last_worker(
    shop: Shop, customer: Person, basic: uuid.UUID
) -> None:
    with shop.app.app_context(), unit_of_work():
        monitoring.record_nodes([worker(), worker("control", is_control_plane=True)], shop.clock.now())
    shop.order(customer, basic)
    with shop.app.app_context():
        outlook = look_ahead(business_rules(shop.settings).capacity, monitoring.last_picture())

    assert outlook is not None
    assert {each.more_after_loss for each in outlook.plans} == {0}
    assert outlook.missing == Load(250, 512, 1)


def test_never_more_places_than_slots(
    shop: Shop, basic: uuid.UUID, one_machine: Callable[[int], None]
) -> None:
    one_machine(64_000)
    with shop.app.app_context():
        plan = session().get_one(Plan, basic)
        plan.used_quota = plan.total_quota - 3
        session().commit()

    assert _places(shop, basic) == 3


def test_a_cluster_that_was_never_seen_sells_every_slot(shop: Shop, basic: uuid.UUID) -> None:
    with shop.app.app_context():
        slots = session().get_one(Plan, basic).total_quota

    assert _places(shop, basic) == slots
