"""The table of verdicts against every recorded notification, and the rules no recording shows."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minispod.payments.cases import Announced, Case, Detail, Effect, Order, Verdict
from minispod.payments.gateway import GatewayStatus
from minispod.payments.states import TOPUP_LIFECYCLE, TopUpState
from minispod.payments.verdicts import judge

FIXTURES = Path(__file__).parents[1] / "fixtures" / "midtrans" / "notifications"
INDEX = json.loads((FIXTURES / "index.json").read_text(encoding="utf-8"))
MERCHANT = INDEX["merchant_id"]
NOON = datetime(2026, 11, 20, 5, tzinfo=UTC)
STATUSES = [
    "settlement",
    "capture",
    "pending",
    "authorize",
    "deny",
    "failure",
    "expire",
    "cancel",
    "refund",
    "partial_refund",
    "chargeback",
    "partial_chargeback",
    "on_vacation",
]
JUDGED = [
    one
    for one in INDEX["files"]
    if one["order_known"] and not str(one["expected_detail"]).startswith("reject_")
]


def rupiah(text: str | None) -> int | None:
    return int(text.split(".")[0]) if text else None


def recorded(one: dict[str, Any]) -> Case:
    body = json.loads((FIXTURES / one["file"]).read_text(encoding="utf-8"))
    announced = Announced(
        transaction_id=body["transaction_id"],
        transaction_status=body["transaction_status"].lower(),
        gross_amount=rupiah(body["gross_amount"]) or 0,
        currency=body.get("currency"),
        merchant_id=body.get("merchant_id"),
    )
    said = body | (one["status_api"] if isinstance(one["status_api"], dict) else {})
    status = GatewayStatus(
        found=True,
        transaction_id=body["transaction_id"],
        transaction_status=said["transaction_status"].lower(),
        fraud_status=said.get("fraud_status"),
        gross_amount=rupiah(said["gross_amount"]),
        currency=said.get("currency"),
        merchant_id=said.get("merchant_id"),
        refund_amount=rupiah(said.get("refund_amount")),
    )
    state, context = TopUpState(one["order_state_before"]), one["context"]
    payer = context.get("paid_transaction_id", body["transaction_id"]) if state.is_credited else None
    order = Order(
        state=state,
        amount=one["order_amount_idr"],
        expires_at=NOON,
        reversed_amount=context.get("already_reversed_idr", 0),
        paid_transaction_id=payer,
    )
    return Case(order, status, MERCHANT, NOON, announced)


@pytest.mark.parametrize("one", JUDGED, ids=lambda one: one["file"])
def test_recorded_notification_gets_the_stated_verdict(one: dict[str, Any]) -> None:
    case = recorded(one)

    verdict = judge(case)

    moved = {
        Effect.CREDIT: case.order.amount,
        Effect.REVERSE: case.order.reversed_amount - verdict.reversed_total,
    }.get(verdict.effect, 0)
    assert (verdict.effect, verdict.detail) == (one["expected_effect"], one["expected_detail"])
    assert verdict.state == one["expected_order_state"]
    assert moved == one["credit_delta_idr"]


def order_in(state: TopUpState, **given: Any) -> Order:
    payer = "tx-payer-1" if state.is_credited else None
    return Order(state, 100_000, NOON, **{"paid_transaction_id": payer} | given)


def look(order: Order, status: str, *, at: datetime = NOON, **said: Any) -> Verdict:
    facts = {"transaction_id": "tx-payer-1", "gross_amount": order.amount} | said
    answer = GatewayStatus(found=True, transaction_status=status, **facts)
    return judge(Case(order, answer, MERCHANT, at))


def test_unknown_payment_is_only_final_once_the_page_has_closed() -> None:
    order, nothing = order_in(TopUpState.PENDING), GatewayStatus(found=False)

    early = judge(Case(order, nothing, MERCHANT, NOON - timedelta(seconds=1)))
    late = judge(Case(order, nothing, MERCHANT, NOON))

    assert (early.state, early.detail) == (TopUpState.PENDING, Detail.NOT_STARTED)
    assert (late.state, late.detail) == (TopUpState.EXPIRED, Detail.EXPIRED)


def test_settlement_after_a_cancellation_is_still_the_customers_money() -> None:
    verdict = look(order_in(TopUpState.CANCELLED), "settlement")

    assert (verdict.effect, verdict.detail) == (Effect.CREDIT, Detail.PAID_LATE)


def test_another_attempt_reopens_a_failed_order_and_an_old_look_at_the_failed_one_does_not() -> None:
    order = order_in(TopUpState.FAILED, transaction_id="tx-denied-1")

    assert look(order, "pending").state is TopUpState.PENDING
    assert look(order, "pending", transaction_id="tx-denied-1").state is TopUpState.FAILED


def test_late_end_of_the_first_attempt_does_not_end_the_second() -> None:
    order = order_in(TopUpState.PENDING, transaction_id="tx-second-1")

    assert look(order, "deny").state is TopUpState.PENDING
    assert look(order, "expire", transaction_id="tx-second-1").state is TopUpState.EXPIRED


def test_refund_of_a_payment_never_heard_of_is_credited_before_it_is_taken_back() -> None:
    first = look(order_in(TopUpState.PENDING), "partial_refund", refund_amount=30_000)
    then = look(order_in(TopUpState.PAID), "partial_refund", refund_amount=30_000)

    assert first.effect is Effect.CREDIT
    assert first.look_again
    assert (then.effect, then.reversed_total, then.look_again) == (Effect.REVERSE, 30_000, False)


@pytest.mark.parametrize("amount", [None, 0, 100_001])
def test_partial_refund_of_no_known_size_waits_for_a_person(amount: int | None) -> None:
    verdict = look(order_in(TopUpState.PAID), "partial_refund", refund_amount=amount)

    assert verdict.detail is Detail.HOLD_REFUND_AMOUNT
    assert verdict.needs_person


@pytest.mark.parametrize(
    ("status", "detail"),
    [
        ("partial_refund", Detail.HOLD_DOUBLE_PAYMENT),
        ("partial_chargeback", Detail.HOLD_DOUBLE_PAYMENT),
        ("refund", Detail.LATE_IGNORED),
        ("chargeback", Detail.LATE_IGNORED),
    ],
)
def test_what_is_left_of_a_second_payment_never_heard_of_is_held(status: str, detail: Detail) -> None:
    verdict = look(order_in(TopUpState.PAID), status, transaction_id="tx-second-1", refund_amount=30_000)

    assert verdict.detail is detail
    assert (verdict.effect, verdict.state) == (Effect.NOTHING, TopUpState.PAID)


def test_chargeback_takes_what_refunds_had_left() -> None:
    order = order_in(TopUpState.PARTIALLY_REFUNDED, reversed_amount=40_000)

    verdict = look(order, "chargeback", refund_amount=40_000)

    assert (verdict.state, verdict.reversed_total) == (TopUpState.CHARGEBACK, 100_000)
    assert verdict.needs_person


def test_answer_without_amount_or_transaction_credits_nothing() -> None:
    order = order_in(TopUpState.PENDING)

    assert look(order, "settlement", gross_amount=None).detail is Detail.HOLD_INCONSISTENT
    assert look(order, "settlement", transaction_id=None).detail is Detail.HOLD_INCONSISTENT


def test_expiry_of_the_payment_that_was_credited_is_a_contradiction() -> None:
    assert look(order_in(TopUpState.PAID), "expire").detail is Detail.HOLD_INCONSISTENT


amounts = st.none() | st.integers(0, 250_000)
answers = st.builds(
    GatewayStatus,
    found=st.booleans(),
    transaction_id=st.sampled_from(["tx-payer-1", "tx-other-1", None]),
    transaction_status=st.sampled_from(STATUSES),
    fraud_status=st.sampled_from([None, "accept", "deny", "challenge"]),
    gross_amount=st.sampled_from([None, 100_000, 99_999]),
    currency=st.sampled_from([None, "IDR", "USD"]),
    merchant_id=st.sampled_from([None, MERCHANT, "G000000000"]),
    refund_amount=amounts,
)


def possible_reversal(state: TopUpState, wanted: int) -> int:
    """What may have been taken back in this state; the database holds a top-up to it."""
    if state is TopUpState.PARTIALLY_REFUNDED:
        return min(max(wanted, 1), 99_999)
    return 100_000 if state.is_credited and state is not TopUpState.PAID else 0


@given(
    state=st.sampled_from(TopUpState),
    reversed_amount=st.integers(0, 100_000),
    latest=st.sampled_from([None, "tx-payer-1", "tx-other-1"]),
    answer=answers,
    claimed=st.none() | st.sampled_from(STATUSES),
)
def test_no_answer_whatsoever_makes_an_impossible_change(
    state: TopUpState, reversed_amount: int, latest: str | None, answer: GatewayStatus, claimed: str | None
) -> None:
    back = possible_reversal(state, reversed_amount)
    order = order_in(state, reversed_amount=back, transaction_id=latest)
    announced = Announced("tx-payer-1", claimed, 100_000) if claimed else None

    verdict = judge(Case(order, answer, MERCHANT, NOON, announced))

    assert verdict.state is state or TOPUP_LIFECYCLE.allows(state, verdict.state)
    assert (verdict.effect is Effect.CREDIT) <= (not state.is_credited and answer.gross_amount == 100_000)
    if verdict.effect is Effect.REVERSE:
        assert state.is_credited
        assert answer.transaction_id in (None, "tx-payer-1")
        assert back < verdict.reversed_total <= order.amount
    if verdict.look_again:
        assert verdict.effect is Effect.CREDIT
