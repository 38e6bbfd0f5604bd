"""Work a batch off: look how those under way went, and say whose turn is next. Few at a time: a cluster that starts
a thousand pods at once serves nobody.

`look` holds the batch, so that two workers take turns; `act` holds the item, and does with the instance exactly what
would be done with it alone. A worker that dies leaves rows behind from which another goes on: an item is either waiting
still, or its act is recorded with it in one commit.
"""

import uuid
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select

from minispod.accounts import directory
from minispod.audit import trail
from minispod.instances import controls
from minispod.instances.models import Instance
from minispod.instances.states import InstanceStatus
from minispod.kernel.actor import Actor, ActorKind, Role, system
from minispod.kernel.database import lock, session
from minispod.operations.models import Operation
from minispod.operations.states import OperationStatus
from minispod.subscriptions import data_care, operating
from minispod.subscriptions.bulk.models import BulkBatch, BulkItem
from minispod.subscriptions.bulk.requesting import leave_rest, record
from minispod.subscriptions.bulk.states import OPEN, BulkAct, ItemState

_AT_ONCE = 10
_SOON = timedelta(seconds=2)
_PATIENCE = timedelta(minutes=30)
_TOO_LONG = "It was not seen there within half an hour; it is still being tried."
_OTHER_WISH = "Something else was wished for it meanwhile."
_FAILED = "It did not come there."
_NOBODY_ASKS = "Who asked for it is no administrator any more."

_CONTROLS: dict[BulkAct, Callable[..., Any]] = {
    BulkAct.START: operating.start,
    BulkAct.STOP: controls.stop,
    BulkAct.RESTART: controls.restart,
    BulkAct.RETRY: operating.retry,
}


def look(batch_id: uuid.UUID, *, at: datetime) -> int | timedelta | None:
    """Settle what was seen; whose turn is next, how long to wait, or None when the batch has ended."""
    batch: BulkBatch | None = lock(BulkBatch, batch_id)
    if batch is None or batch.ended_at is not None:
        return None
    if not _is_asked_for(batch):
        # Before the count of those under way: it waits for an item that another worker acts on just now.
        leave_rest(batch, actor=system("bulk acts"), at=at, why=_NOBODY_ASKS)
    under_way = _settle(batch, at)
    following = select(func.min(BulkItem.position)).where(
        BulkItem.batch_id == batch_id, BulkItem.state == ItemState.WAITING
    )
    turn: int | None = session().scalar(following)
    if turn is not None:
        return turn if under_way < _AT_ONCE else _SOON
    if under_way:
        return _SOON
    _end(batch, at)
    return None


def act(batch_id: uuid.UUID, position: int, *, at: datetime) -> None:
    """Do with one instance what was asked for; harmless when it was done. Refuses what the act on it refuses."""
    item = _lock_waiting(batch_id, position)
    if item is None:
        return
    batch = session().get_one(BulkBatch, batch_id)
    actor = Actor(ActorKind.STAFF, batch.requested_by_id, batch.requested_by, batch.requested_from)
    if batch.act is BulkAct.BACK_UP:
        # Staff have no limit of backups in a day.
        operation = data_care.back_up(item.instance_id, per_day=0, actor=actor, at=at)
        session().flush()  # the item refers to it, and no relationship says so to the session
        item.operation_id = operation.id
    else:
        _CONTROLS[batch.act](item.instance_id, actor=actor, at=at)
        item.generation = session().get_one(Instance, item.instance_id).generation
    item.state, item.begun_at = ItemState.UNDER_WAY, at


def refuse(batch_id: uuid.UUID, position: int, why: str, *, at: datetime) -> None:
    """Write down why nothing was done with one instance."""
    _pass_over(batch_id, position, ItemState.REFUSED, why, at)


def fail(batch_id: uuid.UUID, position: int, reference: str, *, at: datetime) -> None:
    """Write down that the act broke on one instance, and under what the log has it; the others have their turn."""
    why = f"Something unexpected went wrong, and nothing was done with it. The log has it under {reference}."
    _pass_over(batch_id, position, ItemState.FAILED, why, at)


def _pass_over(batch_id: uuid.UUID, position: int, state: ItemState, why: str, at: datetime) -> None:
    item = _lock_waiting(batch_id, position)
    if item is not None:
        item.state, item.reason, item.ended_at = state, why, at


def _is_asked_for(batch: BulkBatch) -> bool:
    """Whether who asked for it still may: each turn is done in their name."""
    asker = directory.find_users([batch.requested_by_id] if batch.requested_by_id else [])
    return any(each.is_active and each.role is Role.ADMINISTRATOR for each in asker)


def _lock_waiting(batch_id: uuid.UUID, position: int) -> BulkItem | None:
    item: BulkItem | None = lock(BulkItem, (batch_id, position))
    return item if item is not None and item.state is ItemState.WAITING else None


def _settle(batch: BulkBatch, at: datetime) -> int:
    """Note what became of those under way; how many still are."""
    rows = session().execute(
        select(BulkItem, Instance, Operation)
        .join(Instance, Instance.id == BulkItem.instance_id)
        .outerjoin(Operation, Operation.id == BulkItem.operation_id)
        .where(BulkItem.batch_id == batch.id, BulkItem.state == ItemState.UNDER_WAY)
        .execution_options(populate_existing=True)
    )
    left = 0
    for item, instance, operation in rows:
        seen = _backup(operation) if batch.act is BulkAct.BACK_UP else _control(batch.act, item, instance)
        if seen is None and item.begun_at is not None and at - item.begun_at > _PATIENCE:
            seen = ItemState.FAILED, _TOO_LONG
        if seen is None:
            left += 1
        else:
            item.state, item.reason = seen
            item.ended_at = at
    return left


def _backup(operation: Operation | None) -> tuple[ItemState, str | None] | None:
    if operation is None or operation.status is OperationStatus.FAILED:
        return ItemState.FAILED, (operation.error if operation else None) or _FAILED
    return (ItemState.DONE, None) if operation.status is OperationStatus.DONE else None


def _control(act: BulkAct, item: BulkItem, instance: Instance) -> tuple[ItemState, str | None] | None:
    if instance.generation != item.generation:
        return ItemState.OVERTAKEN, _OTHER_WISH
    if instance.status is InstanceStatus.ERROR:
        return ItemState.FAILED, instance.last_error or _FAILED
    there = InstanceStatus.STOPPED if act is BulkAct.STOP else InstanceStatus.RUNNING
    return (ItemState.DONE, None) if instance.status is there else None


def _end(batch: BulkBatch, at: datetime) -> None:
    batch.ended_at = at
    counted = session().execute(
        select(BulkItem.state, func.count()).where(BulkItem.batch_id == batch.id).group_by(BulkItem.state)
    )
    ended = Counter({state: int(number) for state, number in counted if state not in OPEN})
    words = {state.value.lower(): number for state, number in sorted(ended.items())}
    record(batch, trail.Action.BULK_ENDED, actor=system("bulk acts"), at=at, **words)
