"""Administration sessions: who may begin one, and when it ends.

The session itself is a small record kept outside PostgreSQL (decision 39: Redis, behind `SessionStore`);
losing it only means signing in again. Whoever holds one is looked up at every request, so that a blocked
or demoted account is out at once.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from minispod.accounts import directory, viewing
from minispod.accounts.errors import AccountDeactivated, BadCredentials, NoSuchUser, TooManySignIns
from minispod.accounts.models import User
from minispod.accounts.sessions import check_password
from minispod.audit import trail
from minispod.kernel.actor import Actor, ActorKind, Role, place_of
from minispod.kernel.errors import Unavailable
from minispod.kernel.ids import parse_id

KEYS = "session:"
"""What the keys of sessions begin with in their store."""
_DOOR = "administration"
_WINDOW = timedelta(minutes=15)
_TRIES_PER_ACCOUNT = 8
_TRIES_PER_ADDRESS = 40


class SessionsUnavailable(Unavailable):
    """Nobody can be recognised while the session store is silent."""

    code = "accounts.sessions_unavailable"
    default_message = (
        "Administration sessions cannot be read at the moment. Nothing is lost; please try again shortly."
    )


class SessionStore(Protocol):
    """Keeps small records for a while; every call may raise SessionsUnavailable."""

    def load(self, key: str) -> dict[str, Any] | None:
        """Return the record, or None when there is none (any more)."""
        ...

    def save(self, key: str, values: Mapping[str, Any], life: timedelta) -> None:
        """Keep the record for `life` from now."""
        ...

    def drop(self, key: str) -> None:
        """Forget the record."""
        ...

    def list(self, beginning: str) -> Iterator[dict[str, Any]]:
        """Records whose key begins so, each once, in no order."""
        ...

    def count(self, key: str, window: timedelta) -> int:
        """Count one more event and return how many there were in the running window."""
        ...


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """After which time unused, and after which time in all, a session ends."""

    idle: timedelta
    absolute: timedelta


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """What a session says about its holder."""

    user_id: str
    token_version: int
    began_at: datetime
    seen_at: datetime
    address: str | None = None

    def has_ended(self, limits: SessionLimits, at: datetime) -> bool:
        """Tell whether one of the limits has been reached."""
        return at - self.seen_at >= limits.idle or at - self.began_at >= limits.absolute


def count_try(store: SessionStore, *, email: str, address: str | None) -> None:
    """Count a sign-in from this address; raise TooManySignIns when there were too many lately."""
    place = place_of(address)
    tries = (
        (f"try:{place}:{email.strip().lower()[:254]}", _TRIES_PER_ACCOUNT),
        (f"try:{place}", _TRIES_PER_ADDRESS),
    )
    for key, most in tries:
        if store.count(key, _WINDOW) > most:
            raise TooManySignIns(retry_after=int(_WINDOW.total_seconds()))


def admit(email: str, password: str, *, bcrypt_rounds: int, actor: Actor, at: datetime) -> User | None:
    """Return the active administrator whose password this is, else None; both are written into the audit book."""
    try:
        user = check_password(email, password, bcrypt_rounds=bcrypt_rounds)
    except (BadCredentials, AccountDeactivated):
        user = None
    if user is None or user.role is not Role.ADMINISTRATOR:
        known = directory.find_by_email(email)
        trail.record(
            actor,
            trail.Action.ACCOUNT_SIGN_IN_FAILED,
            at=at,
            subject_kind="user",
            # What was typed is not kept: people type passwords into the wrong field.
            subject_id=known.id if known else "unknown",
            door=_DOOR,
        )
        return None
    user.signed_in_at = at
    administrator = Actor(ActorKind.STAFF, user.id, user.name, actor.address)
    trail.record(
        administrator,
        trail.Action.ACCOUNT_SIGNED_IN,
        at=at,
        subject_kind="user",
        subject_id=user.id,
        door=_DOOR,
    )
    return user


def leave(user: User, *, actor: Actor, at: datetime) -> None:
    """Write down that an administrator signed out, and end what they looked at; the door drops the session."""
    viewing.end_all(user, actor=actor, at=at)
    trail.record(
        actor, trail.Action.ACCOUNT_SIGNED_OUT, at=at, subject_kind="user", subject_id=user.id, door=_DOOR
    )


def list_live(
    store: SessionStore, administrators: Mapping[str, User], *, limits: SessionLimits, at: datetime
) -> dict[str, list[SessionRecord]]:
    """The sessions that would let their holder in now, by account id, the one used last first.

    All are looked through: those that nobody has signed in with cost a stranger nothing, and must hide none.
    """
    found: dict[str, list[SessionRecord]] = {}
    for values in store.list(KEYS):
        record = read(values)
        holder = administrators.get(record.user_id) if record is not None else None
        if (
            record is not None
            and holder is not None
            and _may(holder, record)
            and not record.has_ended(limits, at)
        ):
            found.setdefault(record.user_id, []).append(record)
    return {id_: sorted(mine, key=lambda each: each.seen_at, reverse=True) for id_, mine in found.items()}


def read(values: Mapping[str, Any]) -> SessionRecord | None:
    """What a session says about its holder; None while nobody has signed in with it."""
    try:
        return SessionRecord(
            str(values["_user_id"]),
            int(values["version"]),
            datetime.fromisoformat(values["began"]),
            datetime.fromisoformat(values["seen"]),
            values.get("address"),
        )
    except (KeyError, TypeError, ValueError):
        return None


def holder_of(record: SessionRecord, *, limits: SessionLimits, at: datetime) -> User | None:
    """The administrator a session speaks for, or None when it has ended or the account may not any more."""
    if record.has_ended(limits, at):
        return None
    try:
        user = directory.get_user(parse_id(record.user_id))
    except NoSuchUser:
        return None
    return user if _may(user, record) else None


def _may(user: User, record: SessionRecord) -> bool:
    is_same = user.token_version == record.token_version
    return user.is_active and user.role is Role.ADMINISTRATOR and is_same
