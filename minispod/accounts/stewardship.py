"""What administrators do with accounts: change, block, unblock, make ready to be deleted.

There is always an active administrator, and nobody does to themselves what locks them out.
"""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from minispod.accounts import mailed_tokens, viewing
from minispod.accounts.directory import find_by_email
from minispod.accounts.errors import EmailTaken, LastAdministrator, NoSuchUser, OwnAccount, PhoneTaken
from minispod.accounts.models import User
from minispod.accounts.sessions import end_tokens
from minispod.audit import trail
from minispod.kernel.actor import Actor, Role
from minispod.kernel.database import session

_CHANGEABLE = ("name", "email", "phone", "avatar", "role")
_NEVER_EMPTY = ("name", "email", "role")
FORMER_NAME = "Deleted customer"


def change(user_id: uuid.UUID, wanted: Mapping[str, Any], *, actor: Actor, at: datetime) -> User:
    """Change what `wanted` names of name, email, phone, avatar and role; None clears phone and avatar only.

    Refuses NoSuchUser, EmailTaken, PhoneTaken; a role also OwnAccount, LastAdministrator. A new address is not
    proven yet, and whoever came in with the old one is out.
    """
    administrators = _locked_administrators()
    user = _locked(user_id)
    before = {name: getattr(user, name) for name in _CHANGEABLE}
    after = {
        name: wanted[name]
        for name in _CHANGEABLE
        if name in wanted and not (wanted[name] is None and name in _NEVER_EMPTY)
    }
    after = {name: value for name, value in after.items() if value != before[name]}
    if "role" in after:
        _may_lose_rights(user, administrators, actor)
    _write(user, after, at)
    changed = {name: [_word(before[name]), _word(value)] for name, value in after.items() if name != "role"}
    if changed:
        trail.record(
            actor,
            trail.Action.ACCOUNT_CHANGED,
            at=at,
            subject_kind="user",
            subject_id=user.id,
            changed=changed,
        )
    if "email" in after:
        if before["email"].lower() != user.email.lower():
            _end_entries(user, actor, at)
        mailed_tokens.ask_verification(user, at=at)
    if "role" in after:
        viewing.end_all(user, actor=actor, at=at)  # a role that is given back revives none
        trail.record(
            actor,
            trail.Action.ACCOUNT_ROLE_CHANGED,
            at=at,
            subject_kind="user",
            subject_id=user.id,
            before=before["role"].value,
            after=user.role.value,
        )
    return user


def block(user_id: uuid.UUID, *, actor: Actor, at: datetime, **details: str) -> User:
    """Deactivate the account and end its tokens at once; refuses OwnAccount, LastAdministrator."""
    administrators = _locked_administrators()
    user = _locked(user_id)
    _may_lose_rights(user, administrators, actor)
    user.is_active = False
    end_tokens(user, actor=actor, at=at)
    trail.record(
        actor, trail.Action.ACCOUNT_BLOCKED, at=at, subject_kind="user", subject_id=user.id, **details
    )
    return user


def unblock(user_id: uuid.UUID, *, actor: Actor, at: datetime) -> User:
    """Let the account sign in again."""
    user = _locked(user_id)
    user.is_active = True
    user.updated_at = at
    trail.record(actor, trail.Action.ACCOUNT_UNBLOCKED, at=at, subject_kind="user", subject_id=user.id)
    return user


def sign_out(user_id: uuid.UUID, *, actor: Actor, at: datetime) -> User:
    """End every session and token of an account, which may sign in again at once; refuses NoSuchUser."""
    user = _locked(user_id)
    end_tokens(user, actor=actor, at=at)
    trail.record(
        actor,
        trail.Action.ACCOUNT_SIGNED_OUT,
        at=at,
        subject_kind="user",
        subject_id=user.id,
        everywhere=True,
    )
    return user


def lock_to_delete(user_id: uuid.UUID, *, actor: Actor) -> User:
    """The account, locked so that nothing new can refer to it; refuses NoSuchUser, OwnAccount, LastAdministrator."""
    administrators = _locked_administrators()
    user = _locked(user_id, whole=True)
    _may_lose_rights(user, administrators, actor)
    return user


def anonymise(user: User, *, actor: Actor, at: datetime, **details: object) -> None:
    """Leave nothing of the person in a locked account, which stays as the owner of its history (decision 15)."""
    user.name = FORMER_NAME
    user.email = f"{user.id.hex}@deleted.invalid"
    user.phone = user.avatar = user.google_id = user.password_hash = None
    user.role = Role.USER
    user.is_active = user.email_verified = False
    user.deleted_at = at
    end_tokens(user, actor=actor, at=at)
    mailed_tokens.forget_account(user)
    trail.record(
        actor, trail.Action.ACCOUNT_ANONYMISED, at=at, subject_kind="user", subject_id=user.id, **details
    )


def _write(user: User, after: Mapping[str, Any], at: datetime) -> None:
    if not after:
        return
    try:
        with session().begin_nested():
            for name, value in after.items():
                setattr(user, name, value)
            if "email" in after:
                user.email_verified = False
            user.updated_at = at
            session().flush()  # the unique indexes answer here
    except IntegrityError:
        owner = find_by_email(after["email"]) if "email" in after else None
        raise (EmailTaken() if owner is not None and owner.id != user.id else PhoneTaken()) from None


def _end_entries(user: User, actor: Actor, at: datetime) -> None:
    """Let nobody in by what the former address gave: Google's identity of it, and whoever is signed in."""
    if user.is_active:  # else they are ended already, and the version says which deactivation this is
        end_tokens(user, actor=actor, at=at)
    if user.google_id is not None:
        user.google_id = None
        trail.record(
            actor,
            trail.Action.ACCOUNT_GOOGLE_UNLINKED,
            at=at,
            subject_kind="user",
            subject_id=user.id,
            because="address changed",
        )


def _may_lose_rights(user: User, administrators: list[User], actor: Actor) -> None:
    if administrators == [user]:
        raise LastAdministrator()
    if actor.user_id == user.id:
        raise OwnAccount()


def _locked(user_id: uuid.UUID, *, whole: bool = False) -> User:
    user = session().scalar(
        select(User)
        .where(User.id == user_id, User.deleted_at.is_(None))
        .with_for_update(key_share=not whole)
        .execution_options(populate_existing=True)
    )
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


def _word(value: object) -> object:
    return value.value if isinstance(value, Role) else value
