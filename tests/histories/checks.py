"""What must hold after any history, beside the proof: counted here in our own way from the rows themselves."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import joinedload

from minispod.catalog.models import Plan
from minispod.insights import recurring
from minispod.instances.models import Instance
from minispod.instances.states import Wanted
from minispod.kernel.database import session
from minispod.kernel.unit_of_work import unit_of_work
from minispod.papers.models import Paper, PaperCounter
from minispod.payments.models import TopUp
from minispod.payments.states import TopUpState
from minispod.promotions.models import Coupon, Redemption
from minispod.subscriptions import live_sizes, queries
from minispod.subscriptions.models import Period, PlanChange, Refund, Subscription
from minispod.subscriptions.paid_run_models import PaidRun
from minispod.subscriptions.states import LIVE, ChangeState, SubscriptionStatus
from minispod.wallet.models import Adjustment, EntryKind, LedgerEntry, Wallet
from minispod.wallet.states import AdjustmentState
from tests.factories.recurring import JAKARTA
from tests.histories.bank import Payment
from tests.histories.world import World
from tests.proofs import assert_proven

WANTED = {
    SubscriptionStatus.ACTIVE: Wanted.RUNNING,
    SubscriptionStatus.EXPIRED: Wanted.STOPPED,
    SubscriptionStatus.CANCELLED: Wanted.ABSENT,
}


def check(world: World) -> None:
    """Everything adds up, for everybody."""
    with world.app.app_context():
        at = world.clock.now()
        assert_proven(at)
        books = Books.read()
        for wallet in books.wallets:
            _check_money(wallet, books)
            _check_coupons(wallet.user_id, books)
            _check_live(wallet.user_id, books)
        for subscription in books.subscriptions.values():
            _check_months(subscription, books)
            _check_state(subscription, books, at)
        assert queries.due(at) == [], "whatever is due was done"
        _check_changes(books)
        _check_adjustments(books)
        _check_counters(books)
        _check_sizes(books)
        _check_papers()
        _check_payments(world.bank.payments, books)
        _check_notes(at)
        session().rollback()


@dataclass(frozen=True, slots=True)
class Books:
    """All rows of one history."""

    wallets: Sequence[Wallet]
    entries: dict[UUID, LedgerEntry]
    subscriptions: dict[UUID, Subscription]
    instances: dict[UUID, Instance]
    periods: Sequence[Period]
    changes: Sequence[PlanChange]
    refunds: Sequence[Refund]
    topups: Sequence[TopUp]
    adjustments: Sequence[Adjustment]
    coupons: Sequence[Coupon]
    redemptions: dict[UUID, Redemption]
    plans: Sequence[Plan]

    @classmethod
    def read(cls) -> "Books":
        """Read them, all at one moment."""
        session().expire_all()
        return cls(
            _all(Wallet),
            {each.id: each for each in _all(LedgerEntry)},
            {each.id: each for each in _all(Subscription)},
            {each.subscription_id: each for each in _all(Instance)},
            session().scalars(select(Period).order_by(Period.subscription_id, Period.number)).all(),
            _all(PlanChange),
            _all(Refund),
            _all(TopUp),
            _all(Adjustment),
            _all(Coupon),
            {
                each.id: each
                for each in session().scalars(select(Redemption).options(joinedload(Redemption.coupon)))
            },
            _all(Plan),
        )

    def of(self, rows: Iterable[Any], user_id: UUID) -> list[Any]:
        """Those that belong to a customer, by themselves or through their subscription."""
        return [
            row
            for row in rows
            if getattr(row, "user_id", None) == user_id
            or (not hasattr(row, "user_id") and self.subscriptions[row.subscription_id].user_id == user_id)
        ]


def _all(model: Any) -> Sequence[Any]:
    return session().scalars(select(model)).all()


def _check_money(wallet: Wallet, books: Books) -> None:
    owner = wallet.user_id
    sums: Counter[EntryKind] = Counter()
    for entry in books.of(books.entries.values(), owner):
        sums[entry.kind] += entry.delta
    periods, changes = books.of(books.periods, owner), books.of(books.changes, owner)
    topups = books.of(books.topups, owner)
    applied = [each.delta for each in books.of(books.adjustments, owner) if each.entry_id is not None]
    assert wallet.balance == sum(sums.values())
    assert wallet.gateway_debt == max(0, -wallet.balance)
    assert -sums[EntryKind.PERIOD] == sum(each.charged for each in periods)
    assert sums[EntryKind.PERIOD_REFUND] == sum(each.refunded for each in periods)
    assert sums[EntryKind.TOPUP] == sum(each.amount for each in topups if each.state.is_credited)
    assert -sums[EntryKind.TOPUP_REVERSAL] == sum(each.reversed_amount for each in topups)
    assert -sums[EntryKind.UPGRADE] == sum(each.charged for each in changes)
    assert sums[EntryKind.UPGRADE_REFUND] == sum(each.refunded for each in changes)
    assert sums[EntryKind.ADJUSTMENT] == sum(applied)
    spent = sum(each.charged - each.refunded for each in [*periods, *changes])
    assert wallet.total_spent == spent - sum(delta for delta in applied if delta < 0)
    came_in = sums[EntryKind.OPENING] + sums[EntryKind.TOPUP] + sums[EntryKind.TOPUP_REVERSAL]
    given = sum(delta for delta in applied if delta > 0)
    assert wallet.total_top_up == came_in + sums[EntryKind.COUPON] + given


def _check_months(subscription: Subscription, books: Books) -> None:
    mine = [each for each in books.periods if each.subscription_id == subscription.id]
    assert [each.number for each in mine] == list(range(1, subscription.period_number + 1))
    assert len({each.entry_id for each in mine}) == len(mine), "one charge each"
    assert all(earlier.ends_at <= later.starts_at for earlier, later in pairwise(mine))
    assert all(0 <= each.refunded <= each.charged for each in mine)
    assert subscription.ends_at == mine[-1].ends_at
    for each in mine:
        entry = books.entries[each.entry_id]
        assert (entry.kind, entry.reference) == (EntryKind.PERIOD, f"{subscription.id}:{each.number}")
        assert (entry.amount, entry.user_id) == (each.charged, subscription.user_id)


def _check_changes(books: Books) -> None:
    for change in books.changes:
        assert 0 <= change.charged <= max(0, change.to_price - change.from_price)
        assert 0 <= change.credited <= max(0, change.from_price - change.to_price)
        if change.state is ChangeState.RETURNED:
            assert change.refunded == change.charged
        if change.state is ChangeState.PENDING:
            assert books.subscriptions[change.subscription_id].is_active
        if change.is_upgrade:
            entry = books.entries[change.entry_id]
            assert (entry.kind, entry.amount) == (EntryKind.UPGRADE, change.charged)
    for refund in books.refunds:
        entry = books.entries[refund.entry_id]
        assert (entry.delta, entry.subscription_id) == (refund.amount, refund.subscription_id)


def _check_coupons(owner: UUID, books: Books) -> None:
    redemptions = {each.id: each for each in books.of(books.redemptions.values(), owner)}
    standing = Counter(each.coupon.code for each in redemptions.values() if each.returned_at is None)
    allowed = {each.coupon.code: each.coupon.max_uses_per_user for each in redemptions.values()}
    assert all(number <= allowed[code] for code, number in standing.items())
    for period in books.of(books.periods, owner):
        used = redemptions.pop(period.redemption_id) if period.redemption_id else None
        assert period.price - period.charged == (used.discount_amount if used else 0)
        assert used is None or used.subscription_id == period.subscription_id
    for left in redemptions.values():
        entry = books.entries[left.entry_id]
        assert (entry.kind, entry.reference) == (EntryKind.COUPON, str(left.id))
        assert entry.delta == left.credit_amount


def _check_live(owner: UUID, books: Books) -> None:
    mine = [each for each in books.subscriptions.values() if each.user_id == owner and each.status in LIVE]
    assert set(Counter(each.service_id for each in mine).values()) <= {1}, "one of each service"


def _check_state(each: Subscription, books: Books, at: datetime) -> None:
    assert books.instances[each.id].wanted is WANTED[each.status]
    assert (each.retention_until is not None) == (each.status is SubscriptionStatus.EXPIRED)
    assert (each.end_reason is None) == each.is_active
    if each.is_active:
        assert each.ends_at > at or (each.grace_until is not None and each.grace_until > at)


def _check_adjustments(books: Books) -> None:
    for each in books.adjustments:
        assert (each.entry_id is not None) == (each.state is AdjustmentState.APPLIED)
        if each.entry_id is not None:
            entry = books.entries[each.entry_id]
            assert (entry.delta, entry.reference) == (each.delta, str(each.id))


def _check_counters(books: Books) -> None:
    """Slots and coupons are counted right, and never more of them used than there are."""
    live = Counter(each.plan_id for each in books.subscriptions.values() if each.status in LIVE)
    assert {each.id: each.used_quota for each in books.plans if each.used_quota} == dict(live)
    assert all(each.used_quota <= each.total_quota for each in books.plans)
    used = Counter(each.coupon_id for each in books.redemptions.values() if each.returned_at is None)
    assert {each.id: each.used_count for each in books.coupons if each.used_count} == dict(used)
    assert all(each.max_uses is None or each.used_count <= each.max_uses for each in books.coupons)


def _check_sizes(books: Books) -> None:
    """What is noted of the sizes of live instances is what they are."""
    live = [books.instances[each.id] for each in books.subscriptions.values() if each.status in LIVE]
    noted = {(cpu, memory): count for cpu, memory, count in live_sizes.read().of_each if count}
    assert noted == Counter((each.cpu_milli, each.memory_mb) for each in live)


def _check_papers() -> None:
    """Numbers without gaps, as many as the counters say."""
    numbers: dict[str, list[int]] = defaultdict(list)
    for series, position in session().execute(select(Paper.series, Paper.position)):
        if series is not None:
            numbers[series].append(position)
    for counter in _all(PaperCounter):
        assert sorted(numbers.pop(counter.series, [])) == list(range(1, counter.last + 1))
    assert not numbers


def _check_payments(payments: Sequence[Payment], books: Books) -> None:
    """What the gateway holds was credited once or is held, and what it gave back is gone from the wallet."""
    known = {payment.id: payment for payment in payments}
    credited = {each.paid_transaction_id: each for each in books.topups if each.state.is_credited}
    assert len(credited) == sum(each.state.is_credited for each in books.topups), "one order each"
    for id_, topup in credited.items():
        payment = known[str(id_)]
        assert (payment.now.order_id, payment.amount) == (topup.gateway_order_id, topup.amount)
        assert topup.reversed_amount == payment.given_back
    elsewhere = {each.transaction_id for each in books.topups if each.state is TopUpState.REVIEW}
    elsewhere |= {each.returned_transaction_id for each in books.topups}
    lost = {id_ for id_, payment in known.items() if payment.holds_money} - set(credited) - elsewhere
    assert not lost, "money came in and nobody knows of it"


def _check_notes(at: datetime) -> None:
    """Notes of paid time say what the periods say."""
    read = recurring.months(zone=JAKARTA, at=at), recurring.cohorts(zone=JAKARTA, at=at)
    with unit_of_work(), session().begin_nested() as point:
        session().execute(delete(PaidRun))
        anew = recurring.months(zone=JAKARTA, at=at), recurring.cohorts(zone=JAKARTA, at=at)
        point.rollback()
    assert read == anew
