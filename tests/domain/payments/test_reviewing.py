"""How a person ends a review: what came in is credited once, what did not come in is closed, nothing is lost."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from minispod.audit.models import AuditEntry
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import db, session
from minispod.kernel.unit_of_work import unit_of_work
from minispod.notifications.messages import MessageKind
from minispod.notifications.models import Notification
from minispod.payments import polling, reviewing, settling
from minispod.payments.cases import Detail, Effect, Verdict
from minispod.payments.errors import MoneyIsThere, NoSuchTransaction, ReasonMissing, TopUpNotHeld
from minispod.payments.gateway import GatewayStatus
from minispod.payments.models import TopUp
from minispod.payments.states import TopUpState
from minispod.wallet.models import EntryKind, LedgerEntry, Wallet
from tests.factories.payments import PAYER, TESTER, put_topup
from tests.plugins.app import MERCHANT, Person
from tests.proofs import assert_wallets_add_up

pytestmark = pytest.mark.usefixtures("context")
WHY = "The customer showed the receipt"


def said(status: str = "settlement", gross: int = 90_000, payer: str = PAYER, **more: Any) -> GatewayStatus:
    facts = {"currency": "IDR", "merchant_id": MERCHANT, "payment_type": "qris"} | more
    return GatewayStatus(
        found=True, transaction_id=payer, transaction_status=status, gross_amount=gross, **facts
    )


@pytest.fixture
def settle(clock: FrozenClock) -> Callable[..., Verdict]:
    def apply(topup: TopUp, answer: GatewayStatus) -> Verdict:
        with unit_of_work():
            return settling.settle(topup.order_id, answer, merchant_id=MERCHANT, actor=TESTER, at=clock.now())

    return apply


@pytest.fixture
def held(customer: Person, clock: FrozenClock, settle: Callable[..., Verdict]) -> TopUp:
    """A top-up of 100,000 for which 90,000 came in."""
    topup = put_topup(customer.id, at=clock.now())
    settle(topup, said())
    assert topup.state is TopUpState.REVIEW
    return topup


@pytest.fixture
def accept(clock: FrozenClock, administrator: Person) -> Callable[..., Verdict]:
    def decide(topup: TopUp, answer: GatewayStatus, reason: str = WHY) -> Verdict:
        with unit_of_work():
            return reviewing.accept(
                topup.id,
                answer,
                reason=reason,
                merchant_id=MERCHANT,
                actor=administrator.actor,
                at=clock.now(),
            )

    return decide


@pytest.fixture
def close(clock: FrozenClock, administrator: Person) -> Callable[..., TopUp]:
    def decide(topup: TopUp, answer: GatewayStatus, *, is_returned: bool = False) -> TopUp:
        with unit_of_work():
            return reviewing.close(
                topup.id,
                answer,
                reason=WHY,
                is_returned=is_returned,
                merchant_id=MERCHANT,
                actor=administrator.actor,
                at=clock.now(),
            )

    return decide


def balance() -> int:
    return session().scalars(select(Wallet.balance).order_by(Wallet.balance.desc())).first() or 0


def audited(action: str) -> list[dict[str, Any]]:
    return [line.details for line in session().scalars(select(AuditEntry).where(AuditEntry.action == action))]


def test_accepting_credits_what_came_in_and_says_so(held: TopUp, accept: Callable[..., Verdict]) -> None:
    verdict = accept(held, said())

    assert verdict.effect is Effect.CREDIT
    assert (held.state, held.amount, held.paid_transaction_id) == (TopUpState.PAID, 90_000, PAYER)
    assert balance() == 590_000
    assert audited("topup.amount_corrected") == [{"asked": 100_000, "amount": 90_000}]
    (accepted,) = audited("topup.accepted")
    assert (accepted["reason"], accepted["amount"]) == (WHY, 90_000)
    receipt = session().scalars(select(Notification).where(Notification.kind == MessageKind.TOPUP_RECEIPT))
    assert receipt.one().facts["amount"] == 90_000
    assert_wallets_add_up()


def test_accepted_payment_can_be_refunded_like_any_other(
    held: TopUp, accept: Callable[..., Verdict], settle: Callable[..., Verdict]
) -> None:
    accept(held, said())

    settle(held, said("refund", refund_amount=90_000))

    assert (held.state, held.reversed_amount, balance()) == (TopUpState.REFUNDED, 90_000, 500_000)


def test_accepting_twice_credits_once(held: TopUp, accept: Callable[..., Verdict]) -> None:
    accept(held, said())

    with pytest.raises(TopUpNotHeld):
        accept(held, said())

    assert balance() == 590_000


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (said("pending"), TopUpState.REVIEW),
        (said("capture", fraud_status="challenge"), TopUpState.REVIEW),
        (said("settlement", currency="USD"), TopUpState.REVIEW),
        (said("settlement", merchant_id="G000000000"), TopUpState.REVIEW),
        (said("expire"), TopUpState.EXPIRED),
        (said("cancel"), TopUpState.CANCELLED),
        (GatewayStatus(found=False), TopUpState.REVIEW),
    ],
    ids=str,
)
def test_accepting_without_good_money_credits_nothing(
    held: TopUp, accept: Callable[..., Verdict], answer: GatewayStatus, state: TopUpState
) -> None:
    verdict = accept(held, answer)

    assert verdict.effect is not Effect.CREDIT
    assert (held.state, balance()) == (state, 500_000)
    assert audited("topup.accepted") == []


@pytest.mark.parametrize("reason", ["", "  ", "\x00\x00\x00\x00", "ok"])
def test_every_decision_needs_a_reason(held: TopUp, accept: Callable[..., Verdict], reason: str) -> None:
    with pytest.raises(ReasonMissing):
        accept(held, said(), reason)

    assert balance() == 500_000


def test_what_was_not_paid_is_closed_and_a_payment_after_all_is_not_lost(
    held: TopUp, close: Callable[..., TopUp], settle: Callable[..., Verdict]
) -> None:
    close(held, said("pending"))
    assert (held.state, held.review_reason) == (TopUpState.FAILED, None)
    (closed,) = audited("topup.closed")
    assert closed["reason"] == WHY

    settle(held, said(gross=100_000))

    assert (held.state, balance()) == (TopUpState.PAID, 600_000)


@pytest.mark.parametrize("status", ["settlement", "capture", "partial_refund", "partial_chargeback"])
def test_money_that_is_there_cannot_be_closed_away(
    held: TopUp, close: Callable[..., TopUp], status: str
) -> None:
    with pytest.raises(MoneyIsThere):
        close(held, said(status))

    assert held.state is TopUpState.REVIEW


def test_money_returned_by_hand_is_not_held_again(
    held: TopUp, close: Callable[..., TopUp], settle: Callable[..., Verdict]
) -> None:
    close(held, said(), is_returned=True)

    for status in ("settlement", "refund", "settlement"):
        assert settle(held, said(status)).detail is Detail.RETURNED
    assert (held.state, balance()) == (TopUpState.FAILED, 500_000)
    assert session().scalars(select(LedgerEntry).where(LedgerEntry.kind == EntryKind.TOPUP)).all() == []


def test_another_payment_after_one_was_returned_is_credited(
    held: TopUp, close: Callable[..., TopUp], settle: Callable[..., Verdict]
) -> None:
    close(held, said(), is_returned=True)

    settle(held, said(gross=100_000, payer="tx-another-1"))

    assert (held.state, balance()) == (TopUpState.PAID, 600_000)
    # What was returned stays returned, whatever the gateway says of it again.
    for status in ("settlement", "partial_refund"):
        assert settle(held, said(status)).detail is Detail.RETURNED
    assert (held.state, balance()) == (TopUpState.PAID, 600_000)


@pytest.mark.parametrize("state", sorted(set(TopUpState) - {TopUpState.REVIEW}))
def test_only_what_is_held_can_be_decided(
    state: TopUpState,
    customer: Person,
    clock: FrozenClock,
    accept: Callable[..., Verdict],
    close: Callable[..., TopUp],
) -> None:
    taken = 1_000 if state is TopUpState.PARTIALLY_REFUNDED else None
    topup = put_topup(customer.id, at=clock.now(), state=state, taken_back=taken)

    for act in (accept, close):
        with pytest.raises(TopUpNotHeld):
            act(topup, said(gross=100_000))


def test_a_stranger_may_not_decide(held: TopUp, person: Callable[..., Person]) -> None:
    stranger = person().actor

    with pytest.raises(NoSuchTransaction), unit_of_work():
        reviewing.claim(held.id, actor=stranger)


def test_ten_administrators_accepting_at_once_credit_once(
    held: TopUp,
    app: Any,
    accept: Callable[..., Verdict],
    at_once: Callable[..., list[Any]],
) -> None:
    db.session.commit()

    def one(_: int) -> str:
        with app.app_context():
            try:
                return accept(held, said()).detail.value
            finally:
                db.session.remove()

    answers = at_once(8, one)

    assert sum(answer == "paid" for answer in answers) == 1
    assert sum(isinstance(answer, TopUpNotHeld) for answer in answers) == 7
    db.session.expire_all()
    assert balance() == 590_000
    assert_wallets_add_up()


def test_answer_about_another_order_changes_nothing_and_is_asked_again(
    customer: Person, clock: FrozenClock, settle: Callable[..., Verdict]
) -> None:
    topup = put_topup(customer.id, at=clock.now())

    verdict = settle(topup, said(gross=100_000, order_id="TOPUP-00000000000000000000000000"))

    assert verdict.detail is Detail.HOLD_INCONSISTENT
    assert (topup.state, balance()) == (TopUpState.PENDING, 500_000)
    assert topup.next_poll_at is not None
    # Channels that are known by their own id only name it in the order's place.
    assert settle(topup, said(gross=100_000, order_id=PAYER)).detail is Detail.PAID


def test_a_look_that_a_person_asks_for_is_counted_and_in_the_book(
    held: TopUp, administrator: Person, clock: FrozenClock
) -> None:
    with unit_of_work():
        look = polling.claim_now(held.id, actor=administrator.actor, at=clock.now())

    assert look.order_id == held.order_id
    assert held.polls == 1
    assert len(audited("topup.asked_about")) == 1
