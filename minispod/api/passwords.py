"""Prove an address, choose and change a password: /api/v1/auth. The mails lead to `account_pages`."""

from typing import Any

from flask import g

from minispod.accounts import mailed_tokens, sessions
from minispod.accounts.models import User
from minispod.api.accounts import signed_in
from minispod.api.envelope import Door
from minispod.api.guard import here, limiter, place_and_account, requires_sign_in
from minispod.api.schemas.accounts import (
    ForgottenIn,
    MailedTokenIn,
    PasswordChangeIn,
    PasswordResetIn,
    SignedInOut,
)
from minispod.kernel.unit_of_work import unit_of_work
from minispod.ports import current_ports, current_settings
from minispod.wallet import statements

door = Door("passwords", __name__, url_prefix="/api/v1/auth", description="Passwords and proven addresses")

TOKEN_TRIES = limiter.shared_limit("60 per 5 minutes", scope="mailed-token")


@door.post("/email/verification")
@requires_sign_in
@limiter.limit("10 per hour")
@door.answers(200, message="If your address is not verified yet, a mail is on its way")
def ask_verification() -> None:
    """Have a mail sent that proves one's own address."""
    mail_verification()


@door.post("/email/verify")
@TOKEN_TRIES
@door.arguments(MailedTokenIn)
@door.answers(200, message="Email address verified")
def verify_email(body: dict[str, Any]) -> None:
    """Prove an address with the token of the mail."""
    prove_address(body["token"])


@door.post("/password/forgot")
@limiter.limit("5 per hour", key_func=place_and_account)
@limiter.limit("100 per hour")
@door.arguments(ForgottenIn)
@door.answers(200, message="If there is an account with this address, a mail is on its way")
def forgot_password(body: dict[str, Any]) -> None:
    """Have a mail sent with which a new password is chosen.

    The answer is the same whether there is an account or not.
    """
    ports = current_ports()
    with unit_of_work(ports.courier):
        mailed_tokens.ask_reset(body["email"], actor=here(), at=ports.clock.now())


@door.post("/password/reset")
@TOKEN_TRIES
@door.arguments(PasswordResetIn)
@door.answers(200, message="Password changed. Please sign in.")
def reset_password(body: dict[str, Any]) -> None:
    """Choose a new password with the token of the mail; every device is signed out."""
    choose_password(body["token"], body["password"])


@door.post("/password/change")
@requires_sign_in
@limiter.limit("10 per 5 minutes")
@door.arguments(PasswordChangeIn)
@door.answers(200, SignedInOut, message="Password changed successfully")
def change_password(body: dict[str, Any]) -> dict[str, Any]:
    """Change one's own password; every device is signed out, and this one goes on with the tokens of the answer."""
    ports, settings = current_ports(), current_settings()
    at = ports.clock.now()
    with unit_of_work(ports.courier):
        user = mailed_tokens.change_password(
            g.user.id,
            body["current_password"],
            body["new_password"],
            bcrypt_rounds=settings.tokens.bcrypt_rounds,
            actor=g.actor,
            at=at,
        )
        pair = sessions.sign_in(user, keys=ports.token_keys, actor=g.actor, at=at)
        wallet = statements.get_wallet(user.id, actor=g.actor)
    return signed_in(user, wallet, pair)


def mail_verification() -> None:
    """Mail whoever is signed in what proves the address; shared with the door that wants it proven."""
    ports = current_ports()
    with unit_of_work(ports.courier):
        user = sessions.locked_account(g.user.id)
        mailed_tokens.ask_verification(user, at=ports.clock.now())


def prove_address(token: str) -> User:
    """Spend a token that proves an address; shared with the page the mail leads to."""
    ports = current_ports()
    with unit_of_work(ports.courier):
        return mailed_tokens.verify_email(token, keys=ports.token_keys, actor=here(), at=ports.clock.now())


def choose_password(token: str, password: str) -> User:
    """Spend a token for a new password; shared with the page the mail leads to."""
    ports, settings = current_ports(), current_settings()
    with unit_of_work(ports.courier):
        return mailed_tokens.reset_password(
            token,
            password,
            keys=ports.token_keys,
            bcrypt_rounds=settings.tokens.bcrypt_rounds,
            actor=here(),
            at=ports.clock.now(),
        )
