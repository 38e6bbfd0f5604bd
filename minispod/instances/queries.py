"""Reads of instances. Every customer-facing read filters by owner (decision 41)."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, or_, select

from minispod.audit import trail
from minispod.catalog.recipes import first_login, get_recipe, login_values
from minispod.instances.errors import NoSuchInstance
from minispod.instances.models import Instance
from minispod.instances.specification import address_facts
from minispod.instances.states import InstanceStatus
from minispod.kernel.actor import Actor
from minispod.kernel.database import session
from minispod.kernel.sealed import Sealer


@dataclass(frozen=True, slots=True)
class Access:
    """How to get into an instance: a text for people, and the generated values by name."""

    text: str
    values: dict[str, str]

    def __repr__(self) -> str:
        """Keep the secrets out of logs."""
        return "Access(***)"


@dataclass(frozen=True, slots=True)
class StatusFacts:
    """What a customer sees of an instance at one moment."""

    instance_id: uuid.UUID
    subscription_id: uuid.UUID
    user_id: uuid.UUID
    status: InstanceStatus
    health_status: str | None
    public_url: str


def get_instance(instance_id: uuid.UUID, *, actor: Actor) -> Instance:
    """The instance; raise NoSuchInstance when it is missing or not the actor's."""
    instance = session().get(Instance, instance_id)
    if instance is None or not actor.may_see(instance.user_id):
        raise NoSuchInstance()
    return instance


def instances_of(subscription_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Instance]:
    """The instances of several subscriptions, by subscription; the caller has checked the owner."""
    rows = session().scalars(select(Instance).where(Instance.subscription_id.in_(subscription_ids)))
    return {row.subscription_id: row for row in rows}


def instance_of(subscription_id: uuid.UUID) -> Instance | None:
    """The instance of a subscription; the caller has checked the owner."""
    return session().scalar(select(Instance).where(Instance.subscription_id == subscription_id))


def list_statuses(*, owners: Collection[uuid.UUID] | None, ended_since: datetime) -> Sequence[StatusFacts]:
    """The status of these customers' instances (None: of all) that live or ended lately, without their rows.

    For live status: the caller shows each only to its owner and to staff.
    """
    wanted = select(
        Instance.id,
        Instance.subscription_id,
        Instance.user_id,
        Instance.status,
        Instance.health_status,
        Instance.public_url,
    ).where(or_(Instance.status != InstanceStatus.TERMINATED, Instance.status_changed_at > ended_since))
    if owners is not None:
        wanted = wanted.where(Instance.user_id.in_(owners))
    return [StatusFacts(*row) for row in session().execute(wanted)]


def count_by_status() -> dict[InstanceStatus, int]:
    """Number of instances in each state."""
    rows = session().execute(select(Instance.status, func.count()).group_by(Instance.status))
    return {status: int(number) for status, number in rows}


def open_access(instance: Instance, *, sealer: Sealer, language: str = "en") -> Access:
    """How to get in, with the secrets opened; whoever shows it to a person records that."""
    recipe = get_recipe(instance.service_slug)
    secrets = sealer.open(instance.sealed_secrets)
    facts = address_facts(name=instance.name, namespace=instance.namespace, public_url=instance.public_url)
    return Access(first_login(recipe, language, login_values(recipe, facts, secrets)), secrets)


def show_access(instance_id: uuid.UUID, *, sealer: Sealer, actor: Actor, at: datetime) -> Access:
    """How to get in, for the owner or staff; the showing is audited."""
    instance = get_instance(instance_id, actor=actor)
    trail.record(
        actor,
        trail.Action.INSTANCE_CREDENTIALS_SHOWN,
        at=at,
        subject_kind="instance",
        subject_id=instance.id,
    )
    return open_access(instance, sealer=sealer)
