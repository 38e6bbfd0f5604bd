"""Refunds through the gateway: asked by a person, done by a job, debited once, whatever breaks on the way."""

from collections.abc import Callable
from typing import Any

import pytest
import requests
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from minispod.audit.models import AuditEntry
from minispod.integrations.midtrans import MidtransGateway
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import db, session
from minispod.kernel.unit_of_work import unit_of_work
from minispod.notifications.messages import MessageKind
from minispod.notifications.models import Notification
from minispod.payments import refunding, reviewing, settling
from minispod.payments.cases import Detail
from minispod.payments.errors import (
    NoSuchTransaction,
    RefundAmountOdd,
    RefundUnderWay,
    TopUpNotRefundable,
)
from minispod.payments.gateway import GatewayStatus, PaymentGroup
from minispod.payments.models import TopUp, TopUpRefund
from minispod.payments.refunding import RefundOrder
from minispod.payments.states import RefundState, TopUpState
from minispod.wallet import ledger
from minispod.wallet.models import EntryKind, EntryType, LedgerEntry, Wallet
from tests.factories.payments import TESTER, Levers, put_topup
from tests.plugins.app import MERCHANT, Person, data_of
from tests.plugins.simulators import Simulator
from tests.proofs import assert_wallets_add_up

WHY = "The customer asked for it"


@pytest.fixture
def levers(gateway: MidtransGateway, midtrans_simulator: Simulator) -> Levers:
    levers = Levers(midtrans_simulator)
    levers.reset()
    return levers


class Desk:
    """A customer who pays, and an administrator who gives back."""

    def __init__(
        self,
        app: Flask,
        client: FlaskClient,
        customer: Person,
        staff: Person,
        levers: Levers,
        clock: FrozenClock,
    ) -> None:
        self.app, self.client, self.customer, self.staff = app, client, customer, staff
        self.levers, self.clock = levers, clock

    def paid(self, method: str = "other_qris", group: str = "QRIS", settled: bool = True) -> TopUp:
        """A top-up of 100,000 that was paid, and our books know it."""
        body = {"amount": 100_000, "paymentMethod": group}
        opened = data_of(
            self.client.post("/api/wallet/topup", json=body, headers=self.customer.headers), 201
        )["transaction"]
        self.payment = self.levers.choose(opened["snapToken"], method)
        if settled:
            self.levers.event(self.payment, "pay")
            self.look(opened["transactionId"])
        return self.topup()

    def look(self, topup_id: str) -> None:
        path = f"/api/wallet/transactions/{topup_id}/status"
        assert self.client.get(path, headers=self.customer.headers).status_code == 200

    def ask(self, topup: TopUp, amount: int | None = None) -> TopUpRefund:
        with self.app.app_context(), unit_of_work():
            return refunding.ask(
                topup.id, amount=amount, reason=WHY, actor=self.staff.actor, at=self.clock.now()
            )

    def topup(self) -> TopUp:
        with self.app.app_context():
            return session().scalars(select(TopUp)).one()

    def refunds(self) -> list[TopUpRefund]:
        with self.app.app_context():
            return list(session().scalars(select(TopUpRefund).order_by(TopUpRefund.asked_at)))

    def balance(self) -> int:
        with self.app.app_context():
            assert_wallets_add_up()
            return session().get_one(Wallet, self.customer.id).balance

    def reversals(self) -> list[int]:
        with self.app.app_context():
            wanted = select(LedgerEntry.amount).where(LedgerEntry.kind == EntryKind.TOPUP_REVERSAL)
            return list(session().scalars(wanted.order_by(LedgerEntry.number)))

    def at_gateway(self) -> dict[str, Any]:
        answer = requests.get(
            f"{self.levers.url}/sim/api/transactions/{self.payment}", headers=self.levers.headers, timeout=10
        )
        found: dict[str, Any] = answer.json()
        return found


@pytest.fixture
def desk(
    app: Flask,
    client: FlaskClient,
    customer: Person,
    administrator: Person,
    levers: Levers,
    clock: FrozenClock,
) -> Desk:
    return Desk(app, client, customer, administrator, levers, clock)


