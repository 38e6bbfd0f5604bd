"""Only what is paid for can be brought up by hand."""

import uuid
from collections.abc import Callable
from datetime import datetime

import pytest

from minispod.instances.states import InstanceStatus, Wanted
from minispod.kernel.unit_of_work import unit_of_work
from minispod.subscriptions import operating
from minispod.subscriptions.errors import NoSuchSubscription, NotActive
from tests.plugins.app import Person
from tests.plugins.shop import Shop

PlanFinder = Callable[..., uuid.UUID]


def _start(shop: Shop, subscription_id: uuid.UUID, by: Person) -> None:
    instance_id = shop.look(subscription_id)[1].id
    with shop.app.app_context(), unit_of_work():
        operating.start(instance_id, actor=by.actor, at=shop.clock.now())


def test_staff_cannot_start_what_has_expired(
    shop: Shop,
    customer: Person,
    administrator: Person,
    plan_id: PlanFinder,
    advance: Callable[..., datetime],
) -> None:
    mine = shop.order(customer, plan_id())
    shop.auto_renew(customer, mine, False)
    advance(days=31)
    shop.put(mine, status=InstanceStatus.STOPPED)

    with pytest.raises(NotActive):
        _start(shop, mine, administrator)

    assert shop.look(mine)[1].wanted is Wanted.STOPPED


def test_what_is_paid_for_can_be_started(
    shop: Shop, customer: Person, administrator: Person, plan_id: PlanFinder
) -> None:
    mine = shop.order(customer, plan_id())
    shop.put(mine, status=InstanceStatus.STOPPED, wanted=Wanted.STOPPED, first_ran_at=shop.clock.now())

    _start(shop, mine, administrator)

    _, instance = shop.look(mine)
    assert (instance.wanted, instance.status) == (Wanted.RUNNING, InstanceStatus.STARTING)


def test_somebody_elses_is_not_there(
    shop: Shop, customer: Person, person: Callable[..., Person], plan_id: PlanFinder
) -> None:
    mine = shop.order(customer, plan_id())

    with pytest.raises(NoSuchSubscription):
        _start(shop, mine, person())
