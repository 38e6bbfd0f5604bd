"""The Core API and the life of transactions."""

from typing import Any

import pytest

from tests.simulator.midtrans.conftest import KEY, ORDER, MakeMidsim, Midsim

DAY = 24 * 3600
RESULT = tuple[str, str]


def _result(answer: dict[str, Any]) -> RESULT:
    return answer["transaction_status"], answer["status_code"]


def test_nothing_exists_before_a_method_was_chosen(make_midsim: MakeMidsim) -> None:
    for style, http in (("http404", 404), ("http200", 200)):
        midsim = make_midsim(style_404=style)
        midsim.token()
        answer = midsim.client.get(f"/v2/{ORDER}/status", auth=(KEY, ""))
        assert answer.status_code == http
        assert answer.get_json() == {
            "status_code": "404",
            "status_message": "Transaction doesn't exist.",
            "id": ORDER,
        }


@pytest.mark.parametrize(
    ("method", "events", "expected"),
    [
        ("bca_va", ["pay"], ("settlement", "200")),
        ("bca_va", ["deny"], ("deny", "202")),
        ("bca_va", ["cancel"], ("cancel", "200")),
        ("bca_va", ["expire"], ("expire", "407")),
        ("bca_va", ["failure"], ("failure", "202")),
        ("bca_va", ["expire", "late_pay"], ("settlement", "200")),
        ("permata_va", ["pay", "reversal"], ("deny", "202")),
        ("echannel", ["pay", "reversal"], ("deny", "202")),
        ("indomaret", ["pay", "reversal"], ("deny", "202")),
        ("credit_card", ["pay"], ("capture", "200")),
        ("credit_card", ["pay", "cancel"], ("cancel", "200")),
        ("credit_card", ["challenge"], ("capture", "201")),
        ("credit_card", ["challenge", "approve"], ("capture", "200")),
        ("credit_card", ["challenge", "deny"], ("deny", "202")),
        ("credit_card", ["pay", "settle_card", "chargeback"], ("chargeback", "200")),
        ("gopay", ["pay", "refund", "refund_confirm"], ("refund", "200")),
    ],
)
def test_events_lead_where_the_table_says(
    midsim: Midsim, method: str, events: list[str], expected: RESULT
) -> None:
    transaction = midsim.pending(method)

    for event in events:
        midsim.event(transaction, event)

    assert _result(midsim.status(transaction)) == expected


@pytest.mark.parametrize(
    ("method", "before", "event"),
    [
        ("bca_va", ["pay"], "expire"),
        ("bca_va", ["pay"], "cancel"),
        ("bca_va", ["pay"], "reversal"),
        ("bca_va", [], "challenge"),
        ("bca_va", [], "late_pay"),
        ("bca_va", ["pay"], "refund"),
        ("gopay", ["pay"], "chargeback"),
        ("credit_card", ["pay"], "refund"),
        ("credit_card", [], "approve"),
        ("credit_card", ["challenge"], "settle_card"),
    ],
)
def test_events_outside_the_table_change_nothing(
    midsim: Midsim, method: str, before: list[str], event: str
) -> None:
    transaction = midsim.pending(method)
    for earlier in before:
        midsim.event(transaction, earlier)
    as_it_was = midsim.status(transaction)

    answer = midsim.client.post(
        f"/sim/api/transactions/{transaction}/events",
        json={"event": event},
        headers={"Authorization": "Bearer test-token"},
    )

    assert answer.status_code == 409
    assert midsim.status(transaction) == as_it_was


def test_actions_on_the_wrong_state_answer_412_under_http_200(midsim: Midsim) -> None:
    transaction = midsim.pending("bca_va")
    midsim.event(transaction, "pay")

    for action in ("cancel", "expire", "approve", "deny", "refund"):
        answer = midsim.client.post(f"/v2/{ORDER}/{action}", json={}, auth=(KEY, ""))
        assert answer.status_code == 200
        assert answer.get_json()["status_code"] == "412"


def test_merchant_actions_answer_with_their_own_codes(midsim: Midsim) -> None:
    cancelled, expired = midsim.pending(order_id="A"), midsim.pending(order_id="B")
    approved, denied = midsim.pending("credit_card", "C"), midsim.pending("credit_card", "D")
    for transaction in (approved, denied):
        midsim.event(transaction, "challenge")

    assert _result(midsim.call(cancelled, "cancel")) == ("cancel", "200")
    assert _result(midsim.call(expired, "expire")) == ("expire", "407")
    assert midsim.call(approved, "approve")["fraud_status"] == "accept"
    assert _result(midsim.call(denied, "deny")) == ("deny", "202")


