"""Enter with Google: the account of a proven identity, opened with wallet and welcome when there is none."""

from datetime import datetime

from minispod.accounts import google
from minispod.accounts.google import GoogleIdentity
from minispod.accounts.models import User
from minispod.kernel.actor import Actor
from minispod.onboarding.signup import welcome


def enter(identity: GoogleIdentity, *, frontend_url: str, actor: Actor, at: datetime) -> User:
    """Find, tie or open the account; refuses AccountDeactivated, GoogleAccountTaken.

    Two first entries at once: one is refused with EmailTaken and finds the account when it tries again.
    """
    user = google.find_account(identity)
    if user is not None:
        google.recognise(user, identity, actor=actor, at=at)
        return user
    user = google.open_account(identity, actor=actor, at=at)
    welcome(user, with_bonus=True, frontend_url=frontend_url, actor=actor, at=at)
    return user
