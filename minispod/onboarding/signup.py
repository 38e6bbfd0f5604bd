"""Sign-up with a password, and what every new account gets: its wallet and its welcome."""

from datetime import datetime

from minispod.accounts.models import User
from minispod.accounts.registration import open_account
from minispod.kernel.actor import Actor, Role
from minispod.notifications import post
from minispod.notifications.messages import MessageKind
from minispod.promotions import redeeming
from minispod.wallet import ledger
from minispod.wallet.models import Wallet


def register(
    *,
    name: str,
    email: str,
    password: str,
    phone: str | None = None,
    avatar: str | None = None,
    role: Role = Role.USER,
    with_welcome_bonus: bool = False,
    bcrypt_rounds: int,
    frontend_url: str,
    actor: Actor,
    at: datetime,
) -> tuple[User, Wallet]:
    """Open account and wallet and queue the welcome; refuses EmailTaken, PhoneTaken, PasswordUnfit.

    Welcome bonuses are for people who register themselves, not for accounts that staff open.
    """
    user = open_account(
        name=name,
        email=email,
        password=password,
        phone=phone,
        avatar=avatar,
        role=role,
        bcrypt_rounds=bcrypt_rounds,
        actor=actor,
        at=at,
    )
    return user, welcome(user, with_bonus=with_welcome_bonus, frontend_url=frontend_url, actor=actor, at=at)


def welcome(user: User, *, with_bonus: bool, frontend_url: str, actor: Actor, at: datetime) -> Wallet:
    """Open the wallet of an account that was opened just now, queue the welcome, and give what there is to give."""
    wallet = ledger.open_wallet(user.id, at=at)
    post.queue(
        MessageKind.WELCOME,
        post.Recipient(user.name, user.email, user.id),
        dedupe_key=f"welcome:{user.id}",
        at=at,
        facts={"url": frontend_url},
    )
    if with_bonus:
        redeeming.give_welcome(user.id, actor=actor, at=at)
    return wallet
