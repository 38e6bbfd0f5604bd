"""Notes of the sizes of live instances: whatever happens to an instance, they say what counting says."""

import uuid
from collections import Counter
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import func, insert, select, text, update
from structlog.testing import capture_logs

from minispod.instances.models import Instance
from minispod.instances.provisioning import OutcomeKind
from minispod.kernel.database import session
from minispod.kernel.unit_of_work import unit_of_work
from minispod.rules import business_rules
from minispod.subscriptions import live_sizes
from minispod.subscriptions.errors import ClusterFull
from minispod.subscriptions.models import LiveSize, Subscription
from minispod.subscriptions.room import take_stock
from minispod.subscriptions.states import LIVE, SubscriptionStatus
from tests.plugins.app import Person
from tests.plugins.shop import Shop

PlanFinder = Callable[..., uuid.UUID]
Sizes = dict[tuple[int, int], int]
BASIC, PRO = (1000, 1024), (2000, 2048)
_WRONG = {"event": "room.notes_were_wrong", "log_level": "error"}


def _counted() -> Sizes:
    wanted = select(Instance).join(Subscription, Subscription.id == Instance.subscription_id)
    live = session().scalars(wanted.where(Subscription.status.in_(LIVE)))
    return dict(Counter((each.cpu_milli, each.memory_mb) for each in live))


def _noted() -> Sizes:
    return {(cpu, memory): count for cpu, memory, count in live_sizes.read().of_each if count}


def _note(app: Flask, cpu_milli: int, memory_mb: int, instances: int) -> None:
    """As somebody would who writes past the database's triggers."""
    with app.app_context(), unit_of_work():
        wrong = insert(LiveSize).values(cpu_milli=cpu_milli, memory_mb=memory_mb, instances=instances)
        session().execute(wrong)


def _notes() -> int:
    return session().scalar(select(func.count()).select_from(LiveSize)) or 0


def _sizes(app: Flask) -> Sizes:
    """What is noted, which is what is there."""
    with app.app_context():
        noted = _noted()
        assert noted == _counted()
    return noted


def test_it_counts_from_the_order_to_the_end(
    app: Flask, shop: Shop, customer: Person, plan_id: PlanFinder
) -> None:
    mine = shop.order(customer, plan_id())
    assert _sizes(app) == {BASIC: 1}
    shop.runs(mine)
    shop.auto_renew(customer, mine, False)
    assert _sizes(app) == {BASIC: 1}

    shop.clock.advance(days=32)
    shop.advance(mine)
    assert shop.look(mine)[0].status is SubscriptionStatus.EXPIRED
    assert _sizes(app) == {}

    shop.credit(customer, 100_000)
    assert shop.order(customer, plan_id(tier="PRO")) == mine
    assert _sizes(app) == {PRO: 1}
    shop.cancel(customer, mine)
    assert _sizes(app) == {}


def test_another_size_counts_and_so_does_the_old_one_when_it_comes_back(
    app: Flask, shop: Shop, person: Callable[..., Person], plan_id: PlanFinder
) -> None:
    owner = person(credit=500_000)
    mine = shop.order(owner, plan_id())
    shop.runs(mine)
    shop.upgrade(owner, mine, plan_id(tier="PRO"))
    assert _sizes(app) == {PRO: 1}

    shop.put(mine, attempts=99)
    shop.conclude(mine, OutcomeKind.REFUSED, "No node has enough free memory.")
    assert _sizes(app) == {BASIC: 1}


def test_what_changes_nothing_of_it_leaves_no_note(
    app: Flask, shop: Shop, customer: Person, plan_id: PlanFinder
) -> None:
    shop.order(customer, plan_id())
    with app.app_context(), unit_of_work():
        session().execute(update(Subscription).values(status=SubscriptionStatus.PENDING_PAYMENT))
        session().execute(update(Subscription).values(auto_renew=False))
        session().execute(update(Instance).values(cpu_usage=7, cpu_milli=Instance.cpu_milli))
    with app.app_context():
        assert _notes() == 1
    assert _sizes(app) == {BASIC: 1}


