"""What administrators do with accounts: block and unblock."""

import uuid
from datetime import datetime

from sqlalchemy import func, select

from minispod.accounts.errors import LastAdministrator, NoSuchUser
from minispod.accounts.models import User
from minispod.accounts.sessions import sign_out_everywhere
from minispod.audit import trail
from minispod.kernel.actor import Actor, Role
from minispod.kernel.database import lock, session


def block(user_id: uuid.UUID, *, actor: Actor, at: datetime) -> User:
    """Deactivate the account and end its tokens at once; refuses the last administrator."""
    user = _locked(user_id)
    if user.role is Role.ADMINISTRATOR and _active_administrators() <= 1:
        raise LastAdministrator()
    user.is_active = False
    sign_out_everywhere(user, at=at)
    trail.record(actor, trail.Action.ACCOUNT_BLOCKED, at=at, subject_kind="user", subject_id=user.id)
    return user


def unblock(user_id: uuid.UUID, *, actor: Actor, at: datetime) -> User:
    """Let the account sign in again."""
    user = _locked(user_id)
    user.is_active = True
    user.updated_at = at
    trail.record(actor, trail.Action.ACCOUNT_UNBLOCKED, at=at, subject_kind="user", subject_id=user.id)
    return user


def _locked(user_id: uuid.UUID) -> User:
    user: User | None = lock(User, user_id)
    if user is None:
        raise NoSuchUser()
    return user


def _active_administrators() -> int:
    return (
        session().scalar(
            select(func.count())
            .select_from(User)
            .where(User.role == Role.ADMINISTRATOR, User.is_active.is_(True))
        )
        or 0
    )
