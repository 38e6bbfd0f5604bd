"""A second payment of one order: a top-up of its own, held, credited or given back once, never by itself."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import db, session
from minispod.kernel.unit_of_work import unit_of_work
from minispod.payments import polling, reviewing, settling
from minispod.payments.cases import Detail, Verdict
from minispod.payments.gateway import GatewayStatus
from minispod.payments.models import TopUp
from minispod.payments.states import TopUpState
from minispod.wallet.models import EntryKind, LedgerEntry, Wallet
from tests.factories.payments import PAYER, TESTER, put_topup
from tests.plugins.app import MERCHANT, Person
from tests.proofs import assert_wallets_add_up

pytestmark = pytest.mark.usefixtures("context")
SECOND = "tx-that-came-too-02"


def said(status: str, payer: str = SECOND, **more: Any) -> GatewayStatus:
    facts = {"gross_amount": 100_000, "currency": "IDR", "merchant_id": MERCHANT} | more
    return GatewayStatus(found=True, transaction_id=payer, transaction_status=status, **facts)


@pytest.fixture
def settle(clock: FrozenClock) -> Callable[..., Verdict]:
    def apply(topup: TopUp, answer: GatewayStatus, *, is_accepted: bool = False) -> Verdict:
        with unit_of_work():
            return settling.settle(
                topup.order_id,
                answer,
                merchant_id=MERCHANT,
                actor=TESTER,
                at=clock.now(),
                is_accepted=is_accepted,
            )

    return apply


@pytest.fixture
def first(customer: Person, clock: FrozenClock) -> TopUp:
    return put_topup(customer.id, at=clock.now(), state=TopUpState.PAID)


def seconds() -> list[TopUp]:
    found = select(TopUp).where(TopUp.second_of.is_not(None)).order_by(TopUp.number)
    return list(session().scalars(found, execution_options={"populate_existing": True}))


def balance() -> int:
    return session().scalars(select(Wallet.balance)).one()


def test_what_is_left_of_a_second_payment_first_heard_of_after_a_part_went_back_is_held_and_can_be_credited(
    first: TopUp, settle: Callable[..., Verdict]
) -> None:
    answer = said("partial_refund", refund_amount=30_000)

    settle(first, answer)
    settle(first, answer)

    (held,) = seconds()
    assert (held.state, held.amount, balance()) == (TopUpState.REVIEW, 100_000, 600_000)

    settle(first, answer, is_accepted=True)

    (held,) = seconds()
    assert (held.state, held.reversed_amount, balance()) == (
        TopUpState.PARTIALLY_REFUNDED,
        30_000,
        670_000,
    )


def test_it_is_held_under_a_number_of_its_own_however_often_it_is_announced(
    first: TopUp, settle: Callable[..., Verdict]
) -> None:
    for _ in range(3):
        assert settle(first, said("settlement")).detail is Detail.HOLD_DOUBLE_PAYMENT

    (second,) = seconds()
    assert (second.state, second.review_reason) == (TopUpState.REVIEW, "hold_double_payment")
    assert (second.second_of, second.transaction_id, second.amount) == (first.id, SECOND, 100_000)
    assert second.number != first.number
    assert (second.gateway_order_id, first.state, balance()) == (first.order_id, TopUpState.PAID, 600_000)


def test_a_third_payment_is_another_one(first: TopUp, settle: Callable[..., Verdict]) -> None:
    settle(first, said("settlement"))
    settle(first, said("settlement", payer="tx-that-came-too-03"))

    assert [each.order_id[-2:] for each in seconds()] == ["-2", "-3"]


def test_it_is_credited_by_a_person_only_and_once(
    first: TopUp, administrator: Person, clock: FrozenClock, settle: Callable[..., Verdict]
) -> None:
    settle(first, said("settlement"))
    (second,) = seconds()
    assert settle(second, said("settlement")).detail is Detail.HOLD_DOUBLE_PAYMENT

    with unit_of_work():
        reviewing.accept(
            second.id,
            said("settlement"),
            reason="Paid twice by mistake, wants the credit",
            merchant_id=MERCHANT,
            actor=administrator.actor,
            at=clock.now(),
        )
    for notice in (first, second):
        assert settle(notice, said("settlement")).detail is Detail.ALREADY_CREDITED

    wallet = session().get_one(Wallet, first.user_id)
    entries = session().scalars(select(LedgerEntry).where(LedgerEntry.kind == EntryKind.TOPUP)).all()
    assert {entry.reference for entry in entries} == {str(first.id), str(second.id)}
    assert (wallet.balance, second.state) == (700_000, TopUpState.PAID)
    assert_wallets_add_up()


@pytest.mark.parametrize("is_accepted", [False, True])
def test_a_refund_of_it_leaves_the_first_alone(
    is_accepted: bool, first: TopUp, settle: Callable[..., Verdict]
) -> None:
    settle(first, said("settlement"))
    (second,) = seconds()
    if is_accepted:
        settle(second, said("settlement"), is_accepted=True)

    settle(first, said("refund", refund_amount=100_000))
    settle(first, said("refund", refund_amount=100_000))

    assert (second.state, first.state) == (TopUpState.REFUNDED, TopUpState.PAID)
    assert (balance(), first.reversed_amount) == (600_000, 0)
    assert_wallets_add_up()


def test_a_partial_refund_of_what_is_held_credits_nothing(
    first: TopUp, settle: Callable[..., Verdict]
) -> None:
    settle(first, said("settlement"))

    verdict = settle(first, said("partial_refund", refund_amount=40_000))

    assert verdict.detail is Detail.HOLD_DOUBLE_PAYMENT
    assert (seconds()[0].state, balance()) == (TopUpState.REVIEW, 600_000)


def test_a_chargeback_of_the_first_leaves_the_second_alone(
    first: TopUp, settle: Callable[..., Verdict]
) -> None:
    settle(first, said("settlement"))
    settle(seconds()[0], said("settlement"), is_accepted=True)

    settle(first, said("chargeback", payer=PAYER))

    assert (first.state, seconds()[0].state) == (TopUpState.CHARGEBACK, TopUpState.PAID)
    assert balance() == 600_000


def test_it_is_asked_about_by_its_own_id(first: TopUp, settle: Callable[..., Verdict]) -> None:
    settle(first, said("settlement"))
    (second,) = seconds()

    assert polling.look_at(second).ids == (SECOND,)
    assert second.next_poll_at is not None


def test_foreign_money_opens_nothing(first: TopUp, settle: Callable[..., Verdict]) -> None:
    settle(first, said("settlement", currency="USD"))

    assert seconds() == []


def test_announced_ten_times_at_once_it_is_held_once(
    first: TopUp, app: Flask, settle: Callable[..., Verdict], at_once: Callable[..., list[Any]]
) -> None:
    db.session.commit()

    def announce(_: int) -> str:
        with app.app_context():
            detail = settle(first, said("settlement")).detail.value
            db.session.remove()
            return detail

    assert at_once(10, announce) == ["hold_double_payment"] * 10
    assert len(seconds()) == 1
