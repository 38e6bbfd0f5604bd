"""Ask for an act on many instances, and call off what has not had its turn.

Locked is the batch, then an item, then what the act on one instance locks (subscription, instance).
"""

import uuid
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from minispod.audit import trail
from minispod.instances.models import Instance
from minispod.kernel import outbox
from minispod.kernel.actor import Actor
from minispod.kernel.database import lock, session
from minispod.kernel.ids import new_id
from minispod.kernel.tasks import Task
from minispod.subscriptions.bulk.errors import (
    KeyOfAnother,
    NoSuchBatch,
    NothingChosen,
    NothingToCallOff,
    TooManyChosen,
)
from minispod.subscriptions.bulk.foreseeing import MOST
from minispod.subscriptions.bulk.models import BulkBatch, BulkItem
from minispod.subscriptions.bulk.states import BulkAct, ItemState


def ask(
    act: BulkAct,
    instance_ids: Sequence[uuid.UUID],
    *,
    request_key: uuid.UUID,
    actor: Actor,
    at: datetime,
) -> BulkBatch:
    """Have an act done with each instance, once per `request_key`: a second click is the same batch.

    Ids that nobody has are left out. Refuses NothingChosen, TooManyChosen, KeyOfAnother.
    """
    if len(instance_ids) > MOST:
        raise TooManyChosen(most=MOST)
    row = upsert(BulkBatch).values(
        id=new_id(),
        act=act,
        request_key=request_key,
        requested_by=actor.name[:120],
        requested_by_id=actor.user_id,
        requested_from=actor.address,
        requested_at=at,
    )
    # Whoever sends the same key at the same time waits here for the first, and finds its batch.
    alone = row.on_conflict_do_nothing(index_elements=["request_key"]).returning(BulkBatch)
    batch: BulkBatch | None = session().scalar(alone)
    if batch is None:
        return _asked_before(act, request_key, actor)
    known = session().scalars(
        select(Instance.id).where(Instance.id.in_(instance_ids)).order_by(Instance.name)
    )
    turns = [
        {"batch_id": batch.id, "position": number, "instance_id": id_, "state": ItemState.WAITING}
        for number, id_ in enumerate(known, 1)
    ]
    if not turns:
        raise NothingChosen()
    session().execute(insert(BulkItem), turns)
    record(batch, trail.Action.BULK_REQUESTED, actor=actor, at=at, instances=len(turns))
    carry_on_later(batch.id, at)
    return batch


def call_off(batch_id: uuid.UUID, *, actor: Actor, at: datetime) -> BulkBatch:
    """Leave alone what has not had its turn; what has begun goes on. Refuses NoSuchBatch, NothingToCallOff."""
    batch: BulkBatch | None = lock(BulkBatch, batch_id)
    if batch is None:
        raise NoSuchBatch()
    if not leave_rest(batch, actor=actor, at=at):
        raise NothingToCallOff()
    carry_on_later(batch_id, at)
    return batch


def leave_rest(batch: BulkBatch, *, actor: Actor, at: datetime, why: str | None = None) -> int:
    """Leave alone what has not had its turn in a locked batch; how many that were."""
    waiting = update(BulkItem).where(BulkItem.batch_id == batch.id, BulkItem.state == ItemState.WAITING)
    left_alone = waiting.values(state=ItemState.CANCELLED, reason=why, ended_at=at).returning(
        BulkItem.position
    )
    number = len(session().scalars(left_alone.execution_options(synchronize_session=False)).all())
    if number:
        record(batch, trail.Action.BULK_CALLED_OFF, actor=actor, at=at, instances=number)
    return number


def carry_on_later(batch_id: uuid.UUID, at: datetime) -> None:
    """Have the batch carried on after the commit."""
    outbox.later(Task.WORK_ON_BATCH, key=str(batch_id), at=at, batch_id=str(batch_id))


def ensure_carried_on(at: datetime) -> None:
    """Have every batch that is not at its end carried on, whatever became of its work in the queue."""
    live = session().scalars(select(BulkBatch.id).where(BulkBatch.ended_at.is_(None)))
    outbox.ensure_each(Task.WORK_ON_BATCH, {str(id_): {"batch_id": str(id_)} for id_ in live}, at=at)


def forget(*, before: datetime) -> None:
    """Remove batches that ended before, with their items; what was done is in the audit book."""
    session().execute(delete(BulkBatch).where(BulkBatch.ended_at < before))


def record(batch: BulkBatch, action: trail.Action, *, actor: Actor, at: datetime, **details: object) -> None:
    """Write what became of a batch into the book; each instance's own line is written by the act on it."""
    trail.record(
        actor, action, at=at, subject_kind="batch", subject_id=batch.id, act=batch.act.value, **details
    )


def _asked_before(act: BulkAct, request_key: uuid.UUID, actor: Actor) -> BulkBatch:
    batch = session().scalars(select(BulkBatch).where(BulkBatch.request_key == request_key)).one()
    if (batch.act, batch.requested_by_id) != (act, actor.user_id):
        raise KeyOfAnother()
    return batch
