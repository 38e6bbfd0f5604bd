"""Identifiers: time-ordered UUIDs (version 7) and readable codes.

The names of the business things that own an id are listed here on purpose: an inventory, not a rule.
"""

import secrets
import time
import uuid
from collections.abc import Callable
from functools import lru_cache
from typing import NewType

from minispod.kernel.errors import NotFound

UserId = NewType("UserId", uuid.UUID)
PlanId = NewType("PlanId", uuid.UUID)
ServiceId = NewType("ServiceId", uuid.UUID)
SubscriptionId = NewType("SubscriptionId", uuid.UUID)
InstanceId = NewType("InstanceId", uuid.UUID)
TopUpId = NewType("TopUpId", uuid.UUID)
LedgerEntryId = NewType("LedgerEntryId", uuid.UUID)

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def new_id() -> uuid.UUID:
    """Make a UUID version 7 (RFC 9562, method 3 of 6.2): 48 bits of milliseconds, 12 of their fraction, random bits.

    Ids that one process makes one after the other sort in that order, also within a millisecond, unless the clock is
    set back.
    """
    milliseconds, nanoseconds = divmod(time.time_ns(), 1_000_000)
    value = (milliseconds & 0xFFFF_FFFF_FFFF) << 80
    value |= 0x7 << 76 | (nanoseconds * 4096 // 1_000_000) << 64
    value |= 0b10 << 62 | secrets.randbits(62)
    return uuid.UUID(int=value)


def parse_id(text: str) -> uuid.UUID:
    """Read an id from outside; a malformed one is NotFound, because nothing can have that name."""
    try:
        return uuid.UUID(text)
    except (ValueError, AttributeError, TypeError):
        raise NotFound("Nothing was found under this id.") from None


known_id: Callable[[str], uuid.UUID] = lru_cache(maxsize=1024)(uuid.UUID)
"""The UUID of a text that is one; those that come again and again, as of plans and services, are made once."""


def new_ulid() -> str:
    """Make a 26-character ULID (Crockford base 32): time first, so that it sorts."""
    value = (time.time_ns() // 1_000_000) << 80 | secrets.randbits(80)
    return "".join(_CROCKFORD[(value >> shift) & 31] for shift in range(125, -5, -5))


def short_code(length: int = 6) -> str:
    """Make a random code of lower-case letters and digits that begins with a letter (usable in DNS)."""
    first = secrets.choice("abcdefghjkmnpqrstvwxyz")
    return first + "".join(secrets.choice("abcdefghjkmnpqrstvwxyz23456789") for _ in range(length - 1))
