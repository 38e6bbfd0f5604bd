"""Somebody whose application fails again and again is told once a day, not at every turn."""

import uuid
from collections.abc import Callable

from minispod.instances.provisioning import Outcome, OutcomeKind, Result, WorkOrder
from minispod.instances.states import InstanceStatus, Wanted
from minispod.kernel.actor import system
from minispod.kernel.unit_of_work import unit_of_work
from minispod.rules import business_rules, cluster_rules
from minispod.subscriptions import fulfilment
from tests.plugins.app import Person
from tests.plugins.shop import Shop


def _give_up(shop: Shop, subscription_id: uuid.UUID) -> Result:
    """The last attempt of the running generation fails."""
    generation = shop.look(subscription_id)[1].generation + 1
    shop.put(subscription_id, status=InstanceStatus.STARTING, attempts=99, generation=generation)
    _, instance = shop.look(subscription_id)
    order = WorkOrder(instance.id, generation, Wanted.RUNNING, instance.namespace, instance.name, objects=[])
    with shop.app.app_context(), unit_of_work():
        settlement = fulfilment.conclude(
            order,
            Outcome(OutcomeKind.REFUSED, sentence="The application stops right after it starts."),
            rules=cluster_rules(shop.settings),
            zone=business_rules(shop.settings).zone,
            actor=system("tests"),
            at=shop.clock.now(),
        )
        return settlement.result


def test_what_has_run_and_fails_twice_a_day_is_told_once(
    shop: Shop, customer: Person, plan_id: Callable[..., uuid.UUID]
) -> None:
    mine = shop.order(customer, plan_id())
    shop.put(mine, first_ran_at=shop.clock.now())

    for _ in range(3):
        assert _give_up(shop, mine) is Result.GAVE_UP
    assert shop.mails(customer).count("instance_failed") == 1

    shop.clock.advance(days=1)
    _give_up(shop, mine)
    assert shop.mails(customer).count("instance_failed") == 2


def test_each_retry_of_what_never_ran_is_told(
    shop: Shop, customer: Person, plan_id: Callable[..., uuid.UUID]
) -> None:
    mine = shop.order(customer, plan_id())

    for _ in range(2):
        _give_up(shop, mine)

    assert shop.mails(customer).count("instance_failed") == 2


def test_beyond_the_repair_window_only_the_refund_is_told(
    shop: Shop, customer: Person, plan_id: Callable[..., uuid.UUID], run_jobs: Callable[[], int]
) -> None:
    mine = shop.order(customer, plan_id())
    shop.put(mine, repair_until=shop.clock.now())

    _give_up(shop, mine)
    run_jobs()

    mails = shop.mails(customer)
    assert ("instance_failed" in mails, "provisioning_refunded" in mails) == (False, True)
    assert shop.balance(customer) == 500_000
