"""Received notifications: form, signature, and nothing else. Pure; no network, no database.

Order of the checks: form of the signed fields and ids, then the signature over the strings exactly as
received, then the amount. Ids must have a fixed form because the signed fields are joined without
separators and because ids end up in URLs. Invariant: what comes out holds no personal data.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from minispod.payments.gateway import Notice, NoticeForged, NoticeMalformed

ORDER_ID = re.compile(r"TOPUP-[0-9A-HJKMNP-TV-Z]{26}")
TRANSACTION_ID = re.compile(r"[A-Za-z0-9-]{8,64}")
_STATUS_CODE = re.compile(r"[0-9]{3}")
_SIGNED_AMOUNT = re.compile(r"([0-9]{1,12})\.([0-9]{2})")
_AMOUNT = re.compile(r"([0-9]{1,12})(?:\.0{1,2})?")
_REQUIRED = (
    "order_id",
    "status_code",
    "gross_amount",
    "signature_key",
    "transaction_status",
    "transaction_id",
    "payment_type",
)
_PERSONAL = frozenset({"customer_details"})


def read_notice(raw: bytes, server_key: str) -> Notice:
    """Return the authentic notice in `raw`; refuses what is malformed or not signed with our key."""
    body = _parse(raw)
    fields = {name: _required(body, name) for name in _REQUIRED}
    _must_match(ORDER_ID, fields, "order_id")
    _must_match(TRANSACTION_ID, fields, "transaction_id")
    _must_match(_STATUS_CODE, fields, "status_code")
    if not _is_signed(fields, server_key):
        raise NoticeForged()
    return Notice(
        order_id=fields["order_id"],
        transaction_id=fields["transaction_id"],
        transaction_status=fields["transaction_status"].lower(),
        fraud_status=_optional(body, "fraud_status"),
        status_code=fields["status_code"],
        gross_amount=_signed_rupiah(fields["gross_amount"]),
        currency=_optional(body, "currency"),
        merchant_id=_optional(body, "merchant_id"),
        payment_type=fields["payment_type"],
        refund_amount=rupiah(body.get("refund_amount")),
        received_digest=hashlib.sha256(raw).hexdigest(),
        body={name: value for name, value in body.items() if name not in _PERSONAL},
    )


def rupiah(value: object) -> int | None:
    """Whole rupiah from the gateway's text ("50000.00"); None where it is absent, odd or has a fraction."""
    match = _AMOUNT.fullmatch(value) if isinstance(value, str) else None
    return int(match[1]) if match else None


def _parse(raw: bytes) -> Mapping[str, Any]:
    body: object = None
    # Refused below, where the decoder's exception (it holds the body) is no longer around.
    with suppress(ValueError, RecursionError):
        body = json.loads(raw.decode("utf-8"))
    if not isinstance(body, dict):
        raise NoticeMalformed(reason="not_an_object")
    return body


def _required(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str):
        raise NoticeMalformed(reason="field_missing", field=name)
    return value


def _optional(body: Mapping[str, Any], name: str) -> str | None:
    value = body.get(name)
    if value is not None and not isinstance(value, str):
        raise NoticeMalformed(reason="field_odd", field=name)
    return value


def _must_match(pattern: re.Pattern[str], fields: Mapping[str, str], name: str) -> None:
    if not pattern.fullmatch(fields[name]):
        raise NoticeMalformed(reason="field_odd", field=name)


def _is_signed(fields: Mapping[str, str], server_key: str) -> bool:
    signed = fields["order_id"] + fields["status_code"] + fields["gross_amount"] + server_key
    expected = hashlib.sha512(signed.encode("utf-8", "surrogatepass")).hexdigest()
    # Bytes, because comparing text outside ASCII raises instead of answering no.
    return hmac.compare_digest(expected.encode(), fields["signature_key"].encode("utf-8", "surrogatepass"))


def _signed_rupiah(value: str) -> int:
    match = _SIGNED_AMOUNT.fullmatch(value)
    if not match or match[2] != "00":
        raise NoticeMalformed(reason="field_odd", field="gross_amount")
    return int(match[1])
