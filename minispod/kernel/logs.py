"""Structured logs: a constant event name, fields beside it, ids not objects.

The doors bind `request_id`, `job_id`, `task` and `actor_id` once; every line below carries them.
"""

import logging
import sys
from typing import Any

import structlog

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
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for chatty in ("rq.worker", "urllib3", "werkzeug", "rq_scheduler"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def _mask(logger: Any, name: str, event: dict[str, Any]) -> dict[str, Any]:
    for key in event:
        if any(word in key.lower() for word in _SECRET_WORDS):
            event[key] = "***"
    return event
