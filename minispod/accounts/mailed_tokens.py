"""Tokens that go out by mail: to prove an address, and to choose a new password.

A token is derived from its row with a key when the mail is written, and stored nowhere (docs/adr/0029). It is used
once, ends after a while, and with a newer one, another address or a new password. Asking never tells whether there is
such an account. Lock order: the account, then its tokens.
"""

import base64
import hashlib
import hmac
import uuid
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select, update

from minispod.accounts.directory import find_by_email
from minispod.accounts.errors import BadMailedToken, NoPassword, WrongPassword
from minispod.accounts.models import MailedToken, Purpose, User
from minispod.accounts.passwords import hash_password, matches
from minispod.accounts.sessions import end_tokens, locked_account
from minispod.accounts.tokens import TokenKeys
from minispod.audit import trail
from minispod.kernel.actor import Actor
from minispod.kernel.database import lock, session
from minispod.notifications import post
from minispod.notifications.messages import MessageKind

_LIVES = {Purpose.VERIFY_EMAIL: timedelta(days=2), Purpose.RESET_PASSWORD: timedelta(hours=1)}
_HOUR = timedelta(hours=1)
_MOST_PER_HOUR = 3


def ask_verification(user: User, *, at: datetime) -> None:
    """Mail a token that proves the address; nothing happens when it is proven, or was asked for too often."""
    row = None if user.email_verified else _issue(user, Purpose.VERIFY_EMAIL, at)
    if row is not None:
        post.queue(
            MessageKind.VERIFY_EMAIL,
            post.Recipient(user.name, user.email, user.id),
            dedupe_key=f"verify_email:{row.id}",
            at=at,
            facts={"token_id": str(row.id), "ends_at": row.expires_at.isoformat()},
        )


def ask_reset(email: str, *, actor: Actor, at: datetime) -> None:
    """Mail a token for a new password, if there is such an active account; says nothing about it either way."""
    found = find_by_email(email)
    user: User | None = lock(User, found.id) if found else None
    row = _issue(user, Purpose.RESET_PASSWORD, at) if user is not None and user.is_active else None
    if user is None or row is None:
        return
    post.queue(
        MessageKind.RESET_PASSWORD,
        post.Recipient(user.name, user.email, user.id),
        dedupe_key=f"reset_password:{row.id}",
        at=at,
        facts={"token_id": str(row.id), "ends_at": row.expires_at.isoformat()},
    )
    trail.record(
        actor, trail.Action.ACCOUNT_PASSWORD_RESET_ASKED, at=at, subject_kind="user", subject_id=user.id
    )


def verify_email(token: str, *, keys: TokenKeys, actor: Actor, at: datetime) -> User:
    """The address is its owner's; refuses BadMailedToken."""
    user = _spend(token, Purpose.VERIFY_EMAIL, keys, at)
    _prove(user, actor, at)
    return user


def reset_password(
    token: str, password: str, *, keys: TokenKeys, bcrypt_rounds: int, actor: Actor, at: datetime
) -> User:
    """Set a new password and sign out everywhere; the address is proven by it.

    Refuses BadMailedToken, PasswordUnfit.
    """
    digest = hash_password(password, bcrypt_rounds)
    user = _spend(token, Purpose.RESET_PASSWORD, keys, at)
    _set_password(user, digest, actor, at, by="mail")
    _prove(user, actor, at)
    return user


def change_password(
    user_id: uuid.UUID, current: str, new: str, *, bcrypt_rounds: int, actor: Actor, at: datetime
) -> User:
    """Change one's own password and sign out everywhere; refuses NoPassword, WrongPassword, PasswordUnfit."""
    user = locked_account(user_id)
    if user.password_hash is None:
        raise NoPassword("This account has no password yet. Ask for a mail to choose one.")
    if not matches(current, user.password_hash, bcrypt_rounds):
        raise WrongPassword()
    _set_password(user, hash_password(new, bcrypt_rounds), actor, at, by="password")
    return user


def token_of(row_id: uuid.UUID, purpose: Purpose, keys: TokenKeys) -> str:
    """The token of a row, for the mail."""
    seal = hmac.new(keys.secret.encode(), f"mailed-token:{purpose}:{row_id.hex}".encode(), hashlib.sha256)
    return row_id.hex + base64.urlsafe_b64encode(seal.digest()).decode().rstrip("=")


def forget_account(user: User) -> None:
    """Remove the tokens of a locked account, with the addresses they went to."""
    session().execute(delete(MailedToken).where(MailedToken.user_id == user.id))


def forget_ended(*, before: datetime) -> None:
    """Remove tokens that ended before an instant."""
    session().execute(delete(MailedToken).where(MailedToken.expires_at < before))


def _issue(user: User, purpose: Purpose, at: datetime) -> MailedToken | None:
    """A new token instead of the older ones; None when there were enough lately."""
    locked_account(user.id)
    mine = (MailedToken.user_id == user.id, MailedToken.purpose == purpose)
    lately = select(func.count()).where(*mine, MailedToken.issued_at > at - _HOUR)
    if (session().scalar(lately) or 0) >= _MOST_PER_HOUR:
        return None
    _end(user, at, purpose)
    row = MailedToken(
        user_id=user.id,
        purpose=purpose,
        address=user.email,
        issued_at=at,
        expires_at=at + _LIVES[purpose],
    )
    session().add(row)
    session().flush()  # its id goes into the message
    return row


def _spend(token: str, purpose: Purpose, keys: TokenKeys, at: datetime) -> User:
    try:
        row_id = uuid.UUID(hex=token[:32])
        is_ours = hmac.compare_digest(token.encode(), token_of(row_id, purpose, keys).encode())
    except ValueError:
        raise BadMailedToken() from None
    found = session().get(MailedToken, row_id) if is_ours else None
    if found is None:
        raise BadMailedToken()
    user = locked_account(found.user_id)
    row: MailedToken | None = lock(MailedToken, row_id)
    if (
        row is None
        or row.ended_at is not None
        or row.expires_at <= at
        or row.address != user.email
        or not user.is_active
    ):
        raise BadMailedToken()
    row.ended_at = at
    return user


def _set_password(user: User, digest: str, actor: Actor, at: datetime, *, by: str) -> None:
    user.password_hash = digest
    end_tokens(user, actor=actor, at=at)
    _end(user, at, Purpose.RESET_PASSWORD)
    trail.record(
        actor, trail.Action.ACCOUNT_PASSWORD_CHANGED, at=at, subject_kind="user", subject_id=user.id, by=by
    )
    post.queue(
        MessageKind.PASSWORD_CHANGED,
        post.Recipient(user.name, user.email, user.id),
        dedupe_key=f"password_changed:{user.id}:{user.token_version}",
        at=at,
        facts={"changed_at": at.isoformat()},
    )


def _prove(user: User, actor: Actor, at: datetime) -> None:
    if user.email_verified:
        return
    user.email_verified = True
    user.updated_at = at
    trail.record(actor, trail.Action.ACCOUNT_EMAIL_VERIFIED, at=at, subject_kind="user", subject_id=user.id)


def _end(user: User, at: datetime, purpose: Purpose) -> None:
    session().execute(
        update(MailedToken)
        .where(MailedToken.user_id == user.id, MailedToken.purpose == purpose, MailedToken.ended_at.is_(None))
        .values(ended_at=at)
    )
