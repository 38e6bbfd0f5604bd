"""Give a credential of an instance another value: asked, carried out in the application, settled.

The new value lies sealed beside the old one until the application has taken it; only then it is the credential and the
instance restarts with it. What a recipe does not say how to change is refused: a password that lies in the data does
not change by another environment. A crash anywhere leaves the asked row, and carrying out twice is harmless.
"""

import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from minispod.audit import trail
from minispod.catalog.recipes import generate_secret, get_recipe, rotation_of
from minispod.cluster.port import ClusterPort, CommandFailed, NoSuchObject
from minispod.instances.controls import lock_instance, reconcile_later
from minispod.instances.environment_models import RotationState, SecretRotation
from minispod.instances.errors import (
    CannotRotate,
    NoSuchInstance,
    NoSuchSecret,
    RotationRuns,
    RotationWaits,
    WrongState,
)
from minispod.instances.models import Instance
from minispod.instances.naming import object_names
from minispod.instances.queries import get_instance
from minispod.instances.states import InstanceStatus, Wanted
from minispod.instances.telling import tell_rotated
from minispod.kernel import outbox
from minispod.kernel.actor import Actor
from minispod.kernel.database import session
from minispod.kernel.sealed import Sealer
from minispod.kernel.tasks import Task

_ATTEMPTS = 3
_TRY_AGAIN = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Credential:
    """One generated credential by name, whether it can be changed here, and its newest change."""

    name: str
    can_rotate: bool
    rotation: SecretRotation | None


@dataclass(frozen=True, slots=True)
class RotationOrder:
    """All that is needed to change one credential; no value shows when it is printed."""

    rotation_id: uuid.UUID
    instance_id: uuid.UUID
    namespace: str
    workload: str
    container: str
    command: tuple[str, ...]
    input: str = field(repr=False)


def list_credentials(instance_id: uuid.UUID, *, actor: Actor) -> list[Credential]:
    """The generated credentials of an instance by name, without values; raise NoSuchInstance."""
    instance = get_instance(instance_id, actor=actor)
    recipe = get_recipe(instance.service_slug)
    newest = {row.name: row for row in _rotations(instance.id)}
    return [
        Credential(name, rotation_of(recipe, name) is not None, newest.get(name))
        for name in recipe.secret_names
    ]


def ask(instance_id: uuid.UUID, name: str, *, sealer: Sealer, actor: Actor, at: datetime) -> Instance:
    """Have one credential changed in the running application. Locks the instance.

    Refuses NoSuchSecret, CannotRotate, WrongState, RotationRuns, SealBroken. One that failed before goes on with its
    value: perhaps the application took it and the answer was lost.
    """
    instance = lock_instance(instance_id)
    if not actor.may_see(instance.user_id):
        raise NoSuchInstance()
    recipe = get_recipe(instance.service_slug)
    if name not in sealer.open(instance.sealed_secrets):
        raise NoSuchSecret()
    if rotation_of(recipe, name) is None:
        raise CannotRotate(name=name)
    if instance.status is not InstanceStatus.RUNNING:
        raise WrongState(
            f"A credential can be changed while the instance runs; it is {instance.status.value}.",
            status=instance.status.value,
        )
    rows = _rotations(instance.id)
    if any(row.state is RotationState.ASKED for row in rows):
        raise RotationRuns()
    kept = next((row.sealed_new for row in reversed(rows) if row.name == name), None)
    session().add(
        SecretRotation(
            instance_id=instance.id,
            name=name,
            sealed_new=kept or sealer.seal({name: generate_secret(recipe, name)}),
            state=RotationState.ASKED,
            asked_at=at,
        )
    )
    outbox.later(Task.ROTATE_SECRET, key=str(instance.id), at=at, instance_id=str(instance.id))
    _audit(instance, trail.Action.INSTANCE_ROTATION_ASKED, actor, at, name=name)
    return instance


