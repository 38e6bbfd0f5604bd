"""What can be done with an instance's data, and how far it is."""

from enum import StrEnum


class OperationKind(StrEnum):
    """What is done."""

    BACKUP = "BACKUP"
    RESTORE = "RESTORE"
    RESET = "RESET"
    MOVE = "MOVE"
    UPGRADE = "UPGRADE"
    EVACUATE = "EVACUATE"
    RETURN = "RETURN"
    RESCHEDULE = "RESCHEDULE"


class OperationStatus(StrEnum):
    """How far it is; an operation that is called off (its instance is deleted or expires) counts as failed."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    DONE = "DONE"
    FAILED = "FAILED"


LIVE = (OperationStatus.PENDING, OperationStatus.RUNNING)


class Step(StrEnum):
    """One step of an operation; which come after which is in plans.py."""

    # Nothing is done yet.
    BEGIN = "begin"
    # Copy from the application while it runs.
    COPY_LIVE = "copy_live"
    # Stop the application and wait until its pod is gone.
    QUIESCE = "quiesce"
    # A workbench on the volume in use, to copy from.
    OPEN_OLD = "open_old"
    COPY = "copy"
    CLOSE_OLD = "close_old"
    # A workbench on a fresh volume, to fill.
    OPEN_FRESH = "open_fresh"
    FILL = "fill"
    CLOSE_FRESH = "close_fresh"
    # The instance changes to the fresh volume.
    SWITCH = "switch"
    # The new version must become ready.
    PROVE = "prove"
    # The way back: the new version is stopped, then whatever the attempt made is removed.
    GO_BACK = "go_back"
    UNDO = "undo"
    ENDED = "ended"
