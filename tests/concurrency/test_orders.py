"""Orders that come at the same moment, with real threads and real commits: nobody wins twice."""

import uuid
from collections import Counter
from collections.abc import Callable
from threading import Barrier
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from minispod.accounts.models import User
from minispod.catalog.models import Plan
from minispod.cluster import monitoring
from minispod.instances.creation import namespace_of
from minispod.instances.models import Instance, Tenancy
from minispod.kernel.actor import system
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.kernel.errors import Refusal
from minispod.kernel.outbox import OutboxRow
from minispod.kernel.tasks import Task
from minispod.kernel.unit_of_work import unit_of_work
from minispod.rules import business_rules
from minispod.settings import Settings
from minispod.subscriptions import cancellation, expiry, live_sizes, ordering
from minispod.subscriptions.errors import EmailNotProven
from minispod.subscriptions.models import Subscription
from minispod.wallet.models import LedgerEntry, Wallet
from tests.concurrency.waiting import holding, waits_with
from tests.factories.nodes import worker
from tests.plugins.app import Person, PortsNow
from tests.plugins.shop import Shop
from tests.proofs import assert_wallets_add_up

CROWD = 50
AtOnce = Callable[[int, Callable[[int], Any]], list[Any]]
PlanFinder = Callable[..., uuid.UUID]


def _order(
    app: Flask, settings: Settings, ports: PortsNow, clock: FrozenClock, person: Person, plan: uuid.UUID
) -> str:
    with app.app_context(), unit_of_work():
        _place(settings, ports, clock, person, plan)
        return "ordered"


def _place(settings: Settings, ports: PortsNow, clock: FrozenClock, person: Person, plan: uuid.UUID) -> None:
    ordering.place_order(
        plan,
        user_id=person.id,
        rules=business_rules(settings),
        sealer=ports.sealer,
        actor=person.actor,
        at=clock.now(),
    )


def _tally(results: list[Any]) -> Counter[str]:
    return Counter(each.code if isinstance(each, Refusal) else str(each) for each in results)


def _count(app: Flask, model: type[Any]) -> int:
    with app.app_context():
        return session().scalar(select(func.count()).select_from(model)) or 0


def test_fifty_orders_of_one_customer_with_credit_for_one(
    app: Flask,
    settings: Settings,
    ports: PortsNow,
    clock: FrozenClock,
    person: Callable[..., Person],
    plan_id: PlanFinder,
    at_once: AtOnce,
) -> None:
    owner = person(credit=50_000)
    plan = plan_id()

    tally = _tally(at_once(CROWD, lambda _: _order(app, settings, ports, clock, owner, plan)))

    assert tally["ordered"] == 1
    assert tally["ordered"] + tally["subscriptions.live_subscription_exists"] == CROWD
    assert (_count(app, Subscription), _count(app, Instance), _count(app, LedgerEntry)) == (1, 1, 2)
    with app.app_context():
        assert session().get_one(Wallet, owner.id).balance == 0
        assert session().get_one(Plan, plan).used_quota == 1
        assert_wallets_add_up()
        waiting = session().scalars(select(OutboxRow).where(OutboxRow.task == Task.RECONCILE_INSTANCE.value))
        assert len(waiting.all()) == 1


def test_orders_of_different_services_with_credit_for_one(
    app: Flask,
    settings: Settings,
    ports: PortsNow,
    clock: FrozenClock,
    person: Callable[..., Person],
    plan_id: PlanFinder,
    at_once: AtOnce,
) -> None:
    owner = person(credit=75_000)
    plans = [plan_id("n8n-automation"), plan_id("ghost-blog"), plan_id("postgresql", "PRO")]

    tally = _tally(at_once(CROWD, lambda index: _order(app, settings, ports, clock, owner, plans[index % 3])))

    assert tally["ordered"] == 1
    with app.app_context():
        assert session().get_one(Wallet, owner.id).balance >= 0
        assert_wallets_add_up()
        assert sum(session().get_one(Plan, plan).used_quota for plan in plans) == 1


def test_fifty_orders_of_a_free_plan_by_one_customer(
    app: Flask,
    settings: Settings,
    ports: PortsNow,
    clock: FrozenClock,
    person: Callable[..., Person],
    plan_id: PlanFinder,
    at_once: AtOnce,
) -> None:
    owner = person()
    plan = plan_id("n8n-automation", "FREE")

    tally = _tally(at_once(CROWD, lambda _: _order(app, settings, ports, clock, owner, plan)))

    assert tally == {"ordered": 1, "subscriptions.live_subscription_exists": CROWD - 1}
    with app.app_context():
        assert session().get_one(Plan, plan).used_quota == 1


def test_an_address_that_changed_while_the_order_stood_at_the_door_is_not_proven(
    app: Flask,
    settings: Settings,
    ports: PortsNow,
    clock: FrozenClock,
    person: Callable[..., Person],
    plan_id: PlanFinder,
) -> None:
    owner, plan = person(), plan_id("n8n-automation", "FREE")
    unproven = "UPDATE users SET email_verified = false WHERE id = :id"

    with app.app_context():
        at_the_door = session().get_one(User, owner.id)
        with holding(app, unproven, id=owner.id) as staff:
            staff.commit()
        assert at_the_door.email_verified, "the door has not seen it"
        with pytest.raises(EmailNotProven), unit_of_work():
            _place(settings, ports, clock, owner, plan)

    assert _count(app, Subscription) == 0


