"""Sign in, refresh, sign out.

Refresh tokens rotate: each may be used once. A spent one that comes again after the ten seconds a
double click may need revokes its whole family, because somebody else has a copy (decision 39).
Lock order: the account, then its tokens; whoever writes a token holds the account's row, so that a
successor cannot be born while its family is being ended.
"""

import uuid
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import FromClause, bindparam, delete, select, true, update

from minispod.accounts import tokens, viewing
from minispod.accounts.directory import find_by_email
from minispod.accounts.errors import AccountDeactivated, BadCredentials, BadToken, TokenReused
from minispod.accounts.models import RefreshToken, User
from minispod.accounts.passwords import matches
from minispod.accounts.tokens import TokenKeys, TokenPair
from minispod.audit import trail
from minispod.kernel.actor import Actor, Role
from minispod.kernel.database import find, lock, session, table_of
from minispod.kernel.ids import new_id
from minispod.kernel.questions import Question

_DOUBLE_REFRESH = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Account:
    """An account as it was when a token was shown: read at every request, so without the session's objects."""

    id: uuid.UUID
    name: str
    email: str
    phone: str | None
    avatar: str | None
    role: Role
    is_active: bool
    created_at: datetime
    updated_at: datetime


_users = table_of(User).c
ACCOUNT = bindparam("account", type_=_users.id.type)
"""Whose account is read, in what is read beside it."""
_OF_ACCOUNT = [*(each.name for each in fields(Account)), "token_version"]


def beside_account(own: FromClause) -> Question:
    """A question about an account and what is its own, in one statement, for `account_beside`.

    `own` finds one row of ACCOUNT; where it finds none, all of its columns are None.
    """
    account = (_users[name].label(f"account_{name}") for name in _OF_ACCOUNT)
    both = select(*account, own).select_from(table_of(User).outerjoin(own, true()))
    return Question(both.where(_users.id == ACCOUNT))


_ALONE = Question(select(*(_users[name] for name in _OF_ACCOUNT)).where(_users.id == ACCOUNT))


def check_password(email: str, password: str, *, bcrypt_rounds: int) -> User:
    """Return the account; raise BadCredentials or, the password being right, AccountDeactivated."""
    user = find_by_email(email)
    if not matches(password, user.password_hash if user else None, bcrypt_rounds) or user is None:
        raise BadCredentials()
    if not user.is_active:
        raise AccountDeactivated()
    return user


def sign_in(user: User, *, keys: TokenKeys, actor: Actor, at: datetime) -> TokenPair:
    """Begin a family of tokens for an account as it was when its password was checked, or else was locked.

    Refuses one blocked since (AccountDeactivated), and one whose tokens were ended since (BadCredentials): checking a
    password takes long, and a new one may have been chosen meanwhile.
    """
    version_checked = user.token_version
    user = locked_account(user.id)
    if not user.is_active:
        raise AccountDeactivated()
    if user.token_version != version_checked:
        raise BadCredentials()
    user.signed_in_at = at
    refresh = tokens.new_refresh()
    _remember(user.id, new_id(), refresh, keys, at)
    trail.record(actor, trail.Action.ACCOUNT_SIGNED_IN, at=at, subject_kind="user", subject_id=user.id)
    return TokenPair(tokens.issue_access(user, keys, at), refresh)


