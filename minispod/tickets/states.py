"""What a ticket can be, and how soon each priority is to be answered."""

from datetime import timedelta
from enum import StrEnum


class TicketStatus(StrEnum):
    """The values of the wire contract. Staff may move a ticket from each to each; its owner may only close it."""

    OPEN = "OPEN"
    IN_PROGRESS = "IN_PROGRESS"
    CLOSED = "CLOSED"


class TicketPriority(StrEnum):
    """How urgent a ticket is; CRITICAL is for staff to give."""

    LOW = "LOW"
    NORMAL = "NORMAL"
    HIGH = "HIGH"
    CRITICAL = "CRITICAL"

    @property
    def rank(self) -> int:
        """Its place from the least urgent, 0."""
        return list(TicketPriority).index(self)

    @property
    def answer_within(self) -> timedelta:
        """The time from opening to the first answer that we hold ourselves to."""
        return _ANSWER_WITHIN[self]


_ANSWER_WITHIN = {
    TicketPriority.LOW: timedelta(hours=48),
    TicketPriority.NORMAL: timedelta(hours=24),
    TicketPriority.HIGH: timedelta(hours=8),
    TicketPriority.CRITICAL: timedelta(hours=2),
}
