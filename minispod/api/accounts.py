"""Sign up, sign in, refresh, sign out, profile: /api/v1/auth and /api/v1/user."""

from datetime import datetime
from typing import Any

from flask import g

from minispod.accounts import directory, mailed_tokens, sessions, viewing
from minispod.accounts.errors import TokenReused
from minispod.accounts.models import User
from minispod.accounts.tokens import TokenPair, new_refresh
from minispod.accounts.viewing import Seen
from minispod.api.envelope import Door
from minispod.api.guard import (
    actor_for,
    here,
    is_front_end,
    is_refused,
    limiter,
    place_and_account,
    requires_sign_in,
    seen,
)
from minispod.api.schemas.accounts import (
    AvatarIn,
    LoginIn,
    LogoutIn,
    ProfileIn,
    ProfileOut,
    RefreshedOut,
    RefreshIn,
    RegisterIn,
    SignedInOut,
)
from minispod.kernel.actor import Actor, ActorKind
from minispod.kernel.faultpoints import Step
from minispod.kernel.unit_of_work import unit_of_work
from minispod.onboarding.signup import register
from minispod.ports import current_ports, current_settings
from minispod.wallet import statements
from minispod.wallet.models import Wallet

door = Door("accounts", __name__, url_prefix="/api/v1", description="Accounts and profiles")

# Per place these are generous: a mobile network has thousands of customers behind one address.
_REFRESHES = limiter.shared_limit("600 per 5 minutes", scope="refresh")


def with_credit(user: User, wallet: Wallet) -> dict[str, Any]:
    """An account with what its wallet holds."""
    return {
        "id": user.id,
        "name": user.name,
        "email": user.email,
        "phone": user.phone,
        "role": user.role,
        "avatar": user.avatar,
        "is_active": user.is_active,
        "created_at": user.created_at,
        "updated_at": user.updated_at,
        "google_id": user.google_id,
        "is_google_user": user.google_id is not None,
        "email_verified": user.email_verified,
        "credit_balance": wallet.balance,
        "total_top_up": wallet.total_top_up,
        "total_spent": wallet.total_spent,
    }


def signed_in(user: User, wallet: Wallet, pair: TokenPair) -> dict[str, Any]:
    """What every way of signing in answers."""
    return {"user": with_credit(user, wallet), "access_token": pair.access, "refresh_token": pair.refresh}


@door.post("/auth/register")
@limiter.limit("200 per hour")
@door.arguments(RegisterIn)
@door.answers(201, SignedInOut, message="User registered successfully")
def register_account(body: dict[str, Any]) -> dict[str, Any]:
    """Open an account with its wallet, give the welcome bonuses there are, and sign in.

    A mail goes out with which the address is proven.
    """
    ports, settings = current_ports(), current_settings()
    at = ports.clock.now()
    with unit_of_work(ports.courier, Step.REGISTER):
        user, wallet = register(
            **body,
            with_welcome_bonus=True,
            bcrypt_rounds=settings.tokens.bcrypt_rounds,
            frontend_url=settings.web.frontend_url,
            actor=here(),
            at=at,
        )
        mailed_tokens.ask_verification(user, at=at)
        owner = Actor(ActorKind.CUSTOMER, user.id, user.name, here().address)
        pair = sessions.sign_in(user, keys=ports.token_keys, actor=owner, at=at)
    return signed_in(user, wallet, pair)


@door.post("/auth/login")
@limiter.limit("10 per 5 minutes", key_func=place_and_account, deduct_when=is_refused)
# Refusals are counted when they are given, so many attempts at once would all pass; and each costs a hash.
@limiter.limit("60 per 5 minutes", key_func=place_and_account)
@limiter.limit("300 per 5 minutes", exempt_when=is_front_end)
@door.arguments(LoginIn)
@door.alt_response(401, response="UNAUTHORIZED")
@door.answers(200, SignedInOut, message="Login successful")
def log_in(body: dict[str, Any]) -> dict[str, Any]:
    """Sign in with address and password; who looks as a customer uses the password that works once.

    Such a sign-in cannot be refreshed, and `viewing` says who looks and until when.
    """
    ports, settings = current_ports(), current_settings()
    at = ports.clock.now()
    if viewing.is_code(body["password"]):
        with unit_of_work(ports.courier):
            looking = viewing.take_code(body["email"], body["password"], address=here().address, at=at)
        if looking is not None:
            return _looks(looking, at)
    user = sessions.check_password(
        body["email"], body["password"], bcrypt_rounds=settings.tokens.bcrypt_rounds
    )
    actor = actor_for(user, here().address)
    with unit_of_work(ports.courier):
        pair = sessions.sign_in(user, keys=ports.token_keys, actor=actor, at=at)
        wallet = statements.get_wallet(user.id, actor=actor)
    return signed_in(user, wallet, pair)


