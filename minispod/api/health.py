"""Is the process alive, and is the shop ready: /livez, /readyz, and /api/v1/health for clients."""

from datetime import timedelta
from typing import Any

from flask import Response, jsonify, make_response
from marshmallow import Schema, fields

from minispod.api.envelope import Door, timestamp
from minispod.health import readiness
from minispod.ports import current_ports, current_settings

door = Door("health", __name__, description="Alive and ready")


class AliveOut(Schema):
    """A process that answers."""

    success = fields.Boolean(required=True)
    message = fields.String(required=True)
    timestamp = fields.String(required=True, metadata={"format": "date-time"})


class ReadyOut(AliveOut):
    """What is there and what is missing."""

    checks = fields.Dict(keys=fields.String(), values=fields.String(), required=True)


def _says(what: str, schema: type[Schema]) -> dict[str, Any]:
    return {"description": what, "content": {"application/json": {"schema": schema}}}


_STALE = timedelta(seconds=60)


@door.get("/livez")
@door.doc(summary="Is the process alive", responses={"200": _says("alive", AliveOut)})
def alive() -> Response:
    """Answer as long as the process can."""
    return _alive()


def _alive() -> Response:
    return make_response(jsonify({"success": True, "message": "alive", "timestamp": timestamp()}), 200)


@door.get("/api/v1/health")
@door.doc(summary="Is the process alive, for clients of the API", responses={"200": _says("alive", AliveOut)})
def alive_for_clients() -> Response:
    """Answer as `/livez` does."""
    return _alive()


@door.get("/readyz")
@door.doc(
    summary="Is the shop ready",
    responses={
        "200": _says("ready", ReadyOut),
        "503": _says("not ready; `checks` says what is missing", ReadyOut),
    },
)
def ready() -> Response:
    """Answer 200 only when migrations, database, Redis, a worker and the scheduler do."""
    checks = readiness(current_ports(), current_settings(), stale=_STALE)
    is_ready = all(check == "ok" for check in checks.values())
    body: dict[str, Any] = {
        "success": is_ready,
        "message": "ready" if is_ready else "not ready",
        "timestamp": timestamp(),
        "checks": checks,
    }
    return make_response(jsonify(body), 200 if is_ready else 503)
