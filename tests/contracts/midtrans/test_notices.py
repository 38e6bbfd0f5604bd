"""Every recorded notification is read, refused as malformed or refused as forged, as its index says."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from minispod.integrations.midtrans import MidtransGateway
from minispod.payments.gateway import Notice, NoticeForged, NoticeMalformed
from tests.contracts.midtrans.conftest import SERVER_KEY

FOLDER = Path(__file__).parents[2] / "fixtures" / "midtrans" / "notifications"
INDEX: dict[str, Any] = json.loads((FOLDER / "index.json").read_text(encoding="utf-8"))
FILES: list[dict[str, Any]] = INDEX["files"]
GENUINE = (FOLDER / "bank_transfer_bca_settlement.json").read_bytes()


@pytest.fixture(scope="module")
def reader() -> MidtransGateway:
    return MidtransGateway(server_key=SERVER_KEY)


def _spoilt(**changes: Any) -> bytes:
    body = {**json.loads(GENUINE), **changes}
    signed = body["order_id"] + body["status_code"] + str(body["gross_amount"]) + SERVER_KEY
    return json.dumps({**body, "signature_key": hashlib.sha512(signed.encode()).hexdigest()}).encode()


def test_the_index_lists_every_file() -> None:
    on_disk = {path.name for path in FOLDER.glob("*.json")} - {"index.json"}

    assert on_disk == {entry["file"] for entry in FILES}


@pytest.mark.parametrize("entry", FILES, ids=lambda entry: entry["file"])
def test_every_recorded_notification_is_taken_as_its_index_says(
    reader: MidtransGateway, entry: dict[str, Any]
) -> None:
    raw = (FOLDER / entry["file"]).read_bytes()
    refused = {"reject_malformed": NoticeMalformed, "reject_signature": NoticeForged}

    if entry["expected_detail"] in refused:
        with pytest.raises(refused[entry["expected_detail"]]):
            reader.read_notice(raw)
        return
    notice = reader.read_notice(raw)

    body = json.loads(raw)
    assert entry["signature_valid"] is True
    assert notice.order_id == entry["order_id"]
    assert notice.transaction_status == entry["transaction_status"].lower()
    assert notice.status_code == entry["status_code"]
    assert notice.fraud_status == entry["fraud_status"]
    assert notice.payment_type == entry["payment_type"]
    assert f"{notice.gross_amount}.00" == body["gross_amount"]
    assert notice.received_digest == hashlib.sha256(raw).hexdigest()


def test_personal_data_are_left_behind(reader: MidtransGateway) -> None:
    notice = reader.read_notice((FOLDER / "adv_extra_and_hostile_fields.json").read_bytes())

    assert "customer_details" not in notice.body
    assert "Budi" not in repr(notice)
    assert notice.body["brand_new_field"] == {"nested": [1, 2, 3]}


def test_the_cumulative_refund_is_read(reader: MidtransGateway) -> None:
    notice = reader.read_notice((FOLDER / "gopay_refund_full_after_partial.json").read_bytes())

    assert notice.refund_amount == 154_600


@pytest.mark.parametrize(
    "changes",
    [
        {"gross_amount": "100000.50"},
        {"gross_amount": "100000"},
        {"gross_amount": "-100000.00"},
        {"gross_amount": "١٠٠٠٠٠.00"},
        {"gross_amount": "9999999999999.00"},
        {"status_code": "20"},
        {"order_id": "TOPUP-01M7VAX680C72VRJNSASTK826M\n"},
        {"order_id": "topup-01M7VAX680C72VRJNSASTK826M"},
        {"transaction_id": "short"},
        {"currency": 360},
        {"merchant_id": ["G812345678"]},
        {"fraud_status": True},
    ],
)
def test_signed_nonsense_is_malformed_all_the_same(reader: MidtransGateway, changes: dict[str, Any]) -> None:
    with pytest.raises(NoticeMalformed):
        reader.read_notice(_spoilt(**changes))


@pytest.mark.parametrize("signature", ["", "é" * 128, "0" * 128, "\ud800"])
def test_any_other_signature_is_a_forgery(reader: MidtransGateway, signature: str) -> None:
    body = {**json.loads(GENUINE), "signature_key": signature}

    with pytest.raises(NoticeForged):
        reader.read_notice(json.dumps(body).encode())


@pytest.mark.parametrize("raw", [b"[" * 100_000, b'{"a": 1e999}', b"\xff\xfe", b"1" * 10_000])
def test_bytes_that_no_decoder_likes_are_malformed(reader: MidtransGateway, raw: bytes) -> None:
    with pytest.raises(NoticeMalformed) as refused:
        reader.read_notice(raw)

    assert refused.value.__context__ is None


def test_a_genuine_notice_is_read_whole(reader: MidtransGateway) -> None:
    notice = reader.read_notice(GENUINE)

    assert isinstance(notice, Notice)
    assert notice.currency == "IDR"
    assert notice.merchant_id == INDEX["merchant_id"]
    assert notice.refund_amount is None
