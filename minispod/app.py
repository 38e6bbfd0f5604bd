"""create_app: assemble the parts, register the doors, return the application."""

import re
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import flask_smorest
import orjson
import structlog
from flask import Flask, Response, abort, g, request
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix

from minispod import __version__, tables
from minispod.admin import panel
from minispod.api import (
    account_pages,
    connect_page,
    cross_origin,
    docs_page,
    document,
    doors,
    enumerations,
    fast_json,
    guard,
    patience,
    problems,
)
from minispod.api.addressing import OneTree
from minispod.api.envelope import ProblemSchema
from minispod.integrations.redis_queue import connection
from minispod.jobs import letters
from minispod.kernel import logs
from minispod.kernel.connections import know_ids, look_before_use
from minispod.kernel.database import (
    DATABASE_SILENCE,
    begin_reading,
    bound_transactions,
    db,
    end_reading,
    read_alone,
)
from minispod.kernel.errors import Refusal
from minispod.kernel.unit_of_work import database_unavailable
from minispod.on_demand import Commands, Migrations
from minispod.ports import Ports
from minispod.rules import check_rules
from minispod.settings import Settings
from minispod.wiring import build_ports

if TYPE_CHECKING:
    from minispod.jobs.schedule import Periodic

log = structlog.get_logger(__name__)

ROOT = Path(__file__).resolve().parent.parent
_SCHEMA = tables.__all__
# What others may call a request: it goes into logs, answers and the outbox.
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{8,64}")
_READING = frozenset({"GET", "HEAD"})


class _Application(Flask):
    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Nothing here is a coroutine; Flask would look for one at every hook of every request."""
        return func


class _Api(flask_smorest.Api):
    ERROR_SCHEMA = ProblemSchema

    def handle_http_exception(self, error: HTTPException) -> Any:
        """flask-smorest answers for the whole application; the pages have an answer of their own."""
        return _answer_http_error(error)


def create_app(settings: Settings | None = None, ports: Ports | None = None) -> Flask:
    """Build the application; raise BadSettings when the environment makes no sense."""
    settings = settings or Settings.from_environment()
    check_rules(settings)
    app = _Application(
        "minispod", template_folder=str(ROOT / "templates"), static_folder=str(ROOT / "static")
    )
    app.cli = Commands(app)
    app.extensions["minispod.settings"] = settings
    app.extensions["minispod.ports"] = ports or build_ports(settings)
    logs.configure(settings.operation.log_level, as_json=settings.operation.log_json)
    _configure(app, settings)
    db.init_app(app)
    with app.app_context():
        bound_transactions(db.engine)
        look_before_use(db.engine)
        know_ids(db.engine)
        read_alone(app, prepares=settings.database.database_prepares)
    Migrations(app, ROOT / "migrations")
    _bind_requests(app)
    guard.init_app(app, settings)
    patience.init_app(app, settings)
    cross_origin.init_app(app, settings)
    _register_api(app)
    app.register_blueprint(connect_page.door)
    app.register_blueprint(account_pages.door)
    app.register_blueprint(docs_page.door)
    panel.init_app(app, settings, lambda: _timetable(settings), letters.write)
    _answer_errors(app)
    app.wsgi_app = OneTree(app.wsgi_app)  # type: ignore[method-assign]
    if settings.operation.serve_realtime:
        from minispod.realtime.server import attach

        attach(app)
    if settings.web.trusted_proxies:
        hops = settings.web.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    return app


def _timetable(settings: Settings) -> tuple["Periodic", ...]:
    """Read with all that the clock does when a page shows it: fifty modules that no request needs otherwise."""
    from minispod.jobs.schedule import schedule

    return schedule(settings)


def _configure(app: Flask, settings: Settings) -> None:
    app.secret_key = settings.web.secret_key.get_secret_value()
    fast_json.init_app(app)
    app.url_map.strict_slashes = False
    app.config.update(
        SQLALCHEMY_DATABASE_URI=settings.database.database_url,
        SQLALCHEMY_ENGINE_OPTIONS={
            "pool_size": settings.database.database_pool_size,
            "max_overflow": settings.database.database_pool_overflow,
            "pool_use_lifo": True,  # the connection used last is the one PostgreSQL has at hand
            "connect_args": {
                "connect_timeout": 5,
                "application_name": "minispod",
            },
            "json_deserializer": orjson.loads,
            "hide_parameters": True,  # an error must not carry hashes and sealed values into a log
        },
        # The same short patience with Redis as everywhere: without it a silent one holds every limited request.
        RATELIMIT_STORAGE_OPTIONS={"connection_pool": connection(settings.redis.redis_url).connection_pool},
        MAX_CONTENT_LENGTH=1024 * 1024,
        API_TITLE="MinisPod",
        API_VERSION=__version__,
        OPENAPI_VERSION="3.1.0",
        OPENAPI_JSON_PATH="openapi.json",
        OPENAPI_URL_PREFIX="/api/v1",
    )


def _register_api(app: Flask) -> None:
    api = _Api(
        app,
        spec_kwargs={
            "extra_plugins": [document.Completing()],
            "info": {"description": document.ABOUT},
            "servers": [{"url": "/"}],
            "components": {
                "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}
            },
        },
    )
    for told in (document.example_of, document.pattern_of, enumerations.words_of):
        api.ma_plugin.converter.add_attribute_function(told)
    for door in doors.all_doors():
        api.register_blueprint(door)


def _bind_requests(app: Flask) -> None:
    @app.before_request
    def bind() -> None:
        given = request.headers.get("X-Request-ID", "")
        g.request_id = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=g.request_id)
        if request.method in _READING:
            begin_reading()
        if "\x00" in request.path:  # no name of ours has one, and PostgreSQL refuses to look for it
            abort(404)

    @app.teardown_request
    def unbind(_: BaseException | None) -> None:
        end_reading()

    @app.after_request
    def stamp(response: Response) -> Response:
        response.headers["X-Request-ID"] = g.get("request_id", "")
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("Referrer-Policy", "same-origin")
        # The limiter says when to come again with every answer it counts; a client takes that for a refusal.
        if response.status_code < 413:
            response.headers.pop("Retry-After", None)
        if request.path.startswith("/api/"):
            response.headers.setdefault("Cache-Control", "no-store")
            log.info(
                "request.done",
                method=request.method,
                route=request.url_rule.rule if request.url_rule else None,
                status=response.status_code,
            )
        return response


def _answer_errors(app: Flask) -> None:
    app.register_error_handler(Refusal, _answer_refusal)
    for silence in DATABASE_SILENCE:
        app.register_error_handler(silence, _answer_database_silence)
    app.register_error_handler(HTTPException, _answer_http_error)

    @app.errorhandler(Exception)
    def crash(error: Exception) -> Any:
        if _is_api():
            return problems.answer_crash(error)
        log.error("page.crashed", exc_info=error)
        return panel.answer_page_error(500)


def _answer_refusal(refusal: Refusal) -> Any:
    if _is_api():
        return problems.answer_refusal(refusal)
    return panel.answer_refusal(refusal)


def _answer_database_silence(silence: Exception) -> Any:
    """A read outside a unit of work met a database that is away."""
    return _answer_refusal(database_unavailable(silence))


def _answer_http_error(error: HTTPException) -> Any:
    if _is_api():
        return problems.answer_http_error(error)
    if error.code and error.code < 400:
        return error.get_response()
    return panel.answer_page_error(error.code or 500, error)


def _is_api() -> bool:
    return request.path.startswith("/api/")
