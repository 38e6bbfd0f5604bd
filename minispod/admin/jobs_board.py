"""The RQ dashboard, mounted behind the administration's gate.

It carries no CSRF tokens and changes state on one GET: its writes are therefore taken from our own pages only
(same origin), and never by GET. What it can delete are deliveries; the work itself lies in the outbox.
"""

from collections.abc import Callable, Mapping
from typing import Any

import rq_dashboard
from flask import Flask, Response, abort, current_app, jsonify, request
from jinja2.ext import Extension
from rq_dashboard.web import NoSuchJobError, setup_rq_connection

from minispod.admin.pages import split_address
from minispod.admin.sessions import PATH
from minispod.settings import Settings

BOARD = f"{PATH}/jobs"
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_LISTS = frozenset({"queued", "started", "finished", "failed", "deferred", "scheduled", "canceled"})
_MOST = 10_000
# Its scripts are known by our nonce, its icon is ours, and there is a way back to our pages.
CHANGES = {
    '<script type="text/javascript">': '<script nonce="{{ script_nonce() }}" type="text/javascript">',
    "url_for('static', filename='favicon.ico')": "url_for('static', filename='img/mark.svg')",
    '<a class="navbar-brand">RQ-dashboard</a>': (
        '<a class="navbar-brand" href="{{ url_for(\'panel.work\') }}">&larr; MinisPod, jobs</a>'
    ),
}


class _OurWords(Extension):
    """Makes CHANGES in the dashboard's templates as they are read; what they show is escaped as before."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        """The source of one template, changed where it is the dashboard's."""
        if name is None or not name.startswith("rq_dashboard/"):
            return source
        for theirs, ours in CHANGES.items():
            source = source.replace(theirs, ours)
        return source


def init_app(app: Flask, settings: Settings, answer_missing: Callable[[int], Any]) -> None:
    """Mount the dashboard; it connects to Redis when it is first opened. Finished jobs soon exist no more."""
    app.config["RQ_DASHBOARD_REDIS_URL"] = settings.redis.redis_url
    setup_rq_connection(app)
    app.jinja_env.add_extension(_OurWords)
    app.register_blueprint(rq_dashboard.blueprint, url_prefix=BOARD)
    app.register_error_handler(NoSuchJobError, lambda _: answer_missing(404))


def is_board(path: str) -> bool:
    """Tell whether a path belongs to the dashboard."""
    return path == BOARD or path.startswith(BOARD + "/")


def check() -> Response | None:
    """Refuse writes that do not come from our own pages, writes by GET, and other Redis servers than ours."""
    if not _is_sensible(request.view_args or {}):
        abort(404)
    if request.method in _READING:
        if request.endpoint == "rq_dashboard.requeue_all":
            abort(405, valid_methods=["POST"])
        return None
    origin = request.headers.get("Origin") or request.headers.get("Referer") or ""
    parts = split_address(origin)
    if parts is None or parts.netloc != request.host:
        abort(403)
    return jsonify(status="OK") if _has_nothing_to_compact() else None


def _is_sensible(asked: Mapping[str, Any]) -> bool:
    """Tell whether the dashboard knows what it is asked for; it would crash on what it does not."""
    numbers = [str(asked[name]) for name in ("per_page", "page") if name in asked]
    return (
        not asked.get("instance_number")
        and asked.get("registry_name", "queued") in _LISTS
        and all(number.isascii() and number.isdigit() and 0 < int(number[:9]) <= _MOST for number in numbers)
    )


def _has_nothing_to_compact() -> bool:
    """RQ fails on a queue that was never used or is empty, where there is simply nothing to do."""
    if request.endpoint != "rq_dashboard.compact_queue":
        return False
    name = (request.view_args or {})["queue_name"]
    return not current_app.redis_conn.exists(f"rq:queue:{name}")  # type: ignore[attr-defined]
