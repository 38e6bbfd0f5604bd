"""Bodies as attackers, faulty networks and odd gateways would send them. Pure: a message in, text out."""

import json
from collections.abc import Callable
from typing import Any

from minispod.simulator.midtrans.faults import Rule, number_of
from minispod.simulator.midtrans.messages import Message, signed

OTHER_KEY = "SB-Mid-server-ANOTHERKEY-someone-else"
UNKNOWN_ORDER = "TOPUP-7ZZZZZZZZZZZZZZZZZZZZZZZZZ"


def text(message: Any) -> str:
    """A message as it is sent."""
    return json.dumps(message, separators=(",", ":"), ensure_ascii=False)


def _bad_signature(message: Message, rule: Rule, key: str) -> str:
    return text({**message, "signature_key": "0" * 128})


def _other_key(message: Message, rule: Rule, key: str) -> str:
    return text(signed(message, OTHER_KEY))


def _tamper_amount(message: Message, rule: Rule, key: str) -> str:
    # The genuine signature stays: that is the attack.
    raised = int(message["gross_amount"].split(".")[0]) * 10
    return text({**message, "gross_amount": f"{raised}.00"})


def _tamper_status(message: Message, rule: Rule, key: str) -> str:
    return text({**message, "transaction_status": rule.get("to", "settlement")})


def _amount_as_number(message: Message, rule: Rule, key: str) -> str:
    return text({**message, "gross_amount": float(message["gross_amount"])})


def _no_signature(message: Message, rule: Rule, key: str) -> str:
    return text({name: value for name, value in message.items() if name != "signature_key"})


def _non_json(message: Message, rule: Rule, key: str) -> str:
    return f"order_id={message['order_id']}&transaction_status=settlement"


def _empty(message: Message, rule: Rule, key: str) -> str:
    return ""


def _extra_fields(message: Message, rule: Rule, key: str) -> str:
    person = {"full_name": "Budi <script>alert(1)</script>", "email": "budi@example.com"}
    return text({**message, "customer_details": person, "brand_new_field": {"nested": [1, 2, 3]}})


def _big_body(message: Message, rule: Rule, key: str) -> str:
    return text({**message, "padding": "x" * int(number_of(rule, "kb", 128) * 1024)})


def _unknown_order(message: Message, rule: Rule, key: str) -> str:
    return text(signed({**message, "order_id": rule.get("to", UNKNOWN_ORDER)}, key))


TAMPERINGS: dict[str, Callable[[Message, Rule, str], str]] = {
    "bad_signature": _bad_signature,
    "other_key": _other_key,
    "tamper_amount": _tamper_amount,
    "tamper_status": _tamper_status,
    "amount_as_number": _amount_as_number,
    "no_signature": _no_signature,
    "non_json": _non_json,
    "empty": _empty,
    "extra_fields": _extra_fields,
    "big_body": _big_body,
    "unknown_order": _unknown_order,
}
