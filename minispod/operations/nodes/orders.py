"""What passes between claim, carry out and settle of an act on a node: frozen values."""

import uuid
from dataclasses import dataclass

from minispod.operations.nodes.states import NodeAct, NodeStep


@dataclass(frozen=True, slots=True)
class NodeOrder:
    """All that is needed to carry out one step; `busy` are instances that an operation works on (texts of ids)."""

    operation_id: uuid.UUID
    turn: int
    node: str
    act: NodeAct
    step: NodeStep
    stand_still: bool = False
    busy: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Seen:
    """A pod that is still to leave or that stays, and why."""

    namespace: str
    pod: str
    why: str
    instance_id: str | None = None


@dataclass(frozen=True, slots=True)
class NodeReport:
    """What became of a step; `failure` ends it, `waiting` is empty when the node is as it was wanted."""

    failure: str | None = None
    waiting: tuple[Seen, ...] = ()
    staying: tuple[Seen, ...] = ()
    sent_away: int = 0