def test_the_whole_payment_goes_back_once(desk: Desk, run_jobs: Callable[[], int]) -> None:
    topup = desk.paid()
    assert desk.balance() == 600_000

    desk.ask(topup)
    run_jobs()

    assert desk.topup().state is TopUpState.REFUNDED
    assert (desk.balance(), desk.reversals()) == (500_000, [100_000])
    (refund,) = desk.refunds()
    assert (refund.state, refund.refusal) == (RefundState.DONE, None)
    assert desk.levers.refunds(desk.payment) == [100_000]
    with desk.app.app_context():
        actions = session().scalars(
            select(AuditEntry.action).where(AuditEntry.action.like("topup.refund%")).order_by(AuditEntry.id)
        )
        assert list(actions) == ["topup.refund_asked", "topup.refund_done"]


def test_parts_go_back_one_after_the_other(desk: Desk, run_jobs: Callable[[], int]) -> None:
    topup = desk.paid()

    for amount, balance in ((30_000, 570_000), (20_000, 550_000), (50_000, 500_000)):
        desk.ask(topup, amount)
        run_jobs()
        assert desk.balance() == balance

    assert desk.topup().state is TopUpState.REFUNDED
    assert desk.reversals() == [30_000, 20_000, 50_000]


def test_the_gateways_announcements_of_our_own_refund_change_nothing(
    desk: Desk, client: FlaskClient, run_jobs: Callable[[], int]
) -> None:
    topup = desk.paid()
    desk.ask(topup, 30_000)
    run_jobs()
    announced = GatewayStatus(
        found=True,
        transaction_id=desk.payment,
        transaction_status="partial_refund",
        gross_amount=100_000,
        currency="IDR",
        merchant_id=MERCHANT,
        refund_amount=30_000,
    )

    for _ in range(2):  # announced, and announced again when the bank has confirmed it
        with desk.app.app_context(), unit_of_work():
            verdict = settling.settle(
                topup.order_id, announced, merchant_id=MERCHANT, actor=TESTER, at=desk.clock.now()
            )
        assert verdict.detail is Detail.ALREADY_REVERSED

    assert (desk.balance(), desk.reversals()) == (570_000, [30_000])


def test_an_announcement_that_is_faster_than_our_job_is_the_same_refund(
    desk: Desk, app: Flask, gateway: MidtransGateway, clock: FrozenClock
) -> None:
    topup = desk.paid()
    refund = desk.ask(topup)
    with app.app_context():
        order = refunding.claim(refund.id)
    assert order is not None
    outcome = refunding.carry_out(order, gateway)
    with app.app_context(), unit_of_work():
        settling.settle(topup.order_id, outcome.status, merchant_id=MERCHANT, actor=TESTER, at=clock.now())
    for _ in range(2):
        with app.app_context(), unit_of_work():
            again = refunding.settle(refund.id, outcome, merchant_id=MERCHANT, actor=TESTER, at=clock.now())
        assert again is None

    assert (desk.balance(), desk.reversals()) == (500_000, [100_000])
    assert desk.refunds()[0].state is RefundState.DONE


@pytest.mark.parametrize("amount", [None, 40_000])
def test_a_worker_that_dies_after_the_gateway_agreed_gives_nothing_back_twice(
    amount: int | None, desk: Desk, app: Flask, gateway: MidtransGateway, run_jobs: Callable[[], int]
) -> None:
    topup = desk.paid()
    refund = desk.ask(topup, amount)
    with app.app_context():
        order = refunding.claim(refund.id)
        db.session.remove()
    assert order is not None
    refunding.carry_out(order, gateway)

    run_jobs()  # another worker takes the row

    assert desk.levers.refunds(desk.payment) == [amount or 100_000]
    assert desk.balance() == 600_000 - (amount or 100_000)


@pytest.mark.parametrize(
    ("action", "more"),
    [
        ("status", {"status": 503}),
        ("html200", {}),
        ("close", {}),
        ("commit_then_fail", {}),
        ("json_null", {}),
    ],
)
def test_a_gateway_in_trouble_is_asked_again_with_the_same_key(
    action: str,
    more: dict[str, Any],
    desk: Desk,
    levers: Levers,
    clock: FrozenClock,
    run_jobs: Callable[[], int],
) -> None:
    topup = desk.paid()
    levers.fault(action, match={"path": f"/v2/{desk.payment}/refund"}, **more)

    desk.ask(topup, 40_000)
    run_jobs()
    assert desk.refunds()[0].state is RefundState.ASKED
    clock.advance(minutes=5)
    run_jobs()

    assert desk.refunds()[0].state is RefundState.DONE
    assert desk.levers.refunds(desk.payment) == [40_000]
    assert (desk.balance(), desk.reversals()) == (560_000, [40_000])


