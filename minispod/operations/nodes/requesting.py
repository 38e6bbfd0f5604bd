"""Ask for an act on a node, and call one off. Whatever can be refused is refused here.

A node has no row that could be locked: the partial unique index decides between two that ask at once.
"""

import uuid
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from minispod.audit import trail
from minispod.cluster import capacity, monitoring, outages
from minispod.kernel import outbox
from minispod.kernel.actor import Actor
from minispod.kernel.database import lock, session
from minispod.kernel.ids import new_id
from minispod.kernel.tasks import Task
from minispod.operations import node_loss
from minispod.operations.nodes.errors import (
    NodeBusy,
    NodeDoesNotAnswer,
    NodeUnknown,
    NoSuchNodeOperation,
    NothingToCancel,
    NowhereToGo,
)
from minispod.operations.nodes.models import IS_LIVE, NodeOperation
from minispod.operations.nodes.states import LIVE, BoundChoice, NodeAct, NodeActStatus, NodeStep

_SUBJECT_LENGTH = 64


def cordon(node: str, *, actor: Actor, at: datetime) -> NodeOperation:
    """Have a node take no new pods; what runs there stays. Refuses NodeUnknown, NodeBusy."""
    _require_known(node)
    return _ask(node, NodeAct.CORDON, actor=actor, at=at)


def uncordon(node: str, *, actor: Actor, at: datetime) -> NodeOperation:
    """Have a node take pods again. Refuses NodeUnknown, NodeBusy."""
    _require_known(node)
    return _ask(node, NodeAct.UNCORDON, actor=actor, at=at)


def drain(node: str, bound: BoundChoice, *, actor: Actor, at: datetime) -> NodeOperation:
    """Have a node emptied. Refuses NodeUnknown, NodeBusy, NodeDoesNotAnswer, NowhereToGo."""
    _require_known(node)
    if outages.outage_of(node) is not None:
        raise NodeDoesNotAnswer(node=node)
    others = capacity.workers_of(monitoring.last_picture().nodes)
    if not any(each.is_ready and each.name != node for each in others):
        raise NowhereToGo(node=node)
    there = [str(each.instance.id) for each in node_loss.touched_by(node)]
    return _ask(node, NodeAct.DRAIN, bound=bound, instances=there, actor=actor, at=at)


def cancel(operation_id: uuid.UUID, *, actor: Actor, at: datetime) -> NodeOperation:
    """Stop where it stands: the node stays as it is, and moves that have begun go on. Refuses NothingToCancel."""
    operation: NodeOperation | None = lock(NodeOperation, operation_id)
    if operation is None:
        raise NoSuchNodeOperation()
    if not operation.is_live:
        raise NothingToCancel(status=operation.status.value)
    operation.status, operation.ended_at = NodeActStatus.CANCELLED, at
    record(actor, trail.Action.NODE_ACT_CANCELLED, operation, at=at)
    return operation


def ensure_carried_on(at: datetime) -> None:
    """Have everything that is not at its end carried on, whatever became of its work in the queue."""
    live = session().scalars(select(NodeOperation.id).where(NodeOperation.status.in_(LIVE)))
    outbox.ensure_each(Task.WORK_ON_NODE, {str(id_): {"operation_id": str(id_)} for id_ in live}, at=at)


def record(
    actor: Actor, action: trail.Action, operation: NodeOperation, *, at: datetime, **details: object
) -> None:
    """Write an act on a node into the book."""
    trail.record(
        actor,
        action,
        at=at,
        subject_kind="node",
        # The book has room for the longest name that a machine sensibly has.
        subject_id=operation.node_name[:_SUBJECT_LENGTH],
        act=operation.act.value,
        node=operation.node_name,
        operation=str(operation.id),
        **details,
    )


def _ask(
    node: str,
    act: NodeAct,
    *,
    actor: Actor,
    at: datetime,
    bound: BoundChoice | None = None,
    instances: Sequence[str] = (),
) -> NodeOperation:
    row = insert(NodeOperation).values(
        id=new_id(),
        node_name=node,
        act=act,
        status=NodeActStatus.PENDING,
        step=NodeStep.MOVE if bound is BoundChoice.MOVE else NodeStep.MARK,
        turn=0,
        bound=bound,
        instances=list(instances),
        moves={},
        refusals={},
        waiting=[],
        staying=[],
        sent_away=0,
        moved_on_at=at,
        requested_by=actor.name[:120],
        requested_by_id=actor.user_id,
        requested_at=at,
    )
    alone = row.on_conflict_do_nothing(index_elements=["node_name"], index_where=IS_LIVE)
    operation: NodeOperation | None = session().scalar(alone.returning(NodeOperation))
    if operation is None:
        raise NodeBusy(node=node)
    record(actor, trail.Action.NODE_ACT_REQUESTED, operation, at=at, bound=bound.value if bound else None)
    outbox.later(Task.WORK_ON_NODE, key=str(operation.id), at=at, operation_id=str(operation.id))
    return operation


def _require_known(node: str) -> None:
    if node not in {each.name for each in monitoring.last_picture().nodes}:
        raise NodeUnknown(node=node[:80])
