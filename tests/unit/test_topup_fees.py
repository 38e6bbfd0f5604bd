"""The fee on top of a top-up (decision 16): whole rupiah, never credited, given back last."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minispod.payments.cases import Case, Detail, Effect, Order
from minispod.payments.gateway import GatewayStatus
from minispod.payments.states import TopUpState
from minispod.payments.topups import TopUpRules
from minispod.payments.verdicts import judge

NOON = datetime(2026, 11, 20, 5, tzinfo=UTC)


def rules(fixed: int = 0, points: int = 0) -> TopUpRules:
    return TopUpRules(10_000, 10_000_000, 60, "", fee_fixed=fixed, fee_basis_points=points)


@pytest.mark.parametrize(
    ("fixed", "points", "amount", "fee"),
    [
        (0, 0, 100_000, 0),
        (4_440, 0, 100_000, 4_440),
        (0, 70, 100_000, 700),
        (2_000, 290, 50_000, 3_450),
        (0, 70, 10_071, 70),
        (0, 70, 10_072, 71),
    ],
)
def test_the_fee_is_the_fixed_part_and_the_share(fixed: int, points: int, amount: int, fee: int) -> None:
    assert rules(fixed, points).fee(amount) == fee


@given(amount=st.integers(10_000, 10_000_000), fixed=st.integers(0, 10_000), points=st.integers(0, 1_000))
def test_the_fee_is_never_negative_grows_with_the_amount_and_is_off_by_half_a_rupiah_at_most(
    amount: int, fixed: int, points: int
) -> None:
    fee = rules(fixed, points).fee(amount)

    assert fixed <= fee <= rules(fixed, points).fee(amount + 1)
    assert abs((fee - fixed) * 10_000 - amount * points) <= 5_000


def answer(status: str = "settlement", **facts: Any) -> GatewayStatus:
    return GatewayStatus(found=True, transaction_id="tx-payer-1", transaction_status=status, **facts)


def order(**facts: Any) -> Order:
    return Order(**{"state": TopUpState.PENDING, "amount": 100_000, "expires_at": NOON, "fee": 4_440} | facts)


@pytest.mark.parametrize(
    ("gross", "detail"),
    [
        (104_440, Detail.PAID),
        (100_000, Detail.HOLD_AMOUNT),
        (4_440, Detail.HOLD_AMOUNT),
        (104_439, Detail.HOLD_AMOUNT),
    ],
)
def test_only_the_payable_sum_is_a_fitting_payment(gross: int, detail: Detail) -> None:
    assert judge(Case(order(), answer(gross_amount=gross), "", NOON)).detail is detail


@given(given_back=st.integers(1, 104_440))
def test_no_refund_takes_back_more_than_was_credited(given_back: int) -> None:
    paid = order(state=TopUpState.PAID, paid_transaction_id="tx-payer-1")
    whole = given_back == 104_440
    said = answer("refund" if whole else "partial_refund", gross_amount=104_440, refund_amount=given_back)

    verdict = judge(Case(paid, said, "", NOON))

    assert verdict.effect is Effect.REVERSE
    assert verdict.reversed_total == min(given_back, 100_000)
    assert (verdict.state is TopUpState.REFUNDED) == (given_back >= 100_000)


def test_more_than_was_paid_cannot_be_given_back() -> None:
    paid = order(state=TopUpState.PAID, paid_transaction_id="tx-payer-1")
    said = answer("partial_refund", gross_amount=104_440, refund_amount=104_441)

    assert judge(Case(paid, said, "", NOON)).detail is Detail.HOLD_REFUND_AMOUNT
