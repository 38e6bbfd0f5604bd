"""What both merchant APIs share: the key check, body reading, and JSON refusals in each API's own style."""

import base64
import binascii
import hmac
import json
from typing import Any

from flask import Response, jsonify, request

BODY_LIMIT = 16 * 1024
NOT_AUTHORIZED_SNAP = "Access denied due to unauthorized transaction, please check client or server key"
NOT_AUTHORIZED_CORE = "Transaction cannot be authorized with the current client/server key."


class BadBody(Exception):
    """The body is too long or no JSON."""


def has_key(server_key: str) -> bool:
    """Whether the request carries the server key as Basic user with an empty password."""
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return False
    try:
        given = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return False
    return hmac.compare_digest(given, f"{server_key}:".encode())


def read_body() -> Any:
    """The JSON body; an empty one counts as an empty object."""
    raw = request.get_data(cache=True)
    if len(raw) > BODY_LIMIT:
        raise BadBody("the request body is longer than 16 kB")
    if not raw.strip():
        return {}
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        raise BadBody("the request body is not JSON") from None


def snap_refusal(status: int, *messages: str) -> Response:
    """A refusal as Snap words it."""
    answer = jsonify({"error_messages": list(messages)})
    answer.status_code = status
    return answer


def core_refusal(code: str, message: str, *, http: int, **more: Any) -> Response:
    """A refusal as the Core API words it: the code in the body counts, HTTP may differ."""
    answer = jsonify({"status_code": code, "status_message": message, **more})
    answer.status_code = http
    return answer


def refusal_for(path: str, status: int, message: str) -> Response:
    """A refusal in the style of the API the path belongs to."""
    if path.startswith("/v2"):
        return core_refusal(str(status), message, http=status)
    return snap_refusal(status, message)
