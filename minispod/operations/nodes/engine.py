"""Bring an act on a node to its end: claim and settle, in units of work of their own; carrying.py talks between them.

A drain moves what is tied to the node where that is wanted (each by the MOVE operation, a few at a time, so that nobody
stands still long before his turn), marks the node, and then asks the pods to leave, again and again, until none is left
that may go. The mark comes after the moves: a move that fails leaves its instance where it was, and what is tied to a
marked node could not start there again. Locked is the node's operation, then (through `requesting.move`) an instance.
"""

import uuid
from collections import defaultdict
from dataclasses import asdict
from datetime import datetime, timedelta

from sqlalchemy import select

from minispod.audit import trail
from minispod.cluster import capacity, monitoring
from minispod.cluster.capacity import Request
from minispod.instances.models import Instance
from minispod.instances.specifying import ClusterRules
from minispod.kernel.actor import Actor, system
from minispod.kernel.database import lock, session
from minispod.kernel.errors import Refusal
from minispod.operations import node_loss
from minispod.operations import requesting as data
from minispod.operations.errors import AnotherRuns
from minispod.operations.models import Operation
from minispod.operations.node_loss import Touched
from minispod.operations.nodes.models import NodeOperation
from minispod.operations.nodes.orders import NodeOrder, NodeReport
from minispod.operations.nodes.requesting import record
from minispod.operations.nodes.states import BoundChoice, NodeAct, NodeActStatus, NodeStep
from minispod.operations.states import LIVE, OperationStatus

_SOON = timedelta(seconds=2)
_NOW = timedelta(0)
_MOVES_LOOK = timedelta(seconds=5)
# An instance stands still from the moment its move is asked for: no more than this many at once.
_MOVES_AT_ONCE = 2
# Disruption budgets may need a while; what nobody could send away for this long needs a person.
_PATIENCE = timedelta(minutes=30)
_NO_ROOM = "No other worker has room for it at the moment."
_STUCK = "Nothing has left the node for half an hour; the pods that are left say why."
_OURSELVES = system("nodes")


def claim(operation_id: uuid.UUID, *, rules: ClusterRules, at: datetime) -> NodeOrder | timedelta | None:
    """Take up the next step; a span when it must wait, None when nothing is left."""
    operation = _lock(operation_id)
    if operation is None:
        return None
    operation.turn += 1
    if operation.status is NodeActStatus.PENDING:
        operation.status, operation.started_at = NodeActStatus.RUNNING, at
    if operation.step is NodeStep.MOVE:
        wait = _move_on(operation, rules, at)
        if wait is not None:
            return wait
        operation.step, operation.moved_on_at = NodeStep.MARK, at
    busy = frozenset(
        str(each)
        for each in session().scalars(select(Operation.instance_id).where(Operation.status.in_(LIVE)))
    )
    return NodeOrder(
        operation.id,
        operation.turn,
        operation.node_name,
        operation.act,
        operation.step,
        stand_still=operation.bound is BoundChoice.STAND_STILL,
        busy=busy,
    )


def settle(order: NodeOrder, report: NodeReport, *, at: datetime) -> timedelta | None:
    """Write down what became of a step; how long to wait before the next, None when it has ended."""
    operation = _lock(order.operation_id)
    if operation is None or operation.turn != order.turn:
        return None
    if report.failure is not None:
        _end(operation, NodeActStatus.FAILED, report.failure, at=at)
        return None
    if order.step is NodeStep.MARK:
        if operation.act is not NodeAct.DRAIN:
            _end(operation, NodeActStatus.DONE, None, at=at)
            return None
        operation.step, operation.moved_on_at = NodeStep.EVICT, at
        return _NOW
    waiting = [asdict(each) for each in report.waiting]
    if report.sent_away or {_key(each) for each in waiting} != {_key(each) for each in operation.waiting}:
        operation.moved_on_at = at
    operation.waiting, operation.staying = waiting, [asdict(each) for each in report.staying]
    operation.sent_away += report.sent_away
    if not waiting:
        _end(operation, NodeActStatus.DONE, None, at=at)
        return None
    if at - operation.moved_on_at > _PATIENCE:
        _end(operation, NodeActStatus.FAILED, _STUCK, at=at)
        return None
    return _SOON


def pause(order: NodeOrder, *, at: datetime) -> None:
    """Note that the cluster did not answer: what nobody could see is no idleness, so patience begins anew."""
    operation = _lock(order.operation_id)
    if operation is not None and operation.turn == order.turn:
        operation.moved_on_at = at


