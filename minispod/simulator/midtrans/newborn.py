"""How a transaction looks when a method has just been chosen: reported type and first channel fields.

Pure, apart from made-up numbers.
"""

from typing import Any

from minispod.simulator.midtrans.channels import Channel
from minispod.simulator.midtrans.mint import Mint

BANK_PREFIX = {"bca": "812345", "bni": "988", "bri": "262150", "cimb": "5919", "permata": "8562"}
ACQUIRERS = {"gopay": "gopay", "shopeepay": "airpay shopee", "other_qris": "gopay"}
BILLER_CODE = "70012"


def payment_type_of(channel: Channel, device: str) -> str:
    """The reported type: on a desktop wallets with a QR code are reported as qris."""
    return "qris" if channel.shows_qr and device != "mobile" else channel.payment_type


def first_fields(channel: Channel, device: str, mint: Mint) -> dict[str, Any]:
    """The channel fields of a pending transaction."""
    if payment_type_of(channel, device) == "qris":
        return {"acquirer": ACQUIRERS.get(channel.name, "gopay")}
    if channel.bank == "permata":
        return {"permata_va_number": mint.digits(16, BANK_PREFIX["permata"])}
    if channel.bank:
        number = mint.digits(16, BANK_PREFIX.get(channel.bank, "2020"))
        return {"va_numbers": [{"va_number": number, "bank": channel.bank}], "payment_amounts": []}
    if channel.payment_type == "echannel":
        return {"biller_code": BILLER_CODE, "bill_key": mint.digits(12, "99")}
    if channel.payment_type == "cstore":
        return {"store": channel.name, "payment_code": mint.digits(18, "3111")}
    return {}


def number_to_pay(fields: dict[str, Any]) -> str | None:
    """The number a customer types at the bank or shows at the till, if the method has one."""
    accounts = fields.get("va_numbers")
    if accounts:
        return str(accounts[0]["va_number"])
    for name in ("permata_va_number", "bill_key", "payment_code"):
        if name in fields:
            return str(fields[name])
    return None
