"""What happened to a workload, in words a customer can use, and what the cluster itself said, for staff.

Values only; `integrations/kubernetes` makes them. The words name no node and nothing of another customer; `raw` may.
"""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Words:
    """What happened, and what the customer can do about it (empty: nothing needs doing), in both languages."""

    english: str
    indonesian: str
    advice_english: str = ""
    advice_indonesian: str = ""


@dataclass(frozen=True, slots=True)
class WorkloadEvent:
    """Something that happened to the objects of one instance; `at` is when it was last seen.

    `reason` is stable (docs/events.md); `raw` is the cluster's own text, for staff only. `log_lines` are the last
    lines that a container wrote before it ended.
    """

    at: datetime
    reason: str
    words: Words
    is_warning: bool
    count: int = 1
    container: str | None = None
    raw: str = ""
    log_lines: tuple[str, ...] = ()
