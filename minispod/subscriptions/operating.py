"""Bring an instance up again by hand. What is not paid for any more stays down, whoever presses the button.

Stopping and restarting need no promise and are in instances/controls. Lock order: subscription, instance.
"""

import uuid
from datetime import datetime

from sqlalchemy import select

from minispod.instances import controls
from minispod.instances.errors import NoSuchInstance
from minispod.instances.models import Instance
from minispod.instances.states import InstanceStatus
from minispod.kernel.actor import Actor
from minispod.kernel.database import session
from minispod.kernel.errors import Refusal
from minispod.subscriptions.errors import NotActive
from minispod.subscriptions.models import Subscription
from minispod.subscriptions.queries import lock_own


def start(instance_id: uuid.UUID, *, actor: Actor, at: datetime) -> Instance:
    """Start a stopped instance; refuses NotActive, WrongState."""
    _lock_active(instance_id, actor)
    return controls.start(instance_id, actor=actor, at=at)


def retry(instance_id: uuid.UUID, *, actor: Actor, at: datetime) -> InstanceStatus:
    """Try a failed instance again and return the status it had; refuses NotActive and what `controls.retry` refuses."""
    _lock_active(instance_id, actor)
    return controls.retry(instance_id, actor=actor, at=at)


def why_not(subscription: Subscription) -> Refusal | None:
    """Why nothing of this subscription is brought up by hand: NotActive."""
    return None if subscription.is_active else NotActive(status=subscription.status.value)


def _lock_active(instance_id: uuid.UUID, actor: Actor) -> None:
    subscription_id = session().scalar(select(Instance.subscription_id).where(Instance.id == instance_id))
    if subscription_id is None:
        raise NoSuchInstance()
    subscription = lock_own(subscription_id, actor=actor)
    refusal = why_not(subscription)
    if refusal is not None:
        raise refusal
