"""Structured logs: a constant event name, fields beside it, ids not objects.

The doors bind `request_id`, `job_id`, `task` and `actor_id` once; every line below carries them.
"""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

_LONGEST_TRACE = 12_000
# PostgreSQL quotes the statement and the row it refused, with every value in them.
_QUOTED_BY_DATABASE = re.compile(r"^(DETAIL|LINE \d+):.*?(?=^\s*$|^\[SQL|\Z)", re.MULTILINE | re.DOTALL)
_SECRET_WORDS = ("password", "token", "secret", "authorization", "server_key", "credential")


def configure(level: str = "INFO", *, as_json: bool = True) -> None:
    """Send structlog and the standard library's logs to stdout in one shape."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _mask,
    ]
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if as_json
        else structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty())
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                _tidy_trace,
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for chatty in (
        "rq.worker",
        "urllib3",
        "werkzeug",
        "rq_scheduler",
        "fontTools",
        "alembic.runtime.plugins",
    ):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def _mask(logger: Any, name: str, event: dict[str, Any]) -> dict[str, Any]:
    for key in event:
        if any(word in key.lower() for word in _SECRET_WORDS):
            event[key] = "***"
    return event


def _tidy_trace(logger: Any, name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Leave out what the database quotes, and the middle of an endless trace."""
    trace = event.get("exception")
    if isinstance(trace, str):
        trace = _QUOTED_BY_DATABASE.sub(r"\1: left out\n", trace)
        if len(trace) > _LONGEST_TRACE:
            half = _LONGEST_TRACE // 2
            trace = f"{trace[:half]}\n[...]\n{trace[-half:]}"
        event["exception"] = trace
    return event
