"""What can be done with many instances at once, and how far one of them is."""

from enum import StrEnum


class BulkAct(StrEnum):
    """What is done with each."""

    START = "START"
    STOP = "STOP"
    RESTART = "RESTART"
    RETRY = "RETRY"
    BACK_UP = "BACK_UP"


class ItemState(StrEnum):
    """How far one instance is.

    REFUSED: nothing was done with it, because it made no sense any more when its turn came. OVERTAKEN: it was done,
    and somebody wished for something else before it was seen. CANCELLED: its turn had not come when the rest was
    called off.
    """

    WAITING = "WAITING"
    UNDER_WAY = "UNDER_WAY"
    DONE = "DONE"
    FAILED = "FAILED"
    REFUSED = "REFUSED"
    OVERTAKEN = "OVERTAKEN"
    CANCELLED = "CANCELLED"


OPEN = (ItemState.WAITING, ItemState.UNDER_WAY)
