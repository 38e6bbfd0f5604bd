"""When to ask the gateway about a top-up by ourselves: notices may be late or lost. Pure; no database.

An unpaid order is looked at often at first, then hourly, and after its page has closed until no payment begun
on it can still come in. A paid one is looked at once more where the bank may take the money back.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from minispod.payments.states import TopUpState

_FIRST = (timedelta(minutes=1), timedelta(minutes=3), timedelta(minutes=10), timedelta(minutes=30))
_HOUR = timedelta(hours=1)
_AFTER_END = timedelta(minutes=10)
_DAY = timedelta(days=1)
# A payment page lives seven days at most, and so may the payment begun on it.
_LAST_DAYS = 8

SOON = timedelta(minutes=1)
"""How soon to look again when notice and gateway contradict each other."""

UNANSWERED = timedelta(minutes=10)
"""When to look again should the last look get no answer."""

_CAPTURE_SETTLES_AFTER = timedelta(hours=36)
_BANK_MAY_REVERSE_FOR = timedelta(minutes=10)
_REVERSIBLE = frozenset({"bank_transfer", "echannel", "cstore"})


def next_look(
    state: TopUpState,
    *,
    created_at: datetime,
    expires_at: datetime,
    completed_at: datetime | None,
    payment_type: str | None,
    at: datetime,
) -> datetime | None:
    """The next instant after `at` at which to ask; None when no answer can change anything any more."""
    if state is TopUpState.PAID and completed_at is not None:
        looks = _after_payment(completed_at, payment_type)
    elif state.is_credited:
        return None
    else:
        looks = _until_decided(created_at, expires_at, has_ended=not state.is_open)
    return next((look for look in looks if look > at), None)


def _until_decided(created_at: datetime, expires_at: datetime, *, has_ended: bool) -> Iterator[datetime]:
    if not has_ended:
        yield from (created_at + wait for wait in _FIRST)
        hourly = created_at + _HOUR
        while hourly < expires_at:
            yield hourly
            hourly += _HOUR
    yield expires_at + _AFTER_END
    # A method picked in the page's last minute has the same time again to be paid.
    yield expires_at + (expires_at - created_at) + _AFTER_END
    days = 1 if has_ended else _LAST_DAYS
    yield from (expires_at + day * _DAY for day in range(1, days + 1))


def _after_payment(completed_at: datetime, payment_type: str | None) -> Iterator[datetime]:
    if payment_type == "credit_card":
        yield completed_at + _CAPTURE_SETTLES_AFTER
    elif payment_type in _REVERSIBLE:
        yield completed_at + _BANK_MAY_REVERSE_FOR
