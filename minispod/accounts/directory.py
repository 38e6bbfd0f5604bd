"""Find accounts, and let people change their own profile."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import func, or_, select
from sqlalchemy.exc import IntegrityError

from minispod.accounts.errors import NoSuchUser, PhoneTaken
from minispod.accounts.models import User
from minispod.audit import trail
from minispod.kernel.actor import Actor, Role
from minispod.kernel.database import lock, page_of, session
from minispod.kernel.paging import Page, PageRequest

# What people change of themselves.
_OWN = ("name", "phone", "avatar")


def get_user(user_id: uuid.UUID) -> User:
    """Return the account; raise NoSuchUser."""
    user = session().get(User, user_id)
    if user is None:
        raise NoSuchUser()
    return user


def keep_user(user_id: uuid.UUID) -> User:
    """The account as it is now, kept from being deleted until the end of the transaction; raise NoSuchUser.

    The lock is the one a new row takes that refers to the account: it stands in the way of nothing but a deletion.
    """
    user = session().scalar(
        select(User)
        .where(User.id == user_id, User.deleted_at.is_(None))
        .with_for_update(read=True, key_share=True)
        .execution_options(populate_existing=True)
    )
    if user is None:
        raise NoSuchUser()
    return user


def find_users(ids: Collection[uuid.UUID]) -> Sequence[User]:
    """Those of these accounts that there are, as they are now."""
    wanted = select(User).where(User.id.in_(ids)).execution_options(populate_existing=True)
    return session().scalars(wanted).all()


def find_by_email(email: str) -> User | None:
    """Return the account with this address, whatever its case."""
    return session().scalar(select(User).where(func.lower(User.email) == email.strip().lower()))


def list_users(page: PageRequest, *, search: str = "", role: Role | None = None) -> Page[User]:
    """List accounts, newest first; `search` looks into name, address and phone."""
    wanted = select(User).order_by(User.created_at.desc(), User.id.desc())
    if search:
        columns = (User.name, User.email, User.phone)
        wanted = wanted.where(or_(*(column.icontains(search.strip(), autoescape=True) for column in columns)))
    if role:
        wanted = wanted.where(User.role == role)
    return page_of(wanted, page)


def change_profile(
    user_id: uuid.UUID, wanted: Mapping[str, str | None], *, actor: Actor, at: datetime
) -> User:
    """Change what `wanted` names of one's own name, phone and avatar; None clears the last two, an empty name is kept.

    Refuses PhoneTaken, and NoSuchUser for an account that was deleted meanwhile. Locks the account.
    """
    user: User | None = lock(User, user_id)
    if user is None or user.deleted_at is not None:
        raise NoSuchUser()
    names = [name for name in _OWN if name in wanted and (wanted[name] or name != "name")]
    before = {name: getattr(user, name) for name in names}
    try:
        with session().begin_nested():
            for name in names:
                setattr(user, name, wanted[name])
            user.updated_at = at
            session().flush()  # the unique index on the phone answers here
    except IntegrityError:
        raise PhoneTaken() from None
    trail.record(
        actor,
        trail.Action.ACCOUNT_PROFILE_CHANGED,
        at=at,
        subject_kind="user",
        subject_id=user.id,
        changed={name: [before[name], wanted[name]] for name in names if before[name] != wanted[name]},
    )
    return user
