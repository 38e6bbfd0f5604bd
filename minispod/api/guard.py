"""Bearer token to Actor, and roles. The role is read from the database at every request."""

from collections.abc import Callable
from functools import wraps
from hashlib import sha256
from typing import Any

import structlog
from flask import Flask, Response, g, request
from flask_jwt_extended import JWTManager, decode_token
from flask_jwt_extended.exceptions import JWTExtendedException
from flask_limiter import Limiter
from jwt import PyJWTError

from minispod.accounts import sessions
from minispod.accounts.errors import BadToken, StaffOnly
from minispod.accounts.models import User
from minispod.accounts.tokens import ALGORITHM, check_claims
from minispod.kernel.actor import Actor, ActorKind, Role, place_of, visitor
from minispod.kernel.errors import Unauthenticated
from minispod.ports import current_ports
from minispod.settings import Settings

_TEN_YEARS = 10 * 365 * 24 * 3600


def _who() -> str:
    user: User | None = g.get("user")
    return str(user.id) if user else _place()


def _place() -> str:
    return place_of(request.remote_addr)


def _sent(name: str) -> Any:
    """One field of whatever body came, before anything has read it."""
    try:
        body = request.get_json(force=True, silent=True)
    except RecursionError:
        body = None
    return (body if isinstance(body, dict) else request.form).get(name)


def place_and_account() -> str:
    """The place together with the account that is tried: guessing is slowed down, neighbours behind one address not."""
    account = sha256(str(_sent("email")).strip().lower().encode("utf-8", "replace")).hexdigest()[:32]
    return f"{place_of(request.remote_addr)}:{account}"


limiter = Limiter(_who, strategy="moving-window", headers_enabled=True)


def _names_no_coupon() -> bool:
    return not _sent("couponCode")


def _is_bad_guess(response: Response) -> bool:
    """Tell whether the answer refuses a coupon code; what was right is not counted."""
    body = response.get_json(silent=True) or {}
    looked_at = (body.get("data") or {}).get("validation") or {}
    return looked_at.get("valid") is False or str(body.get("code", "")).startswith("promotions.")


def _guesses(limit: str, key_func: Callable[[], str]) -> Any:
    return limiter.shared_limit(
        limit,
        scope=f"coupon-{key_func.__name__}",
        key_func=key_func,
        exempt_when=_names_no_coupon,
        deduct_when=_is_bad_guess,
    )


def limit_guesses(view: Callable[..., Any]) -> Callable[..., Any]:
    """Stop whoever guesses coupon codes. All doors that take a code count together, per account and per place."""
    # Accounts cost nothing; a place has room for the typing errors of many customers.
    return _guesses("20 per hour", _who)(_guesses("200 per hour", _place)(view))  # type: ignore[no-any-return]


def init_app(app: Flask, settings: Settings) -> None:
    """Configure token reading and rate limits."""
    app.config["JWT_SECRET_KEY"] = settings.tokens.jwt_secret.get_secret_value()
    app.config["JWT_ALGORITHM"] = ALGORITHM
    # Expiry is judged by our clock port (check_claims); the library's own clock must not interfere.
    app.config["JWT_DECODE_LEEWAY"] = _TEN_YEARS
    JWTManager(app)
    app.config["RATELIMIT_ENABLED"] = settings.operation.rate_limits_enabled
    app.config["RATELIMIT_STORAGE_URI"] = settings.redis.redis_url
    app.config["RATELIMIT_IN_MEMORY_FALLBACK_ENABLED"] = True
    limiter.init_app(app)


def here() -> Actor:
    """The visitor of this request, before anybody signed in."""
    return visitor(request.remote_addr)


def signed_in() -> tuple[User, Actor]:
    """The account behind the bearer token; raise an Unauthenticated refusal."""
    header = request.headers.get("Authorization", "")
    token = header.split(" ", 1)[1].strip() if " " in header else ""
    if not token:
        raise Unauthenticated("Access token is required")
    try:
        claims = decode_token(token, allow_expired=True)
    except (PyJWTError, JWTExtendedException, ValueError):
        raise BadToken() from None
    user = sessions.account_of(check_claims(claims, current_ports().clock.now()))
    return user, actor_for(user, request.remote_addr)


def actor_for(user: User, address: str | None) -> Actor:
    """The actor an account acts as."""
    kind = ActorKind.STAFF if user.role is Role.ADMINISTRATOR else ActorKind.CUSTOMER
    return Actor(kind, user.id, user.name, address)


def is_staff_looking() -> bool:
    """Whether an administrator asks at a door that is open to all; no token and a bad one are a visitor's."""
    try:
        return signed_in()[0].role is Role.ADMINISTRATOR
    except Unauthenticated:
        return False


def requires_sign_in(view: Callable[..., Any]) -> Callable[..., Any]:
    """Refuse visitors; the view finds the account in `g.user` and the actor in `g.actor`."""

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        g.user, g.actor = signed_in()
        structlog.contextvars.bind_contextvars(actor_id=str(g.user.id))
        return view(*args, **kwargs)

    return _secured(guarded)


def requires_staff(view: Callable[..., Any]) -> Callable[..., Any]:
    """Refuse everybody but administrators."""

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        g.user, g.actor = signed_in()
        structlog.contextvars.bind_contextvars(actor_id=str(g.user.id))
        if g.user.role is not Role.ADMINISTRATOR:
            raise StaffOnly()
        return view(*args, **kwargs)

    return _secured(guarded, **{"x-role": Role.ADMINISTRATOR.value})


def _secured(view: Any, **facts: str) -> Callable[..., Any]:
    # flask-smorest reads this attribute when it writes the OpenAPI document.
    said = getattr(view, "_apidoc", {})
    secured = {**said.get("manual_doc", {}), "security": [{"bearer": []}], **facts}
    view._apidoc = {**said, "manual_doc": secured}
    return view  # type: ignore[no-any-return]
