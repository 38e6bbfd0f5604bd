"""Any history of one customer leaves money, months, slots and instances in agreement.

Histories are drawn at random (hypothesis; a failure prints how to repeat it) and played through the same acts,
jobs and verdicts as in production. What must hold afterwards does not depend on the history.
"""

import uuid
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise

from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from minispod.catalog.models import Plan, PlanType
from minispod.instances.models import Instance
from minispod.instances.states import InstanceStatus, Wanted
from minispod.jobs import runner
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import db, session
from minispod.kernel.errors import Refusal
from minispod.kernel.outbox import OutboxRow
from minispod.kernel.tasks import Task
from minispod.kernel.unit_of_work import unit_of_work
from minispod.payments import settling
from minispod.payments.gateway import GatewayStatus
from minispod.payments.models import TopUp
from minispod.promotions.models import Redemption
from minispod.promotions.states import CouponType
from minispod.subscriptions import queries
from minispod.subscriptions.models import Period, PlanChange, Refund, Subscription
from minispod.subscriptions.states import LIVE, ChangeState, SubscriptionStatus
from minispod.wallet.models import EntryKind, LedgerEntry, Wallet
from tests.factories.coupons import put_coupon
from tests.factories.payments import put_topup
from tests.plugins.app import START, Person
from tests.plugins.shop import Shop
from tests.proofs import assert_proven

SHELF = (
    ("n8n-automation", "BASIC"),
    ("n8n-automation", "PRO"),
    ("ghost-blog", "FREE"),
    ("ghost-blog", "BASIC"),
    ("n8n-automation", "FREE"),
    ("postgresql", "BASIC"),
)
MONEY = (Task.ADVANCE_SUBSCRIPTION.value, Task.CREDIT_ARRIVED.value, Task.ISSUE_PAPERS.value)

# Time passes most of all; what ends a story comes seldom.
KINDS = {
    "time": 6,
    "order": 4,
    "order_with_coupon": 2,
    "redeem": 1,
    "topup": 2,
    "runs": 2,
    "given_back": 1,
    "fails": 1,
    "cancel": 1,
    "auto_renew": 1,
    "upgrade": 3,
    "move": 1,
    "concludes": 3,
    "refund": 1,
    "extend": 1,
}
DAYS = (1, 6, 8, 25, 31, 40)
AMOUNTS = (10_000, 50_000, 120_000, 400_000)
COUPONS = (
    ("TWICE", CouponType.CREDIT_TOPUP, {"max_uses_per_user": 2}),
    ("LESS15", CouponType.SUBSCRIPTION_DISCOUNT, {"discount_percent": 15, "max_uses_per_user": 3}),
    ("FREEBIE", CouponType.FREE_SERVICE, {}),
    ("PROSAVE", CouponType.SUBSCRIPTION_DISCOUNT, {"plan_type": PlanType.PRO}),
)
GIVEN_BACK = ("refund", "partial_refund", "chargeback", "deny")
STEPS = st.tuples(
    st.sampled_from([kind for kind, weight in KINDS.items() for _ in range(weight)]), st.integers(0, 11)
)
HISTORIES = st.lists(STEPS, min_size=10, max_size=16)