def test_refunds_have_their_limits(midsim: Midsim) -> None:
    gopay, ovo = midsim.pending("gopay", "A"), midsim.pending("ovo", "B")
    for transaction in (gopay, ovo):
        midsim.event(transaction, "pay")

    part = midsim.call(gopay, "refund", refund_key="k1", amount=40_000)
    direct = midsim.call(gopay, "refund/online/direct", refund_key="k2", amount=10_000)
    codes = {
        amount: midsim.call(gopay, "refund", refund_key="k3", amount=amount)["status_code"]
        for amount in (0, -1, 50_001, 1.5, "1", True)
    }

    assert (part["transaction_status"], part["refund_amount"], part["refund_key"]) == (
        "partial_refund",
        "40000.00",
        "k1",
    )
    assert direct["refund_amount"] == "50000.00"
    assert set(codes.values()) == {"414"}
    assert midsim.call(ovo, "refund", refund_key="k1", amount=1)["status_code"] == "414"
    assert _result(midsim.call(ovo, "refund", refund_key="k1", amount=100_000)) == ("refund", "200")


def test_a_refund_is_announced_again_when_the_bank_confirms(midsim: Midsim) -> None:
    transaction = midsim.pending("gopay")
    midsim.event(transaction, "pay")
    midsim.event(transaction, "refund", amount=30_000, refund_key="k1")

    midsim.advance(DAY + 1)

    (refund,) = midsim.status(transaction)["refunds"]
    assert "bank_confirmed_at" in refund
    assert [one["cause"] for one in midsim.inspect("deliveries")][-2:] == ["refund", "refund_confirm"]


def test_an_order_means_its_newest_attempt_that_was_not_denied(midsim: Midsim) -> None:
    token = midsim.token()
    midsim.press(token, "choose", method="bca_va")
    midsim.press(token, "decline")
    assert midsim.status(ORDER)["transaction_status"] == "deny"

    midsim.press(token, "choose", method="bni_va")

    assert midsim.status(ORDER)["transaction_status"] == "pending"


@pytest.mark.parametrize("method", ["dana", "bsi_va", "danamon_va", "seabank_va", "saqu_va"])
def test_bi_snap_channels_put_their_own_id_in_the_place_of_the_orders(midsim: Midsim, method: str) -> None:
    transaction = midsim.pending(method)

    answer = midsim.status(transaction)

    assert midsim.status(ORDER)["status_code"] == "404"
    assert answer["order_id"] == transaction
    assert transaction.startswith("A1")
    assert transaction.endswith("ID")
    assert len(transaction) == 30


def test_an_idempotency_key_repeats_the_answer_for_five_minutes(midsim: Midsim) -> None:
    transaction = midsim.pending()
    headers = {"Idempotency-Key": "key-1"}

    first = midsim.call(transaction, "cancel", headers)
    again = midsim.call(transaction, "cancel", headers)
    midsim.advance(301)
    late = midsim.call(transaction, "cancel", headers)

    assert first == again
    assert late["status_code"] == "412"
    assert midsim.call(transaction, "cancel", {"Idempotency-Key": "k" * 47})["status_code"] == "412"


def test_time_expires_settles_and_gives_up_waiting(midsim: Midsim) -> None:
    waiting, wallet = midsim.pending(order_id="A"), midsim.pending("ovo", "B")
    card, doubtful = midsim.pending("credit_card", "C"), midsim.pending("credit_card", "D")
    midsim.event(card, "pay")
    midsim.event(doubtful, "challenge")

    midsim.advance(66)
    after_a_minute = midsim.status(wallet)["transaction_status"]
    midsim.advance(2 * DAY)

    assert after_a_minute == "expire"
    assert midsim.status(waiting)["transaction_status"] == "expire"
    assert midsim.status(card)["transaction_status"] == "settlement"
    assert midsim.status(card)["settlement_time"].endswith("16:00:00")
    assert midsim.status(doubtful)["transaction_status"] == "cancel"


def test_the_requests_expiry_counts_from_choosing_the_method(midsim: Midsim) -> None:
    transaction = midsim.pending(expiry={"unit": "minute", "duration": 30})

    midsim.advance(29 * 60)
    before = midsim.status(transaction)["transaction_status"]
    midsim.advance(61)

    assert (before, midsim.status(transaction)["transaction_status"]) == ("pending", "expire")


def test_a_second_payment_only_happens_by_fault(midsim: Midsim) -> None:
    midsim.control(
        "faults", where="webhook", action="double_payment", match={"status": "settlement"}, times=1, s=5
    )
    first = midsim.pending("bca_va")
    midsim.event(first, "pay")

    midsim.advance(6)

    paid = [one for one in midsim.inspect("transactions") if one["status"] == "settlement"]
    assert [one["payment_type"] for one in paid] == ["bank_transfer", "echannel"]
