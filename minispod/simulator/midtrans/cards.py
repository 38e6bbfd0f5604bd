"""The sandbox's test cards and what happens when one is used. Numbers other than these are not supported.

Invariant: nothing of a card is kept but the first eight and the last four digits.
"""

import re
from dataclasses import dataclass

OTP = "112233"
CVV = "123"
_EXPIRY = re.compile(r"(0[1-9]|1[0-2])\s*/\s*(\d{2}|\d{4})")


@dataclass(frozen=True, slots=True)
class Card:
    """One test card; `event` is what the right OTP leads to."""

    number: str
    event: str

    @property
    def masked(self) -> str:
        """All that may be kept and shown."""
        return f"{self.number[:8]}-{self.number[-4:]}"


ACCEPT_LATER = "accept_later"
ACCEPT_LATER_S = 60

_CARDS = (
    Card("4811111111111114", "pay"),
    Card("5211111111111117", "pay"),
    Card("4911111111111113", "deny"),
    Card("5111111111111118", "deny"),
    Card("4611111111111116", "fds_deny"),
    Card("5411111111111115", "fds_deny"),
    Card("4024007176265022", ACCEPT_LATER),
    Card("4511111111111117", "challenge"),
)
_BY_NUMBER = {card.number: card for card in _CARDS}
_BY_MASK = {card.masked: card for card in _CARDS}


class CardRefused(Exception):
    """The form cannot be accepted; the message is for the customer."""


def read_card(number: str, expiry: str, cvv: str) -> Card:
    """Check what was typed into the form."""
    card = _BY_NUMBER.get(re.sub(r"[\s-]", "", number))
    if card is None:
        raise CardRefused("Card not supported: use one of the test cards")
    if not _EXPIRY.fullmatch(expiry.strip()):
        raise CardRefused("The expiry date must look like 12/30")
    if cvv.strip() != CVV:
        raise CardRefused(f"The CVV of every test card is {CVV}")
    return card


def fields_of(card: Card) -> dict[str, str]:
    """The channel fields of a submitted card."""
    return {"masked_card": card.masked, "bank": "bni", "card_type": "credit", "three_ds_version": "2"}


def event_for(masked: str | None, otp: str) -> str:
    """What the answer to the 3-D Secure question leads to."""
    card = _BY_MASK.get(masked or "")
    if otp.strip() != OTP or card is None:
        return "deny"
    return card.event
