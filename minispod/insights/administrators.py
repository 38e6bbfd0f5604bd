"""Who may use the administration: the accounts, and what each is signed in with. Reads only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from minispod.accounts.models import RefreshToken, User
from minispod.kernel.actor import Role
from minispod.kernel.database import session


@dataclass(frozen=True, slots=True)
class Administrator:
    """An account with the role, and in how many applications it is signed in over the API."""

    user: User
    applications: int


def list_administrators(*, at: datetime) -> Sequence[Administrator]:
    """Everybody with the role, blocked ones too, by name; there are few."""
    users = session().scalars(
        select(User).where(User.role == Role.ADMINISTRATOR).order_by(func.lower(User.name), User.id)
    )
    found = users.all()
    rows = session().execute(
        select(RefreshToken.user_id, func.count(RefreshToken.family_id.distinct()))
        .where(
            RefreshToken.user_id.in_([user.id for user in found]),
            RefreshToken.revoked_at.is_(None),
            RefreshToken.spent_at.is_(None),
            RefreshToken.expires_at > at,
        )
        .group_by(RefreshToken.user_id)
    )
    signed_in = {user_id: int(number) for user_id, number in rows}
    return [Administrator(user, signed_in.get(user.id, 0)) for user in found]
