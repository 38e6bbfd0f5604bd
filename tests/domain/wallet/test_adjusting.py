"""Corrections by administrators: reasons, second confirmations, expiry, debt; each moves money at most once."""

import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask

from minispod.accounts import stewardship
from minispod.accounts.models import User
from minispod.audit import trail
from minispod.kernel.actor import Role
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.kernel.errors import Refusal
from minispod.kernel.lifecycle import ImpossibleChange
from minispod.kernel.paging import PageRequest
from minispod.kernel.unit_of_work import unit_of_work
from minispod.wallet import adjusting, ledger
from minispod.wallet.adjusting import AdjustmentRules, Correction
from minispod.wallet.errors import (
    AdjustmentExpired,
    AdjustmentKeyReused,
    AdjustmentTooLarge,
    AdjustmentTooSmall,
    InsufficientCredit,
    NoSuchAdjustment,
    NoSuchWallet,
    PasswordNeeded,
    ReasonMissing,
    SecondPersonNeeded,
)
from minispod.wallet.models import Adjustment, EntryKind, EntryType, Wallet
from minispod.wallet.states import AdjustmentState
from tests.plugins.app import PASSWORD, Person
from tests.plugins.shop import Shop

RULES = AdjustmentRules(confirm_above=100_000, expires_after=timedelta(hours=72))
REASON = "Goodwill after the outage"


class Desk:
    """The administration's desk: each act in a unit of work of its own."""

    def __init__(self, app: Flask, clock: FrozenClock) -> None:
        self.app, self.clock = app, clock

    def ask(
        self,
        staff: Person,
        owner: Person,
        delta: int,
        *,
        key: str | None = None,
        reason: str = REASON,
        may_owe: bool = False,
    ) -> Adjustment:
        with self.app.app_context(), unit_of_work():
            wanted = Correction(owner.id, delta, reason, may_owe=may_owe)
            return adjusting.request(
                wanted, request_key=key, rules=RULES, actor=staff.actor, at=self.clock.now()
            )

    def approve(self, staff: Person, which: Adjustment, password: str | None = None) -> Adjustment:
        with self.app.app_context(), unit_of_work():
            return adjusting.approve(
                which.id, password=password, bcrypt_rounds=4, actor=staff.actor, at=self.clock.now()
            )

    def decline(self, staff: Person, which: Adjustment) -> Adjustment:
        with self.app.app_context(), unit_of_work():
            return adjusting.decline(which.id, actor=staff.actor, at=self.clock.now())

    def state(self, which: Adjustment) -> AdjustmentState:
        with self.app.app_context():
            return session().get_one(Adjustment, which.id).state

    def wallet(self, owner: Person) -> Wallet:
        with self.app.app_context():
            return session().get_one(Wallet, owner.id)

    def actions(self, owner: Person) -> list[str]:
        with self.app.app_context():
            found = trail.search(PageRequest(), subject_kind="wallet", subject_id=str(owner.id))
            return [entry.action for entry in reversed(found.items)][1:]  # without the opening credit


@pytest.fixture
def desk(app: Flask, clock: FrozenClock) -> Desk:
    return Desk(app, clock)


@pytest.fixture
def second(person: Callable[..., Person], administrator: Person) -> Person:
    return person(role=Role.ADMINISTRATOR, name="Budi Admin")


def test_a_small_correction_is_made_at_once_and_is_in_the_book(
    desk: Desk, administrator: Person, customer: Person, app: Flask
) -> None:
    made = desk.ask(administrator, customer, 25_000)

    assert (made.state, made.decided_by) == (AdjustmentState.APPLIED, administrator.id)
    with app.app_context():
        entry = ledger.find_entry(EntryKind.ADJUSTMENT, str(made.id))
        assert entry is not None
        assert (entry.type, entry.delta, entry.balance_after) == (
            EntryType.ADMIN_ADJUSTMENT,
            25_000,
            525_000,
        )
        assert entry.actor_id == administrator.id
        assert entry.description == f"Admin Credit Addition: {REASON}"
    assert desk.actions(customer) == ["wallet.credited", "wallet.adjusted"]


def test_what_is_deducted_counts_as_spent_what_is_added_as_topped_up(
    desk: Desk, administrator: Person, customer: Person
) -> None:
    desk.ask(administrator, customer, 25_000)
    desk.ask(administrator, customer, -5_000)

    wallet = desk.wallet(customer)
    assert (wallet.balance, wallet.total_top_up, wallet.total_spent) == (520_000, 525_000, 5_000)


