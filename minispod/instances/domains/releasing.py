"""Let go of domains: by their owner, by staff, or because the instance goes. The host is free for others at once."""

import uuid
from datetime import datetime

from minispod.audit import trail
from minispod.instances.domains.models import CustomDomain
from minispod.instances.domains.primary import move, require_confirmation
from minispod.instances.domains.publishing import publish_later
from minispod.instances.domains.queries import find_domain
from minispod.instances.domains.states import DomainStatus
from minispod.instances.domains.telling import tell_owner
from minispod.instances.errors import WrongState
from minispod.instances.models import Instance
from minispod.instances.states import InstanceStatus
from minispod.kernel.actor import Actor
from minispod.notifications.messages import MessageKind


def remove(
    instance: Instance, domain_id: uuid.UUID, *, is_confirmed: bool, actor: Actor, at: datetime
) -> CustomDomain:
    """Remove a domain of a locked instance; its primary address is its own host then.

    Refuses NoSuchDomain, RestartNotConfirmed, and WrongState while a primary domain's instance is in maintenance.
    """
    domain = find_domain(instance.id, domain_id)
    if domain.host == instance.public_host:
        require_confirmation(instance, is_confirmed=is_confirmed)
    _remove(instance, domain, at)
    trail.record(
        actor,
        trail.Action.DOMAIN_REMOVED,
        at=at,
        subject_kind="instance",
        subject_id=instance.id,
        host=domain.host,
    )
    return domain


def force_remove(
    instance: Instance, domain_id: uuid.UUID, *, reason: str, actor: Actor, at: datetime
) -> CustomDomain:
    """Staff remove a domain for a reason, which its owner is told; refuses NoSuchDomain, WrongState."""
    domain = find_domain(instance.id, domain_id)
    _remove(instance, domain, at)
    tell_owner(MessageKind.DOMAIN_ENDED, domain, instance, how="by_staff", reason=reason, reason_id=reason)
    trail.record(
        actor,
        trail.Action.DOMAIN_REMOVED,
        at=at,
        subject_kind="instance",
        subject_id=instance.id,
        host=domain.host,
        reason=reason,
    )
    return domain


def withdraw(instance: Instance, domain: CustomDomain, status: DomainStatus, *, at: datetime) -> None:
    """Let a domain go under the lock of its instance; if it was the primary address, the own host is it again."""
    was_served = domain.is_holding
    domain.turn(status, at)
    domain.next_check_at = domain.grace_until = None
    if domain.host == instance.public_host:
        move(instance, instance.host, at=at)
    if was_served:
        publish_later(instance, at)


def _remove(instance: Instance, domain: CustomDomain, at: datetime) -> None:
    if domain.host == instance.public_host and instance.status is InstanceStatus.MAINTENANCE:
        raise WrongState("Please wait until the maintenance is over.", status=instance.status.value)
    withdraw(instance, domain, DomainStatus.REMOVED, at=at)
