"""Messages about subscriptions: who is told what, with facts that are public."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select

from minispod.accounts.models import User
from minispod.alerts import book
from minispod.alerts.judging import Finding
from minispod.alerts.kinds import Rule
from minispod.catalog.models import Plan, Service
from minispod.instances.models import Instance
from minispod.kernel.database import session
from minispod.notifications import post
from minispod.notifications.messages import MessageKind
from minispod.subscriptions.models import Subscription


def tell_customer(
    kind: MessageKind,
    subscription: Subscription,
    *,
    event: str,
    at: datetime,
    zone: ZoneInfo,
    entry_ids: Sequence[uuid.UUID] = (),
    **facts: Any,
) -> None:
    """Queue one message to the owner; `event` makes it unique, so that a repeat tells nothing twice.

    The papers of the ledger entries `entry_ids` are attached to it.
    """
    user = session().get_one(User, subscription.user_id)
    post.queue(
        kind,
        post.Recipient(user.name, user.email, user.id),
        dedupe_key=f"{kind.value}:{subscription.id}:{event}",
        at=at,
        facts={**_facts(subscription, zone), **facts},
        entry_ids=entry_ids,
    )


def tell_staff(
    rule: Rule, instance: Instance | None, subject: str, sentence: str, *, event: str, at: datetime
) -> None:
    """Raise an alert about an instance, or about the shop, in these words; staff are told once of each `event`."""
    about = ("instance", str(instance.id), instance.name) if instance else ("shop", "shop", "the shop")
    words = {"subject": subject, "sentence": sentence}
    book.raise_one(Finding(rule, *about, words, event), at=at)


def _facts(subscription: Subscription, zone: ZoneInfo) -> dict[str, Any]:
    service = session().get_one(Service, subscription.service_id)
    plan = session().get_one(Plan, subscription.plan_id)
    instance = session().scalar(select(Instance).where(Instance.subscription_id == subscription.id))
    return {
        "service": service.name,
        "plan": plan.name,
        "price": subscription.price,
        "ends_on": subscription.ends_at.astimezone(zone).date().isoformat(),
        "instance_id": str(instance.id) if instance else None,
        "url": instance.public_url if instance else None,
        "subscription_id": str(subscription.id),
    }


def owner_name(user_id: uuid.UUID) -> str:
    """Name and address of an owner, for alerts."""
    user = session().get_one(User, user_id)
    return f"{user.name} <{user.email}>"
