"""Bearer token to Actor, and roles. The role is read from the database at every request."""

import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import lru_cache, partial, wraps
from hashlib import sha256
from math import ceil
from typing import Any

import structlog
from flask import Flask, Response, current_app, g, request
from flask_jwt_extended import JWTManager, decode_token
from flask_jwt_extended.exceptions import JWTExtendedException
from flask_limiter import Limiter
from jwt import PyJWTError
from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from minispod.accounts import sessions, viewing
from minispod.accounts.errors import BadToken, StaffOnly, ViewingOnly
from minispod.accounts.models import User
from minispod.accounts.sessions import Account
from minispod.accounts.tokens import ALGORITHM, check_claims
from minispod.accounts.viewing import Seen
from minispod.api.envelope import FORMS
from minispod.kernel.actor import Actor, ActorKind, Role, place_of, visitor
from minispod.kernel.errors import TooMany, Unauthenticated
from minispod.kernel.questions import Question
from minispod.kernel.unit_of_work import allow_writes, refuse_writes
from minispod.ports import current_ports, current_settings
from minispod.settings import Settings

_READING = frozenset({"GET", "HEAD", "OPTIONS"})
WRITES = "120 per minute"
"""What one account, or one place without one, may change in a minute where a route says nothing else."""
READS = parse("1200 per minute")
"""What they may read; the front end asks every three seconds in each tab that is open."""
_TEN_YEARS = 10 * 365 * 24 * 3600
_SIGNED = "minispod.signed_tokens"


def _who() -> str:
    """Whose requests these are: before a view has looked, the account that a token of ours names; else the place."""
    user: Account | None = g.get("user")
    if user is not None and seen() is None:
        return str(user.id)
    claims = _claims()
    return str(claims.get("viewing") or claims.get("userId")) if claims else _place()


def _place() -> str:
    return place_of(request.remote_addr)


def _sent(name: str) -> Any:
    """One field of whatever body came, before anything has read it: read as the view will read it, and no other way."""
    if request.mimetype in FORMS:
        request.get_data(cache=True)  # a form is read off the wire; what was sent is still to be told from it
        return request.form.get(name)
    try:
        body = request.get_json(force=True, silent=True)
    except RecursionError:
        body = None
    return body.get(name) if isinstance(body, dict) else None


def place_and_account() -> str:
    """The place together with the account that is tried: guessing is slowed down, neighbours behind one address not."""
    account = sha256(str(_sent("email")).strip().lower().encode("utf-8", "replace")).hexdigest()[:32]
    return f"{place_of(request.remote_addr)}:{account}"


def is_refused(response: Response) -> bool:
    """Whether an attempt failed: who knows the password is no guesser, however often he signs in."""
    return response.status_code >= 400


def is_front_end() -> bool:
    """Whether the front end's own server asks, which signs all its customers in from one place."""
    return request.remote_addr in current_settings().web.frontend_addresses


def _needs_no_limit() -> bool:
    return request.method in _READING or not request.path.startswith("/api/")


limiter = Limiter(
    _who,
    strategy="moving-window",
    headers_enabled=True,
    default_limits=[WRITES],
    default_limits_exempt_when=_needs_no_limit,
)


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
    # A signature that was good stays good, and a page that is open shows the same token every few seconds.
    app.extensions[_SIGNED] = lru_cache(maxsize=1024)(partial(decode_token, allow_expired=True))
    app.config["RATELIMIT_ENABLED"] = settings.operation.rate_limits_enabled
    app.config["RATELIMIT_STORAGE_URI"] = settings.redis.redis_url
    app.config["RATELIMIT_IN_MEMORY_FALLBACK_ENABLED"] = True
    limiter.init_app(app)
    app.teardown_request(lambda error: allow_writes())
    _count_reads(app)


def _count_reads(app: Flask) -> None:
    """Count reads in the memory of each process: they come by the thousand, and go on when Redis is silent."""
    counter = FixedWindowRateLimiter(MemoryStorage())

    @app.before_request
    def count() -> None:
        if not limiter.enabled or request.method not in {"GET", "HEAD"}:
            return
        if not request.path.startswith("/api/"):
            return
        who = _who()
        if not counter.hit(READS, who):
            over_at = counter.get_window_stats(READS, who).reset_time
            raise TooMany(retry_after=max(1, ceil(over_at - time.time())))


def here() -> Actor:
    """The visitor of this request, before anybody signed in."""
    return visitor(request.remote_addr)


def _token() -> str:
    header = request.headers.get("Authorization", "")
    return header.split(" ", 1)[1].strip() if " " in header else ""


def _claims() -> dict[str, Any] | None:
    """What the bearer token says, if we signed it; read once a request. Whether it still counts is asked elsewhere."""
    if "claims" not in g:
        g.claims = None
        if token := _token():
            with suppress(PyJWTError, JWTExtendedException, ValueError):
                g.claims = current_app.extensions[_SIGNED](token)
    claims: dict[str, Any] | None = g.claims
    return claims


Beside = Callable[[datetime], tuple[Question, dict[str, Any]]]
"""What a view asks beside the account, at an instant: a question of `sessions.beside_account`, and its values."""


def signed_in(beside: Beside | None = None) -> tuple[Account, Actor]:
    """The account behind the bearer token; raise an Unauthenticated refusal, and ViewingOnly to who only looks.

    What was asked `beside` it is found in `g.own`.
    """
    if not _token():
        raise Unauthenticated("Access token is required")
    claims = _claims()
    if claims is None:
        raise BadToken()
    at = current_ports().clock.now()
    said = check_claims(claims, at)
    if beside is None:
        user = sessions.account_of(said, at)
    else:
        question, values = beside(at)
        user, g.own = sessions.account_beside(question, said, at, **values)
    if said.viewing_id is not None:
        _only_look(said.viewing_id, at)
    return user, actor_for(user, request.remote_addr)


def seen() -> Seen | None:
    """The viewing of this request: an administrator looks as the customer; None for the customer."""
    found: Seen | None = g.get("seen")
    return found


def _only_look(viewing_id: uuid.UUID, at: datetime) -> None:
    """Whoever looks as somebody else only reads: secrets are shown by POST, and a read that would write is refused."""
    if request.method not in _READING:
        raise ViewingOnly()
    g.seen = viewing.find(viewing_id, at=at)
    refuse_writes(ViewingOnly)


def actor_for(user: Account | User, address: str | None) -> Actor:
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
    return _requires_sign_in(view, None)


def requires_sign_in_beside(beside: Beside) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The same; the view finds what was asked beside the account in `g.own`."""
    return partial(_requires_sign_in, beside=beside)


def _requires_sign_in(view: Callable[..., Any], beside: Beside | None) -> Callable[..., Any]:
    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        g.user, g.actor = signed_in(beside)
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