def _looks(looking: Seen, at: datetime) -> dict[str, Any]:
    """What a sign-in answers to who looks as a customer: the front end shows the name on every page."""
    customer = looking.customer
    wallet = statements.get_wallet(customer.id, actor=actor_for(customer, here().address))
    token = viewing.issue(looking, keys=current_ports().token_keys, at=at)
    # The front end wants something there; what is stored nowhere refreshes nothing.
    answer = signed_in(customer, wallet, TokenPair(token, new_refresh()))
    return answer | {"user": answer["user"] | {"name": looking.name}, "viewing": looking}


def _refresh(body: dict[str, Any]) -> dict[str, Any]:
    ports = current_ports()
    with unit_of_work(ports.courier):
        result = sessions.refresh(
            body["refresh_token"], keys=ports.token_keys, actor=here(), at=ports.clock.now()
        )
    if isinstance(result, TokenReused):
        raise result
    user, pair = result
    return {"user": user, "access_token": pair.access, "refresh_token": pair.refresh}


@door.post("/auth/refresh-token")
@_REFRESHES
@door.arguments(RefreshIn)
@door.alt_response(401, response="UNAUTHORIZED")
@door.answers(200, RefreshedOut, message="Token refreshed successfully")
def refresh_token(body: dict[str, Any]) -> dict[str, Any]:
    """Exchange a refresh token for the next pair; each may be used once."""
    return _refresh(body)


@door.post("/auth/refresh")
@_REFRESHES
@door.arguments(RefreshIn)
@door.alt_response(401, response="UNAUTHORIZED")
@door.answers(200, RefreshedOut, message="Token refreshed successfully")
def refresh_token_by_frontend_name(body: dict[str, Any]) -> dict[str, Any]:
    """Exchange a refresh token, as `/auth/refresh-token` does."""
    return _refresh(body)


@door.post("/auth/logout")
@requires_sign_in
@door.arguments(LogoutIn)
@door.answers(200, message="Logged out successfully")
def log_out(body: dict[str, Any]) -> None:
    """End the given refresh token and its family."""
    ports = current_ports()
    with unit_of_work(ports.courier):
        sessions.sign_out(g.user.id, body["refresh_token"], actor=g.actor, at=ports.clock.now())


@door.post("/auth/logout-all")
@requires_sign_in
@door.answers(200, message="Logged out from all devices successfully")
def log_out_everywhere() -> None:
    """End every token of the account at once."""
    ports = current_ports()
    with unit_of_work(ports.courier):
        sessions.sign_out_everywhere(g.user.id, actor=g.actor, at=ports.clock.now())


def _own_account() -> dict[str, Any]:
    looking = seen()
    return {"user": g.user} | ({"viewing": looking} if looking is not None else {})


@door.get("/auth/profile")
@requires_sign_in
@door.answers(200, ProfileOut, message="Profile retrieved successfully")
def auth_profile() -> dict[str, Any]:
    """Show one's own account; `viewing` is there while an administrator looks as its owner."""
    return _own_account()


@door.get("/user/profile")
@requires_sign_in
@door.answers(200, ProfileOut, message="Profile retrieved successfully")
def show_profile() -> dict[str, Any]:
    """Show one's own account; `viewing` is there while an administrator looks as its owner."""
    return _own_account()


@door.put("/user/profile")
@requires_sign_in
@door.arguments(ProfileIn)
@door.answers(200, ProfileOut, message="Profile updated successfully")
def change_profile(body: dict[str, Any]) -> dict[str, Any]:
    """Change one's own name, phone and avatar; blanks clear the last two."""
    return _changed(body)


@door.patch("/user/avatar")
@requires_sign_in
@door.arguments(AvatarIn)
@door.answers(200, ProfileOut, message="Avatar updated successfully")
def change_avatar(body: dict[str, Any]) -> dict[str, Any]:
    """Change one's own picture; a blank takes it away."""
    return _changed(body)


def _changed(body: dict[str, Any]) -> dict[str, Any]:
    ports = current_ports()
    with unit_of_work(ports.courier):
        user = directory.change_profile(g.user.id, body, actor=g.actor, at=ports.clock.now())
    return {"user": user}
