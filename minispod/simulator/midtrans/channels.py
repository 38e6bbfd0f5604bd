"""The payment methods the simulator knows: Snap name, payment type, defaults and quirks of each.

A table and look-ups; no behaviour. Invariant: every name a request may list is resolved here.
"""

from collections.abc import Iterable
from dataclasses import dataclass

DAY = 24 * 3600
QUARTER = 15 * 60


@dataclass(frozen=True, slots=True)
class Channel:
    """One method as customers see it; `name` is its value in Snap's `enabled_payments`."""

    name: str
    label: str
    payment_type: str
    bank: str | None = None
    expires_in_s: int = DAY
    is_refundable: bool = False
    refunds_whole_only: bool = False
    is_bi_snap: bool = False
    is_reversible: bool = False

    @property
    def is_card(self) -> bool:
        """Cards are captured first and settled the next day."""
        return self.payment_type == "credit_card"

    @property
    def shows_qr(self) -> bool:
        """Whether it becomes a QR code on a desktop."""
        return self.name in {"gopay", "shopeepay", "other_qris"}


def _va(name: str, label: str, bank: str, *, bi_snap: bool = False, reversible: bool = False) -> Channel:
    return Channel(name, label, "bank_transfer", bank=bank, is_bi_snap=bi_snap, is_reversible=reversible)


_ALL = (
    _va("bca_va", "BCA virtual account", "bca"),
    _va("bni_va", "BNI virtual account", "bni"),
    _va("bri_va", "BRI virtual account", "bri"),
    _va("permata_va", "Permata virtual account", "permata", reversible=True),
    _va("cimb_va", "CIMB Niaga virtual account", "cimb"),
    _va("danamon_va", "Danamon virtual account", "danamon", bi_snap=True),
    _va("bsi_va", "BSI virtual account", "bsi", bi_snap=True),
    _va("seabank_va", "SeaBank virtual account", "seabank", bi_snap=True),
    _va("saqu_va", "Saqu virtual account", "saqu", bi_snap=True),
    _va("other_va", "Other banks", "bni"),
    Channel("echannel", "Mandiri Bill", "echannel", is_reversible=True),
    Channel("gopay", "GoPay", "gopay", expires_in_s=QUARTER, is_refundable=True),
    Channel("shopeepay", "ShopeePay", "shopeepay", expires_in_s=QUARTER, is_refundable=True),
    Channel("dana", "DANA", "dana", expires_in_s=QUARTER, is_refundable=True, is_bi_snap=True),
    Channel("ovo", "OVO", "ovo", expires_in_s=65, is_refundable=True, refunds_whole_only=True),
    Channel("other_qris", "QRIS", "qris", expires_in_s=QUARTER, is_refundable=True),
    Channel("credit_card", "Credit or debit card", "credit_card", expires_in_s=600, is_refundable=True),
    Channel("indomaret", "Indomaret", "cstore", is_reversible=True),
    Channel("alfamart", "Alfamart", "cstore"),
    Channel("akulaku", "Akulaku", "akulaku", is_refundable=True),
    Channel("kredivo", "Kredivo", "kredivo", is_refundable=True),
)

CHANNELS: dict[str, Channel] = {channel.name: channel for channel in _ALL}

ALIASES: dict[str, tuple[str, ...]] = {
    "bank_transfer": (*(name for name in CHANNELS if name.endswith("_va")), "echannel"),
    "cstore": ("indomaret", "alfamart"),
}

# Known to the real thing and accepted in a list, but never shown here.
KNOWN_BUT_ABSENT = frozenset({"google_pay"})


def expand(names: Iterable[str]) -> list[str]:
    """Replace aliases by what they stand for, keeping order, without doubles."""
    expanded: dict[str, None] = {}
    for name in names:
        expanded.update(dict.fromkeys(ALIASES.get(name, (name,))))
    return list(expanded)


def is_known(name: str) -> bool:
    """Whether a request may name it."""
    return name in CHANNELS or name in ALIASES or name in KNOWN_BUT_ABSENT


def channel_for(payment_type: str, bank: str | None = None, store: str | None = None) -> Channel:
    """Find the channel a transaction of this type belongs to; used for seeded transactions."""
    for channel in _ALL:
        if store and channel.name == store:
            return channel
        if channel.payment_type == payment_type and payment_type != "cstore" and bank in (None, channel.bank):
            return channel
    return Channel(payment_type, payment_type, payment_type)
