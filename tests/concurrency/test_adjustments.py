"""Corrections of one wallet at the same moment as orders and as each other: sums hold, nothing happens twice."""

import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event
from typing import Any

from flask import Flask
from sqlalchemy import func, select

from minispod.catalog.models import Plan
from minispod.kernel.actor import Role, system
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.kernel.errors import Refusal
from minispod.kernel.unit_of_work import unit_of_work
from minispod.wallet import adjusting
from minispod.wallet.adjusting import AdjustmentRules, Correction
from minispod.wallet.models import Adjustment, EntryKind, LedgerEntry, Wallet
from minispod.wallet.states import AdjustmentState
from tests.plugins.app import Person
from tests.plugins.shop import Shop
from tests.proofs import assert_wallets_add_up

AtOnce = Callable[[int, Callable[[int], Any]], list[Any]]
RULES = AdjustmentRules(confirm_above=1_000_000, expires_after=timedelta(hours=72))


def _ask(
    app: Flask,
    clock: FrozenClock,
    staff: Person,
    owner: Person,
    delta: int,
    *,
    key: str | None = None,
    rules: AdjustmentRules = RULES,
) -> Adjustment:
    with app.app_context(), unit_of_work():
        wanted = Correction(owner.id, delta, "Correction of a test")
        return adjusting.request(wanted, request_key=key, rules=rules, actor=staff.actor, at=clock.now())


def _tally(results: list[Any]) -> Counter[str]:
    return Counter(each.code if isinstance(each, Refusal) else type(each).__name__ for each in results)


def _balance(app: Flask, owner: Person) -> int:
    with app.app_context():
        assert_wallets_add_up()
        return session().get_one(Wallet, owner.id).balance


def test_corrections_during_orders(
    app: Flask,
    clock: FrozenClock,
    shop: Shop,
    administrator: Person,
    person: Callable[..., Person],
    plan_id: Callable[..., uuid.UUID],
    at_once: AtOnce,
) -> None:
    owner = person(credit=100_000)
    plans = [plan_id("n8n-automation"), plan_id("ghost-blog"), plan_id("postgresql")]

    def act(index: int) -> object:
        if index % 4 == 0:
            return shop.order(owner, plans[index // 4 % 3])
        return _ask(app, clock, administrator, owner, -20_000 if index % 2 else 5_000)

    results = at_once(24, act)

    assert set(_tally(results)) <= {
        "UUID",
        "Adjustment",
        "wallet.insufficient_credit",
        "subscriptions.live_subscription_exists",
    }
    with app.app_context():
        ordered = session().scalar(
            select(func.coalesce(func.sum(LedgerEntry.amount), 0)).where(LedgerEntry.kind == EntryKind.PERIOD)
        )
        corrected = session().scalar(
            select(func.sum(Adjustment.delta)).where(Adjustment.state == AdjustmentState.APPLIED)
        )
        slots = [session().get_one(Plan, plan).used_quota for plan in plans]
    balance = _balance(app, owner)
    assert balance == 100_000 - int(ordered or 0) + int(corrected or 0) >= 0
    assert sum(slots) == sum(isinstance(each, uuid.UUID) for each in results)


def test_one_request_key_many_times_at_once(
    app: Flask, clock: FrozenClock, administrator: Person, customer: Person, at_once: AtOnce
) -> None:
    made = at_once(16, lambda _: _ask(app, clock, administrator, customer, 10_000, key="double click"))

    assert len({each.id for each in made}) == 1
    assert _balance(app, customer) == 510_000


def test_small_sums_at_once_do_not_slip_below_the_second_confirmation(
    app: Flask, clock: FrozenClock, administrator: Person, customer: Person, at_once: AtOnce
) -> None:
    rules = AdjustmentRules(confirm_above=50_000, expires_after=timedelta(hours=72))

    made = at_once(12, lambda _: _ask(app, clock, administrator, customer, 10_000, rules=rules))

    assert Counter(each.state for each in made) == {
        AdjustmentState.APPLIED: 5,
        AdjustmentState.PENDING: 7,
    }
    assert _balance(app, customer) == 550_000


def test_many_decide_and_one_does(
    app: Flask,
    clock: FrozenClock,
    administrator: Person,
    customer: Person,
    person: Callable[..., Person],
    at_once: AtOnce,
) -> None:
    deciders = [person(role=Role.ADMINISTRATOR) for _ in range(12)]
    waits = _ask(app, clock, administrator, customer, 2_000_000)

    def decide(index: int) -> object:
        facts = {"actor": deciders[index].actor, "at": clock.now()}
        with app.app_context(), unit_of_work():
            if index % 3:
                return adjusting.approve(waits.id, password=None, bcrypt_rounds=4, **facts)  # type: ignore[arg-type]
            return adjusting.decline(waits.id, **facts)  # type: ignore[arg-type]

    results = at_once(12, decide)

    assert _tally(results) == {"Adjustment": 1, "lifecycle.impossible_change": 11}
    [decided] = [each for each in results if isinstance(each, Adjustment)]
    expected = 2_500_000 if decided.state is AdjustmentState.APPLIED else 500_000
    assert _balance(app, customer) == expected


def test_deductions_at_once_never_take_more_than_there_is(
    app: Flask, clock: FrozenClock, administrator: Person, customer: Person, at_once: AtOnce
) -> None:
    tally = _tally(at_once(16, lambda _: _ask(app, clock, administrator, customer, -60_000)))

    assert tally == {"Adjustment": 8, "wallet.insufficient_credit": 8}
    assert _balance(app, customer) == 20_000


def test_what_is_being_approved_at_this_moment_does_not_expire(
    app: Flask, clock: FrozenClock, administrator: Person, customer: Person, person: Callable[..., Person]
) -> None:
    second = person(role=Role.ADMINISTRATOR)
    waits = _ask(app, clock, administrator, customer, 2_000_000)
    approved, swept = Event(), Event()

    def approve() -> None:
        with app.app_context(), unit_of_work():
            adjusting.approve(waits.id, password=None, bcrypt_rounds=4, actor=second.actor, at=clock.now())
            approved.set()
            assert swept.wait(timeout=60)

    with ThreadPoolExecutor(1) as pool:
        under_way = pool.submit(approve)
        assert approved.wait(timeout=60)
        with app.app_context(), unit_of_work():
            found = adjusting.expire_overdue(actor=system("tests"), at=clock.now() + timedelta(days=4))
        swept.set()
        under_way.result(timeout=60)

    assert list(found) == []
    assert _balance(app, customer) == 2_500_000
    with app.app_context():
        assert session().get_one(Adjustment, waits.id).state is AdjustmentState.APPLIED
