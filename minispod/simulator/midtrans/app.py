"""The WSGI application of the simulator: pages, both merchant APIs and the control API on one origin.

`create_app(config)` is all a test needs to run it in-process. Invariant: every answer carries the same
strict headers, and no page loads anything from elsewhere.
"""

import hashlib

from flask import Flask, Response, jsonify, make_response, request
from werkzeug.exceptions import HTTPException

from minispod.simulator.midtrans import api_faults
from minispod.simulator.midtrans.api_common import refusal_for
from minispod.simulator.midtrans.bank_page import bank_page
from minispod.simulator.midtrans.board import STAYS, board
from minispod.simulator.midtrans.config import Config
from minispod.simulator.midtrans.control_api import control_api
from minispod.simulator.midtrans.core_api import core_api
from minispod.simulator.midtrans.pages import pages
from minispod.simulator.midtrans.simulation import Simulation, build
from minispod.simulator.midtrans.snap_api import snap_api

STRICT_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'"
)
FORM_LIMIT = 64 * 1024
CONTROL_LIMIT = 4 * 1024 * 1024


def create_app(config: Config, simulation: Simulation | None = None) -> Flask:
    """Assemble the simulator; the simulation is at `app.extensions["midsim"]`, not yet started."""
    sim = simulation or build(config.checked())
    app = Flask(__name__, static_url_path="/sim/static")
    app.config["SECRET_KEY"] = hashlib.sha256(b"midsim:" + config.admin_token.encode()).digest()
    app.config["MAX_CONTENT_LENGTH"] = CONTROL_LIMIT
    app.config["SESSION_COOKIE_NAME"] = "midsim_operator"
    app.config["SESSION_COOKIE_PATH"] = "/sim"
    app.config["SESSION_COOKIE_SAMESITE"] = "Strict"
    app.config["PERMANENT_SESSION_LIFETIME"] = STAYS
    app.extensions["midsim"] = sim
    base_url = (config.base_url or f"http://{config.host}:{config.port}").rstrip("/")
    api_faults.install(app, sim)
    app.register_blueprint(snap_api(sim, base_url))
    app.register_blueprint(core_api(sim))
    app.register_blueprint(pages(sim))
    app.register_blueprint(bank_page(sim))
    app.register_blueprint(control_api(sim))
    app.register_blueprint(board(sim))

    @app.before_request
    def limit_forms() -> None:
        if not request.path.startswith("/sim/api/"):
            request.max_content_length = FORM_LIMIT

    @app.get("/snap/snap.js")
    def snap_js() -> Response:
        return app.send_static_file("snap.js")

    @app.errorhandler(HTTPException)
    def refuse(error: HTTPException) -> Response:
        code, text = error.code or 500, error.description or error.name
        if request.path.startswith(("/v2", "/snap/v1")):
            return refusal_for(request.path, code, text)
        return make_response(jsonify({"error": text}), code)

    @app.after_request
    def harden(response: Response) -> Response:
        response.headers.setdefault("Content-Security-Policy", STRICT_POLICY)
        response.headers["X-Content-Type-Options"] = "nosniff"
        # Not no-referrer: browsers would hide the origin of our own forms from us.
        response.headers["Referrer-Policy"] = "same-origin"
        response.headers["Cache-Control"] = "no-store"
        return response

    return app