def test_a_status_that_lags_behind_is_looked_at_until_it_shows_the_refund(
    desk: Desk, levers: Levers, clock: FrozenClock, run_jobs: Callable[[], int]
) -> None:
    topup = desk.paid()
    levers.fault("stale_status", s=3600, times=2, after=1)

    desk.ask(topup)
    run_jobs()
    assert desk.refunds()[0].state is RefundState.SENT
    assert desk.balance() == 600_000
    for _ in range(3):
        clock.advance(minutes=2)
        run_jobs()

    assert desk.refunds()[0].state is RefundState.DONE
    assert (desk.balance(), desk.reversals()) == (500_000, [100_000])


def test_a_channel_without_refunds_is_refused_with_the_gateways_code(
    desk: Desk, run_jobs: Callable[[], int]
) -> None:
    topup = desk.paid("bca_va", "BANK_TRANSFER")

    desk.ask(topup)
    run_jobs()

    (refund,) = desk.refunds()
    assert (refund.state, refund.refusal) == (RefundState.REFUSED, "412")
    assert (desk.topup().state, desk.balance()) == (TopUpState.PAID, 600_000)
    desk.ask(topup)  # a refused one is no obstacle


def test_a_card_payment_that_has_not_settled_is_voided(desk: Desk, run_jobs: Callable[[], int]) -> None:
    topup = desk.paid("credit_card", "CREDIT_CARD")

    desk.ask(topup)
    run_jobs()

    assert desk.at_gateway()["status"] == "cancel"
    assert (desk.topup().state, desk.balance()) == (TopUpState.REVERSED, 500_000)
    assert desk.refunds()[0].state is RefundState.DONE


def test_a_chargeback_that_came_first_is_not_refunded_as_well(
    desk: Desk, levers: Levers, run_jobs: Callable[[], int]
) -> None:
    topup = desk.paid("credit_card", "CREDIT_CARD")
    levers.event(desk.payment, "settle_card")
    levers.event(desk.payment, "chargeback")

    desk.ask(topup)
    run_jobs()

    (refund,) = desk.refunds()
    assert (refund.state, refund.refusal) == (RefundState.REFUSED, "chargeback")
    assert (desk.topup().state, desk.balance()) == (TopUpState.CHARGEBACK, 500_000)


def test_credit_that_was_spent_becomes_debt(desk: Desk, run_jobs: Callable[[], int]) -> None:
    topup = desk.paid()
    with desk.app.app_context(), unit_of_work():
        posting = ledger.Posting(EntryType.SUBSCRIPTION, EntryKind.PERIOD, "spent", "A month")
        ledger.debit(desk.customer.id, 550_000, posting, actor=TESTER, at=desk.clock.now())

    desk.ask(topup)
    run_jobs()

    with desk.app.app_context():
        wallet = session().get_one(Wallet, desk.customer.id)
        assert (wallet.balance, wallet.gateway_debt) == (-50_000, 50_000)


def test_a_held_payment_goes_back_whole_and_leaves_no_credit(
    desk: Desk, levers: Levers, run_jobs: Callable[[], int]
) -> None:
    topup = desk.paid(settled=False)
    levers.event(desk.payment, "pay")
    levers.fault("wrong_amount", amount=90_000)
    desk.look(str(topup.id))
    assert desk.topup().state is TopUpState.REVIEW
    with pytest.raises(RefundAmountOdd):
        desk.ask(topup, 10_000)

    desk.ask(topup)
    run_jobs()

    assert (desk.topup().state, desk.balance()) == (TopUpState.REFUNDED, 500_000)
    assert desk.at_gateway()["status"] == "refund"
    with desk.app.app_context():
        kinds = select(Notification.kind).where(Notification.kind == MessageKind.TOPUP_RECEIPT)
        assert session().scalars(kinds).all() == []


