"""Messages to the owner: a credential has another value, a changed environment was taken back. Names, never values."""

from datetime import datetime

from minispod.accounts.models import User
from minispod.catalog.recipes import get_recipe
from minispod.instances.environment_models import OwnEnvironment, SecretRotation
from minispod.instances.models import Instance
from minispod.kernel.database import session
from minispod.notifications import post
from minispod.notifications.messages import MessageKind


def tell_rotated(row: SecretRotation, instance: Instance, *, at: datetime) -> None:
    """Queue one message: a credential has another value, whoever asked for it."""
    post.queue(
        MessageKind.CREDENTIAL_ROTATED,
        _owner(instance),
        dedupe_key=f"credential_rotated:{row.id}",
        at=at,
        facts={
            "service": get_recipe(instance.service_slug).title,
            "instance": instance.name,
            "credential": row.name,
            "asked_at": row.asked_at.isoformat(),
        },
    )


def tell_undone(row: OwnEnvironment, instance: Instance, *, reason: str, at: datetime) -> None:
    """Queue one message: the newest change of the environment was taken back."""
    post.queue(
        MessageKind.ENVIRONMENT_UNDONE,
        _owner(instance),
        dedupe_key=f"environment_undone:{instance.id}:{row.changed_at.isoformat()}",
        at=at,
        facts={
            "service": get_recipe(instance.service_slug).title,
            "instance": instance.name,
            "changed_at": row.changed_at.isoformat(),
            "reason": reason,
        },
    )


def _owner(instance: Instance) -> post.Recipient:
    user = session().get_one(User, instance.user_id)
    return post.Recipient(user.name, user.email, user.id)