def claim(instance_id: uuid.UUID, *, sealer: Sealer, actor: Actor, at: datetime) -> RotationOrder | None:
    """What is to be changed; None when nothing is any more. Locks the instance.

    Raises RotationWaits while the instance does not run, SealBroken.
    """
    instance = lock_instance(instance_id)
    row = _asked(instance)
    if row is None:
        return None
    found = rotation_of(get_recipe(instance.service_slug), row.name)
    if instance.wanted is Wanted.ABSENT or instance.is_gone or found is None:
        _fail(instance, row, "The instance is being deleted or changed its recipe.", actor, at)
        return None
    if instance.status is not InstanceStatus.RUNNING:
        raise RotationWaits()
    container, how = found
    old = sealer.open(instance.sealed_secrets)[row.name]
    new = sealer.open(row.sealed_new or "")[row.name]
    return RotationOrder(
        row.id,
        instance.id,
        instance.namespace,
        object_names(instance.name).workload,
        container,
        how.command,
        how.input.format(new=new, old=old),
    )


def carry_out(order: RotationOrder, cluster: ClusterPort) -> str | None:
    """Have the application take the new value; return why it refused. Raises RotationWaits, ClusterUnavailable."""
    if not order.command:  # a restart with the new value is all it takes
        return None
    try:
        sighting = cluster.see(order.namespace, order.workload)
        if sighting is None or not sighting.is_ready or sighting.pod_name is None:
            raise RotationWaits()
        told = order.input.encode()
        cluster.write_to(
            order.namespace, sighting.pod_name, order.container, order.command, [told], len(told)
        )
    except NoSuchObject:
        raise RotationWaits() from None
    except CommandFailed as refusal:
        # What the program wrote may repeat what it was given.
        return f"The application refused the new value (exit status {refusal.exit_status})."
    return None


def settle(
    order: RotationOrder, refusal: str | None, *, sealer: Sealer, actor: Actor, at: datetime
) -> timedelta | None:
    """Make the new value the credential and tell the owner, or note the refusal; return when to try again.

    While an operation holds the instance nothing is settled. Locks the instance.
    """
    instance = lock_instance(order.instance_id)
    row = _asked(instance)
    if row is None or row.id != order.rotation_id:
        return None
    if instance.is_held:
        # What an operation brings back may have been made with the old value: it is carried out again afterwards.
        return _TRY_AGAIN
    if refusal is not None:
        row.attempts += 1
        row.error = refusal
        if row.attempts < _ATTEMPTS:
            return _TRY_AGAIN
        _fail(instance, row, refusal, actor, at)
        return None
    secrets = sealer.open(instance.sealed_secrets)
    secrets.update(sealer.open(row.sealed_new or ""))
    instance.sealed_secrets = sealer.seal(secrets)
    row.state, row.settled_at, row.sealed_new, row.error = RotationState.DONE, at, None, None
    instance.wish(instance.wanted, at)
    if instance.wanted is Wanted.RUNNING:
        instance.turn(InstanceStatus.RESTARTING, at)
    reconcile_later(instance, at)
    _audit(instance, trail.Action.INSTANCE_CREDENTIALS_ROTATED, actor, at, name=row.name)
    tell_rotated(row, instance, at=at)
    return None


def _rotations(instance_id: uuid.UUID) -> list[SecretRotation]:
    wanted = (
        select(SecretRotation)
        .where(SecretRotation.instance_id == instance_id)
        .order_by(SecretRotation.asked_at, SecretRotation.id)
    )
    return list(session().scalars(wanted.execution_options(populate_existing=True)))


def _asked(instance: Instance) -> SecretRotation | None:
    return next((row for row in _rotations(instance.id) if row.state is RotationState.ASKED), None)


def _fail(instance: Instance, row: SecretRotation, reason: str, actor: Actor, at: datetime) -> None:
    row.state, row.settled_at, row.error = RotationState.FAILED, at, reason
    _audit(instance, trail.Action.INSTANCE_ROTATION_FAILED, actor, at, name=row.name, reason=reason)


def _audit(instance: Instance, action: trail.Action, actor: Actor, at: datetime, **details: Any) -> None:
    trail.record(actor, action, at=at, subject_kind="instance", subject_id=instance.id, **details)
