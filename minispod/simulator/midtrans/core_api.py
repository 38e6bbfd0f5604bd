"""The part of the Core API that is used: status and actions on a transaction.

Business refusals answer HTTP 200 with the code in the body; a missing transaction does as configured.
"""

import threading
from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, jsonify, request

from minispod.simulator.midtrans import messages, records, states
from minispod.simulator.midtrans.api_common import (
    NOT_AUTHORIZED_CORE,
    BadBody,
    core_refusal,
    has_key,
    read_body,
)
from minispod.simulator.midtrans.records import Transaction
from minispod.simulator.midtrans.simulation import Simulation

UNKNOWN = "Transaction doesn't exist."
IDEMPOTENCY = "idempotency"
REMEMBERED_S = 300
KEY_LIMIT = 46
_MESSAGES = {
    "cancel": "Success, transaction is canceled",
    "expire": "Success, transaction is expired",
    "approve": "Success, transaction is approved",
    "deny": "Success, transaction is denied",
    "refund": "Success, refund request is approved",
}


def found_transaction(sim: Simulation, id: str) -> Transaction | None:
    """What an id means: a transaction's own id, or an order's unless its channel is known by own id only."""
    own = records.find_transaction(sim.store, id)
    if own:
        return own
    of_order = records.current_transaction(sim.store, id)
    return None if of_order is None or of_order.channel.is_bi_snap else of_order


def core_api(sim: Simulation) -> Blueprint:
    """Routes below /v2."""
    routes = Blueprint("core_api", __name__, url_prefix="/v2")

    @routes.before_request
    def check_key() -> Response | None:
        if has_key(sim.config.server_key):
            return None
        return core_refusal("401", NOT_AUTHORIZED_CORE, http=401)

    @routes.get("/<id>/status")
    def status(id: str) -> Response:
        prepared, message = sim.statuses.find(id)
        if prepared:
            return _unknown(sim, id) if message is None else jsonify(message)
        transaction = found_transaction(sim, id)
        return _unknown(sim, id) if transaction is None else jsonify(_said(sim, transaction))

    _actions(routes, sim, _Once(sim))
    return routes


def _actions(routes: Blueprint, sim: Simulation, once: "_Once") -> None:
    @routes.post("/<id>/<any(cancel, expire, approve, deny):action>")
    def act(id: str, action: str) -> Response:
        return once.answer(lambda: _act(sim, id, action, {}))

    @routes.post("/<id>/refund")
    @routes.post("/<id>/refund/online/direct", endpoint="refund_direct")
    def refund(id: str) -> Response:
        try:
            body = read_body()
        except BadBody as refusal:
            return core_refusal("413", str(refusal), http=400)
        if not isinstance(body, dict):
            return core_refusal("413", "the request body is not an object", http=400)
        given = {"amount": body.get("amount"), "key": body.get("refund_key"), "reason": body.get("reason")}
        return once.answer(lambda: _act(sim, id, "refund", given))


def _act(sim: Simulation, id: str, action: str, given: dict[str, Any]) -> Response:
    transaction = found_transaction(sim, id)
    if transaction is None:
        return _unknown(sim, id)
    if action == "deny" and not transaction.is_challenged:
        # The customer may decline a pending payment, the merchant may not.
        return core_refusal(states.NOT_MODIFIABLE, states.Refusal().message, http=200)
    try:
        changed = sim.payments.apply(transaction.id, action, **given)
    except states.Refusal as refusal:
        return core_refusal(refusal.code, refusal.message, http=200)
    answer = {**_said(sim, changed), "status_message": _MESSAGES[action]}
    if action == "refund" and changed.refunds:
        answer |= _refund_facts(changed, given.get("key"))
    return jsonify(answer)


def _said(sim: Simulation, transaction: Transaction) -> messages.Message:
    return messages.status_answer(
        transaction, server_key=sim.config.server_key, merchant_id=sim.config.merchant_id
    )


def _unknown(sim: Simulation, id: str) -> Response:
    http = 404 if sim.config.style_404 == "http404" else 200
    return core_refusal("404", UNKNOWN, http=http, id=id)


def _refund_facts(transaction: Transaction, key: Any) -> dict[str, Any]:
    refund = next((done for done in transaction.refunds if done["key"] == key), transaction.refunds[-1])
    return {"refund_chargeback_id": refund["number"], "refund_key": refund["key"]}


class _Once:
    """Idempotency-Key: a successful answer is remembered for five minutes and given again."""

    def __init__(self, sim: Simulation) -> None:
        self._sim = sim
        self._lock = threading.Lock()
        self._running: set[str] = set()

    def answer(self, work: Callable[[], Response]) -> Response:
        """Do the work, unless the same key has done it or is doing it."""
        key = request.headers.get("Idempotency-Key", "")
        if not key or len(key) > KEY_LIMIT:
            return work()
        with self._lock:
            if key in self._running:
                return core_refusal("202", "The request is being processed", http=202)
            self._running.add(key)
        try:
            return self._remembered(key) or self._remember(key, work())
        finally:
            with self._lock:
                self._running.discard(key)

    def _remembered(self, key: str) -> Response | None:
        kept = self._sim.store.get(IDEMPOTENCY, key)
        if kept is None or self._sim.clock.now() - kept["at"] > REMEMBERED_S:
            return None
        return jsonify(kept["answer"])

    def _remember(self, key: str, answer: Response) -> Response:
        body = answer.get_json()
        if answer.status_code == 200 and body.get("status_code") in {"200", "407"}:
            self._sim.store.put(IDEMPOTENCY, key, {"at": self._sim.clock.now(), "answer": body})
        return answer
