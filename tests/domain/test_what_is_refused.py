"""Acts on what is not there, not one's own, of something else, or over: each is refused by its name."""

import uuid
from collections.abc import Callable
from functools import partial

import pytest
from flask import Flask

from minispod.catalog import quota
from minispod.catalog.errors import BadTermsOfSale, NoSuchPlan
from minispod.catalog.models import Plan, Service
from minispod.instances.errors import NoSuchInstance
from minispod.kernel.actor import system
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.kernel.ids import new_id
from minispod.kernel.lifecycle import ImpossibleChange
from minispod.kernel.money import Rupiah
from minispod.kernel.outbox import OutboxRow
from minispod.kernel.tasks import Task
from minispod.kernel.unit_of_work import unit_of_work
from minispod.payments import notices, polling, refunding, settling, topups
from minispod.payments.cases import Detail
from minispod.payments.errors import CheckoutInProgress, NoSuchTransaction
from minispod.payments.gateway import Checkout, GatewayStatus, PaymentGroup
from minispod.payments.models import GatewayNotice
from minispod.payments.states import RefundState, TopUpState
from minispod.promotions import checkout
from minispod.promotions.errors import WrongPlan
from minispod.promotions.states import CouponType
from minispod.rules import topup_rules
from minispod.settings import Settings
from minispod.subscriptions import data_care, operating
from minispod.subscriptions.errors import NotActive
from minispod.subscriptions.models import Subscription
from minispod.subscriptions.states import SubscriptionStatus
from minispod.wallet import ledger, statements
from minispod.wallet.errors import NoSuchWallet
from minispod.wallet.models import EntryKind, EntryType
from tests.factories.coupons import put_coupon
from tests.factories.payments import put_topup
from tests.plugins.app import MERCHANT, Person
from tests.plugins.shop import Shop

ME = system("tests")
PlanFinder = Callable[..., uuid.UUID]


@pytest.fixture
def notice(app: Flask, clock: FrozenClock) -> Callable[..., uuid.UUID]:
    """Keep a notice about an order."""

    def keep(order_id: str, **fields: object) -> uuid.UUID:
        row = GatewayNotice(
            id=new_id(),
            digest="d" * 64,
            order_id=order_id,
            transaction_id="tx",
            transaction_status="settlement",
            gross_amount=Rupiah(100_000),
            facts={},
            received_at=clock.now(),
            **fields,
        )
        with unit_of_work():
            session().add(row)
        return row.id

    return keep


def test_a_debit_is_not_negative(context: None, customer: Person, clock: FrozenClock) -> None:
    posting = ledger.Posting(EntryType.SUBSCRIPTION, EntryKind.PERIOD, "odd", "A month")

    with pytest.raises(ValueError, match="not negative"), unit_of_work():
        ledger.debit(customer.id, -1, posting, actor=ME, at=clock.now())


@pytest.mark.parametrize("amount", [0, -1])
@pytest.mark.parametrize("act", [ledger.credit, ledger.take_back, partial(ledger.deduct, may_owe=True)])
def test_what_moves_is_positive(
    context: None, customer: Person, clock: FrozenClock, act: Callable[..., object], amount: int
) -> None:
    posting = ledger.Posting(EntryType.ADMIN_ADJUSTMENT, EntryKind.ADJUSTMENT, "odd", "Nothing")

    with pytest.raises(ValueError, match="positive"), unit_of_work():
        act(customer.id, amount, posting, actor=ME, at=clock.now())


def test_nobody_has_the_wallet_of_nobody(context: None, administrator: Person) -> None:
    with pytest.raises(NoSuchWallet):
        statements.get_wallet(uuid.uuid4(), actor=administrator.actor)


@pytest.mark.parametrize("act", [ledger.credit, ledger.debit, ledger.take_back])
def test_nothing_is_posted_to_nobody(context: None, clock: FrozenClock, act: Callable[..., object]) -> None:
    posting = ledger.Posting(EntryType.ADMIN_ADJUSTMENT, EntryKind.ADJUSTMENT, "odd", "For nobody")

    with pytest.raises(NoSuchWallet), unit_of_work():
        act(uuid.uuid4(), 1_000, posting, actor=ME, at=clock.now())


def test_a_notice_is_replayed_for_its_own_order_only(
    context: None,
    customer: Person,
    administrator: Person,
    clock: FrozenClock,
    notice: Callable[..., uuid.UUID],
) -> None:
    meant, other = (put_topup(customer.id, at=clock.now()) for _ in range(2))
    kept = notice(meant.order_id)

    for notice_id, topup_id in ((kept, other.id), (kept, uuid.uuid4()), (uuid.uuid4(), meant.id)):
        with pytest.raises(NoSuchTransaction), unit_of_work():
            notices.replay(notice_id, topup_id=topup_id, actor=administrator.actor, at=clock.now())


def test_a_settled_notice_is_left_to_nobody(
    context: None, customer: Person, clock: FrozenClock, notice: Callable[..., uuid.UUID]
) -> None:
    topup = put_topup(customer.id, at=clock.now())
    kept = notice(topup.order_id, settled_at=clock.now())

    with unit_of_work():
        notices.leave_to_job(kept, at=clock.now())

    assert not session().query(OutboxRow).filter(OutboxRow.task == Task.SETTLE_NOTICE.value).count()
    assert session().get_one(GatewayNotice, kept, populate_existing=True).queued_at is None


