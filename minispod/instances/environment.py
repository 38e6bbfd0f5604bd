"""What the owner sets in the environment of an instance: changed, shown, gone back to, and taken back by itself.

Values are sealed in the row and reach the cluster in the instance's Secret only; lists, logs and the audit book know
names. A change restarts the instance like every other wish; one with which it does not come up is undone.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from minispod.audit import trail
from minispod.catalog.recipes import Editable, get_recipe
from minispod.catalog.recipes import own_values as rules
from minispod.instances.controls import lock_instance, reconcile_later
from minispod.instances.environment_models import EnvironmentState, OwnEnvironment
from minispod.instances.errors import EnvironmentRefused, NoSuchInstance, NothingToRevert, WrongState
from minispod.instances.models import Instance
from minispod.instances.queries import get_instance
from minispod.instances.states import InstanceStatus, Wanted
from minispod.instances.telling import tell_undone
from minispod.kernel.actor import Actor
from minispod.kernel.database import session
from minispod.kernel.sealed import Sealer

_STEADY = (InstanceStatus.RUNNING, InstanceStatus.STOPPED, InstanceStatus.ERROR)


@dataclass(frozen=True, slots=True)
class Environment:
    """What is set, by name, and what could be; no values."""

    names: tuple[str, ...]
    offers: Mapping[str, Editable]
    takes_more: bool
    names_before: tuple[str, ...] | None
    state: EnvironmentState | None
    changed_at: datetime | None
    error: str | None


def get_environment(instance_id: uuid.UUID, *, actor: Actor) -> Environment:
    """What the owner set, by name, and how the newest change went; raise NoSuchInstance."""
    instance = get_instance(instance_id, actor=actor)
    recipe = get_recipe(instance.service_slug)
    row = session().get(OwnEnvironment, instance.id, populate_existing=True)
    if row is None:
        return Environment((), recipe.editable, recipe.extra_environment, None, None, None, None)
    return Environment(
        tuple(row.names),
        recipe.editable,
        recipe.extra_environment,
        tuple(row.names_before),
        row.state,
        row.changed_at,
        row.error,
    )


def show_values(instance_id: uuid.UUID, *, sealer: Sealer, actor: Actor, at: datetime) -> dict[str, str]:
    """The values the owner set, by name; the showing is audited. Raises NoSuchInstance, SealBroken."""
    instance = get_instance(instance_id, actor=actor)
    values = _opened(session().get(OwnEnvironment, instance.id, populate_existing=True), sealer)
    _audit(instance, trail.Action.INSTANCE_ENVIRONMENT_SHOWN, actor, at, names=sorted(values))
    return values


def own_values(instance: Instance, sealer: Sealer) -> dict[str, str]:
    """What an instance is run with beside its recipe: what was set and is still allowed; may raise SealBroken."""
    row = session().get(OwnEnvironment, instance.id, populate_existing=True)
    return rules.allowed(get_recipe(instance.service_slug), _opened(row, sealer))


def change(
    instance_id: uuid.UUID,
    changes: Mapping[str, str | None],
    *,
    sealer: Sealer,
    actor: Actor,
    at: datetime,
) -> Instance:
    """Set values and take out those that are None; what runs is restarted. Locks the instance.

    Refuses EnvironmentRefused (with the reason by name), WrongState, SealBroken. What changes nothing restarts nothing.
    """
    instance = _lock_steady(instance_id, actor)
    row = session().get(OwnEnvironment, instance.id, populate_existing=True)
    before = _opened(row, sealer)
    wanted = {name: value for name, value in {**before, **changes}.items() if value is not None}
    _check(instance, {name: wanted[name] for name in changes if name in wanted}, wanted)
    if wanted == before:
        return instance
    if row is None:
        row = OwnEnvironment(instance_id=instance.id, names=[], sealed=sealer.seal({}))
        session().add(row)
    row.names_before, row.sealed_before = row.names, row.sealed
    row.names, row.sealed = sorted(wanted), sealer.seal(wanted)
    _apply(instance, row, at)
    set_, removed = sorted(set(changes) & set(wanted)), sorted(set(before) - set(wanted))
    _audit(instance, trail.Action.INSTANCE_ENVIRONMENT_CHANGED, actor, at, set=set_, removed=removed)
    return instance


def revert(instance_id: uuid.UUID, *, actor: Actor, at: datetime) -> Instance:
    """Go back to the values before the newest change; once more brings the change again. Locks the instance.

    Refuses NothingToRevert, WrongState. Opens nothing, so a lost key does not hinder it.
    """
    instance = _lock_steady(instance_id, actor)
    row = session().get(OwnEnvironment, instance.id, populate_existing=True)
    if row is None:
        raise NothingToRevert()
    row.swap()
    _apply(instance, row, at)
    _audit(instance, trail.Action.INSTANCE_ENVIRONMENT_REVERTED, actor, at, names=list(row.names))
    return instance


def note_arrival(instance: Instance) -> None:
    """It runs: the newest change holds. The caller has locked the instance."""
    row = session().get(OwnEnvironment, instance.id, populate_existing=True)
    if row is not None and row.state is EnvironmentState.APPLYING:
        row.state = EnvironmentState.APPLIED


def undo(instance: Instance, reason: str, *, actor: Actor, at: datetime) -> bool:
    """Take back a change with which the instance did not come up; False when there is none to blame.

    The caller has locked the instance. Only a change of what ran before is taken back, and once; its owner is told.
    """
    row = session().get(OwnEnvironment, instance.id, populate_existing=True)
    if row is None or row.state is not EnvironmentState.APPLYING or not row.is_trial:
        return False
    refused = list(row.names)
    row.swap()
    row.state, row.is_trial, row.error = EnvironmentState.UNDONE, False, reason
    _restart(instance, at)
    _audit(instance, trail.Action.INSTANCE_ENVIRONMENT_UNDONE, actor, at, names=refused, reason=reason)
    if instance.wanted is not Wanted.ABSENT:
        tell_undone(row, instance, reason=reason, at=at)
    return True


def _lock_steady(instance_id: uuid.UUID, actor: Actor) -> Instance:
    instance = lock_instance(instance_id)
    if not actor.may_see(instance.user_id):
        raise NoSuchInstance()
    if instance.status not in _STEADY or instance.wanted is Wanted.ABSENT:
        raise WrongState(
            f"The environment can be changed when the instance runs or is stopped; it is {instance.status.value}.",
            status=instance.status.value,
        )
    return instance


def _check(instance: Instance, new: Mapping[str, str], wanted: Mapping[str, str]) -> None:
    recipe = get_recipe(instance.service_slug)
    found = {name: rules.refusal_of(recipe, name, value) for name, value in new.items()}
    errors: dict[str, Any] = {name: reason for name, reason in found.items() if reason}
    if errors:
        sentences = "; ".join(f"{name[:100]!r} {reason}" for name, reason in sorted(errors.items())[:5])
        raise EnvironmentRefused(sentences, errors=errors)
    if len(wanted) > rules.MOST_VALUES:
        raise EnvironmentRefused(f"At most {rules.MOST_VALUES} values can be set.")


def _apply(instance: Instance, row: OwnEnvironment, at: datetime) -> None:
    row.is_trial = instance.status is not InstanceStatus.ERROR
    row.state, row.changed_at, row.error = EnvironmentState.APPLYING, at, None
    _restart(instance, at)


def _restart(instance: Instance, at: datetime) -> None:
    instance.wish(instance.wanted, at)
    if instance.wanted is Wanted.RUNNING:
        begun = instance.first_ran_at is not None
        instance.turn(InstanceStatus.RESTARTING if begun else InstanceStatus.PENDING, at)
    reconcile_later(instance, at)


def _opened(row: OwnEnvironment | None, sealer: Sealer) -> dict[str, str]:
    return sealer.open(row.sealed) if row is not None else {}


def _audit(instance: Instance, action: trail.Action, actor: Actor, at: datetime, **details: Any) -> None:
    trail.record(actor, action, at=at, subject_kind="instance", subject_id=instance.id, **details)
