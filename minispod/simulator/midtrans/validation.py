"""What a Snap request must look like: the checks of the documented order, first failure wins.

Pure. Texts are ours except where the public documents quote them; a client must not depend on them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard
from urllib.parse import urlsplit

from minispod.simulator.midtrans import times
from minispod.simulator.midtrans.channels import CHANNELS, DAY, Channel, expand, is_known
from minispod.simulator.midtrans.config import Config

ORDER_ID = re.compile(r"[A-Za-z0-9\-_~.]{1,50}")
UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": DAY}
LONGEST = 7 * DAY
URL_LIMIT = FIELD_LIMIT = 255
MAX_TARGETS = 3
SUM_DIFFERS = "transaction_details.gross_amount is not equal to the sum of item_details"


class Invalid(Exception):
    """The request is refused; the message is what the caller reads."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a valid request asks for, beside the order itself."""

    page_expires_in_s: float
    channels: tuple[Channel, ...]


def check_request(body: Any, config: Config, now: float) -> Wish:
    """Check a create request; raises Invalid with the first thing that is wrong."""
    if not isinstance(body, dict):
        raise Invalid("the request body must be a JSON object")
    details = body.get("transaction_details")
    if not isinstance(details, dict):
        raise Invalid("transaction_details is required")
    order_id, amount = details.get("order_id"), details.get("gross_amount")
    if not isinstance(order_id, str) or not ORDER_ID.fullmatch(order_id):
        raise Invalid("transaction_details.order_id must be 1 to 50 of A-Z a-z 0-9 - _ ~ .")
    if not _is_int(amount) or amount < 1:
        raise Invalid("transaction_details.gross_amount must be a whole number of at least 1")
    _check_items(body.get("item_details"), amount)
    channels = offered(body, config)
    if not channels:
        raise Invalid("none of the enabled_payments is activated")
    method_lasts = _duration(body.get("expiry"), "expiry", config, now)
    page_lasts = _duration(body.get("page_expiry"), "page_expiry", config, now)
    _check_callbacks(body.get("callbacks"))
    _check_custom_fields(body)
    return Wish(page_lasts or method_lasts or DAY, channels)


def offered(body: Mapping[str, Any], config: Config) -> tuple[Channel, ...]:
    """The methods the page shows: those the request enables and the account has activated."""
    wanted = body.get("enabled_payments")
    if wanted is None:
        wanted = list(CHANNELS)
    if not isinstance(wanted, list) or not all(isinstance(name, str) for name in wanted):
        raise Invalid("enabled_payments must be a list of names")
    for name in wanted:
        if not is_known(name):
            raise Invalid(f"enabled_payments contains an unknown name: {name[:50]}")
    active = expand(config.active_methods) if config.active_methods else list(CHANNELS)
    return tuple(CHANNELS[name] for name in expand(wanted) if name in active and name in CHANNELS)


def method_expires_in(body: Mapping[str, Any], channel: Channel, config: Config, now: float) -> float:
    """How long the customer has, counted from choosing the method."""
    given = _duration(body.get("expiry"), "expiry", config, now)
    return channel.expires_in_s if given is None else given


def notification_targets(override: str | None, append: str | None, config: Config) -> list[str]:
    """Where notifications of this order go: the dashboard's address, one more, or others instead."""
    listed = [url.strip() for url in (override or append or "").split(",") if url.strip()]
    if len(listed) > MAX_TARGETS:
        raise Invalid(f"at most {MAX_TARGETS} notification URLs")
    if not all(_is_url(url) for url in listed):
        raise Invalid("notification URLs must be http or https")
    return listed if override else list(dict.fromkeys([config.notification_url, *listed]))


def _is_int(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_url(value: Any) -> bool:
    if not isinstance(value, str) or len(value) > URL_LIMIT:
        return False
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)


def _check_items(items: Any, amount: int) -> None:
    if items is None:
        return
    if not isinstance(items, list) or not items:
        raise Invalid("item_details must be a list")
    total = 0
    for item in items:
        if not isinstance(item, dict):
            raise Invalid("item_details must hold objects")
        price, quantity, name = item.get("price"), item.get("quantity"), item.get("name")
        if not _is_int(price):
            raise Invalid("item_details.price must be a whole number")
        if not _is_int(quantity) or quantity < 1:
            raise Invalid("item_details.quantity must be a whole number of at least 1")
        if not isinstance(name, str) or not 1 <= len(name) <= 50:
            raise Invalid("item_details.name must have 1 to 50 characters")
        total += price * quantity
    if total != amount:
        raise Invalid(SUM_DIFFERS)


def _duration(given: Any, name: str, config: Config, now: float) -> float | None:
    if given is None:
        return None
    if not isinstance(given, dict):
        raise Invalid(f"{name} must be an object")
    unit = given.get("unit")
    seconds_each = UNITS.get(unit.lower().removesuffix("s")) if isinstance(unit, str) else None
    if seconds_each is None:
        raise Invalid(f"{name}.unit must be second, minute, hour or day")
    duration = given.get("duration")
    if not _is_int(duration) or duration < 1:
        raise Invalid(f"{name}.duration must be a whole number of at least 1")
    lasts = float(duration * seconds_each)
    if not config.min_expiry_s <= lasts <= LONGEST:
        raise Invalid(f"{name} must lie between {config.min_expiry_s} seconds and 7 days")
    return lasts + _start(given.get("start_time"), name, now)


def _start(text: Any, name: str, now: float) -> float:
    if text is None:
        return 0.0
    began = times.from_expiry_start(text) if isinstance(text, str) else None
    if began is None:
        raise Invalid(f"{name}.start_time must look like 2026-11-20 09:00:00 +0700")
    return began - now


def _check_callbacks(callbacks: Any) -> None:
    if callbacks is None:
        return
    if not isinstance(callbacks, dict):
        raise Invalid("callbacks must be an object")
    for name in ("finish", "error"):
        if callbacks.get(name) is not None and not _is_url(callbacks[name]):
            raise Invalid(
                f"callbacks.{name} must be an http or https address of at most {URL_LIMIT} characters"
            )


def _check_custom_fields(body: Mapping[str, Any]) -> None:
    for name in ("custom_field1", "custom_field2", "custom_field3"):
        value = body.get(name)
        if value is not None and (not isinstance(value, str) or len(value) > FIELD_LIMIT):
            raise Invalid(f"{name} must be text of at most {FIELD_LIMIT} characters")
