"""Flask's session for the administration: the values are kept in the session store, the cookie carries a
signed random key and nothing else (decision 39).

Only paths under /admin have a session. When the store is silent the session says so and is empty: the
guard then answers 503, and nobody is let in.
"""

import hashlib
import secrets
from datetime import timedelta
from typing import Any

import structlog
from flask import Flask, Request, Response, request
from flask.sessions import SecureCookieSession, SessionInterface
from itsdangerous import BadSignature, Signer

from minispod.accounts.staff_sessions import KEYS, SessionStore, SessionsUnavailable
from minispod.settings import Settings

PATH = "/admin"
COOKIE = "minispod_admin"
_BEFORE_SIGN_IN = timedelta(minutes=30)

log = structlog.get_logger()


class StaffSession(SecureCookieSession):
    """The values of one session; `key` is None until it is kept for the first time."""

    def __init__(self, initial: dict[str, Any] | None = None, key: str | None = None) -> None:
        super().__init__(initial)
        self.key = key
        self.stale_key: str | None = None
        self.store_is_silent = False

    def renew(self) -> None:
        """Forget everything and go on under a new key, so that a planted or noted key is worth nothing."""
        self.clear()
        self.stale_key, self.key = self.key, None
        self.modified = True


class StoredSessions(SessionInterface):
    """Opens and keeps the sessions of the paths under /admin."""

    def __init__(self, settings: Settings) -> None:
        self._signer = Signer(settings.web.secret_key.get_secret_value(), salt="minispod.admin.session")
        self._life = timedelta(minutes=settings.web.admin_idle_minutes)
        self._always_secure = settings.is_production

    def open_session(self, app: Flask, request: Request) -> StaffSession:
        """Load what belongs to the request's cookie; an unknown or forged one is an empty session."""
        session = StaffSession()
        key = self._key_of(request) if is_admin(request.path) else None
        if key is None:
            return session
        try:
            values = _store(app).load(_digest(key))
        except SessionsUnavailable:
            session.store_is_silent = True
            return session
        return StaffSession(values, key) if values is not None else session

    def save_session(self, app: Flask, session: Any, response: Response) -> None:
        """Keep what has changed."""
        if not isinstance(session, StaffSession) or session.store_is_silent or not session.modified:
            return
        try:
            self._keep(session, response, _store(app))
        except SessionsUnavailable:
            # The answer stands without its session: the next request will say that nobody can be recognised.
            log.warning("admin.session_not_kept")

    def _keep(self, session: StaffSession, response: Response, store: SessionStore) -> None:
        if session.stale_key is not None:
            store.drop(_digest(session.stale_key))
        if not session:
            if session.key is not None:
                store.drop(_digest(session.key))
            response.delete_cookie(COOKIE, path=PATH)
            return
        is_new = session.key is None
        session.key = session.key or secrets.token_urlsafe(32)
        life = self._life if "_user_id" in session else min(self._life, _BEFORE_SIGN_IN)
        store.save(_digest(session.key), dict(session), life)
        if is_new:
            self._give_cookie(session.key, response)

    def _give_cookie(self, key: str, response: Response) -> None:
        response.set_cookie(
            COOKIE,
            self._signer.sign(key).decode(),
            path=PATH,
            httponly=True,
            secure=self._always_secure or request.is_secure,
            samesite="Lax",
        )

    def _key_of(self, request: Request) -> str | None:
        try:
            return self._signer.unsign(request.cookies.get(COOKIE, "")).decode()
        except (BadSignature, UnicodeDecodeError):
            return None


def is_admin(path: str) -> bool:
    """Tell whether a path belongs to the administration."""
    return path == PATH or path.startswith(PATH + "/")


def _store(app: Flask) -> SessionStore:
    store: SessionStore = app.extensions["minispod.ports"].admin_sessions
    return store


def _digest(key: str) -> str:
    # Who can read the store cannot use what is read as a cookie.
    return KEYS + hashlib.sha256(key.encode()).hexdigest()
