"""What administrators do with accounts: block and unblock. There is always an active administrator."""

import uuid
from datetime import datetime

from sqlalchemy import select

from minispod.accounts.errors import LastAdministrator, NoSuchUser
from minispod.accounts.models import User
from minispod.accounts.sessions import end_tokens
from minispod.audit import trail
from minispod.kernel.actor import Actor, Role
from minispod.kernel.database import lock, session


def block(user_id: uuid.UUID, *, actor: Actor, at: datetime) -> User:
    """Deactivate the account and end its tokens at once; refuses the last administrator."""
    administrators = _locked_administrators()
    user = _locked(user_id)
    if administrators == [user]:
        raise LastAdministrator()
    user.is_active = False
    end_tokens(user, at=at)
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


def _locked_administrators() -> list[User]:
    """The active administrators, locked in the order of their ids: two who block each other count in turn."""
    wanted = (
        select(User)
        .where(User.role == Role.ADMINISTRATOR, User.is_active.is_(True))
        .order_by(User.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    return list(session().scalars(wanted))