@pytest.mark.parametrize(
    ("delta", "reason", "refusal"),
    [
        (999, REASON, AdjustmentTooSmall),
        (0, REASON, AdjustmentTooSmall),
        (-999, REASON, AdjustmentTooSmall),
        (100_000_001, REASON, AdjustmentTooLarge),
        (5_000, "why", ReasonMissing),
        (5_000, "    why    ", ReasonMissing),
        (5_000, "x" * 201, ReasonMissing),
        (-500_001, REASON, InsufficientCredit),
        (-50_000_000, REASON, InsufficientCredit),
    ],
)
def test_what_is_refused_leaves_nothing(
    desk: Desk,
    administrator: Person,
    customer: Person,
    delta: int,
    reason: str,
    refusal: type[Refusal],
    app: Flask,
) -> None:
    with pytest.raises(refusal):
        desk.ask(administrator, customer, delta, reason=reason)

    assert desk.wallet(customer).balance == 500_000
    with app.app_context():
        assert session().query(Adjustment).count() == 0


def test_nobody_without_a_wallet_is_adjusted(desk: Desk, administrator: Person, customer: Person) -> None:
    with pytest.raises(NoSuchWallet):
        desk.ask(administrator, replace(customer, id=uuid.uuid4()), 5_000)


def test_above_the_sum_another_administrator_must_approve(
    desk: Desk, administrator: Person, second: Person, customer: Person
) -> None:
    at_the_sum = desk.ask(administrator, customer, 100_000)
    waits = desk.ask(administrator, customer, 1_000)

    assert (at_the_sum.state, waits.state) == (AdjustmentState.APPLIED, AdjustmentState.PENDING)
    assert desk.wallet(customer).balance == 600_000
    with pytest.raises(SecondPersonNeeded):
        desk.approve(administrator, waits, PASSWORD)
    approved = desk.approve(second, waits)

    assert (approved.state, approved.requested_by, approved.decided_by) == (
        AdjustmentState.APPLIED,
        administrator.id,
        second.id,
    )
    assert desk.wallet(customer).balance == 601_000
    assert desk.actions(customer)[2:] == [
        "wallet.adjustment_requested",
        "wallet.credited",
        "wallet.adjusted",
    ]


def test_those_who_may_confirm_are_told_once(
    desk: Desk,
    shop: Shop,
    administrator: Person,
    second: Person,
    customer: Person,
    person: Callable[..., Person],
) -> None:
    blocked = person(role=Role.ADMINISTRATOR, name="Citra Admin")
    with desk.app.app_context(), unit_of_work():
        session().get_one(User, blocked.id).is_active = False

    desk.ask(administrator, customer, 100_000)
    for _ in range(2):
        desk.ask(administrator, customer, 150_000, key="the same wish")

    assert shop.mails(second) == ["welcome", "staff_alert"]
    told = shop.messages(second)[-1].facts
    assert (told["customer"], told["asked_by"], told["amount"]) == ("Siti Rahma", "Ayu Admin", 150_000)
    assert "staff_alert" not in shop.mails(administrator) + shop.mails(blocked) + shop.mails(customer)


def test_the_only_administrator_is_told_too(
    desk: Desk, shop: Shop, administrator: Person, customer: Person
) -> None:
    desk.ask(administrator, customer, 150_000)

    assert shop.mails(administrator) == ["welcome", "staff_alert"]


def test_small_sums_one_after_the_other_are_one_large_sum_for_a_day(
    desk: Desk, administrator: Person, second: Person, customer: Person, clock: FrozenClock
) -> None:
    assert desk.ask(administrator, customer, 60_000).state is AdjustmentState.APPLIED
    assert desk.ask(second, customer, -60_000).state is AdjustmentState.PENDING
    clock.advance(hours=24)

    assert desk.ask(administrator, customer, 60_000).state is AdjustmentState.APPLIED


def test_what_was_confirmed_does_not_count_towards_the_sum_again(
    desk: Desk, administrator: Person, second: Person, customer: Person
) -> None:
    desk.approve(second, desk.ask(administrator, customer, 5_000_000))

    assert desk.ask(administrator, customer, 50_000).state is AdjustmentState.APPLIED


def test_ones_own_wallet_always_needs_a_second_confirmation(
    desk: Desk, administrator: Person, second: Person
) -> None:
    mine = desk.ask(administrator, administrator, 1_000)

    assert mine.state is AdjustmentState.PENDING
    with pytest.raises(SecondPersonNeeded):
        desk.approve(administrator, mine, PASSWORD)


def test_the_only_administrator_types_the_password_again(
    desk: Desk, administrator: Person, customer: Person, app: Flask, clock: FrozenClock, second: Person
) -> None:
    waits = desk.ask(administrator, customer, 500_000)
    with app.app_context(), unit_of_work():
        stewardship.block(second.id, actor=administrator.actor, at=clock.now())

    for wrong in (None, "", "not it", "x" * 100):
        with pytest.raises(PasswordNeeded):
            desk.approve(administrator, waits, wrong)
    assert desk.wallet(customer).balance == 500_000
    desk.approve(administrator, waits, PASSWORD)

    assert desk.wallet(customer).balance == 1_000_000


