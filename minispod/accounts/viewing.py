"""An administrator looks at the shop as a customer sees it (docs/adr/0044).

A viewing has a reason, an end, and one administrator. It gives an access token that names both people (`act`, RFC
8693) and no refresh token, and, for the front end's own sign-in form, a password that works once. Every door that
takes an access token asks here whether the viewing still stands; that it changes nothing is guarded in api/guard.
"""

import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, delete, func, or_, select, update
from sqlalchemy.orm import aliased

from minispod.accounts import tokens
from minispod.accounts.errors import NoSuchUser, NoSuchViewing, NotViewable
from minispod.accounts.models import User, Viewing
from minispod.accounts.tokens import TokenKeys
from minispod.audit import trail
from minispod.kernel.actor import Actor, ActorKind, Role
from minispod.kernel.database import lock, session

LASTS = timedelta(minutes=30)
CODE_LASTS = timedelta(minutes=3)
_MARK = "view-"
_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Seen:
    """A viewing that stands, with both people in it."""

    viewing: Viewing
    administrator: User
    customer: User

    @property
    def name(self) -> str:
        """How the customer is called where the front end shows who is signed in: so that nobody forgets."""
        return f"{self.customer.name} (seen by {self.administrator.name})"


def begin(customer_id: uuid.UUID, reason: str, *, actor: Actor, at: datetime) -> Viewing:
    """Begin to look as a customer; refuses NoSuchUser, and NotViewable for staff and for who cannot sign in.

    Locks both accounts, the administrator's first: who takes a right from one of them finds the viewing, and ends it.
    """
    administrator: User | None = lock(User, actor.user_id)
    customer: User | None = lock(User, customer_id)
    if customer is None:
        raise NoSuchUser()
    if administrator is None or not administrator.is_active or administrator.role is not Role.ADMINISTRATOR:
        raise NotViewable()
    if customer.role is Role.ADMINISTRATOR or not customer.is_active:
        raise NotViewable()
    viewing = Viewing(
        administrator_id=administrator.id,
        administrator_version=administrator.token_version,
        customer_id=customer.id,
        reason=reason,
        began_at=at,
        ends_at=at + LASTS,
    )
    session().add(viewing)
    trail.record(
        actor,
        trail.Action.ACCOUNT_VIEWING_BEGUN,
        at=at,
        subject_kind="user",
        subject_id=customer.id,
        reason=reason,
        until=viewing.ends_at.isoformat(),
    )
    return viewing


def end(viewing_id: uuid.UUID, *, actor: Actor, at: datetime) -> Viewing:
    """End one's own viewing; refuses NoSuchViewing."""
    seen = get_own(viewing_id, actor=actor, at=at)
    _end([seen.viewing], actor, at)
    return seen.viewing


def end_all(user: User, *, actor: Actor, at: datetime) -> None:
    """End every viewing of an account, as an administrator and as a customer: it leaves, or may not any more."""
    of_either = or_(Viewing.administrator_id == user.id, Viewing.customer_id == user.id)
    wanted = select(Viewing).where(of_either, *_standing(at))
    _end(session().scalars(wanted).all(), actor, at)


def make_code(viewing_id: uuid.UUID, *, actor: Actor, at: datetime) -> str:
    """A password with which the front end lets the viewer in as this customer, once and soon; refuses NoSuchViewing."""
    seen, code = get_own(viewing_id, actor=actor, at=at), _MARK + secrets.token_urlsafe(24)
    seen.viewing.code_digest = tokens.digest(code)
    seen.viewing.code_until = min(at + CODE_LASTS, seen.viewing.ends_at)
    trail.record(
        actor,
        trail.Action.ACCOUNT_VIEWING_CODE_MADE,
        at=at,
        subject_kind="user",
        subject_id=seen.customer.id,
    )
    return code


def is_code(password: str) -> bool:
    """Tell whether a password has the form of those that open a viewing."""
    return password.startswith(_MARK)


def take_code(email: str, code: str, *, address: str | None, at: datetime) -> Seen | None:
    """The viewing that a password opens, which is spent by it; None when it is no such password of this customer."""
    spent = session().scalar(
        update(Viewing)
        .where(
            Viewing.code_digest == tokens.digest(code),
            Viewing.code_until > at,
            Viewing.customer_id
            == select(User.id).where(func.lower(User.email) == email.strip().lower()).scalar_subquery(),
            *_standing(at),
        )
        .values(code_digest=None, code_until=None)
        .returning(Viewing.id)
    )
    seen = find(spent, at=at) if spent is not None else None
    if seen is None:
        return None
    administrator = seen.administrator
    trail.record(
        Actor(ActorKind.STAFF, administrator.id, administrator.name, address),
        trail.Action.ACCOUNT_VIEWING_OPENED,
        at=at,
        subject_kind="user",
        subject_id=seen.customer.id,
    )
    return seen


def issue(seen: Seen, *, keys: TokenKeys, at: datetime) -> str:
    """An access token for a viewing, good until its end."""
    viewing = seen.viewing
    return tokens.issue_for_viewing(
        seen.customer, viewing.id, viewing.administrator_id, keys, at, viewing.ends_at
    )


def get_own(viewing_id: uuid.UUID, *, actor: Actor, at: datetime) -> Seen:
    """One's own viewing while it stands; raise NoSuchViewing."""
    seen = find(viewing_id, at=at)
    if seen is None or seen.administrator.id != actor.user_id:
        raise NoSuchViewing()
    return seen


def list_standing(administrator_id: uuid.UUID, *, at: datetime) -> list[Seen]:
    """What an administrator is looking at now, the newest first."""
    wanted = _seen(Viewing.administrator_id == administrator_id, at=at)
    return [Seen(*row) for row in session().execute(wanted.order_by(Viewing.began_at.desc()).limit(_SHOWN))]


def find(viewing_id: uuid.UUID, *, at: datetime) -> Seen | None:
    """A viewing that stands: not over, and both accounts are still what they were."""
    row = session().execute(_seen(Viewing.id == viewing_id, at=at)).one_or_none()
    return Seen(*row) if row is not None else None


def forget(*, before: datetime) -> None:
    """Remove viewings that were over before an instant; the audit book keeps that they were."""
    session().execute(delete(Viewing).where(Viewing.ends_at < before))


def _seen(which: ColumnElement[bool], *, at: datetime) -> Select[Viewing, User, User]:
    administrator, customer = aliased(User), aliased(User)
    return (
        select(Viewing, administrator, customer)
        .join(administrator, administrator.id == Viewing.administrator_id)
        .join(customer, customer.id == Viewing.customer_id)
        .where(
            which,
            *_standing(at),
            administrator.is_active,
            administrator.role == Role.ADMINISTRATOR,
            administrator.token_version == Viewing.administrator_version,
            customer.is_active,
            customer.role == Role.USER,
        )
        .execution_options(populate_existing=True)
    )


def _standing(at: datetime) -> tuple[ColumnElement[bool], ...]:
    return Viewing.ends_at > at, Viewing.ended_at.is_(None)


def _end(viewings: Sequence[Viewing], actor: Actor, at: datetime) -> None:
    for viewing in viewings:
        viewing.ended_at = at
        viewing.code_digest = viewing.code_until = None
        trail.record(
            actor,
            trail.Action.ACCOUNT_VIEWING_ENDED,
            at=at,
            subject_kind="user",
            subject_id=viewing.customer_id,
        )