def test_first_orders_of_one_customer_share_the_namespace(
    app: Flask, clock: FrozenClock, person: Callable[..., Person], at_once: AtOnce
) -> None:
    people = [person().id for _ in range(3 * CROWD)]
    # They start anew with each customer: the moment in which they can collide is short.
    start = Barrier(8, timeout=60)

    def order_by_order(_: int) -> list[str]:
        with app.app_context():
            spaces = []
            for each in people:
                start.wait()
                with unit_of_work():
                    spaces.append(namespace_of(each, at=clock.now()))
            return spaces

    told = at_once(8, order_by_order)

    assert all(spaces == told[0] for spaces in told)
    with app.app_context():
        kept = {row.user_id: row.namespace for row in session().scalars(select(Tenancy))}
        assert kept == dict(zip(people, told[0], strict=True))


def test_fifty_customers_and_one_slot(
    app: Flask,
    settings: Settings,
    ports: PortsNow,
    clock: FrozenClock,
    person: Callable[..., Person],
    plan_id: PlanFinder,
    at_once: AtOnce,
) -> None:
    plan = plan_id()
    people = [person(credit=50_000) for _ in range(CROWD)]
    with app.app_context():
        row = session().get_one(Plan, plan)
        row.used_quota = row.total_quota - 1
        session().commit()

    tally = _tally(at_once(CROWD, lambda index: _order(app, settings, ports, clock, people[index], plan)))

    assert tally == {"ordered": 1, "catalog.plan_sold_out": CROWD - 1}
    assert _count(app, Subscription) == 1
    with app.app_context():
        balances = session().scalars(select(Wallet.balance)).all()
        assert sum(balances) == (CROWD - 1) * 50_000
        assert_wallets_add_up()


def test_fifty_customers_and_memory_for_one(
    app: Flask,
    settings: Settings,
    ports: PortsNow,
    clock: FrozenClock,
    person: Callable[..., Person],
    plan_id: PlanFinder,
    at_once: AtOnce,
) -> None:
    plan = plan_id()
    people = [person(credit=50_000) for _ in range(CROWD)]
    with app.app_context(), unit_of_work():
        # 1 GB plans request 512 MB; of 1,600 MB 36 % stay free: 1,024 MB hold two, one of which is there.
        monitoring.record_nodes([worker(memory_mb=1600)], clock.now())
    _order(app, settings, ports, clock, person(credit=50_000), plan)

    tally = _tally(at_once(CROWD, lambda index: _order(app, settings, ports, clock, people[index], plan)))

    assert tally == {"ordered": 1, "subscriptions.cluster_full": CROWD - 1}
    with app.app_context():
        assert session().get_one(Plan, plan).used_quota == 2
        assert sum(session().scalars(select(Wallet.balance)).all()) == (CROWD - 1) * 50_000


def test_room_on_the_machines_is_counted_by_one_after_the_other(
    app: Flask, shop: Shop, clock: FrozenClock, customer: Person, plan_id: PlanFinder
) -> None:
    plan = plan_id()
    with app.app_context(), unit_of_work():
        monitoring.record_nodes([worker(memory_mb=64_000)], clock.now())

    # Orders of other plans meet nowhere else.
    with holding(app, "SELECT pg_advisory_xact_lock(:key)", key=live_sizes._ROOM_LOCK) as holder:
        statement = waits_with(app, holder, lambda: shop.order(customer, plan))

    assert "pg_advisory_xact_lock" in statement


def test_an_upgrade_that_needs_room_has_its_turn_before_the_slots(
    app: Flask, shop: Shop, clock: FrozenClock, person: Callable[..., Person], plan_id: PlanFinder
) -> None:
    customer, basic, pro = person(credit=500_000), plan_id(), plan_id(tier="PRO")
    mine = shop.order(customer, basic)
    with app.app_context(), unit_of_work():
        monitoring.record_nodes([worker(memory_mb=64_000)], clock.now())

    with holding(app, "SELECT pg_advisory_xact_lock(:key)", key=live_sizes._ROOM_LOCK) as holder:
        statement = waits_with(app, holder, lambda: shop.upgrade(customer, mine, pro))

    assert "pg_advisory_xact_lock" in statement


def test_the_calendar_in_parallel_with_a_cancellation_ends_in_one_of_both(
    app: Flask,
    settings: Settings,
    ports: PortsNow,
    clock: FrozenClock,
    person: Callable[..., Person],
    plan_id: PlanFinder,
    at_once: AtOnce,
) -> None:
    owner = person(credit=100_000)
    plan = plan_id()
    _order(app, settings, ports, clock, owner, plan)
    with app.app_context():
        mine = session().scalars(select(Subscription.id)).one()
    clock.advance(days=31)

    def act(index: int) -> object:
        with app.app_context(), unit_of_work():
            if index % 2:
                rules = business_rules(settings)
                return expiry.advance(mine, rules=rules, actor=system("tests"), at=clock.now())
            return cancellation.cancel(
                mine, rules=business_rules(settings), actor=owner.actor, at=clock.now()
            )

    at_once(12, act)

    with app.app_context():
        assert_wallets_add_up()
        assert session().get_one(Plan, plan).used_quota == 0
        balance = session().get_one(Wallet, owner.id).balance
    # What never ran is refunded whole, whether it was renewed before or not.
    assert balance == 100_000
