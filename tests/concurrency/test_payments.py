"""Payments under pressure: real threads, real commits, one credit."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from minispod.integrations.midtrans import MidtransGateway
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import db, session
from minispod.kernel.unit_of_work import unit_of_work
from minispod.notifications.models import Notification
from minispod.payments import settling, topups
from minispod.payments.errors import TopUpNotPending
from minispod.payments.gateway import GatewayStatus
from minispod.payments.models import GatewayNotice, TopUp
from minispod.payments.states import TopUpState
from minispod.wallet.models import EntryKind, LedgerEntry, Wallet
from tests.factories.payments import TESTER, Levers, put_topup
from tests.plugins.app import MERCHANT, Person
from tests.plugins.simulators import Simulator
from tests.proofs import assert_wallets_add_up

FOLDER = Path(__file__).parents[1] / "fixtures" / "midtrans" / "notifications"
SETTLEMENT = (FOLDER / "bank_transfer_bca_settlement.json").read_bytes()
ORDER = json.loads(SETTLEMENT)["order_id"]
AtOnce = Callable[..., list[Any]]


@pytest.fixture
def levers(gateway: MidtransGateway, midtrans_simulator: Simulator) -> Levers:
    levers = Levers(midtrans_simulator)
    levers.reset()
    return levers


def deliver(app: Flask) -> int:
    answer = app.test_client().post(
        "/api/wallet/webhook/midtrans", data=SETTLEMENT, content_type="application/json"
    )
    return answer.status_code


def credits_and_balance(app: Flask) -> tuple[int, int]:
    """How many top-ups the ledger holds, and the balance; the proof of the ledger holds too."""
    with app.app_context():
        assert_wallets_add_up()
        wanted = select(func.count()).select_from(LedgerEntry).where(LedgerEntry.kind == EntryKind.TOPUP)
        return session().scalar(wanted) or 0, session().scalars(select(Wallet.balance)).one()


def settled(topup: TopUp, status: str = "settlement") -> GatewayStatus:
    return GatewayStatus(
        found=True,
        transaction_id=f"tx-{topup.order_id}",
        transaction_status=status,
        gross_amount=topup.amount,
        currency="IDR",
        merchant_id=MERCHANT,
        payment_type="qris",
    )


def settle(app: Flask, clock: FrozenClock, topup: TopUp, status: GatewayStatus) -> str:
    with app.app_context():
        with unit_of_work():
            verdict = settling.settle(
                topup.order_id, status, merchant_id=MERCHANT, actor=TESTER, at=clock.now()
            )
        db.session.remove()
        return verdict.detail.value


def test_settlement_delivered_twenty_times_at_once_and_three_times_more_is_credited_once(
    app: Flask, customer: Person, clock: FrozenClock, levers: Levers, at_once: AtOnce
) -> None:
    with app.app_context():
        put_topup(customer.id, at=clock.now(), order_id=ORDER)
    levers.answer_about(SETTLEMENT, "mirror")

    answers = at_once(20, lambda _: deliver(app)) + [deliver(app) for _ in range(3)]

    assert answers == [200] * 23
    assert credits_and_balance(app) == (1, 600_000)
    with app.app_context():
        notice = session().scalars(select(GatewayNotice)).one()
        assert (notice.deliveries, notice.settled_at) == (23, clock.now())
        mails = session().scalars(select(Notification.dedupe_key)).all()
        assert sum(key.startswith("topup:") for key in mails) == 1


@pytest.mark.parametrize("round", range(5))
def test_cancelling_while_the_payment_settles_never_loses_the_money(
    round: int, app: Flask, customer: Person, clock: FrozenClock, levers: Levers, at_once: AtOnce
) -> None:
    with app.app_context():
        topup = put_topup(customer.id, at=clock.now(), order_id=ORDER)
    levers.answer_about(SETTLEMENT, "mirror")

    def cancel() -> int:
        path = f"/api/wallet/transactions/{topup.id}/cancel"
        return app.test_client().post(path, headers=customer.headers).status_code

    # Both orders of starting; which one gets the row first is up to the machine.
    acts = (cancel, lambda: deliver(app)) if round % 2 else (lambda: deliver(app), cancel)
    answers = at_once(2, lambda index: acts[index]())

    assert 200 in answers
    assert set(answers) <= {200, 400}
    assert credits_and_balance(app) == (1, 600_000)
    with app.app_context():
        assert session().scalars(select(TopUp.state)).one() is TopUpState.PAID


@pytest.mark.parametrize("first", ["cancel", "settle"])
def test_whoever_gets_the_row_first_wins_and_the_money_stays(
    first: str, app: Flask, customer: Person, clock: FrozenClock
) -> None:
    with app.app_context():
        topup = put_topup(customer.id, at=clock.now())
        with unit_of_work():
            topups.claim_cancel(topup.id, actor=customer.actor)

    def finish_cancel() -> TopUpState:
        with app.app_context(), unit_of_work():
            return topups.settle_cancel(
                topup.id,
                GatewayStatus(found=False),
                merchant_id=MERCHANT,
                actor=customer.actor,
                at=clock.now(),
            ).state

    if first == "cancel":
        assert finish_cancel() is TopUpState.CANCELLED
        assert settle(app, clock, topup, settled(topup)) == "paid_late"
    else:
        assert settle(app, clock, topup, settled(topup)) == "paid"
        assert finish_cancel() is TopUpState.PAID
    assert credits_and_balance(app) == (1, 600_000)
    with app.app_context(), pytest.raises(TopUpNotPending), unit_of_work():
        topups.claim_cancel(topup.id, actor=customer.actor)


def test_many_payments_of_one_customer_add_up(
    app: Flask, customer: Person, clock: FrozenClock, at_once: AtOnce
) -> None:
    with app.app_context():
        orders = [put_topup(customer.id, at=clock.now(), amount=10_000 + n) for n in range(12)]

    details = at_once(24, lambda n: settle(app, clock, orders[n % 12], settled(orders[n % 12])))

    assert sorted(details) == ["already_credited"] * 12 + ["paid"] * 12
    assert credits_and_balance(app) == (12, 500_000 + sum(order.amount for order in orders))


def test_two_transactions_paying_one_order_at_once_credit_it_once(
    app: Flask, customer: Person, clock: FrozenClock, at_once: AtOnce
) -> None:
    with app.app_context():
        topup = put_topup(customer.id, at=clock.now())

    def pay(index: int) -> str:
        status = GatewayStatus(
            found=True,
            transaction_id=f"tx-number-{index}",
            transaction_status="settlement",
            gross_amount=topup.amount,
        )
        return settle(app, clock, topup, status)

    assert sorted(at_once(2, pay)) == ["hold_double_payment", "paid"]
    assert credits_and_balance(app) == (1, 600_000)


def test_refund_announced_ten_times_at_once_is_taken_back_once(
    app: Flask, customer: Person, clock: FrozenClock, at_once: AtOnce
) -> None:
    with app.app_context():
        topup = put_topup(customer.id, at=clock.now(), state=TopUpState.PAID, paid_by="tx-payer-1")
    status = GatewayStatus(
        found=True, transaction_id="tx-payer-1", transaction_status="refund", gross_amount=topup.amount
    )

    details = at_once(10, lambda _: settle(app, clock, topup, status))

    assert sorted(details) == ["already_reversed"] * 9 + ["refund_full"]
    assert credits_and_balance(app) == (1, 500_000)


def test_one_request_key_ten_times_at_once_is_one_order(
    app: Flask, customer: Person, levers: Levers, at_once: AtOnce
) -> None:
    headers = customer.headers | {"Idempotency-Key": "wish-1"}
    body = {"amount": 50_000, "paymentMethod": "QRIS"}

    answers = at_once(
        10, lambda _: app.test_client().post("/api/wallet/topup", json=body, headers=headers).status_code
    )

    # The others are told that it is being opened, or get the finished order.
    assert 201 in answers
    assert set(answers) <= {201, 409}
    with app.app_context():
        topup = session().scalars(select(TopUp)).one()
        assert topup.snap_token