@pytest.mark.parametrize("amount", [0, -1, 100_001])
def test_odd_amounts_are_refused(desk: Desk, amount: int) -> None:
    with pytest.raises(RefundAmountOdd):
        desk.ask(desk.paid(), amount)


def test_one_refund_at_a_time_and_no_other_decision_meanwhile(
    desk: Desk, app: Flask, clock: FrozenClock
) -> None:
    topup = desk.paid()
    desk.ask(topup, 10_000)

    with pytest.raises(RefundUnderWay):
        desk.ask(topup, 10_000)

    with app.app_context():
        held = put_topup(
            desk.customer.id, at=clock.now(), state=TopUpState.REVIEW, transaction_id="tx-held-0001"
        )
    desk.ask(held)
    with app.app_context(), pytest.raises(RefundUnderWay), unit_of_work():
        reviewing.claim(held.id, actor=desk.staff.actor)


def test_ten_requests_at_once_are_one_refund(
    desk: Desk, at_once: Callable[..., list[Any]], run_jobs: Callable[[], int]
) -> None:
    topup = desk.paid()

    answers = at_once(8, lambda _: desk.ask(topup, 60_000))
    run_jobs()

    assert sum(isinstance(answer, TopUpRefund) for answer in answers) == 1
    assert sum(isinstance(answer, RefundUnderWay) for answer in answers) == 7
    assert (desk.balance(), desk.reversals()) == (540_000, [60_000])


def test_two_workers_with_one_refund_give_back_once(
    desk: Desk, app: Flask, gateway: MidtransGateway, clock: FrozenClock, at_once: Callable[..., list[Any]]
) -> None:
    topup = desk.paid()
    refund = desk.ask(topup, 60_000)

    def work(_: int) -> None:
        with app.app_context():
            order = refunding.claim(refund.id)
            db.session.remove()
            if order is None:
                return
            outcome = refunding.carry_out(order, gateway)
            with unit_of_work():
                refunding.settle(refund.id, outcome, merchant_id=MERCHANT, actor=TESTER, at=clock.now())
            db.session.remove()

    assert at_once(6, work) == [None] * 6

    assert desk.levers.refunds(desk.payment) == [60_000]
    assert (desk.balance(), desk.reversals()) == (540_000, [60_000])


@pytest.mark.parametrize("state", sorted(set(TopUpState) - {TopUpState.PAID, TopUpState.PARTIALLY_REFUNDED}))
def test_without_a_payment_there_is_nothing_to_give_back(state: TopUpState, desk: Desk) -> None:
    with desk.app.app_context():
        topup = put_topup(desk.customer.id, at=desk.clock.now(), state=state)

    with pytest.raises(TopUpNotRefundable):
        desk.ask(topup)


def test_a_refund_the_bank_denies_is_refused(desk: Desk) -> None:
    class DenyingBank:
        def status(self, id: str) -> GatewayStatus:
            return GatewayStatus(True, id, "settlement", gross_amount=100_000, status_code="200")

        def refund(self, id: str, **_: Any) -> GatewayStatus:
            return GatewayStatus(True, id, "settlement", gross_amount=100_000, status_code="202")

    order = RefundOrder(desk.staff.id, "tx-paid-0001", "RF-KEY-1", None, WHY, False)

    outcome = refunding.carry_out(order, DenyingBank())  # type: ignore[arg-type]

    assert outcome.refusal == "202"


def test_strangers_cannot_ask_for_refunds(desk: Desk, person: Callable[..., Person]) -> None:
    topup, stranger = desk.paid(), person()

    with desk.app.app_context(), pytest.raises(NoSuchTransaction), unit_of_work():
        refunding.ask(topup.id, amount=None, reason=WHY, actor=stranger.actor, at=desk.clock.now())


def test_a_channel_known_by_its_own_id_only_is_refunded_too(
    desk: Desk, levers: Levers, run_jobs: Callable[[], int]
) -> None:
    topup = desk.paid("dana", PaymentGroup.E_WALLET.value, settled=False)
    levers.event(desk.payment, "pay")
    with desk.app.app_context(), unit_of_work():
        # Known by its own id only: the notification would have told it.
        session().get_one(TopUp, topup.id).transaction_id = desk.payment
    desk.look(str(topup.id))

    desk.ask(topup)
    run_jobs()

    assert desk.topup().state is TopUpState.REFUNDED
