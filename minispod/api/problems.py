"""Refusals and errors as answers of the JSON door: the only mapping from families to HTTP."""

from typing import Any

import structlog
from flask import Response, jsonify, make_response
from werkzeug.exceptions import HTTPException, TooManyRequests

from minispod.api.envelope import timestamp
from minispod.api.schemas.base import camel
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

log = structlog.get_logger()

STATUS_OF_FAMILY: dict[type[Refusal], int] = {
    Unauthenticated: 401,
    Forbidden: 403,
    NotFound: 404,
    Conflict: 409,
    RuleBroken: 400,
    TooMany: 429,
    Unavailable: 503,
}

_RETRY_SECONDS = "5"

_CODES = {
    400: "request.bad",
    401: "unauthenticated",
    403: "forbidden",
    404: "route.not_found",
    405: "route.method_not_allowed",
    409: "conflict",
    413: "request.too_large",
    415: "request.media_type",
    429: "too_many",
    503: "unavailable",
}


def status_of(refusal: Refusal) -> int:
    """The HTTP status of a refusal's family."""
    return next(status for family, status in STATUS_OF_FAMILY.items() if isinstance(refusal, family))


def problem(status: int, message: str, code: str, **extra: Any) -> Response:
    """The envelope of an error, with our stable code and the request id beside the contract's keys."""
    request_id = structlog.contextvars.get_contextvars().get("request_id")
    body = {
        "success": False,
        "statusCode": status,
        "message": message,
        "timestamp": timestamp(),
        "code": code,
        "requestId": request_id,
        **extra,
    }
    return make_response(jsonify(body), status)


def answer_refusal(refusal: Refusal) -> Response:
    """A refusal of the domain."""
    extra: dict[str, Any] = {"data": refusal.details} if refusal.details else {}
    if refusal.about is not None:
        extra["errors"] = {camel(refusal.about): [refusal.message]}
    answer = problem(status_of(refusal), refusal.message, refusal.code, **extra)
    if isinstance(refusal, TooMany):
        answer.headers["Retry-After"] = str(refusal.retry_after)
    if isinstance(refusal, Unavailable):
        answer.headers["Retry-After"] = _RETRY_SECONDS
    if isinstance(refusal, Unauthenticated):
        answer.headers["WWW-Authenticate"] = "Bearer"
    return answer


def answer_http_error(error: HTTPException) -> Response:
    """An error of the web layer: unknown route, wrong method, invalid body."""
    status = error.code or 500
    headers = dict(error.get_headers())
    headers.pop("Content-Type", None)
    data = getattr(error, "data", None) or {}
    headers.update(data.get("headers") or {})
    if "messages" in data:
        answer = _validation_problem(data["messages"])
    elif status == 404:
        answer = problem(404, "Route not found", "route.not_found")
    else:
        answer = problem(status, _sentence(error), _CODES.get(status, f"http.{status}"))
    answer.headers.update(headers)
    return answer


def answer_crash(error: Exception) -> Response:
    """Anything nobody expected: logged with its trace, answered without detail."""
    log.error("request.crashed", exc_info=error)
    return problem(500, "Internal server error", "internal")


def _sentence(error: HTTPException) -> str:
    if isinstance(error, TooManyRequests):
        return TooMany.default_message
    return str(error.description or error.name)


def _validation_problem(messages: Any) -> Response:
    errors: dict[str, list[str]] = {}
    for fields in messages.values() if isinstance(messages, dict) else [messages]:
        _flatten(fields, "", errors)
    if any("Invalid JSON body" in text for text in errors.get("", [])):
        return problem(400, "The body is not valid JSON.", "request.malformed_json")
    sentences = [text if key == "" else f"{key}: {text}" for key, texts in errors.items() for text in texts]
    # A full stop before the comma reads like a fault.
    joined = ", ".join([*(each.rstrip(".") for each in sentences[:-1]), *sentences[-1:]])
    return problem(400, joined or "Validation failed", "request.invalid", errors=errors)


def _flatten(messages: Any, path: str, into: dict[str, list[str]]) -> None:
    if isinstance(messages, dict):
        for key, inner in messages.items():
            name = "" if key == "_schema" else str(key)
            _flatten(inner, f"{path}.{name}".strip("."), into)
    elif isinstance(messages, list):
        into.setdefault(path, []).extend(str(text) for text in messages)
    else:
        into.setdefault(path, []).append(str(messages))