@dataclass
class History:
    """One customer's life in the shop."""

    shop: Shop
    owner: Person
    plans: list[uuid.UUID]
    jobs: Callable[[], None]
    staff: Person
    topups: list[TopUp] = field(default_factory=list)

    def play(self, steps: Iterable[tuple[str, int]]) -> None:
        """Do one step after another; a refusal is an answer too. The number says which, how much, how long."""
        for kind, number in steps:
            with suppress(Refusal):
                getattr(self, kind)(number)
            self.jobs()

    def order(self, number: int) -> None:
        self.shop.order(self.owner, self.plans[number % len(self.plans)])

    def order_with_coupon(self, number: int) -> None:
        code = COUPONS[number % len(COUPONS)][0]
        self.shop.place(self.owner, self.plans[number % len(self.plans)], coupon=code)

    def redeem(self, number: int) -> None:
        self.shop.redeem(self.owner, COUPONS[number % 2][0])

    def cancel(self, number: int) -> None:
        if (mine := self._mine(number)) is not None:
            self.shop.cancel(self.owner, mine)

    def auto_renew(self, number: int) -> None:
        if (mine := self._mine(number)) is not None:
            self.shop.auto_renew(self.owner, mine, number % 4 == 0)

    def runs(self, number: int) -> None:
        """The cluster brought it up, if that is still wanted."""
        if (mine := self._mine(number)) is not None and self.shop.look(mine)[1].wanted is Wanted.RUNNING:
            now = self.shop.clock.now()
            self.shop.put(mine, status=InstanceStatus.RUNNING, first_ran_at=now, repair_until=None)

    def fails(self, number: int) -> None:
        """The cluster could not bring it up for the first time."""
        mine = self._mine(number)
        if mine is None:
            return
        _, instance = self.shop.look(mine)
        if instance.wanted is Wanted.RUNNING and instance.first_ran_at is None:
            until = self.shop.clock.now() + timedelta(hours=24)
            self.shop.put(mine, status=InstanceStatus.ERROR, repair_until=until)

    def upgrade(self, number: int) -> None:
        if (mine := self._mine(number)) is not None:
            self.shop.upgrade(self.owner, mine, self.plans[number % len(self.plans)])

    def move(self, number: int) -> None:
        """Staff move it up or down, now and then for nothing."""
        if (mine := self._mine(0)) is not None:
            plan = self.plans[number % len(self.plans)]
            self.shop.change_plan(self.staff, mine, plan, is_waived=number % 3 == 0)

    def concludes(self, number: int) -> None:
        """The cluster has the wanted size, or gives up on it."""
        if (mine := self._mine(number)) is None or self.shop.look(mine)[1].wanted is not Wanted.RUNNING:
            return
        if number % 2:
            self.shop.runs(mine)
        elif self.shop.look(mine)[1].first_ran_at is not None:
            self.shop.gives_up(mine)

    def refund(self, number: int) -> None:
        if (mine := self._mine(number)) is not None:
            self.shop.refund(self.staff, mine, AMOUNTS[number % 2] + number)

    def extend(self, number: int) -> None:
        if (mine := self._mine(number)) is not None:
            self.shop.extend(self.staff, mine, DAYS[number % len(DAYS)])

    def topup(self, number: int) -> None:
        amount = AMOUNTS[number % len(AMOUNTS)]
        with self.shop.app.app_context():
            made = put_topup(self.owner.id, at=self.shop.clock.now(), amount=amount)
        self.topups.append(made)
        self._settle(made, "settlement")

    def given_back(self, number: int) -> None:
        if self.topups:
            self._settle(self.topups[number % len(self.topups)], GIVEN_BACK[number % len(GIVEN_BACK)])

    def time(self, number: int) -> None:
        self.shop.clock.advance(days=DAYS[number % len(DAYS)])

    def _settle(self, topup: TopUp, status: str) -> None:
        part = topup.amount // 2 if status == "partial_refund" else topup.amount
        said = GatewayStatus(
            found=True,
            transaction_id=f"tx-{topup.id}",
            transaction_status=status,
            gross_amount=topup.amount,
            currency="IDR",
            refund_amount=part if "refund" in status else None,
        )
        with self.shop.app.app_context(), unit_of_work():
            settling.settle(
                topup.order_id, said, merchant_id="", actor=self.owner.actor, at=self.shop.clock.now()
            )

    def _mine(self, number: int) -> uuid.UUID | None:
        """One of the customer's subscriptions, the newest first."""
        with self.shop.app.app_context():
            found = session().scalars(
                select(Subscription.id)
                .where(Subscription.user_id == self.owner.id)
                .order_by(Subscription.created_at.desc(), Subscription.id)
            )
            mine = found.all()
            return mine[number % len(mine)] if mine else None


