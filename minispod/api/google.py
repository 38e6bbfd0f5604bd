"""Sign in with Google, link and unlink: /api/v1/auth/google."""

from typing import Any

from flask import g

from minispod.accounts import google, sessions
from minispod.accounts.errors import BadGoogleToken, EmailTaken, GoogleTokenRefused, PhoneTaken
from minispod.accounts.google import GoogleIdentity
from minispod.api.accounts import signed_in, with_credit
from minispod.api.envelope import Door
from minispod.api.guard import actor_for, here, is_front_end, limiter, requires_sign_in
from minispod.api.schemas.accounts import GoogleTokenIn, ProfileWithCreditOut, SignedInOut
from minispod.kernel.faultpoints import Step
from minispod.kernel.unit_of_work import release_connection, unit_of_work
from minispod.onboarding.google_entry import enter
from minispod.ports import current_ports, current_settings
from minispod.wallet import statements

door = Door("google", __name__, url_prefix="/api/v1/auth/google", description="Signing in with Google")


@door.post("/login")
@limiter.limit("300 per 5 minutes", exempt_when=is_front_end)
@door.arguments(GoogleTokenIn)
@door.alt_response(401, response="UNAUTHORIZED")
@door.answers(200, SignedInOut, message="Login successful")
def log_in(body: dict[str, Any]) -> dict[str, Any]:
    """Sign in with an ID token of Google; the first time, the account is opened with its welcome bonuses."""
    identity = _verified(body["id_token"])
    try:
        return _enter(identity)
    except (EmailTaken, PhoneTaken):
        # The same person came twice at once, and the other one has opened the account.
        return _enter(identity)


@door.post("/link")
@requires_sign_in
@limiter.limit("30 per 5 minutes")
@door.arguments(GoogleTokenIn)
@door.answers(200, ProfileWithCreditOut, message="Google account linked successfully")
def link(body: dict[str, Any]) -> dict[str, Any]:
    """Tie one's own account to the Google account of the same address."""
    ports = current_ports()
    release_connection()
    try:
        identity = _verified(body["id_token"])
    except BadGoogleToken:
        raise GoogleTokenRefused() from None
    with unit_of_work(ports.courier):
        user = google.link(g.user.id, identity, actor=g.actor, at=ports.clock.now())
        wallet = statements.get_wallet(user.id, actor=g.actor)
    return {"user": with_credit(user, wallet)}


@door.post("/unlink")
@requires_sign_in
@door.answers(200, ProfileWithCreditOut, message="Google account unlinked successfully")
def unlink() -> dict[str, Any]:
    """Untie one's own account from Google's; refused while it has no password."""
    ports = current_ports()
    with unit_of_work(ports.courier):
        user = google.unlink(g.user.id, actor=g.actor, at=ports.clock.now())
        wallet = statements.get_wallet(user.id, actor=g.actor)
    return {"user": with_credit(user, wallet)}


def _verified(token: str) -> GoogleIdentity:
    ports, settings = current_ports(), current_settings()
    return google.verify(
        token,
        keys=ports.google_keys,
        client_ids=settings.google.google_client_id,
        at=ports.clock.now(),
    )


def _enter(identity: GoogleIdentity) -> dict[str, Any]:
    ports, settings = current_ports(), current_settings()
    at = ports.clock.now()
    with unit_of_work(ports.courier, Step.REGISTER):
        user = enter(identity, frontend_url=settings.web.frontend_url, actor=here(), at=at)
        actor = actor_for(user, here().address)
        pair = sessions.sign_in(user, keys=ports.token_keys, actor=actor, at=at)
        wallet = statements.get_wallet(user.id, actor=actor)
    return signed_in(user, wallet, pair)