def test_a_topup_that_is_not_there_or_not_ones_own(
    context: None, customer: Person, person: Callable[..., Person], clock: FrozenClock
) -> None:
    topup, stranger = put_topup(customer.id, at=clock.now()), person()

    with pytest.raises(NoSuchTransaction), unit_of_work():
        polling.claim_now(topup.id, actor=stranger.actor, at=clock.now())
    with pytest.raises(NoSuchTransaction), unit_of_work():
        polling.claim_now(uuid.uuid4(), actor=customer.actor, at=clock.now())
    with pytest.raises(NoSuchTransaction), unit_of_work():
        topups.attach_checkout(uuid.uuid4(), Checkout("token", "https://pay.example"), at=clock.now())
    with pytest.raises(NoSuchTransaction), unit_of_work():
        refunding.settle(
            uuid.uuid4(),
            refunding.RefundOutcome(GatewayStatus(found=False)),
            merchant_id=MERCHANT,
            actor=ME,
            at=clock.now(),
        )


def test_a_checkout_is_opened_by_one_request_at_a_time(
    context: None, customer: Person, clock: FrozenClock, settings: Settings
) -> None:
    def open_topup(request_key: str) -> topups.Opening:
        with unit_of_work():
            return topups.open_topup(
                customer.id,
                amount=100_000,
                group=PaymentGroup.QRIS,
                rules=topup_rules(settings),
                request_key=request_key,
                actor=customer.actor,
                at=clock.now(),
            )

    first = open_topup("a-top-up")
    with pytest.raises(CheckoutInProgress):
        open_topup("a-top-up")
    clock.advance(minutes=5)  # whoever was at it has died

    assert open_topup("a-top-up").topup.id == first.topup.id


def test_a_topup_never_goes_back_to_pending(context: None, customer: Person, clock: FrozenClock) -> None:
    topup = put_topup(customer.id, at=clock.now(), state=TopUpState.PAID)

    with pytest.raises(ImpossibleChange), unit_of_work():
        settling.move(topup, TopUpState.PENDING, Detail.UNCHANGED, actor=ME, at=clock.now())


def test_a_refund_that_is_decided_is_not_ordered_again(
    context: None, customer: Person, administrator: Person, clock: FrozenClock
) -> None:
    topup = put_topup(customer.id, at=clock.now(), state=TopUpState.PAID)
    with unit_of_work():
        refund = refunding.ask(
            topup.id, amount=None, reason="paid by mistake", actor=administrator.actor, at=clock.now()
        )
    assert refunding.claim(refund.id) is not None
    with unit_of_work():
        refund.state = RefundState.REFUSED

    assert refunding.claim(refund.id) is None


def test_a_coupon_for_one_service_is_not_shown_for_another(
    context: None, customer: Person, clock: FrozenClock, plan_id: PlanFinder
) -> None:
    def service_of(slug: str) -> uuid.UUID:
        return session().query(Service.id).filter(Service.slug == slug).scalar()

    mine, other = service_of("n8n-automation"), service_of("postgresql")
    assert session().get_one(Plan, plan_id()).service_id == mine
    put_coupon("SAVE20", CouponType.SUBSCRIPTION_DISCOUNT, at=clock.now(), service_id=mine)

    assert checkout.look("SAVE20", user_id=customer.id, service_id=mine, at=clock.now()).uses == 0
    with pytest.raises(WrongPlan):
        checkout.look("SAVE20", user_id=customer.id, service_id=other, at=clock.now())


def test_renewal_of_what_was_cancelled_cannot_be_switched(
    shop: Shop, customer: Person, plan_id: PlanFinder
) -> None:
    mine = shop.order(customer, plan_id())
    shop.cancel(customer, mine)

    with pytest.raises(NotActive):
        shop.auto_renew(customer, mine, True)


def test_what_was_cancelled_never_comes_back(shop: Shop, customer: Person, plan_id: PlanFinder) -> None:
    mine = shop.order(customer, plan_id())
    shop.cancel(customer, mine)

    with shop.app.app_context(), pytest.raises(ImpossibleChange):
        session().get_one(Subscription, mine).turn(SubscriptionStatus.ACTIVE, shop.clock.now())


def test_staff_move_nobody_to_a_plan_that_is_not_sold(
    shop: Shop, customer: Person, administrator: Person, plan_id: PlanFinder
) -> None:
    mine, pro = shop.order(customer, plan_id()), plan_id(tier="PRO")
    with shop.app.app_context(), unit_of_work():
        session().get_one(Plan, pro).is_active = False

    with pytest.raises(NoSuchPlan):
        shop.change_plan(administrator, mine, pro)


@pytest.mark.parametrize("act", [operating.start, partial(data_care.back_up, per_day=1)])
def test_an_instance_that_is_not_there_is_neither_started_nor_backed_up(
    shop: Shop, administrator: Person, act: Callable[..., object]
) -> None:
    with pytest.raises(NoSuchInstance), shop.app.app_context(), unit_of_work():
        act(uuid.uuid4(), actor=administrator.actor, at=shop.clock.now())


@pytest.mark.parametrize("total", [-1, 10_001])
def test_a_plan_has_no_number_of_slots_that_makes_no_sense(
    context: None, administrator: Person, plan_id: PlanFinder, clock: FrozenClock, total: int
) -> None:
    with pytest.raises(BadTermsOfSale), unit_of_work():
        quota.set_total(
            plan_id(), total, reason="a slip of the hand", actor=administrator.actor, at=clock.now()
        )
