"""What one check is: a question to the database, and what its answers mean."""

from dataclasses import dataclass
from enum import StrEnum


class Subject(StrEnum):
    """What a difference is about; says which page shows it."""

    WALLET = "wallet"
    ENTRY = "entry"
    TOPUP = "topup"
    NOTICE = "notice"
    SUBSCRIPTION = "subscription"
    PLAN = "plan"
    SIZE = "size"
    COUPON = "coupon"
    ADJUSTMENT = "adjustment"
    PAPER = "paper"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must hold. `differences` yields a row for each place where it does not."""

    name: str
    promise: str
    subject: Subject
    looked_at: str
    """Counts the rows looked at, one number."""
    differences: str
    """Yields `subject_id`, `user_id` and facts; see `checks`."""
    meaning: str
    """What a difference may mean, for the person who has to deal with it."""
    advice: str
    """What to do about it."""