def is_wanted(operation_id: uuid.UUID) -> bool:
    """Tell whether the work is still to be done, for a worker in the middle of it; locks nothing."""
    operation = session().get(NodeOperation, operation_id, populate_existing=True)
    return operation is not None and operation.is_live


def _lock(operation_id: uuid.UUID) -> NodeOperation | None:
    operation: NodeOperation | None = lock(NodeOperation, operation_id)
    return operation if operation is not None and operation.is_live else None


def _move_on(operation: NodeOperation, rules: ClusterRules, at: datetime) -> timedelta | None:
    """Ask for the next move; None when every instance that is tied to the node has moved, or cannot."""
    asked = [uuid.UUID(each) for each in operation.moves.values()]
    moves = session().scalars(select(Operation).where(Operation.id.in_(asked))).all()
    under_way = [each for each in moves if each.is_live]
    for each in moves:
        if each.status is OperationStatus.FAILED:
            _refuse(operation, each.instance_id, each.error or "The move failed.")
    known = {*operation.moves, *operation.refusals}
    touched = node_loss.touched_by(operation.node_name)
    bound = [each for each in touched if each.is_bound and str(each.instance.id) not in known]
    # What an operation works on waits for its end.
    ready = [each for each in bound if each.operation is None]
    if ready and len(under_way) < _MOVES_AT_ONCE:
        _ask_for_move(operation, ready[0], rules, at)
        return _SOON
    return _MOVES_LOOK if bound or under_way else None


def _ask_for_move(operation: NodeOperation, touched: Touched, rules: ClusterRules, at: datetime) -> None:
    instance = touched.instance
    target = _target(operation, _request_of(instance, rules), rules)
    if target is None:
        _refuse(operation, instance.id, _NO_ROOM)
        return
    try:
        move = data.move(instance.id, target, actor=_asker(operation), at=at)
    except AnotherRuns:  # it began just now: its end is waited for, as that of any other
        return
    except Refusal as refusal:  # nothing of it has been written yet: `move` refuses before it writes
        _refuse(operation, instance.id, refusal.message)
        return
    operation.moves = {**operation.moves, str(instance.id): str(move.id)}
    operation.moved_on_at = at


def _target(operation: NodeOperation, wanted: Request, rules: ClusterRules) -> str | None:
    """The other worker with the most memory free, counting what is on its way there."""
    others = [each for each in monitoring.last_picture().nodes if each.name != operation.node_name]
    on_its_way = select(Operation.target_node, Instance).join(Instance, Instance.id == Operation.instance_id)
    expected: dict[str, list[tuple[Request, int]]] = defaultdict(list)
    for node, instance in session().execute(on_its_way.where(Operation.status.in_(LIVE))):
        expected[node or ""].append((_request_of(instance, rules), 1))
    taken = {node: capacity.load_of(requests) for node, requests in expected.items()}
    found = capacity.roomiest(wanted, others, taken)
    return found.name if found else None


def _request_of(instance: Instance, rules: ClusterRules) -> Request:
    return capacity.request_of(
        instance.cpu_milli,
        instance.memory_mb,
        cpu_ratio=rules.cpu_request_ratio,
        memory_ratio=rules.memory_request_ratio,
    )


def _asker(operation: NodeOperation) -> Actor:
    """The administrator who asked for the drain has asked for its moves too."""
    return system(f"drain of {operation.node_name}"[:100])


def _refuse(operation: NodeOperation, instance_id: uuid.UUID, why: str) -> None:
    operation.refusals = {**operation.refusals, str(instance_id): why}


def _end(operation: NodeOperation, status: NodeActStatus, error: str | None, *, at: datetime) -> None:
    operation.status, operation.error, operation.ended_at = status, error, at
    operation.step = NodeStep.ENDED if status is NodeActStatus.DONE else operation.step
    is_done = status is NodeActStatus.DONE
    record(
        _OURSELVES,
        trail.Action.NODE_ACT_DONE if is_done else trail.Action.NODE_ACT_FAILED,
        operation,
        at=at,
        error=error,
        sent_away=operation.sent_away or None,
        staying=len(operation.staying) or None,
        not_moved=len(operation.refusals) or None,
    )


def _key(waiting: dict[str, object]) -> tuple[object, object]:
    return waiting["namespace"], waiting["pod"]
