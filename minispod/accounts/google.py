"""Google says who somebody is: check an ID token, and tie accounts to Google's.

An ID token is believed when Google signed it (RS256, nothing else), for us, not too long ago, and when Google has
verified the address. The keys come through a port and are fetched outside of units of work (docs/adr/0029).
Lock order: the account, then its tokens.
"""

import re
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import jwt
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from minispod.accounts.errors import (
    AccountDeactivated,
    BadGoogleToken,
    GoogleAccountTaken,
    GoogleEmailDiffers,
    GoogleNotLinked,
    GoogleNotOffered,
    NoPassword,
)
from minispod.accounts.models import User
from minispod.accounts.registration import write_account
from minispod.accounts.sessions import end_tokens, locked_account
from minispod.audit import trail
from minispod.kernel.actor import Actor
from minispod.kernel.database import session

_ALGORITHM = "RS256"
_ISSUERS = ("https://accounts.google.com", "accounts.google.com")
# How far the clocks of Google and ours may be apart.
_SKEW_SECONDS = 60
_LONGEST_TOKEN = 10_000
_ADDRESS = re.compile(r"[!-?A-~]+@[!-?A-~]+")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]+")
_LONGEST_NAME = 50


class GoogleKeys(Protocol):
    """The keys Google signs with at present."""

    def find(self, key_id: str) -> jwt.PyJWK | None:
        """The key of this name, None when Google has none; raises GoogleSilent. Never within a unit of work."""
        ...


@dataclass(frozen=True, slots=True)
class GoogleIdentity:
    """Somebody as Google vouches for them; the address is theirs."""

    subject: str
    email: str
    name: str
    picture: str | None


def verify(token: str, *, keys: GoogleKeys, client_ids: Collection[str], at: datetime) -> GoogleIdentity:
    """Whom the ID token is about; refuses GoogleNotOffered, BadGoogleToken, and GoogleSilent while keys are missing."""
    if not client_ids:
        raise GoogleNotOffered()
    if len(token) > _LONGEST_TOKEN:
        raise BadGoogleToken()
    try:
        header = jwt.get_unverified_header(token)
        key_id = header.get("kid")
        if header.get("alg") != _ALGORITHM or not isinstance(key_id, str) or not key_id:
            raise BadGoogleToken()
        key = keys.find(key_id)
        if key is None or key.algorithm_name != _ALGORITHM:
            raise BadGoogleToken()
        # The times are judged by our clock port, not by the library's.
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[_ALGORITHM],
            audience=client_ids,
            issuer=_ISSUERS,
            options={
                "require": ["iss", "aud", "sub", "exp", "iat"],
                "verify_exp": False,
                "verify_iat": False,
                "verify_nbf": False,
            },
        )
    except (jwt.PyJWTError, ValueError, RecursionError):  # also what cannot be encoded or read
        raise BadGoogleToken() from None
    return _identity(claims, at.timestamp())


def _identity(claims: Mapping[str, Any], now: float) -> GoogleIdentity:
    subject, email = claims["sub"], claims.get("email")
    believed = (
        isinstance(claims["aud"], str)  # a token for several parties is not only for us
        and _is_number(claims["exp"])
        and _is_number(claims["iat"])
        and claims["exp"] + _SKEW_SECONDS > now
        and claims["iat"] - _SKEW_SECONDS <= now
        and claims.get("email_verified") is True
        and isinstance(email, str)
        and len(email) <= 254
        and _ADDRESS.fullmatch(email)
        and 1 <= len(subject) <= 255
        and subject.isascii()
        and subject.isprintable()
    )
    if not believed:
        raise BadGoogleToken()
    return GoogleIdentity(subject, str(email), _name(claims.get("name"), str(email)), _picture(claims))


def find_account(identity: GoogleIdentity) -> User | None:
    """The account tied to this identity, else the one with its address; locked."""
    return _locked(User.google_id == identity.subject) or _locked(
        func.lower(User.email) == identity.email.lower()
    )


def open_account(identity: GoogleIdentity, *, actor: Actor, at: datetime) -> User:
    """Create an account without a password; refuses a taken address (EmailTaken)."""
    user = User(
        name=identity.name,
        email=identity.email,
        avatar=identity.picture,
        google_id=identity.subject,
        email_verified=True,
        created_at=at,
        updated_at=at,
    )
    write_account(user, actor=actor, by="google")
    return user


def recognise(user: User, identity: GoogleIdentity, *, actor: Actor, at: datetime) -> None:
    """Let a locked account be entered by this identity, tying it on the first time.

    An account whose address nobody had proven may have been opened by a stranger: its password and its tokens end
    when the owner of the address comes. Refuses AccountDeactivated, GoogleAccountTaken.
    """
    if not user.is_active:
        raise AccountDeactivated()
    if user.google_id == identity.subject:
        return
    if user.google_id is not None:
        raise GoogleAccountTaken("Another Google account is linked with this account")
    is_unproven = not user.email_verified
    if is_unproven:
        user.password_hash = None
        end_tokens(user, actor=actor, at=at)
    _tie(user, identity, actor, at, password_dropped=is_unproven)


def link(user_id: uuid.UUID, identity: GoogleIdentity, *, actor: Actor, at: datetime) -> User:
    """Tie one's own account to Google's of the same address; the same one again changes nothing.

    Refuses GoogleEmailDiffers, GoogleAccountTaken.
    """
    user = locked_account(user_id)
    if user.email.lower() != identity.email.lower():
        raise GoogleEmailDiffers()
    if user.google_id not in (None, identity.subject):
        raise GoogleAccountTaken("Another Google account is linked with this account")
    if user.google_id is None:
        _tie(user, identity, actor, at)
    return user


def unlink(user_id: uuid.UUID, *, actor: Actor, at: datetime) -> User:
    """Untie one's own account from Google's; refuses GoogleNotLinked, and NoPassword: nobody locks themselves out."""
    user = locked_account(user_id)
    if user.google_id is None:
        raise GoogleNotLinked()
    if user.password_hash is None:
        raise NoPassword()
    user.google_id = None
    user.updated_at = at
    trail.record(actor, trail.Action.ACCOUNT_GOOGLE_UNLINKED, at=at, subject_kind="user", subject_id=user.id)
    return user


def _tie(user: User, identity: GoogleIdentity, actor: Actor, at: datetime, **details: bool) -> None:
    try:
        with session().begin_nested():
            user.google_id = identity.subject
            user.email_verified = True
            user.avatar = user.avatar or identity.picture
            user.updated_at = at
            session().flush()  # the unique index answers here
    except IntegrityError:
        raise GoogleAccountTaken() from None
    trail.record(
        actor,
        trail.Action.ACCOUNT_GOOGLE_LINKED,
        at=at,
        subject_kind="user",
        subject_id=user.id,
        **details,
    )


def _locked(which: Any) -> User | None:
    return session().scalar(
        select(User).where(which).with_for_update(key_share=True).execution_options(populate_existing=True)
    )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _name(given: object, email: str) -> str:
    """A name as our lists want it: one line of 2 to 50 characters; without one, the address stands for it."""
    name = " ".join(_UNPRINTABLE.sub(" ", given).split())[:_LONGEST_NAME] if isinstance(given, str) else ""
    return name if len(name.strip()) > 1 else email[:_LONGEST_NAME]


def _picture(claims: Mapping[str, Any]) -> str | None:
    picture = claims.get("picture")
    is_fit = isinstance(picture, str) and re.fullmatch(r"https://[!-~]{3,490}", picture)
    return picture if is_fit else None