def test_what_is_done_by_hand_counts_as_well(
    app: Flask, shop: Shop, customer: Person, plan_id: PlanFinder
) -> None:
    ended, live = shop.order(customer, plan_id("wordpress")), shop.order(customer, plan_id())
    shop.cancel(customer, ended)
    assert sum(_sizes(app).values()) == 1

    def by_hand(statement: str) -> int:
        with app.app_context(), unit_of_work():
            session().execute(text(statement), {"ended": ended, "live": live})
        return sum(_sizes(app).values())

    assert by_hand("UPDATE subscriptions SET status = 'ACTIVE' WHERE id = :ended") == 2
    assert by_hand("UPDATE subscriptions SET status = 'SUSPENDED' WHERE id = :ended") == 1
    assert by_hand("DELETE FROM instance_volumes") == 1
    assert by_hand("DELETE FROM instances WHERE subscription_id = :ended") == 1
    assert by_hand("UPDATE instances SET subscription_id = :ended") == 0
    assert by_hand("UPDATE instances SET subscription_id = :live") == 1
    assert by_hand("DELETE FROM instances") == 0


def test_one_subscription_can_be_left_out_while_it_is_live(
    app: Flask, shop: Shop, customer: Person, plan_id: PlanFinder, one_machine: Callable[[int], None]
) -> None:
    one_machine(64_000)
    mine = shop.order(customer, plan_id())

    def promised_without(subscription: uuid.UUID) -> int:
        with app.app_context():
            return take_stock(business_rules(shop.settings).capacity, apart_from=subscription).load.instances

    assert promised_without(mine) == 0
    assert promised_without(uuid.uuid4()) == 1
    shop.cancel(customer, mine)
    assert promised_without(mine) == 0


def test_many_notes_are_replaced_by_a_count_as_the_next_order_is_placed(
    app: Flask,
    shop: Shop,
    person: Callable[..., Person],
    plan_id: PlanFinder,
    one_machine: Callable[[int], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(live_sizes, "MANY", 4)
    one_machine(64_000)
    with capture_logs() as logged:
        for number in range(1, 5):
            shop.order(person(credit=50_000), plan_id())
            with app.app_context():
                assert _notes() == (number if number < 4 else 1)

    assert _sizes(app) == {BASIC: 4}
    assert [each for each in logged if each["event"] == "room.notes_were_wrong"] == []


def test_a_count_puts_right_what_somebody_wrote_past_the_database(
    app: Flask, shop: Shop, customer: Person, plan_id: PlanFinder
) -> None:
    shop.order(customer, plan_id())
    _note(app, *BASIC, 2)
    _note(app, 7, 7, -1)

    with capture_logs() as logged, app.app_context(), unit_of_work():
        live_sizes.recount()

    assert _sizes(app) == {BASIC: 1}
    assert [each for each in logged if each["event"] == "room.notes_were_wrong"] == [
        {**_WRONG, "cpu_milli": 7, "memory_mb": 7, "noted": -1, "counted": 0},
        {**_WRONG, "cpu_milli": 1000, "memory_mb": 1024, "noted": 3, "counted": 1},
    ]


def test_notes_of_too_many_refuse_nobody_and_are_put_right(
    app: Flask,
    shop: Shop,
    person: Callable[..., Person],
    plan_id: PlanFinder,
    one_machine: Callable[[int], None],
) -> None:
    one_machine(1600)  # 1,024 MB of it are sold: two instances of 1 GB
    _note(app, *BASIC, 5)

    with capture_logs() as logged:
        shop.order(person(credit=50_000), plan_id())

    assert _sizes(app) == {BASIC: 1}
    assert [each["noted"] for each in logged if each["event"] == "room.notes_were_wrong"] == [6]
    shop.order(person(credit=50_000), plan_id())
    assert _sizes(app) == {BASIC: 2}


def test_full_machines_refuse_whatever_is_noted_too_much(
    app: Flask,
    shop: Shop,
    person: Callable[..., Person],
    plan_id: PlanFinder,
    one_machine: Callable[[int], None],
) -> None:
    one_machine(1600)
    for _ in range(2):
        shop.order(person(credit=50_000), plan_id())
    late = person(credit=50_000)

    for surplus in (0, 1):
        _note(app, *BASIC, surplus)
        with pytest.raises(ClusterFull):
            shop.order(late, plan_id())

    assert shop.balance(late) == 50_000
    with app.app_context():
        assert _counted() == {BASIC: 2}
