"""Add a domain to an instance, and have it looked at again. The instance is locked by the caller.

A claim alone blocks nobody: whoever proves the host first gets it (checking).
"""

import secrets
import uuid
from datetime import datetime, timedelta

from sqlalchemy import select

from minispod.audit import trail
from minispod.instances.domains.errors import (
    CheckedJustNow,
    DomainAddedAlready,
    DomainTaken,
    HasNoPages,
    TooManyDomains,
)
from minispod.instances.domains.hosts import normalise
from minispod.instances.domains.models import CustomDomain
from minispod.instances.domains.queries import count_open, find_domain, holder_of
from minispod.instances.domains.states import DomainStatus
from minispod.instances.models import Instance
from minispod.kernel import outbox
from minispod.kernel.actor import Actor
from minispod.kernel.database import session
from minispod.kernel.ids import new_id
from minispod.kernel.tasks import Task

_CHECK_AGAIN_AFTER = timedelta(seconds=15)
_TOKEN_BYTES = 16


def add(
    instance: Instance, typed: str, *, limit: int, base_domain: str, actor: Actor, at: datetime
) -> CustomDomain:
    """Add a domain, which then waits for its proof.

    Refuses HasNoPages, BadHost, DomainAddedAlready, TooManyDomains, DomainTaken.
    """
    if not instance.is_web:
        raise HasNoPages()
    host = normalise(typed, base_domain=base_domain)
    domain = session().scalar(
        select(CustomDomain).where(CustomDomain.instance_id == instance.id, CustomDomain.host == host)
    )
    if domain is not None and domain.is_open:
        raise DomainAddedAlready()
    _require_room(instance, limit)
    _require_free(instance, host)
    if domain is None:
        domain = CustomDomain(
            id=new_id(), instance_id=instance.id, host=host, created_at=at, status_changed_at=at
        )
        session().add(domain)
    # A new proof each time: an old record may still stand in the DNS of somebody else by now.
    domain.token = f"minispod-{secrets.token_hex(_TOKEN_BYTES)}"
    domain.created_by = actor.user_id
    _open(domain, at)
    trail.record(
        actor, trail.Action.DOMAIN_ADDED, at=at, subject_kind="instance", subject_id=instance.id, host=host
    )
    return domain


def check_again(instance: Instance, domain_id: uuid.UUID, *, limit: int, at: datetime) -> CustomDomain:
    """Have a domain looked at now; one that was given up or taken off waits for its proof again.

    Refuses NoSuchDomain, CheckedJustNow, TooManyDomains, DomainTaken.
    """
    domain = find_domain(instance.id, domain_id)
    if domain.checked_at is not None and (wait := domain.checked_at + _CHECK_AGAIN_AFTER - at) > timedelta(0):
        raise CheckedJustNow(retry_after=max(1, round(wait.total_seconds())))
    if domain.is_open:
        check_later(domain, at)
    else:
        _require_room(instance, limit)
        _require_free(instance, domain.host)
        _open(domain, at)
    return domain


def check_later(domain: CustomDomain, at: datetime) -> None:
    """Have a domain looked at as soon as this is committed."""
    outbox.later(Task.CHECK_DOMAIN, key=str(domain.id), at=at, domain_id=str(domain.id))


def _open(domain: CustomDomain, at: datetime) -> None:
    domain.turn(DomainStatus.WAITING_FOR_DNS, at)
    domain.problems = []
    domain.attempts = 0
    domain.waiting_since = domain.next_check_at = at
    domain.checked_at = domain.verified_at = domain.published_at = domain.grace_until = None
    domain.certificate = domain.certificate_since = domain.certificate_message = None
    check_later(domain, at)


def _require_room(instance: Instance, limit: int) -> None:
    if count_open(instance.id) >= limit:
        many = "one custom domain" if limit == 1 else f"{limit} custom domains"
        raise TooManyDomains(
            f"The plan allows {many if limit else 'no custom domain'}; a larger plan allows more.",
            limit=limit,
        )


def _require_free(instance: Instance, host: str) -> None:
    held = holder_of(host)
    if held is None:
        return
    _, holder = held
    if holder.user_id == instance.user_id:
        raise DomainTaken(f"This domain leads to your {holder.name} already; remove it there first.")
    raise DomainTaken()
