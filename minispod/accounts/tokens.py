"""Access tokens (JWT claims) and refresh tokens.

An access token carries the account, its `token_version` and nothing secret. A refresh token's
successor is derived from it with a key (HMAC), so that two refreshes within ten seconds get the same
one without any token being stored in clear (decision 39).
"""

import base64
import hashlib
import hmac
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import jwt

from minispod.accounts.errors import BadToken
from minispod.accounts.models import User
from minispod.kernel.ids import new_id

ALGORITHM = "HS256"


@dataclass(frozen=True, slots=True)
class TokenKeys:
    """The secret and the lives of the tokens."""

    secret: str = field(repr=False)
    access_life: timedelta
    refresh_life: timedelta


@dataclass(frozen=True, slots=True)
class AccessClaims:
    """What a valid access token says."""

    user_id: uuid.UUID
    version: int
    viewing_id: uuid.UUID | None = None


@dataclass(frozen=True, slots=True)
class TokenPair:
    """What a client gets when it signs in or refreshes."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)


def issue_access(user: User, keys: TokenKeys, at: datetime) -> str:
    """Sign an access token for `user`."""
    return _sign(user, keys, at, at + keys.access_life)


def issue_for_viewing(
    user: User, viewing_id: uuid.UUID, viewer_id: uuid.UUID, keys: TokenKeys, at: datetime, until: datetime
) -> str:
    """Sign an access token with which somebody else looks as `user`; `act` says who (RFC 8693)."""
    return _sign(user, keys, at, until, act={"sub": str(viewer_id)}, viewing=str(viewing_id))


def _sign(user: User, keys: TokenKeys, at: datetime, until: datetime, **more: object) -> str:
    claims = {
        "sub": str(user.id),
        "userId": str(user.id),
        "type": "access",
        "ver": user.token_version,
        "jti": new_id().hex,
        "fresh": False,
        "iat": at,
        "exp": until,
        **more,
    }
    return jwt.encode(claims, keys.secret, algorithm=ALGORITHM)


def check_claims(claims: Mapping[str, Any], at: datetime) -> AccessClaims:
    """Read the claims of a token whose signature was checked; raise BadToken when it is expired or of another kind."""
    try:
        if claims["type"] != "access" or claims["exp"] <= at.timestamp():
            raise BadToken()
        viewing = uuid.UUID(claims["viewing"]) if "act" in claims else None
        return AccessClaims(uuid.UUID(claims["sub"]), int(claims["ver"]), viewing)
    except (KeyError, ValueError, TypeError):
        raise BadToken() from None


def read_access(token: str, keys: TokenKeys, at: datetime) -> AccessClaims:
    """Check signature, kind and expiry; raise BadToken. Whether the account may act is not decided here."""
    try:
        # Expiry is judged by our clock port in check_claims, not by the library's.
        claims: dict[str, Any] = jwt.decode(
            token, keys.secret, algorithms=[ALGORITHM], options={"verify_exp": False, "verify_iat": False}
        )
    except (jwt.PyJWTError, ValueError):  # also what cannot be encoded
        raise BadToken() from None
    return check_claims(claims, at)


def new_refresh() -> str:
    """Make the first refresh token of a family."""
    return secrets.token_urlsafe(32)


def successor_of(refresh: str, keys: TokenKeys) -> str:
    """Derive the one token that may follow `refresh`."""
    raw = hmac.new(keys.secret.encode(), b"refresh-successor:" + refresh.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def digest(refresh: str) -> str:
    """The form in which a refresh token is stored."""
    return hashlib.sha256(refresh.encode()).hexdigest()
