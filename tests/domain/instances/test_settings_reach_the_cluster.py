"""What an operator sets about accounts, priority and addresses is in the objects that a job applies."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from minispod.catalog.recipes import get_recipe
from minispod.instances import provisioning, trying
from minispod.instances.creation import Size
from minispod.kernel.unit_of_work import unit_of_work
from minispod.ports import Ports
from minispod.rules import business_rules, cluster_rules
from minispod.settings import Settings
from tests.plugins.app import START, Person
from tests.plugins.shop import Shop

SET = {
    "service_accounts_namespace": "minispod",
    "tenant_priority_class": "minispod-tenant",
    "tenant_blocked_ranges": "203.0.113.0/24, 2001:db8::/32",
}


@pytest.fixture
def rules() -> provisioning.ClusterRules:
    """The rules of an operator who has set them all."""
    return cluster_rules(
        Settings(database_url="postgresql://x@127.0.0.1/x", redis_url="redis://127.0.0.1", **SET)
    )


def check(objects: list[dict[str, Any]]) -> None:
    """Look for each of them."""
    bindings = [each for each in objects if each["kind"] == "RoleBinding"]
    assert {each["subjects"][0]["namespace"] for each in bindings} == {"minispod"}
    assert {each["roleRef"]["name"] for each in bindings} == {"minispod-tenant", "minispod-tenant-reader"}
    [deployment] = [each for each in objects if each["kind"] == "Deployment"]
    assert deployment["spec"]["template"]["spec"]["priorityClassName"] == "minispod-tenant"
    [internet] = [each for each in objects if each["metadata"]["name"] == "allow-internet"]
    closed = [each["ipBlock"]["except"] for each in internet["spec"]["egress"][0]["to"]]
    assert "203.0.113.0/24" in closed[0]
    assert "2001:db8::/32" in closed[1]


def test_of_an_order(
    shop: Shop,
    ports: Ports,
    customer: Person,
    plan_id: Callable[..., uuid.UUID],
    rules: provisioning.ClusterRules,
) -> None:
    _, instance = shop.look(shop.order(customer, plan_id()))

    with shop.app.app_context(), unit_of_work():
        order = provisioning.claim(instance.id, rules=rules, sealer=ports.sealer, at=shop.clock.now())

    assert order is not None
    check(order.objects)


def test_of_a_recipe_that_is_tried(settings: Settings, rules: provisioning.ClusterRules) -> None:
    addresses = business_rules(settings).addresses

    _, order = trying.trial_of(
        get_recipe("ghost-blog"), Size(500, 512, 1), rules=rules, addresses=addresses, at=START
    )

    check(order.objects)


def test_nothing_of_it_is_there_by_default(settings: Settings) -> None:
    addresses = business_rules(settings).addresses

    _, order = trying.trial_of(
        get_recipe("ghost-blog"),
        Size(500, 512, 1),
        rules=cluster_rules(settings),
        addresses=addresses,
        at=START,
    )

    assert "RoleBinding" not in {each["kind"] for each in order.objects}
    assert "priorityClassName" not in str(order.objects)
