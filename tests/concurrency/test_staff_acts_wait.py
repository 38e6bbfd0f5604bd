"""What staff set off decides on rows that are read locked; see test_rows_are_waited_for."""

import re
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from minispod.accounts.models import User
from minispod.catalog import planning, quota
from minispod.instances.errors import OrphanNotAdoptable
from minispod.instances.models import Instance, Tenancy
from minispod.instances.orphan_models import Orphan, OrphanKind, OrphanWish
from minispod.instances.states import InstanceStatus
from minispod.kernel.actor import system
from minispod.kernel.database import session
from minispod.kernel.ids import new_id
from minispod.kernel.money import Rupiah
from minispod.rules import business_rules
from minispod.subscriptions import adopting, announcing, departures, fulfilment
from minispod.subscriptions.departures import Applications
from minispod.subscriptions.states import SubscriptionStatus
from tests.concurrency.waiting import REASON, Scene, holding, waits_with
from tests.plugins.app import Person
from tests.plugins.shop import Shop

ME = system("tests")


@pytest.fixture
def scene(shop: Shop, customer: Person, administrator: Person, plan_id: Callable[..., uuid.UUID]) -> Scene:
    return Scene(shop, customer, administrator, plan_id)


def reads_locked(scene: Scene, table: str, key: uuid.UUID, act: Callable[[], Any]) -> Any:
    """Begin the act while somebody holds a row of the table; it must wait with the statement that reads that."""
    held = f"SELECT 1 FROM {table} WHERE id = :key FOR NO KEY UPDATE"
    results: list[Any] = []
    with holding(scene.app, held, key=key) as holder:
        statement = waits_with(scene.app, holder, lambda: results.append(scene.do(act)))
    assert re.match(rf"SELECT {table}\.", statement), statement or "it did not wait"
    return results[0]


def test_a_price_is_announced_from_what_the_subscription_is_now(scene: Scene) -> None:
    mine = scene.subscription()
    wanted = {"monthly_price": Rupiah(60_000)}
    scene.do(
        lambda: planning.change_plan(
            scene.find_plan(), wanted, for_existing=True, actor=scene.staff.actor, at=scene.clock.now()
        )
    )
    rules = business_rules(scene.shop.settings)

    assert reads_locked(
        scene,
        "subscriptions",
        mine,
        lambda: announcing.announce(mine, rules=rules, actor=ME, at=scene.clock.now()),
    )


def test_the_slots_of_a_plan_are_set_from_what_is_taken_now(scene: Scene) -> None:
    plan = scene.find_plan()

    reads_locked(
        scene,
        "plans",
        plan,
        lambda: quota.set_total(plan, 30, reason=REASON, actor=scene.staff.actor, at=scene.clock.now()),
    )


def put_orphan(scene: Scene, instance: Instance, **fields: Any) -> uuid.UUID:
    """A workload under the instance's name that is not its own."""
    values = {
        "id": new_id(),
        "kind": OrphanKind.WORKLOAD,
        "name": instance.name,
        "instance_label": str(uuid.uuid4()),
        **fields,
    }
    scene.do(
        lambda: session().add(
            Orphan(
                namespace=instance.namespace,
                instance_id=instance.id,
                user_id=scene.customer.id,
                is_trial=False,
                first_seen_at=scene.clock.now(),
                last_seen_at=scene.clock.now(),
                made_at=scene.clock.now(),
                **values,
            )
        )
    )
    return values["id"]


@pytest.mark.parametrize("table", ["subscriptions", "instances"])
def test_an_orphan_goes_to_the_instance_as_it_is_now(scene: Scene, table: str) -> None:
    mine = scene.subscription()
    instance = scene.shop.look(mine)[1]
    orphan = put_orphan(scene, instance)

    reads_locked(
        scene,
        table,
        mine if table == "subscriptions" else instance.id,
        lambda: adopting.adopt(orphan, reason=REASON, actor=scene.staff.actor, at=scene.clock.now()),
    )


def test_what_makes_way_has_its_place_taken_by_the_instance_as_it_is_now(scene: Scene) -> None:
    instance = scene.shop.look(scene.subscription())[1]
    orphan = put_orphan(scene, instance, wish=OrphanWish.REPLACE)

    reads_locked(
        scene,
        "instances",
        instance.id,
        lambda: adopting.take_place(session().get_one(Orphan, orphan), at=scene.clock.now()),
    )


def test_what_something_of_the_same_instance_is_removed_for_is_not_adopted(scene: Scene) -> None:
    instance = scene.shop.look(scene.subscription())[1]
    label = str(uuid.uuid4())
    orphan = put_orphan(scene, instance, instance_label=label)
    put_orphan(
        scene, instance, instance_label=label, kind=OrphanKind.CLAIM, name="old-data", wish=OrphanWish.REMOVE
    )

    with pytest.raises(OrphanNotAdoptable, match="being removed"):
        scene.do(lambda: adopting.adopt(orphan, reason=REASON, actor=scene.staff.actor, at=scene.clock.now()))


def test_a_namespace_that_is_just_being_cleared_is_kept_for_what_is_adopted(scene: Scene) -> None:
    mine = scene.subscription()
    scene.shop.put(mine, status=InstanceStatus.TERMINATED)
    orphan = put_orphan(scene, scene.shop.look(mine)[1])
    cleared = "UPDATE tenancies SET cleared_at = now() WHERE user_id = :owner"

    with holding(scene.app, cleared, owner=scene.customer.id) as holder:
        waits_with(
            scene.app,
            holder,
            lambda: scene.do(
                lambda: adopting.adopt(orphan, reason=REASON, actor=scene.staff.actor, at=scene.clock.now())
            ),
        )

    with scene.app.app_context():
        assert session().get_one(Tenancy, scene.customer.id).cleared_at is None


def test_secrets_that_stay_closed_are_noted_at_the_instance_as_it_is_now(scene: Scene) -> None:
    instance = scene.shop.look(scene.subscription())[1]
    zone = business_rules(scene.shop.settings).zone

    reads_locked(
        scene,
        "instances",
        instance.id,
        lambda: fulfilment.note_sealed(instance.id, zone=zone, at=scene.clock.now()),
    )


def test_what_expired_meanwhile_keeps_its_data_although_the_account_was_deactivated(scene: Scene) -> None:
    mine = scene.subscription()
    scene.do(
        lambda: departures.deactivate(
            scene.customer.id, Applications.CANCEL, actor=scene.staff.actor, at=scene.clock.now()
        )
    )
    scene.shop.auto_renew(scene.customer, mine, False)
    scene.clock.advance(days=32)
    scene.shop.advance(mine)

    def follow() -> bool:
        owner = session().get_one(User, scene.customer.id)
        return departures.follow(
            mine,
            Applications.CANCEL,
            by="Ayu Admin",
            token_version=owner.token_version,
            rules=business_rules(scene.shop.settings),
            actor=ME,
            at=scene.clock.now(),
        )

    assert scene.do(follow) is False
    assert scene.shop.look(mine)[0].status is SubscriptionStatus.EXPIRED
