"""Take in what nobody owns in the cluster: by the instance its label names, or by the living one of its name.

An instance that ended although its subscription did not runs again over what is there: given a volume, over that one.
A workload under the name of a living instance gives way to that instance's own, over the same volume. Lock order:
orphan, subscription, instance.
"""

import uuid
from datetime import datetime
from typing import Any

from minispod.audit import trail
from minispod.instances import controls, orphans, volumes
from minispod.instances.errors import OrphanNotAdoptable
from minispod.instances.models import Instance, Tenancy
from minispod.instances.naming import claim_number
from minispod.instances.orphan_models import Orphan, OrphanKind, OrphanWish
from minispod.kernel.actor import Actor
from minispod.kernel.database import lock, session
from minispod.subscriptions.models import Subscription
from minispod.subscriptions.states import SubscriptionStatus


def adopt(orphan_id: uuid.UUID, *, reason: str, actor: Actor, at: datetime) -> Instance:
    """Give an orphan to its instance and return that; refuses NoSuchOrphan, OrphanNotAdoptable."""
    row = orphans.lock_orphan(orphan_id)
    if orphans.is_being_removed(row.instance_label, row.namespace):
        raise OrphanNotAdoptable("It, or something of the same instance, is being removed already.")
    instance = _taker(row)
    if instance is None or _is_spare(row, instance):
        raise OrphanNotAdoptable()
    if instance.is_gone:
        _revive(instance, row, at)
    elif row.kind is OrphanKind.WORKLOAD:
        orphans.order(row, OrphanWish.REPLACE, at=at)
    else:
        controls.reconcile_later(instance, at)
        session().delete(row)
    _audit(instance, actor, at, kind=row.kind.value, object=f"{row.namespace}/{row.name}", reason=reason)
    return instance


def can_adopt(row: Orphan) -> bool:
    """Tell whether an orphan has an instance to go to, as far as can be seen without locking."""
    if row.instance_id is None:
        return False
    instance = session().get(Instance, row.instance_id)
    if instance is None or instance.namespace != row.namespace:
        return False
    if not instance.is_gone:
        return not _is_spare(row, instance)
    subscription = session().get(Subscription, instance.subscription_id)
    return subscription is not None and subscription.status is not SubscriptionStatus.CANCELLED


def take_place(row: Orphan, *, at: datetime) -> None:
    """What stood under the name of a living instance is gone: have the instance's own made."""
    instance: Instance | None = lock(Instance, row.instance_id) if row.instance_id else None
    if instance is not None and row.wish is OrphanWish.REPLACE:
        controls.reconcile_later(instance, at)


def _is_spare(row: Orphan, instance: Instance) -> bool:
    """What is the living instance's by its label, but nothing that it has: nothing could be done with it."""
    return not instance.is_gone and row.instance_label == str(instance.id)


def _taker(row: Orphan) -> Instance | None:
    """The instance that takes it, locked after its subscription."""
    found = session().get(Instance, row.instance_id) if row.instance_id else None
    if found is None:
        return None
    lock(Subscription, found.subscription_id)
    instance: Instance | None = lock(Instance, found.id)
    return instance if instance is not None and instance.namespace == row.namespace else None


def _revive(instance: Instance, row: Orphan, at: datetime) -> None:
    subscription = session().get_one(Subscription, instance.subscription_id)
    if subscription.status is SubscriptionStatus.CANCELLED:
        raise OrphanNotAdoptable(
            "Its subscription has ended: there is nothing to run it for. The customer can order the service anew."
        )
    tenancy = session().get(Tenancy, instance.user_id, with_for_update=True)
    if tenancy is not None:
        tenancy.cleared_at = None
    number = claim_number(instance.name, row.name) if row.kind is OrphanKind.CLAIM else None
    volumes.take_up(instance, number or instance.volume_number, at=at)
    if subscription.is_active:
        controls.run(instance, at=at)
    else:
        controls.halt(instance, at=at)
    orphans.forget(row.instance_label, row.namespace)


def _audit(instance: Instance, actor: Actor, at: datetime, **details: Any) -> None:
    trail.record(
        actor,
        trail.Action.INSTANCE_ADOPTED,
        at=at,
        subject_kind="instance",
        subject_id=instance.id,
        **details,
    )
