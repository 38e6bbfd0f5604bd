"""The HTTP side of the stand-in: the key set for everybody, tokens and trouble for who holds the lever token."""

import hmac
import time
from typing import Any

from flask import Flask, Response, abort, jsonify, make_response, request
from werkzeug.exceptions import HTTPException

from minispod.simulator.google.signing import Signer

KEYS_PATH = "/oauth2/v3/certs"
_LEVERS = {"status": (400, 599), "delay_s": (0, 60)}


def create_app(signer: Signer, lever_token: str) -> Flask:
    """Assemble it."""
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = 64 * 1024
    levers: dict[str, float] = {}
    _publish(app, signer, levers)
    _let_be_worked(app, signer, levers)

    @app.before_request
    def check() -> None:
        given = request.headers.get("Authorization", "")
        is_open = request.path == KEYS_PATH
        if not is_open and not hmac.compare_digest(given.encode(), f"Bearer {lever_token}".encode()):
            abort(401, "The lever token is needed.")

    @app.errorhandler(HTTPException)
    def refuse(error: HTTPException) -> Response:
        return make_response(jsonify({"error": error.description}), error.code or 500)

    return app


def _publish(app: Flask, signer: Signer, levers: dict[str, float]) -> None:
    @app.get(KEYS_PATH)
    def keys() -> Response:
        time.sleep(levers.get("delay_s", 0))
        if "status" in levers:
            return make_response("", int(levers["status"]))
        answer = jsonify(signer.key_set())
        answer.headers["Cache-Control"] = "public, max-age=20000, must-revalidate, no-transform"
        return answer


def _let_be_worked(app: Flask, signer: Signer, levers: dict[str, float]) -> None:
    @app.post("/api/tokens")
    def token() -> Response:
        return jsonify({"idToken": signer.token(_wanted())})

    @app.post("/api/rotate")
    def rotate() -> Response:
        return jsonify({"kid": signer.rotate()})

    @app.post("/api/levers")
    def pull() -> Response:
        wanted = _wanted()
        for name, value in wanted.items():
            lowest, highest = _LEVERS.get(name, (1, 0))
            if not isinstance(value, int | float) or not lowest <= value <= highest:
                abort(400, f"{name} is unknown or out of its bounds")
        levers.update(wanted)
        return jsonify(levers)

    @app.delete("/api/levers")
    def release() -> Response:
        levers.clear()
        return jsonify(levers)


def _wanted() -> dict[str, Any]:
    wanted = request.get_json(silent=True)
    if not isinstance(wanted, dict):
        abort(400, "The body must be a JSON object.")
    return wanted
