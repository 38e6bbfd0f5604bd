"""The control API below /sim/api: what tests and demos use to play customer, bank, clock and bad luck."""

import hmac
from typing import Any

from flask import Blueprint, Response, jsonify, request
from werkzeug.exceptions import HTTPException

from minispod.simulator.midtrans import control_notify, presets, records, report, states, times, validation
from minispod.simulator.midtrans.channels import CHANNELS
from minispod.simulator.midtrans.config import Refused, change_settings
from minispod.simulator.midtrans.faults import BadRule
from minispod.simulator.midtrans.payments import Impossible
from minispod.simulator.midtrans.records import DELIVERY, SESSION, TRANSACTION
from minispod.simulator.midtrans.shown import shown_delivery, shown_session, shown_transaction
from minispod.simulator.midtrans.simulation import Simulation

VERSION = "1"


class Bad(Exception):
    """The request to the control API makes no sense."""


def control_api(sim: Simulation) -> Blueprint:
    """Routes below /sim/api."""
    routes = Blueprint("control_api", __name__, url_prefix="/sim/api")
    _guard(routes, sim)
    _inspection(routes, sim)
    _acting(routes, sim)
    _posting(routes, sim)
    _bad_luck(routes, sim)
    return routes


def _body() -> dict[str, Any]:
    body = request.get_json(silent=True) if request.get_data() else {}
    if not isinstance(body, dict):
        raise Bad("the body must be a JSON object")
    return body


