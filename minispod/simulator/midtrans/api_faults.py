"""Faults of the merchant APIs: applied around the real handlers, never inside them.

Invariant: a fault that answers instead of the handler has no effect on the books; one that spoils the
answer leaves the work done.
"""

import json
import socket
from collections.abc import Callable
from typing import Any

from flask import Flask, Response, g, request

from minispod.simulator.midtrans import messages, records
from minispod.simulator.midtrans.api_common import (
    NOT_AUTHORIZED_CORE,
    NOT_AUTHORIZED_SNAP,
    core_refusal,
    refusal_for,
    snap_refusal,
)
from minispod.simulator.midtrans.core_api import UNKNOWN, found_transaction
from minispod.simulator.midtrans.faults import Rule, actions_of, number_of
from minispod.simulator.midtrans.records import Transaction
from minispod.simulator.midtrans.simulation import Simulation

HTML = "<html><head><title>{0}</title></head><body><h1>{0}</h1><hr>gateway</body></html>"
ELSEWHERE = "https://example.invalid/elsewhere"


def install(app: Flask, sim: Simulation) -> None:
    """Put the fault rules around everything below /snap/v1 and /v2."""

    @app.before_request
    def before() -> Response | None:
        if not _is_api():
            return None
        transaction = _asked_about(sim)
        rule = sim.faults.pick("api", _facts(transaction))
        if rule is None:
            return None
        g.fault, g.fault_transaction = rule, transaction
        for action in actions_of(rule):
            if action == "delay":
                sim.stopped.wait(number_of(rule, "s", 5))
            elif action in _INSTEAD:
                g.fault = None
                return _INSTEAD[action](rule)
        return None

    @app.after_request
    def after(response: Response) -> Response:
        rule = g.pop("fault", None)
        if rule is None:
            return response
        for action in actions_of(rule):
            response = _spoilt(sim, action, rule, response)
        return response


def _is_api() -> bool:
    return request.path.startswith(("/v2/", "/snap/v1/"))


def _asked_about(sim: Simulation) -> Transaction | None:
    parts = request.path.split("/")
    return found_transaction(sim, parts[2]) if parts[1] == "v2" and len(parts) > 2 else None


def _facts(transaction: Transaction | None) -> dict[str, Any]:
    facts: dict[str, Any] = {"path": request.path}
    if transaction:
        facts |= {
            "order_id": transaction.order_id,
            "transaction_id": transaction.id,
            "payment_type": transaction.payment_type,
            "status": transaction.status,
        }
    elif request.path.startswith("/v2/"):
        facts["order_id"] = request.path.split("/")[2]
    else:
        body = request.get_json(silent=True)
        details = body.get("transaction_details") if isinstance(body, dict) else None
        if isinstance(details, dict):
            facts["order_id"] = details.get("order_id")
    return facts


def _status(rule: Rule) -> Response:
    status, kind = int(number_of(rule, "status", 502)), rule.get("body", "html")
    if kind == "json":
        return refusal_for(request.path, status, "simulated trouble")
    text = HTML.format(f"{status} Bad Gateway") if kind == "html" else ""
    return Response(text, status=status, mimetype="text/html")


def _unauthorized(rule: Rule) -> Response:
    if request.path.startswith("/v2"):
        return core_refusal("401", NOT_AUTHORIZED_CORE, http=401)
    return snap_refusal(401, NOT_AUTHORIZED_SNAP)


def _status_404(rule: Rule) -> Response:
    return core_refusal("404", UNKNOWN, http=int(number_of(rule, "http", 404)), id=request.path.split("/")[2])


def _hang_up(rule: Rule) -> Response:
    connection = request.environ.get("werkzeug.socket")
    if isinstance(connection, socket.socket):
        connection.shutdown(socket.SHUT_RDWR)
    return Response(status=502)


_INSTEAD: dict[str, Callable[[Rule], Response]] = {
    "status": _status,
    "html200": lambda rule: Response(HTML.format("Maintenance"), mimetype="text/html"),
    "invalid_json": lambda rule: Response('{"status_code": "200",', mimetype="application/json"),
    "json_null": lambda rule: Response("null", mimetype="application/json"),
    "close": _hang_up,
    "redirect": lambda rule: Response(status=302, headers={"Location": rule.get("to", ELSEWHERE)}),
    "unauthorized": _unauthorized,
    "status_404": _status_404,
}


def _spoilt(sim: Simulation, action: str, rule: Rule, response: Response) -> Response:
    if action == "commit_then_fail":
        return (
            _hang_up(rule) if rule.get("close") else Response(HTML.format("504 Gateway Time-out"), status=504)
        )
    if action == "truncate":
        return _truncated(response)
    if action == "stale_status":
        return _stale(sim, rule, response)
    if action in {"wrong_amount", "missing_fields", "upper_case_status"}:
        return _rewritten(sim, action, rule, response)
    return response


def _truncated(response: Response) -> Response:
    whole = response.get_data()
    cut = Response(whole[: len(whole) // 2], status=response.status_code, mimetype="application/json")
    cut.headers["Content-Length"] = str(len(whole))
    return cut


def _stale(sim: Simulation, rule: Rule, response: Response) -> Response:
    transaction: Transaction | None = g.get("fault_transaction")
    if transaction is None or not request.path.endswith("/status"):
        return response
    transaction = records.find_transaction(sim.store, transaction.id) or transaction
    if sim.clock.now() - transaction.history[-1]["at"] > number_of(rule, "s", 60):
        return response
    earlier = messages.before_last_change(transaction)
    if earlier is None:
        return _status_404(rule)
    keys = {"server_key": sim.config.server_key, "merchant_id": sim.config.merchant_id}
    return _json(messages.status_answer(earlier, **keys), response)


def _rewritten(sim: Simulation, action: str, rule: Rule, response: Response) -> Response:
    body = response.get_json(silent=True)
    if not isinstance(body, dict) or "transaction_status" not in body:
        return response
    if action == "upper_case_status":
        body["transaction_status"] = body["transaction_status"].upper()
    elif action == "missing_fields":
        for name in rule.get("fields", ["gross_amount", "currency", "merchant_id"]):
            body.pop(name, None)
    else:
        given = int(body["gross_amount"].split(".")[0])
        body["gross_amount"] = messages.money(int(number_of(rule, "amount", given + 1)))
        body = messages.signed(body, sim.config.server_key)
    return _json(body, response)


def _json(body: dict[str, Any], like: Response) -> Response:
    return Response(json.dumps(body), status=like.status_code, mimetype="application/json")