def refresh(
    token: str, *, keys: TokenKeys, actor: Actor, at: datetime
) -> tuple[User, TokenPair] | TokenReused:
    """Spend `token` for its successor; raise BadToken when it is unknown, expired or revoked.

    A reused one is *returned* as TokenReused, not raised: the revocation of its family must be committed.
    """
    owner_id = session().scalar(
        select(RefreshToken.user_id).where(RefreshToken.digest == tokens.digest(token))
    )
    if owner_id is None:
        raise BadToken()
    user = locked_account(owner_id)
    row = session().scalar(
        select(RefreshToken)
        .where(RefreshToken.digest == tokens.digest(token))
        .execution_options(populate_existing=True)
    )
    if row is None or row.revoked_at is not None or row.expires_at <= at:
        raise BadToken()
    if not user.is_active:
        raise AccountDeactivated()
    successor = tokens.successor_of(token, keys)
    if row.spent_at is None:
        row.spent_at = at
        _remember(user.id, row.family_id, successor, keys, at)
    elif at - row.spent_at > _DOUBLE_REFRESH:
        _revoke(RefreshToken.family_id == row.family_id, at)
        trail.record(actor, trail.Action.ACCOUNT_TOKEN_REUSED, at=at, subject_kind="user", subject_id=user.id)
        return TokenReused()
    # Whoever stays signed in for weeks is not away (decision 20).
    user.signed_in_at = at
    return user, TokenPair(tokens.issue_access(user, keys, at), successor)


def sign_out(user_id: uuid.UUID, token: str | None, *, actor: Actor, at: datetime) -> None:
    """Revoke the family of `token` when it is this account's; without a token nothing is left to revoke."""
    locked_account(user_id)
    if token:
        row = session().scalar(
            select(RefreshToken).where(
                RefreshToken.digest == tokens.digest(token), RefreshToken.user_id == user_id
            )
        )
        if row is not None:
            _revoke(RefreshToken.family_id == row.family_id, at)
    trail.record(actor, trail.Action.ACCOUNT_SIGNED_OUT, at=at, subject_kind="user", subject_id=user_id)


def sign_out_everywhere(user_id: uuid.UUID, *, actor: Actor, at: datetime) -> None:
    """End every access and refresh token of the account at once."""
    end_tokens(locked_account(user_id), actor=actor, at=at)
    trail.record(
        actor,
        trail.Action.ACCOUNT_SIGNED_OUT,
        at=at,
        subject_kind="user",
        subject_id=user_id,
        everywhere=True,
    )


def end_tokens(user: User, *, actor: Actor, at: datetime) -> None:
    """End every token and viewing of a locked account; the act that causes it writes it down."""
    user.token_version += 1
    user.updated_at = at
    viewing.end_all(user, actor=actor, at=at)
    _revoke(RefreshToken.user_id == user.id, at)


def account_of(claims: tokens.AccessClaims, at: datetime) -> Account:
    """The account an access token speaks for; raise BadToken when its tokens were ended, AccountDeactivated.

    The token of a viewing is as good as the viewing: both accounts are looked at again.
    """
    return account_beside(_ALONE, claims, at)[0]


def account_beside(
    question: Question, claims: tokens.AccessClaims, at: datetime, **values: Any
) -> tuple[Account, Any]:
    """The same with the row that a question of `beside_account` finds."""
    if claims.viewing_id is not None and viewing.find(claims.viewing_id, at=at) is None:
        raise BadToken()
    rows = find(question, {"account": claims.user_id, **values})
    if not rows:
        raise BadToken()
    *facts, version = rows[0][: len(_OF_ACCOUNT)]
    account = Account(*facts)
    if not account.is_active:
        raise AccountDeactivated()
    if version != claims.version:
        raise BadToken()
    return account, rows[0]


def locked_account(user_id: uuid.UUID) -> User:
    """The account of somebody who is signed in, locked; raise BadToken when it is gone."""
    user: User | None = lock(User, user_id)
    if user is None:
        raise BadToken()
    return user


def _remember(user_id: uuid.UUID, family_id: uuid.UUID, refresh: str, keys: TokenKeys, at: datetime) -> None:
    session().add(
        RefreshToken(
            user_id=user_id,
            family_id=family_id,
            digest=tokens.digest(refresh),
            issued_at=at,
            expires_at=at + keys.refresh_life,
        )
    )


def _revoke(which: object, at: datetime) -> None:
    session().execute(
        update(RefreshToken).where(which, RefreshToken.revoked_at.is_(None)).values(revoked_at=at)  # type: ignore[arg-type]
    )


def forget_spent(*, before: datetime) -> None:
    """Remove refresh tokens that ended before an instant."""
    session().execute(delete(RefreshToken).where(RefreshToken.expires_at < before))
