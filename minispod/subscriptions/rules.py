"""What settings say about subscriptions, as one value that doors hand in."""

from dataclasses import dataclass
from datetime import timedelta
from zoneinfo import ZoneInfo

from minispod.instances.creation import AddressRules


@dataclass(frozen=True, slots=True)
class CapacityRules:
    """What of the machines may be sold (decisions 21, 24): shares of a plan's limits, and what stays free."""

    cpu_request_ratio: float
    memory_request_ratio: float
    reserve: float


@dataclass(frozen=True, slots=True)
class BusinessRules:
    """The shop's rules; days are calendar days of `zone`."""

    zone: ZoneInfo
    grace: timedelta | None
    retention: timedelta
    reminder_days: tuple[int, ...]
    low_credit_days: int
    free_plans_per_customer: int
    free_idle: timedelta
    addresses: AddressRules
    capacity: CapacityRules
