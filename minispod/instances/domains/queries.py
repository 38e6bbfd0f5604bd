"""Reads of custom domains. Every customer-facing read filters by owner (decision 41)."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, func, or_, select

from minispod.accounts.models import User
from minispod.instances.domains.errors import NoSuchDomain
from minispod.instances.domains.models import CustomDomain
from minispod.instances.domains.states import HOLDING, OPEN, DomainStatus
from minispod.instances.models import Instance
from minispod.instances.queries import get_instance
from minispod.kernel.actor import Actor
from minispod.kernel.database import page_of, session
from minispod.kernel.paging import Page, PageRequest


@dataclass(frozen=True, slots=True)
class OwnedDomain:
    """A domain with the instance it leads to and that instance's owner."""

    domain: CustomDomain
    instance: Instance
    owner: User


def list_domains(instance_id: uuid.UUID, *, actor: Actor) -> Sequence[CustomDomain]:
    """The domains of an instance, oldest first, without removed ones; raise NoSuchInstance."""
    get_instance(instance_id, actor=actor)
    return (
        session()
        .scalars(
            select(CustomDomain)
            .where(CustomDomain.instance_id == instance_id, CustomDomain.status != DomainStatus.REMOVED)
            .order_by(CustomDomain.created_at, CustomDomain.id)
            .execution_options(populate_existing=True)
        )
        .all()
    )


def find_domain(instance_id: uuid.UUID, domain_id: uuid.UUID) -> CustomDomain:
    """One domain of an instance whose lock the caller holds; raise NoSuchDomain."""
    domain = session().get(CustomDomain, domain_id, populate_existing=True)
    if domain is None or domain.instance_id != instance_id or domain.status is DomainStatus.REMOVED:
        raise NoSuchDomain()
    return domain


def holding_domains(instance_id: uuid.UUID) -> Sequence[CustomDomain]:
    """The proven domains of an instance: those that are served."""
    wanted = select(CustomDomain).where(
        CustomDomain.instance_id == instance_id, CustomDomain.status.in_(HOLDING)
    )
    return session().scalars(wanted.order_by(CustomDomain.host)).all()


def count_open(instance_id: uuid.UUID) -> int:
    """How many domains count towards the plan's limit."""
    wanted = select(func.count()).where(
        CustomDomain.instance_id == instance_id, CustomDomain.status.in_(OPEN)
    )
    return session().scalar(wanted) or 0


def holder_of(host: str) -> tuple[CustomDomain, Instance] | None:
    """The domain that holds this host, with its instance; None while nobody has proven it."""
    wanted = (
        select(CustomDomain, Instance)
        .join(Instance, Instance.id == CustomDomain.instance_id)
        .where(CustomDomain.host == host, CustomDomain.status.in_(HOLDING))
    )
    row = session().execute(wanted).one_or_none()
    return (row[0], row[1]) if row else None


def due(at: datetime, limit: int = 200) -> Sequence[uuid.UUID]:
    """The domains that should be looked at by now, the longest overdue first."""
    wanted = (
        select(CustomDomain.id)
        .where(CustomDomain.next_check_at <= at, CustomDomain.status.in_(OPEN))
        .order_by(CustomDomain.next_check_at)
        .limit(limit)
    )
    return session().scalars(wanted).all()


def get_domain(domain_id: uuid.UUID, *, actor: Actor) -> OwnedDomain:
    """One domain that is not removed, with instance and owner; raise NoSuchDomain."""
    row = session().execute(_owned().where(CustomDomain.id == domain_id)).one_or_none()
    if row is None or not actor.may_see(row[1].user_id) or row[0].status is DomainStatus.REMOVED:
        raise NoSuchDomain()
    return OwnedDomain(*row)


def list_all(page: PageRequest, *, search: str = "", status: DomainStatus | None = None) -> Page[OwnedDomain]:
    """List domains for staff, newest first; `search` looks into host, instance and owner."""
    wanted = _owned().order_by(CustomDomain.created_at.desc(), CustomDomain.id.desc())
    if search:
        columns = (CustomDomain.host, Instance.name, User.name, User.email)
        wanted = wanted.where(or_(*(column.icontains(search, autoescape=True) for column in columns)))
    if status is not None:
        wanted = wanted.where(CustomDomain.status == status)
    found: Page[OwnedDomain] = page_of(wanted, page, shape=lambda row: OwnedDomain(*row))
    return found


def _owned() -> Select[CustomDomain, Instance, User]:
    return (
        select(CustomDomain, Instance, User)
        .join(Instance, Instance.id == CustomDomain.instance_id)
        .join(User, User.id == Instance.user_id)
    )
