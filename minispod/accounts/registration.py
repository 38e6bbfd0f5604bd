"""Open an account. The wallet and the welcome are added by `onboarding`, above this floor."""

from datetime import datetime

from sqlalchemy.exc import IntegrityError

from minispod.accounts.directory import find_by_email
from minispod.accounts.errors import EmailTaken, PhoneTaken
from minispod.accounts.models import User
from minispod.accounts.passwords import hash_password
from minispod.audit import trail
from minispod.kernel.actor import Actor, Role
from minispod.kernel.database import session


def open_account(
    *,
    name: str,
    email: str,
    password: str,
    phone: str | None = None,
    avatar: str | None = None,
    role: Role = Role.USER,
    bcrypt_rounds: int,
    actor: Actor,
    at: datetime,
) -> User:
    """Create the account; refuses a taken address (EmailTaken) or phone (PhoneTaken).

    The address that staff or the command line give is taken as proven; who registers proves theirs by mail.
    """
    user = User(
        name=name.strip(),
        email=email.strip(),
        phone=phone or None,
        avatar=avatar or None,
        role=role,
        email_verified=actor.is_staff or actor.is_system,
        password_hash=hash_password(password, bcrypt_rounds),
        created_at=at,
        updated_at=at,
    )
    write_account(user, actor=actor)
    return user


def write_account(user: User, *, actor: Actor, **details: str) -> None:
    """Write a new account now; the unique indexes decide between two that come at once (EmailTaken, PhoneTaken)."""
    try:
        with session().begin_nested():
            session().add(user)
            session().flush()  # the database answers now, while the refusal can still be worded
    except IntegrityError:
        is_known = find_by_email(user.email) is not None
        raise (EmailTaken() if is_known else PhoneTaken()) from None
    trail.record(
        actor,
        trail.Action.ACCOUNT_REGISTERED,
        at=user.created_at,
        subject_kind="user",
        subject_id=user.id,
        role=user.role.value,
        **details,
    )