def test_any_history_adds_up(
    app: Flask,
    shop: Shop,
    clock: FrozenClock,
    person: Callable[..., Person],
    plan_id: Callable[..., uuid.UUID],
    tick: Callable[[str], None],
    administrator: Person,
) -> None:
    plans = [plan_id(*each) for each in SHELF]
    with app.app_context():
        for code, type_, terms in COUPONS:
            put_coupon(code, type_, at=START, **terms)

    def jobs() -> None:
        tick("advance-calendar")
        _run_money(app, shop)

    @settings(
        max_examples=100,
        deadline=None,
        print_blob=True,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(steps=HISTORIES)
    def holds(steps: list[tuple[str, int]]) -> None:
        clock.set(START)
        History(shop, owner := person(credit=60_000), plans, jobs, administrator).play(steps)
        with app.app_context():
            assert_proven(clock.now())
            _check_money(owner)
            _check_months(owner)
            _check_changes(owner)
            _check_coupons(owner)
            _check_states(owner, shop)
            _check_slots()
            _close(app, owner)

    holds()


def _run_money(app: Flask, shop: Shop) -> None:
    """The jobs that move money; cluster and mail are not part of these histories."""
    with app.app_context():
        for _ in range(20):
            wanted = select(OutboxRow.id).where(
                OutboxRow.task.in_(MONEY), OutboxRow.run_after <= shop.clock.now()
            )
            rows = session().scalars(wanted).all()
            if not rows:
                break
            for row in rows:
                runner.run_row(row, ports=shop.ports, settings=shop.settings)
        assert not rows, "money jobs that never end"
        db.session.remove()


def _check_money(owner: Person) -> None:
    wallet = session().get_one(Wallet, owner.id)
    sums: Counter[EntryKind] = Counter()
    for entry in session().scalars(select(LedgerEntry).where(LedgerEntry.user_id == owner.id)):
        sums[entry.kind] += entry.delta
    periods = _periods(owner)
    topups = session().scalars(select(TopUp).where(TopUp.user_id == owner.id)).all()
    assert wallet.gateway_debt == max(0, -wallet.balance)
    assert -sums[EntryKind.PERIOD] == sum(each.charged for each in periods)
    assert sums[EntryKind.PERIOD_REFUND] == sum(each.refunded for each in periods)
    assert sums[EntryKind.TOPUP] == sum(each.amount for each in topups if each.state.is_credited)
    assert -sums[EntryKind.TOPUP_REVERSAL] == sum(each.reversed_amount for each in topups)
    changes = _changes(owner)
    assert -sums[EntryKind.UPGRADE] == sum(each.charged for each in changes)
    assert sums[EntryKind.UPGRADE_REFUND] == sum(each.refunded for each in changes)
    assert wallet.total_spent == sum(each.charged - each.refunded for each in [*periods, *changes])
    came_in = sums[EntryKind.OPENING] + sums[EntryKind.TOPUP] + sums[EntryKind.TOPUP_REVERSAL]
    assert wallet.total_top_up == came_in + sums[EntryKind.COUPON]


def _check_months(owner: Person) -> None:
    months: dict[uuid.UUID, list[Period]] = {}
    for each in _periods(owner):
        months.setdefault(each.subscription_id, []).append(each)
    for subscription in _subscriptions(owner):
        mine = months[subscription.id]
        assert [each.number for each in mine] == list(range(1, subscription.period_number + 1))
        assert len({each.entry_id for each in mine}) == len(mine), "one charge each"
        assert all(earlier.ends_at <= later.starts_at for earlier, later in pairwise(mine))
        assert all(0 <= each.refunded <= each.charged for each in mine)
        assert subscription.ends_at == mine[-1].ends_at
        for each in mine:
            entry = session().get_one(LedgerEntry, each.entry_id)
            assert (entry.kind, entry.reference) == (EntryKind.PERIOD, f"{subscription.id}:{each.number}")
            assert entry.amount == each.charged


def _check_changes(owner: Person) -> None:
    active = {each.id for each in _subscriptions(owner) if each.is_active}
    for change in _changes(owner):
        assert 0 <= change.charged <= max(0, change.to_price - change.from_price)
        assert 0 <= change.credited <= max(0, change.from_price - change.to_price)
        if change.state is ChangeState.RETURNED:
            assert change.refunded == change.charged
        if change.state is ChangeState.PENDING:
            assert change.subscription_id in active
        if change.is_upgrade:
            entry = session().get_one(LedgerEntry, change.entry_id)
            assert (entry.kind, entry.amount) == (EntryKind.UPGRADE, change.charged)
    for refund in session().scalars(select(Refund)):
        entry = session().get_one(LedgerEntry, refund.entry_id)
        assert (entry.delta, entry.subscription_id) == (refund.amount, refund.subscription_id)


def _check_coupons(owner: Person) -> None:
    wanted = select(Redemption).where(Redemption.user_id == owner.id).options(joinedload(Redemption.coupon))
    redemptions = {each.id: each for each in session().scalars(wanted)}
    standing = Counter(each.coupon.code for each in redemptions.values() if each.returned_at is None)
    allowed = {each.coupon.code: each.coupon.max_uses_per_user for each in redemptions.values()}
    assert all(number <= allowed[code] for code, number in standing.items())
    for period in _periods(owner):
        used = redemptions.pop(period.redemption_id) if period.redemption_id else None
        assert period.price - period.charged == (used.discount_amount if used else 0)
        assert used is None or used.subscription_id == period.subscription_id
    for left in redemptions.values():
        entry = session().get_one(LedgerEntry, left.entry_id)
        assert (entry.kind, entry.reference) == (EntryKind.COUPON, str(left.id))
        assert entry.delta == left.credit_amount


def _check_states(owner: Person, shop: Shop) -> None:
    at = shop.clock.now()
    mine = _subscriptions(owner)
    live = Counter(each.service_id for each in mine if each.status in LIVE)
    assert set(live.values()) <= {1}
    assert queries.due(at) == [], "whatever is due was done"
    for each in mine:
        instance = session().scalars(select(Instance).where(Instance.subscription_id == each.id)).one()
        expected = {
            SubscriptionStatus.ACTIVE: Wanted.RUNNING,
            SubscriptionStatus.EXPIRED: Wanted.STOPPED,
            SubscriptionStatus.CANCELLED: Wanted.ABSENT,
        }
        assert instance.wanted is expected[each.status]
        assert (each.retention_until is not None) == (each.status is SubscriptionStatus.EXPIRED)
        assert (each.end_reason is None) == each.is_active
        if each.is_active:
            assert each.ends_at > at or (each.grace_until is not None and each.grace_until > at)


def _check_slots() -> None:
    live = queries.live_per_plan()
    used = {plan.id: plan.used_quota for plan in session().scalars(select(Plan))}
    assert {plan: number for plan, number in used.items() if number} == live


def _close(app: Flask, owner: Person) -> None:
    """Leave nothing that is due for the next history, whose clock begins anew."""
    db.session.remove()
    names = ("outbox", "notifications", "audit_entries")
    with app.app_context():
        connection = session().connection()
        connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        connection.exec_driver_sql(f"TRUNCATE {', '.join(names)}")
        connection.exec_driver_sql(
            "TRUNCATE ledger_entries, periods, instances, subscriptions, topups CASCADE"
        )
        connection.exec_driver_sql(
            "UPDATE wallets SET balance = 0, gateway_debt = 0, total_top_up = 0, total_spent = 0"
        )
        connection.exec_driver_sql("UPDATE plans SET used_quota = 0")
        connection.exec_driver_sql("UPDATE coupons SET used_count = 0")
        session().commit()
        db.session.remove()


def _periods(owner: Person) -> list[Period]:
    wanted = (
        select(Period)
        .join(Subscription, Subscription.id == Period.subscription_id)
        .where(Subscription.user_id == owner.id)
        .order_by(Period.subscription_id, Period.number)
    )
    return list(session().scalars(wanted))


def _changes(owner: Person) -> list[PlanChange]:
    wanted = (
        select(PlanChange)
        .join(Subscription, Subscription.id == PlanChange.subscription_id)
        .where(Subscription.user_id == owner.id)
    )
    return list(session().scalars(wanted))


def _subscriptions(owner: Person) -> list[Subscription]:
    return list(session().scalars(select(Subscription).where(Subscription.user_id == owner.id)))
