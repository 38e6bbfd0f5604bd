"""Who may come in: every path under /admin asks for an active administrator, and every POST for its CSRF token.

The check is made once, by path, so that pages, raw tables and the jobs board cannot forget it. Flask-Login
holds the signed-in person; the rules of sessions are in accounts/staff_sessions.
"""

from datetime import datetime, timedelta

import structlog
from flask import Flask, Response, g, redirect, request, session, url_for
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user
from flask_wtf.csrf import CSRFProtect
from werkzeug.wrappers import Response as BaseResponse

from minispod.accounts import staff_sessions
from minispod.accounts.models import User
from minispod.accounts.staff_sessions import SessionLimits, SessionsUnavailable
from minispod.admin import jobs_board, languages, pages, raw_tables
from minispod.admin.sessions import StoredSessions, is_admin
from minispod.kernel.actor import Actor, ActorKind, visitor
from minispod.ports import current_ports, current_settings
from minispod.settings import Settings

_OPEN_ENDPOINTS = frozenset({"panel.sign_in", "panel.enter", "panel.speak"})
_NOTE_USE_EVERY = timedelta(seconds=30)

csrf = CSRFProtect()


class SignedIn(UserMixin):
    """An administrator as Flask-Login wants to see one."""

    def __init__(self, user: User) -> None:
        self.user = user

    def get_id(self) -> str:
        """The account's id."""
        return str(self.user.id)


def init_app(app: Flask, settings: Settings) -> None:
    """Install session, sign-in, CSRF protection and the gate."""
    app.session_interface = StoredSessions(settings)
    # The API has bearer tokens and no cookie; the gate below protects everything that has one.
    app.config.update(WTF_CSRF_CHECK_DEFAULT=False, WTF_CSRF_TIME_LIMIT=None)
    csrf.init_app(app)
    manager = LoginManager()
    # A session is bound to its key and its limits, not to an address, which changes on a phone.
    manager.session_protection = None
    manager.user_loader(_load)
    # Not a context processor: an error page must not ask the database who is looking at it.
    manager.init_app(app, add_context_processor=False)
    app.jinja_env.globals["current_user"] = current_user
    app.before_request(_gate)


def enter(user: User, at: datetime) -> None:
    """Begin a session for an administrator whose password was checked."""
    session.renew()  # type: ignore[attr-defined]
    session["version"] = user.token_version
    session["began"] = session["seen"] = at.isoformat()
    session["address"] = request.remote_addr
    login_user(SignedIn(user))


def leave() -> None:
    """End the session of this request."""
    logout_user()
    session.renew()  # type: ignore[attr-defined]


def actor() -> Actor:
    """The administrator of this request, as acts take it."""
    who: Actor = g.actor
    return who


def stranger() -> Actor:
    """Whoever has not signed in yet."""
    return visitor(request.remote_addr)


def to_sign_in() -> BaseResponse:
    """Send the browser to the sign-in page and have it come back; htmx is told to load the whole page."""
    is_page = request.method == "GET" and not _is_fragment()
    wanted = request.full_path.rstrip("?") if is_page else _stood_on()
    target = url_for("panel.sign_in", next=wanted)
    if request.headers.get("HX-Request"):
        return Response(status=401, headers={"HX-Redirect": target})
    return redirect(target, 303)


def safe_way_back(target: str | None) -> str:
    """A path of the administration that was asked for before the sign-in; anything else is the first page."""
    home = url_for("panel.today")
    if not target or "\\" in target or not target.isprintable():
        return home
    parts = pages.split_address(target)
    return target if parts and not parts.scheme and not parts.netloc and is_admin(parts.path) else home


def _gate() -> BaseResponse | None:
    if not is_admin(request.path):
        return None
    if session.store_is_silent:  # type: ignore[attr-defined]
        raise SessionsUnavailable()
    if request.endpoint in _OPEN_ENDPOINTS:
        csrf.protect()
        return None
    if not current_user.is_authenticated:
        return to_sign_in()
    user: User = current_user.user
    g.actor = Actor(ActorKind.STAFF, user.id, user.name, request.remote_addr)
    structlog.contextvars.bind_contextvars(actor_id=str(user.id))
    _note_use()
    if jobs_board.is_board(request.path):
        return jobs_board.check()
    if raw_tables.is_table(request.path):
        raw_tables.check()
    csrf.protect()
    return None


def _load(user_id: str) -> SignedIn | None:
    if not is_admin(request.path):
        return None
    record = staff_sessions.read(session)
    if record is None or record.user_id != user_id:
        return None
    user = staff_sessions.holder_of(record, limits=limits(), at=current_ports().clock.now())
    if user is None:
        return None
    languages.speak(user.language)
    return SignedIn(user)


def _note_use() -> None:
    """Refreshes that a forgotten tab makes by itself are no use."""
    if request.headers.get("X-Refresh") == "auto":
        return
    at = current_ports().clock.now()
    if at - datetime.fromisoformat(session["seen"]) >= _NOTE_USE_EVERY:
        session["seen"] = at.isoformat()


def limits() -> SessionLimits:
    """When a session ends by itself."""
    web = current_settings().web
    return SessionLimits(timedelta(minutes=web.admin_idle_minutes), timedelta(hours=web.admin_absolute_hours))


def _stood_on() -> str | None:
    """The page of ours from which a part or a form was asked for: there the work goes on after the sign-in."""
    parts = pages.split_address(request.headers.get("HX-Current-URL") or request.referrer)
    if parts is None or parts.netloc != request.host or not is_admin(parts.path):
        return None
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def _is_fragment() -> bool:
    return bool(request.headers.get("HX-Request")) and not request.headers.get("HX-Boosted")


__all__ = ["actor", "csrf", "enter", "init_app", "leave", "limits", "safe_way_back", "stranger", "to_sign_in"]
