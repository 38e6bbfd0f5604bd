"""What is said looks like the recorded notifications and carries the signature that fits."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from minispod.simulator.midtrans import qr
from tests.simulator.midtrans.conftest import KEY, ORDER, Midsim, Shop

FOLDER = Path(__file__).parents[2] / "fixtures" / "midtrans" / "notifications"
# The recorded samples differ in this one; the simulator names it wherever the documents show it.
SOMETIMES = {"expiry_time"}


def _recorded(name: str) -> dict[str, Any]:
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def _fits(body: dict[str, Any]) -> bool:
    signed = body["order_id"] + body["status_code"] + body["gross_amount"] + KEY
    return body["signature_key"] == hashlib.sha512(signed.encode()).hexdigest()


@pytest.mark.parametrize(
    ("method", "events", "recorded"),
    [
        ("bca_va", [], "bank_transfer_bca_pending"),
        ("bca_va", ["pay"], "bank_transfer_bca_settlement"),
        ("bca_va", ["expire"], "bank_transfer_bca_expire"),
        ("bca_va", ["cancel"], "bank_transfer_bca_cancel"),
        ("bni_va", ["pay"], "bank_transfer_bni_settlement"),
        ("bsi_va", ["pay"], "bank_transfer_bsi_settlement"),
        ("permata_va", ["pay"], "bank_transfer_permata_settlement"),
        ("permata_va", ["pay", "reversal"], "bank_transfer_permata_deny_reversal"),
        ("echannel", ["pay"], "echannel_mandiri_settlement"),
        ("gopay", [], "gopay_pending"),
        ("gopay", ["pay"], "gopay_settlement"),
        ("gopay", ["deny"], "gopay_deny"),
        ("gopay", ["pay", "refund"], "gopay_refund_full_after_partial"),
        ("shopeepay", ["pay"], "shopeepay_settlement"),
        ("dana", [], "dana_pending_uppercase_code200"),
        ("dana", ["pay"], "dana_settlement"),
        ("ovo", ["pay"], "ovo_settlement"),
        ("credit_card", ["pay"], "credit_card_capture_accept"),
        ("credit_card", ["challenge"], "credit_card_capture_challenge"),
        ("credit_card", ["challenge", "approve"], "credit_card_capture_accept_after_challenge"),
        ("credit_card", ["pay", "settle_card"], "credit_card_settlement_after_capture"),
        ("credit_card", ["pay", "settle_card", "refund"], "credit_card_refund_full"),
        ("credit_card", ["pay", "settle_card", "chargeback"], "credit_card_chargeback"),
        ("credit_card", ["pay", "cancel"], "credit_card_cancel_after_capture"),
        ("credit_card", ["deny"], "credit_card_deny_bank"),
        ("credit_card", ["fds_deny"], "credit_card_deny_fds"),
        ("credit_card", ["failure"], "credit_card_failure"),
        ("indomaret", ["pay"], "cstore_indomaret_settlement"),
        ("alfamart", [], "cstore_alfamart_pending"),
        ("akulaku", ["pay"], "akulaku_settlement"),
    ],
)
def test_notifications_have_the_fields_of_the_recorded_ones(
    midsim: Midsim, shop: Shop, method: str, events: list[str], recorded: str
) -> None:
    transaction = _begin(midsim, method)
    for event in events:
        midsim.event(transaction, event)
    midsim.deliver()

    sent, sample = json.loads(shop.received[-1]), _recorded(recorded)

    assert set(sent) - SOMETIMES == set(sample) - SOMETIMES
    for name in ("transaction_status", "status_code", "payment_type", "fraud_status", "status_message"):
        assert sent.get(name) == sample.get(name)
    assert all(isinstance(value, str | list) for value in sent.values())
    assert _fits(sent)


def _begin(midsim: Midsim, method: str) -> str:
    if method != "credit_card":
        return midsim.pending(method)
    token = midsim.token()
    midsim.press(token, "card", number="4811111111111114", expiry="12/30", cvv="123")
    return str(midsim.inspect("transactions")[0]["id"])


def test_a_qr_payment_reads_like_the_recorded_ones(midsim: Midsim, shop: Shop) -> None:
    for order_id, method, recorded in (
        ("A", "gopay", "qris_settlement_on_us"),
        ("B", "shopeepay", "qris_settlement_off_us_shopee"),
    ):
        token = midsim.token(order_id)
        midsim.press(token, "choose", method=method, device="desktop")
        midsim.press(token, "pay")
        midsim.deliver()
        assert set(json.loads(shop.received[-1])) == set(_recorded(recorded))


def test_every_body_of_a_calm_day_is_signed(midsim: Midsim, shop: Shop) -> None:
    for number, method in enumerate(("bca_va", "gopay", "credit_card", "dana")):
        transaction = midsim.pending(method, f"ORDER-{number}")
        midsim.event(transaction, "pay")
        assert _fits(midsim.status(transaction))

    midsim.deliver()

    assert len(shop.received) == 8
    assert all(_fits(json.loads(body)) for body in shop.received)


def test_notifications_look_like_midtrans_on_the_wire(midsim: Midsim, shop: Shop) -> None:
    midsim.pending()

    midsim.deliver()

    (headers,) = shop.headers
    assert headers["User-Agent"] == "Veritrans"
    assert headers["Content-Type"] == headers["Accept"] == "application/json"
    assert "Authorization" not in headers


def test_the_status_answer_says_it_was_found(midsim: Midsim) -> None:
    midsim.pending()

    assert midsim.status(ORDER)["status_message"] == "Success, transaction is found"


def test_the_qr_symbol_decodes_to_its_text() -> None:
    text = "MIDSIM|12fbc5cf-ed62-46c6-9bf9-595de115b5e6"
    symbol = qr.encode(text)

    bits = "".join(
        str(int(symbol[row][column] ^ ((row + column) % 2 == 0))) for row, column in qr.data_path()
    )
    words = [int(bits[i : i + 8], 2) for i in range(0, 70 * 8, 8)]
    data, check = words[:55], words[55:]
    payload = "".join(f"{word:08b}" for word in data)
    assert len(bits) == 70 * 8 + 7
    assert check == qr.check_codewords(data)
    assert payload[:4] == "0100"
    length = int(payload[4:12], 2)
    assert bytes(int(payload[12 + 8 * i : 20 + 8 * i], 2) for i in range(length)).decode() == text


def test_the_error_correction_matches_a_known_symbol() -> None:
    # Every code word evaluates to zero at the roots of the generator: that is what makes it one.
    def multiply(a: int, b: int) -> int:
        product = 0
        while b:
            product ^= a if b & 1 else 0
            a = (a << 1) ^ (0x11D if a & 0x80 else 0)
            b >>= 1
        return product

    data = list(range(55))
    word, root = data + qr.check_codewords(data), 1
    for _ in range(15):
        value = 0
        for coefficient in word:
            value = multiply(value, root) ^ coefficient
        assert value == 0
        root = multiply(root, 2)
