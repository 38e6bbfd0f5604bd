"""Which steps each kind of operation takes, in order. Pure: a table, and questions to it.

What the steps do is in engine.py and the files beside it. Nothing old is touched before SWITCH, so every failure until
then is undone by removing what the attempt made; the one step after it, PROVE, has its own way back (GO_BACK).
"""

from minispod.operations.models import Operation
from minispod.operations.states import OperationKind, Step

_COPY_OLD = (Step.OPEN_OLD, Step.COPY, Step.CLOSE_OLD)
_FILL_FRESH = (Step.OPEN_FRESH, Step.FILL, Step.CLOSE_FRESH)

PLANS: dict[OperationKind, tuple[Step, ...]] = {
    # Begins at COPY_LIVE instead, and ends with it, where the application can be copied while it runs.
    OperationKind.BACKUP: (Step.QUIESCE, *_COPY_OLD),
    OperationKind.RESTORE: (Step.QUIESCE, *_FILL_FRESH, Step.SWITCH),
    OperationKind.RESET: (Step.QUIESCE, Step.SWITCH),
    OperationKind.MOVE: (Step.QUIESCE, *_COPY_OLD, *_FILL_FRESH, Step.SWITCH),
    OperationKind.UPGRADE: (Step.QUIESCE, *_COPY_OLD, *_FILL_FRESH, Step.SWITCH, Step.PROVE),
    OperationKind.EVACUATE: (Step.QUIESCE, *_FILL_FRESH, Step.SWITCH),
    OperationKind.RETURN: (Step.QUIESCE, Step.SWITCH),
    # A move of what every node can run: nothing has to be copied.
    OperationKind.RESCHEDULE: (Step.QUIESCE, Step.SWITCH),
}

HOLDING = frozenset(PLANS) - {OperationKind.BACKUP}
"""Kinds that hold the instance from the moment they are asked for."""

WRITES_DATA = frozenset({Step.COPY_LIVE, Step.COPY, Step.FILL})
"""Steps that are not simply repeated: a half-written copy is thrown away with the whole attempt."""

OTHER_DATA = frozenset({OperationKind.RESTORE, OperationKind.RESET, OperationKind.RETURN})
"""Kinds after which the newest backup is not of the data in use: the next one is due soon."""

USES_STORE = frozenset(kind for kind, plan in PLANS.items() if WRITES_DATA & set(plan))
"""Kinds for which the file store must answer before the application is stopped."""

_WORDS = {
    OperationKind.BACKUP: "A backup is being taken",
    OperationKind.RESTORE: "A backup is being restored",
    OperationKind.RESET: "The instance is being reset",
    OperationKind.MOVE: "The instance is being moved to another node",
    OperationKind.UPGRADE: "The application is being upgraded",
    OperationKind.EVACUATE: "The instance is being restored on another node",
    OperationKind.RETURN: "The instance goes back to the data it had before",
    OperationKind.RESCHEDULE: "The instance is being moved to another node",
}


def step_after(operation: Operation) -> Step:
    """The step that follows the one at which the operation stands."""
    plan = PLANS[operation.kind]
    if operation.step is Step.BEGIN:
        return plan[0]
    if operation.step not in plan:  # COPY_LIVE, and the ends of the way back
        return Step.UNDO if operation.step is Step.GO_BACK else Step.ENDED
    position = plan.index(operation.step) + 1
    return plan[position] if position < len(plan) else Step.ENDED


def is_switched(operation: Operation) -> bool:
    """Tell whether the instance runs on the fresh volume already."""
    plan = PLANS[operation.kind]
    done = plan[: plan.index(operation.step)] if operation.step in plan else ()
    return Step.SWITCH in done or operation.step is Step.GO_BACK


def words_of(operation: Operation) -> str:
    """What is being done, for the customer's status."""
    return _WORDS[operation.kind]
