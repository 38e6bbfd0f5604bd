"""Reads of instances. Every customer-facing read filters by owner (decision 41)."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, or_, select

from minispod.audit import trail
from minispod.catalog.recipes import (
    AppRecipe,
    connection_examples,
    connection_strings,
    first_login,
    get_recipe,
    login_values,
)
from minispod.instances.errors import NoSuchInstance
from minispod.instances.exposing import authority_certificates
from minispod.instances.models import Instance
from minispod.instances.naming import inside_host
from minispod.instances.specification import address_facts
from minispod.instances.states import InstanceStatus
from minispod.kernel.actor import Actor
from minispod.kernel.database import session
from minispod.kernel.sealed import Sealer


@dataclass(frozen=True, slots=True)
class ConnectionFacts:
    """Where a database is reached, without any secret; host and port are None when it is not from outside."""

    host: str | None
    port: int | None
    inside_host: str
    inside_port: int
    certificate_ends_at: datetime | None


@dataclass(frozen=True, slots=True)
class ConnectionStrings:
    """How a database is connected to, passwords included; `outside` is None when it is reached from inside only."""

    outside: str | None
    inside: str
    certificate_authority: str


@dataclass(frozen=True, slots=True)
class Access:
    """How to get into an instance: a text for people, the generated values by name, and of a database the strings."""

    text: str
    values: dict[str, str]
    connection: ConnectionStrings | None = None

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
    values = login_values(recipe, _facts(instance), secrets)
    return Access(first_login(recipe, language, values), secrets, _strings(instance, recipe, values))


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


def connection_facts(instance: Instance) -> ConnectionFacts | None:
    """Where a database is reached; None for what has a web page. The caller has checked the owner."""
    if instance.is_web:
        return None
    return ConnectionFacts(
        host=instance.host if instance.tcp_port else None,
        port=instance.tcp_port,
        inside_host=inside_host(instance.name, instance.namespace),
        inside_port=get_recipe(instance.service_slug).port,
        certificate_ends_at=instance.certificate_ends_at,
    )


@dataclass(frozen=True, slots=True)
class ConnectPage:
    """What a database's page tells everybody: no secret, and nothing of its owner."""

    title: str
    name: str
    host: str
    port: int | None
    examples: dict[str, str]


def connect_page(name: str) -> ConnectPage:
    """What the page of a database says; raise NoSuchInstance for any other name. Open to visitors."""
    instance = session().scalar(
        select(Instance).where(
            Instance.name == name, ~Instance.is_web, Instance.status != InstanceStatus.TERMINATED
        )
    )
    if instance is None:
        raise NoSuchInstance()
    recipe = get_recipe(instance.service_slug)
    # From inside there are names of its owner in it.
    examples = connection_examples(recipe, _facts(instance)) if instance.tcp_port else {}
    return ConnectPage(recipe.title, instance.name, instance.host, instance.tcp_port, examples)


def _facts(instance: Instance) -> dict[str, str]:
    return address_facts(
        name=instance.name,
        namespace=instance.namespace,
        host=instance.host,
        public_url=instance.public_url,
        tcp_port=instance.tcp_port,
    )


def _strings(instance: Instance, recipe: AppRecipe, values: dict[str, str]) -> ConnectionStrings | None:
    if recipe.connection is None:
        return None
    outside, inside = connection_strings(recipe, values)
    return ConnectionStrings(outside if instance.tcp_port else None, inside, authority_certificates())