def test_it_is_approved_once(desk: Desk, administrator: Person, second: Person, customer: Person) -> None:
    waits = desk.ask(administrator, customer, 500_000)
    desk.approve(second, waits)

    for act in (desk.approve, desk.decline):
        with pytest.raises(ImpossibleChange):
            act(second, waits)
    assert desk.wallet(customer).balance == 1_000_000


def test_whoever_asked_may_call_it_off(
    desk: Desk, administrator: Person, second: Person, customer: Person
) -> None:
    waits = desk.ask(administrator, customer, 500_000)

    declined = desk.decline(administrator, waits)

    assert (declined.state, declined.decided_by) == (AdjustmentState.DECLINED, administrator.id)
    with pytest.raises(ImpossibleChange):
        desk.approve(second, waits)
    assert desk.wallet(customer).balance == 500_000
    assert desk.actions(customer) == ["wallet.adjustment_requested", "wallet.adjustment_declined"]


def test_what_waits_too_long_expires_even_before_the_job_says_so(
    desk: Desk,
    administrator: Person,
    second: Person,
    customer: Person,
    clock: FrozenClock,
    tick: Callable[[str], None],
) -> None:
    waits = desk.ask(administrator, customer, 500_000)
    clock.advance(hours=71, minutes=59)
    tick("expire-adjustments")
    assert desk.state(waits) is AdjustmentState.PENDING
    clock.advance(minutes=1)
    for act in (desk.approve, desk.decline):
        with pytest.raises(AdjustmentExpired):
            act(second, waits)

    tick("expire-adjustments")
    tick("expire-adjustments")

    assert desk.state(waits) is AdjustmentState.EXPIRED
    assert desk.actions(customer) == ["wallet.adjustment_requested", "wallet.adjustment_expired"]
    with pytest.raises(ImpossibleChange):
        desk.approve(second, waits)


def test_approval_looks_at_the_wallet_again(
    desk: Desk, administrator: Person, second: Person, customer: Person, shop: Shop
) -> None:
    waits = desk.ask(administrator, customer, -500_000)
    shop.take_back(customer, 1)

    with pytest.raises(InsufficientCredit):
        desk.approve(second, waits)

    assert desk.state(waits) is AdjustmentState.PENDING
    assert shop.balance(customer) == 499_999


def test_a_repeated_request_is_the_same_adjustment(
    desk: Desk, administrator: Person, second: Person, customer: Person
) -> None:
    first = desk.ask(administrator, customer, 25_000, key="once")
    again = desk.ask(administrator, customer, 25_000, key="once")
    another_person = desk.ask(second, customer, 25_000, key="once")

    assert again.id == first.id != another_person.id
    assert desk.wallet(customer).balance == 550_000
    for delta, reason in ((30_000, REASON), (25_000, "Another reason")):
        with pytest.raises(AdjustmentKeyReused):
            desk.ask(administrator, customer, delta, key="once", reason=reason)


def test_a_key_belongs_to_one_wallet(
    desk: Desk, administrator: Person, customer: Person, person: Callable[..., Person]
) -> None:
    desk.ask(administrator, customer, 25_000, key="once")
    other = person(credit=1_000)

    with pytest.raises(AdjustmentKeyReused):
        desk.ask(administrator, other, 25_000, key="once")

    assert desk.wallet(other).balance == 1_000


def test_a_correction_below_zero_is_owed_and_credit_pays_it_first(
    desk: Desk, administrator: Person, second: Person, customer: Person, shop: Shop
) -> None:
    desk.approve(second, desk.ask(administrator, customer, -560_000, may_owe=True))
    owing = desk.wallet(customer)
    assert (owing.balance, owing.gateway_debt) == (-60_000, 60_000)

    shop.credit(customer, 50_000)
    still = desk.wallet(customer)
    shop.credit(customer, 50_000)

    assert (still.balance, still.gateway_debt) == (-10_000, 10_000)
    free = desk.wallet(customer)
    assert (free.balance, free.gateway_debt) == (40_000, 0)


def test_an_unknown_adjustment_is_not_found(desk: Desk, administrator: Person) -> None:
    nowhere = Adjustment(id=uuid.uuid4())

    for act in (desk.approve, desk.decline):
        with pytest.raises(NoSuchAdjustment):
            act(administrator, nowhere)


def test_added_credit_wakes_what_waits_for_money(
    desk: Desk,
    administrator: Person,
    person: Callable[..., Person],
    shop: Shop,
    plan_id: Callable[..., uuid.UUID],
    advance: Callable[..., object],
    run_jobs: Callable[[], int],
) -> None:
    owner = person(credit=50_000)
    subscription = shop.order(owner, plan_id())
    shop.put(subscription, first_ran_at=shop.clock.now())
    advance(days=31)
    assert shop.look(subscription)[0].waits_for_credit

    desk.ask(administrator, owner, 50_000)
    run_jobs()

    assert not shop.look(subscription)[0].waits_for_credit
    assert shop.balance(owner) == 0
