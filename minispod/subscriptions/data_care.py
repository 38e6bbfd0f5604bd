"""What customers and staff have done with an instance's data: only while its subscription keeps them.

Operations know no subscription; here it is asked first. Lock order: subscription, instance.
"""

import uuid
from datetime import datetime, timedelta

from sqlalchemy import func, select

from minispod.backups.models import BackupReason
from minispod.instances.controls import lock_instance
from minispod.instances.errors import NoSuchInstance
from minispod.instances.models import Instance
from minispod.kernel.actor import Actor
from minispod.kernel.database import session
from minispod.kernel.errors import Refusal
from minispod.operations import requesting
from minispod.operations.models import Operation
from minispod.operations.states import OperationStatus
from minispod.subscriptions import operating
from minispod.subscriptions.errors import NotActive, NotConfirmed, TooManyBackups
from minispod.subscriptions.models import Subscription
from minispod.subscriptions.queries import lock_own
from minispod.subscriptions.states import SubscriptionStatus

_DAY = timedelta(days=1)


def back_up(instance_id: uuid.UUID, *, per_day: int, actor: Actor, at: datetime) -> Operation:
    """Have a backup taken now, so many times in 24 hours; staff have no limit.

    Refuses NotActive, TooManyBackups and what operations refuse.
    """
    _lock_kept(instance_id, actor)
    if not actor.is_staff:
        _require_room(instance_id, per_day, at)
    return requesting.back_up(instance_id, actor=actor, at=at)


def restore(instance_id: uuid.UUID, backup_id: uuid.UUID, *, actor: Actor, at: datetime) -> Operation:
    """Have a backup restored into this instance; refuses NotActive and what operations refuse."""
    _lock_kept(instance_id, actor)
    return requesting.restore(instance_id, backup_id, actor=actor, at=at)


def reset(instance_id: uuid.UUID, *, confirmed: str, actor: Actor, at: datetime) -> Operation:
    """Have it begin anew; `confirmed` must be its name. Refuses NotActive, NotConfirmed, what operations refuse."""
    _lock_kept(instance_id, actor)
    if lock_instance(instance_id).name != confirmed:
        raise NotConfirmed()
    return requesting.reset(instance_id, actor=actor, at=at)


def go_back(instance_id: uuid.UUID, number: int, *, confirmed: str, actor: Actor, at: datetime) -> Operation:
    """Have it run on a kept volume again; `confirmed` must be its name.

    Refuses NotActive, NotConfirmed, what operations refuse.
    """
    _lock_kept(instance_id, actor)
    if lock_instance(instance_id).name != confirmed:
        raise NotConfirmed()
    return requesting.go_back(instance_id, number, actor=actor, at=at)


def upgrade(instance_id: uuid.UUID, version: str, *, actor: Actor, at: datetime) -> Operation:
    """Have the application brought to a newer version; refuses NotActive and what operations refuse."""
    _lock_kept(instance_id, actor, must_run=True)
    return requesting.upgrade(instance_id, version, actor=actor, at=at)


def why_not(subscription: Subscription) -> Refusal | None:
    """Why nothing is done with the data of this subscription's instance any more: NotActive."""
    is_kept = subscription.status is not SubscriptionStatus.CANCELLED
    return None if is_kept else NotActive(status=subscription.status.value)


def _lock_kept(instance_id: uuid.UUID, actor: Actor, *, must_run: bool = False) -> None:
    subscription_id = session().scalar(select(Instance.subscription_id).where(Instance.id == instance_id))
    if subscription_id is None:
        raise NoSuchInstance()
    subscription = lock_own(subscription_id, actor=actor)
    refusal = why_not(subscription) or (operating.why_not(subscription) if must_run else None)
    if refusal is not None:
        raise refusal


def _require_room(instance_id: uuid.UUID, per_day: int, at: datetime) -> None:
    since = at - _DAY
    taken, oldest = (
        session()
        .execute(
            select(func.count(), func.min(Operation.requested_at)).where(
                Operation.instance_id == instance_id,
                Operation.backup_reason == BackupReason.ON_DEMAND,
                Operation.requested_at > since,
                Operation.status != OperationStatus.FAILED,
            )
        )
        .one()
    )
    if taken >= per_day:
        wait = (oldest - since).total_seconds() if oldest else _DAY.total_seconds()
        raise TooManyBackups(retry_after=int(wait) + 1, per_day=per_day)
