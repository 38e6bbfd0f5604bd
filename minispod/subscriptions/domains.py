"""Custom domains within what is promised: the plan says how many, and what is not paid for gets no new ones.

Each act locks the subscription, then its instance; the rules of domains are in instances/domains.
"""

import uuid
from datetime import datetime

from minispod.catalog.models import Plan
from minispod.instances.domains import claiming, primary, releasing
from minispod.instances.domains.models import CustomDomain
from minispod.instances.models import Instance
from minispod.kernel.actor import Actor
from minispod.kernel.database import session
from minispod.subscriptions.errors import NotActive
from minispod.subscriptions.models import Subscription
from minispod.subscriptions.queries import lock_instance_of, lock_own


def add(
    subscription_id: uuid.UUID, typed: str, *, base_domain: str, actor: Actor, at: datetime
) -> CustomDomain:
    """Add a domain; refuses NotActive and what `claiming.add` refuses."""
    subscription, instance = _lock_active(subscription_id, actor)
    return claiming.add(
        instance, typed, limit=limit_of(subscription), base_domain=base_domain, actor=actor, at=at
    )


def check_again(
    subscription_id: uuid.UUID, domain_id: uuid.UUID, *, actor: Actor, at: datetime
) -> CustomDomain:
    """Have a domain looked at now; refuses NotActive and what `claiming.check_again` refuses."""
    subscription, instance = _lock_active(subscription_id, actor)
    return claiming.check_again(instance, domain_id, limit=limit_of(subscription), at=at)


def choose_primary(
    subscription_id: uuid.UUID,
    domain_id: uuid.UUID | None,
    *,
    is_confirmed: bool,
    actor: Actor,
    at: datetime,
) -> None:
    """Make a domain (None: the own host) the primary address; refuses NotActive and what `primary.choose` refuses."""
    _, instance = _lock_active(subscription_id, actor)
    primary.choose(instance, domain_id, is_confirmed=is_confirmed, actor=actor, at=at)


def remove(
    subscription_id: uuid.UUID, domain_id: uuid.UUID, *, is_confirmed: bool, actor: Actor, at: datetime
) -> CustomDomain:
    """Remove a domain, paid for or not; refuses what `releasing.remove` refuses."""
    subscription = lock_own(subscription_id, actor=actor)
    instance = lock_instance_of(subscription)
    return releasing.remove(instance, domain_id, is_confirmed=is_confirmed, actor=actor, at=at)


def force_remove(
    subscription_id: uuid.UUID, domain_id: uuid.UUID, *, reason: str, actor: Actor, at: datetime
) -> CustomDomain:
    """Staff remove a domain, which may restart the application; refuses what `releasing.force_remove` refuses."""
    subscription = lock_own(subscription_id, actor=actor)
    instance = lock_instance_of(subscription)
    return releasing.force_remove(instance, domain_id, reason=reason, actor=actor, at=at)


def limit_of(subscription: Subscription) -> int:
    """How many custom domains the plan of a subscription allows."""
    return session().get_one(Plan, subscription.plan_id).max_domains


def _lock_active(subscription_id: uuid.UUID, actor: Actor) -> tuple[Subscription, Instance]:
    subscription = lock_own(subscription_id, actor=actor)
    if not subscription.is_active:
        raise NotActive(status=subscription.status.value)
    return subscription, lock_instance_of(subscription)
