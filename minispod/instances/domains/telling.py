"""Messages about custom domains to the owner of the instance."""

from typing import Any

from minispod.accounts.models import User
from minispod.catalog.recipes import get_recipe
from minispod.instances.domains.hosts import shown
from minispod.instances.domains.models import CustomDomain
from minispod.instances.domains.wording import sentences
from minispod.instances.models import Instance
from minispod.instances.naming import with_host
from minispod.kernel.database import session
from minispod.notifications import post
from minispod.notifications.messages import MessageKind


def tell_owner(
    kind: MessageKind, domain: CustomDomain, instance: Instance, *, event: str = "", **facts: Any
) -> None:
    """Queue one message about a domain: once for each change of its status, or for each `event` of the caller's."""
    user = session().get_one(User, instance.user_id)
    post.queue(
        kind,
        post.Recipient(user.name, user.email, user.id),
        dedupe_key=f"{kind.value}:{domain.id}:{event or domain.status_changed_at.isoformat()}",
        at=domain.updated_at,
        facts={
            "host": shown(domain.host),
            "url": with_host(instance.public_url, domain.host),
            "own_address": with_host(instance.public_url, instance.host),
            "service": get_recipe(instance.service_slug).title,
            "reason": sentences(domain.problems),
            "reason_id": sentences(domain.problems, "id"),
            **facts,
        },
    )
