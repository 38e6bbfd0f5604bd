"""The Snap API: create a payment page, cancel it. The documented checks, answers and nothing more."""

from flask import Blueprint, Response, jsonify, request

from minispod.simulator.midtrans import records, validation
from minispod.simulator.midtrans.api_common import (
    NOT_AUTHORIZED_SNAP,
    BadBody,
    has_key,
    read_body,
    snap_refusal,
)
from minispod.simulator.midtrans.payments import Impossible
from minispod.simulator.midtrans.simulation import Simulation


def snap_api(sim: Simulation, base_url: str) -> Blueprint:
    """Routes below /snap/v1."""
    routes = Blueprint("snap_api", __name__, url_prefix="/snap/v1")

    @routes.before_request
    def check_key() -> Response | None:
        return None if has_key(sim.config.server_key) else snap_refusal(401, NOT_AUTHORIZED_SNAP)

    @routes.post("/transactions")
    def create() -> Response:
        now = sim.clock.now()
        try:
            body = read_body()
            wish = validation.check_request(body, sim.config, now)
            targets = validation.notification_targets(
                request.headers.get("X-Override-Notification"),
                request.headers.get("X-Append-Notification"),
                sim.config,
            )
            session = sim.payments.open_session(body, targets, expires_in_s=wish.page_expires_in_s)
        except (BadBody, validation.Invalid, Impossible) as refusal:
            return snap_refusal(400, str(refusal))
        url = f"{base_url}/snap/v4/redirection/{session.token}"
        answer = jsonify({"token": session.token, "redirect_url": url})
        answer.status_code = 201
        return answer

    @routes.post("/transactions/<token>/cancel")
    def cancel(token: str) -> Response:
        if records.find_session(sim.store, token) is None:
            return snap_refusal(404, "token not found")
        try:
            return jsonify({"canceled_at": sim.payments.cancel_session(token)})
        except Impossible as refusal:
            return snap_refusal(400, str(refusal))

    return routes
