"""The form of a coupon: what stands in its fields, and what was typed, as terms for the domain.

Times are typed in the time zone of the business. Only fields whose text was changed are sent on.
"""

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from minispod.catalog.models import PlanType
from minispod.kernel.ids import parse_id
from minispod.promotions.errors import BadTerms
from minispod.promotions.models import Coupon
from minispod.promotions.states import CouponStatus, CouponType, DiscountType

_CHOICES: dict[str, type[Any]] = {
    "type": CouponType,
    "status": CouponStatus,
    "discount_type": DiscountType,
    "plan_type": PlanType,
}
_NUMBERS = ("credit_amount", "discount_percent", "max_uses", "max_uses_per_user")
_TIMES = ("valid_from", "valid_until")
_TEXTS = ("name", "description")
_FIELDS = (*_TEXTS, *_CHOICES, "service_id", *_NUMBERS, *_TIMES)
_LONGEST = 1_000
# With or without marks between the thousands, as people write rupiah; never a fraction.
_WHOLE = re.compile(r"[0-9]{1,9}|[0-9]{1,3}(?:[.,][0-9]{3}){1,2}")


@dataclass(frozen=True, slots=True)
class CouponForm:
    """The texts of the fields, by name."""

    texts: Mapping[str, str]

    def __getitem__(self, name: str) -> str:
        return self.texts.get(name, "")


EMPTY = CouponForm({"type": CouponType.CREDIT_TOPUP.value, "max_uses_per_user": "1"})


def filled_with(coupon: Coupon, zone: ZoneInfo) -> CouponForm:
    """The form as it stands for a coupon."""
    values = {name: getattr(coupon, name) for name in _FIELDS}
    times = {name: _time_text(values[name], zone) for name in _TIMES}
    rest = {name: "" if value is None else str(value) for name, value in values.items()}
    return CouponForm({"code": coupon.code, **rest, **times})


def typed(sent: Mapping[str, str]) -> CouponForm:
    """The form as it was sent."""
    fields = ("code", *_FIELDS)
    return CouponForm(
        {name: sent[name].replace("\x00", "").strip()[:_LONGEST] for name in fields if name in sent}
    )


def changes(before: CouponForm, after: CouponForm, zone: ZoneInfo) -> dict[str, Any]:
    """The terms whose text changed, read; refuses BadTerms for what cannot be read."""
    changed = [name for name in _FIELDS if name in after.texts and after[name] != before[name]]
    found = {name: _read(name, after[name], zone) for name in changed}
    # What cannot be unset stays as it is, or as it is by default.
    never_unset = ("type", "status", "max_uses_per_user", "valid_from")
    return {name: value for name, value in found.items() if value is not None or name not in never_unset}


def _read(name: str, text: str, zone: ZoneInfo) -> Any:
    if name in _TEXTS:
        return text or (None if name == "description" else "")
    if not text:
        return None
    try:
        if name in _CHOICES:
            return _CHOICES[name](text)
        return _time(text, zone) if name in _TIMES else _id_or_number(name, text)
    except (ValueError, OverflowError):
        raise BadTerms(f"{name.replace('_', ' ').capitalize()}: this cannot be read") from None


def _id_or_number(name: str, text: str) -> uuid.UUID | int:
    if name == "service_id":
        return parse_id(text)
    if not _WHOLE.fullmatch(text):
        raise ValueError("not a whole number")
    return int(text.replace(".", "").replace(",", ""))


def _time(text: str, zone: ZoneInfo) -> datetime:
    at = datetime.fromisoformat(text)
    return (at if at.tzinfo else at.replace(tzinfo=zone)).astimezone(UTC)


def _time_text(at: datetime | None, zone: ZoneInfo) -> str:
    return "" if at is None else at.astimezone(zone).strftime("%Y-%m-%dT%H:%M:%S")