def _text(body: dict[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise Bad(f"{name} is needed")
    return value


def _guard(routes: Blueprint, sim: Simulation) -> None:
    @routes.before_request
    def check_token() -> tuple[Response, int] | None:
        if request.endpoint == "control_api.health":
            return None
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if hmac.compare_digest(given.encode(), sim.config.admin_token.encode()):
            return None
        return jsonify({"error": "the admin token is needed"}), 401

    @routes.errorhandler(Bad)
    @routes.errorhandler(BadRule)
    @routes.errorhandler(Refused)
    @routes.errorhandler(Impossible)
    @routes.errorhandler(validation.Invalid)
    @routes.errorhandler(states.Refusal)
    @routes.errorhandler(ValueError)
    def refuse(error: Exception) -> tuple[Response, int]:
        return jsonify({"error": str(error)}), 409 if isinstance(error, states.Refusal | Impossible) else 400

    @routes.errorhandler(KeyError)
    def missing(error: KeyError) -> tuple[Response, int]:
        return jsonify({"error": f"nothing known as {error.args[0]}"}), 404

    @routes.errorhandler(HTTPException)
    def http(error: HTTPException) -> tuple[Response, int]:
        return jsonify({"error": error.description}), error.code or 500


def _inspection(routes: Blueprint, sim: Simulation) -> None:
    @routes.get("/health")
    def health() -> Response:
        counts = {kind: sim.store.count(kind) for kind in (SESSION, TRANSACTION, DELIVERY)}
        return jsonify(
            {
                "version": VERSION,
                "now": times.iso(sim.clock.now()),
                "clock": sim.config.clock,
                "sender": sim.config.sender,
                "faults": len(sim.faults.rules()),
                "counts": counts,
            }
        )

    @routes.get("/sessions")
    def sessions() -> Response:
        found = sim.store.every(SESSION, owner=request.args.get("order_id"))
        return jsonify([shown_session(records.Session(**body), sim.clock.now()) for body in found])

    @routes.get("/transactions")
    def transactions() -> Response:
        found = sim.store.every(TRANSACTION, owner=request.args.get("order_id"))
        return jsonify([shown_transaction(records.Transaction(**body)) for body in found])

    @routes.get("/transactions/<id>")
    def transaction(id: str) -> Response:
        found = records.find_transaction(sim.store, id)
        if found is None:
            raise KeyError(id)
        return jsonify(shown_transaction(found))

    @routes.get("/deliveries")
    def deliveries() -> Response:
        found = records.deliveries_of(sim.store, request.args.get("order_id"), request.args.get("state"))
        return jsonify([shown_delivery(delivery) for delivery in found])

    @routes.get("/report.csv")
    def report_csv() -> Response:
        text = report.as_csv(sim.store, request.args.get("from"), request.args.get("to"))
        return Response(text, mimetype="text/csv")


def _acting(routes: Blueprint, sim: Simulation) -> None:
    @routes.post("/reset")
    def reset() -> Response:
        sim.reset()
        return jsonify({"reset": True})

    @routes.post("/settings")
    def settings() -> Response:
        changed = change_settings(sim.config, _body())
        return jsonify({name: getattr(sim.config, name) for name in changed})

    @routes.post("/sessions/<token>/choose")
    def choose(token: str) -> tuple[Response, int]:
        body = _body()
        channel = CHANNELS.get(_text(body, "method"))
        session = records.find_session(sim.store, token)
        if channel is None or session is None:
            raise KeyError(token if channel else body["method"])
        lasts = validation.method_expires_in(session.request, channel, sim.config, sim.clock.now())
        device = body.get("device", "desktop")
        made = sim.payments.choose(token, channel, device=device, expires_in_s=lasts)
        return jsonify(shown_transaction(made)), 201

    @routes.post("/transactions/<id>/events")
    def event(id: str) -> Response:
        body = _body()
        name = _text(body, "event")
        if name not in states.EVENTS:
            raise Bad(f"event must be one of {', '.join(states.EVENTS)}")
        given: dict[str, Any] = {}
        if name in {"refund", "refund_confirm"}:
            given = {"key": body.get("refund_key")}
        if name == "refund":
            given |= {"amount": body.get("amount"), "reason": body.get("reason")}
        found = records.find_transaction(sim.store, id) or records.current_transaction(sim.store, id)
        changed = sim.payments.apply(found.id if found else id, name, **given)
        return jsonify(shown_transaction(changed))

    _clock_and_seed(routes, sim)


def _clock_and_seed(routes: Blueprint, sim: Simulation) -> None:
    @routes.post("/clock")
    def clock() -> Response:
        body = _body()
        if isinstance(body.get("set"), str):
            sim.clock.set(times.from_iso(body["set"]))
        elif isinstance(body.get("advance_s"), int | float) and body["advance_s"] >= 0:
            sim.clock.advance(float(body["advance_s"]))
        else:
            raise Bad("advance_s or set is needed")
        return jsonify({"now": times.iso(sim.clock.now()), "events": sim.pass_time()})

    @routes.post("/orders/seed")
    def seed() -> tuple[Response, int]:
        body = _body()
        _text(body, "order_id")
        amount = body.get("gross_amount")
        if not isinstance(amount, int) or isinstance(amount, bool) or amount < 1:
            raise Bad("gross_amount must be a whole number")
        return jsonify(shown_transaction(sim.payments.seed(body))), 201


def _posting(routes: Blueprint, sim: Simulation) -> None:
    @routes.post("/run-due")
    def run_due() -> Response:
        body = _body()
        limit = body.get("limit")
        sim.pass_time()
        sent = sim.post.run_due(
            limit if isinstance(limit, int) else None, in_parallel=bool(body.get("parallel"))
        )
        return jsonify([shown_delivery(delivery) for delivery in sent])

    @routes.post("/deliveries/<id>/<action>")
    def change(id: str, action: str) -> Response:
        delivery = records.find_delivery(sim.store, id)
        if delivery is None or action not in {"resend", "hold", "drop"}:
            raise KeyError(id if delivery is None else action)
        delivery.state = {"resend": "due", "hold": "held", "drop": "dropped"}[action]
        delivery.next_at = sim.clock.now()
        records.save_delivery(sim.store, delivery)
        if action == "resend":
            delivery = sim.post.send_now(delivery)
        return jsonify(shown_delivery(delivery))

    @routes.post("/notify")
    def notify() -> Response:
        return jsonify(control_notify.notify(sim, _body()))

    @routes.post("/status-answers")
    def status_answers() -> tuple[Response, int]:
        body = _body()
        facts = control_notify.facts_of(control_notify.raw_of(sim, body))
        if facts is None:
            raise Bad("the body to answer about is no JSON object")
        return jsonify({"ids": sim.statuses.prepare(facts, body.get("status_api", "mirror"))}), 201


def _bad_luck(routes: Blueprint, sim: Simulation) -> None:
    @routes.get("/faults")
    def rules() -> Response:
        return jsonify({"rules": sim.faults.rules(), "uses": sim.faults.uses()})

    @routes.post("/faults")
    def add() -> tuple[Response, int]:
        body = _body()
        if "preset" in body:
            return jsonify({"rules": presets.enter(sim.faults, str(body["preset"]))}), 201
        return jsonify(sim.faults.add(body)), 201

    @routes.delete("/faults")
    @routes.delete("/faults/<id>")
    def lift(id: str | None = None) -> Response:
        return jsonify({"lifted": sim.faults.remove(id)})
