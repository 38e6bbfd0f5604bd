"""The administration as one part of the application: registers pages, gate, tables and board; words its errors.

`create_app` calls init_app, and hands refusals and errors outside the API to the two answer functions.
"""

from collections.abc import Callable, Sequence
from typing import Any

from flask import (
    Flask,
    Response,
    current_app,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask_wtf.csrf import CSRFError
from htmx_flask import Htmx
from werkzeug.exceptions import HTTPException

from minispod.admin import (
    accounts,
    administrators,
    alerts,
    audit,
    backups,
    bulk,
    canned_answers,
    catalogue,
    cluster,
    cluster_lists,
    components,
    domains,
    environment,
    finding,
    frame,
    guard,
    instance_data,
    instance_history,
    instance_logs,
    instance_manifests,
    instance_settings,
    instances,
    jobs_board,
    languages,
    monitoring,
    node_acts,
    node_joins,
    notifications,
    orphans,
    own_language,
    pages,
    papers,
    payments,
    plans,
    policy,
    promotions,
    proof,
    raw_tables,
    recipes,
    revenue,
    scoreboard,
    sending,
    sign_in,
    subscriptions,
    tickets,
    today,
    topups,
    viewings,
    wallets,
    wording,
    work,
)
from minispod.admin.door import door
from minispod.admin.languages import gettext as _
from minispod.admin.notifications import WritesLetters
from minispod.admin.sessions import is_admin
from minispod.admin.work import Timetable
from minispod.kernel.errors import (
    Conflict,
    Forbidden,
    NotFound,
    Refusal,
    RuleBroken,
    TooMany,
    Unauthenticated,
    Unavailable,
)
from minispod.kernel.sealed import FOR_STAFF, SealBroken
from minispod.settings import Settings

_STATUS_OF_FAMILY: dict[type[Refusal], int] = {
    Unauthenticated: 401,
    Forbidden: 403,
    NotFound: 404,
    Conflict: 409,
    RuleBroken: 400,
    TooMany: 429,
    Unavailable: 503,
}
_PAGES_OF_ERRORS = frozenset({400, 403, 404, 405, 429, 500, 503})

__all__ = ["answer_page_error", "answer_refusal", "init_app"]

_PAGES = (
    accounts,
    administrators,
    alerts,
    audit,
    backups,
    bulk,
    canned_answers,
    catalogue,
    cluster,
    components,
    cluster_lists,
    domains,
    environment,
    finding,
    instance_data,
    instance_history,
    instance_logs,
    instance_manifests,
    instance_settings,
    instances,
    monitoring,
    node_acts,
    node_joins,
    notifications,
    orphans,
    own_language,
    papers,
    payments,
    plans,
    promotions,
    proof,
    recipes,
    revenue,
    scoreboard,
    sign_in,
    subscriptions,
    tickets,
    today,
    topups,
    viewings,
    wallets,
    work,
)


def init_app(
    app: Flask,
    settings: Settings,
    timetable: Callable[[], Sequence[Timetable]],
    write_letter: WritesLetters,
) -> None:
    """Register everything under /admin; `timetable` tells what runs by the clock, `write_letter` makes mails."""
    app.extensions["minispod.timetable"] = timetable
    app.extensions["minispod.write_letter"] = write_letter
    Htmx(app)
    languages.init_app(app)
    wording.init_app(app)
    app.jinja_env.globals["viewing_banner"] = viewings.standing_banner
    guard.init_app(app, settings)
    frame.init_app(app)
    app.register_blueprint(door)
    jobs_board.init_app(app, settings, answer_page_error)
    raw_tables.init_app(app)
    app.add_url_rule("/", "home", _home)
    app.add_url_rule("/favicon.ico", "favicon", _favicon)
    policy.init_app(app)
    sending.init_app(app)


def answer_refusal(refusal: Refusal) -> Any:
    """A refusal of the domain: to the sign-in, a sentence where the form stood, or a page."""
    if isinstance(refusal, Unauthenticated):
        return guard.to_sign_in()
    status = next(code for family, code in _STATUS_OF_FAMILY.items() if isinstance(refusal, family))
    said_in_place = (Conflict, RuleBroken, TooMany, Unavailable)
    if request.method == "POST" and isinstance(refusal, said_in_place) and _has_session():
        flash(languages.said(FOR_STAFF if isinstance(refusal, SealBroken) else refusal.message), "bad")
        return pages.back()
    answer = _error_page(status, languages.said(refusal.message))
    if isinstance(refusal, TooMany):
        answer.headers["Retry-After"] = str(refusal.retry_after)
    return answer


def answer_page_error(status: int, error: HTTPException | None = None) -> Any:
    """An error of the web layer, or a crash, as a page."""
    if isinstance(error, CSRFError):
        return _error_page(
            400,
            _(
                "This form was not sent from a page of your present session. Go back, reload, and send it again."
            ),
        )
    answer = _error_page(status)
    if error is not None and status in (405, 429):
        for name, value in error.get_headers():
            if name in ("Allow", "Retry-After"):
                answer.headers[name] = value
    return answer


def _error_page(status: int, sentence: str | None = None) -> Response:
    name = str(status) if status in _PAGES_OF_ERRORS else ("400" if status < 500 else "500")
    return make_response(render_template(f"errors/{name}.html", status=status, sentence=sentence), status)


def _has_session() -> bool:
    return is_admin(request.path) and not session.store_is_silent  # type: ignore[attr-defined]


def _home() -> Any:
    return redirect(url_for("panel.today"))


def _favicon() -> Any:
    return current_app.send_static_file("img/mark.svg")
