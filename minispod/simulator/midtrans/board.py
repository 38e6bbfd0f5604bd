"""The operator board at /sim/: sessions, transactions, deliveries, faults and the clock, for people.

Everything it does goes through the same calls as the control API. Invariant: without the admin token nothing
is shown, and no other site's page can press its buttons.
"""

import contextlib
import hmac
from datetime import timedelta

from flask import Blueprint, Response, make_response, redirect, render_template, request, session

from minispod.simulator.midtrans import presets, records, states, times
from minispod.simulator.midtrans.config import origin_of
from minispod.simulator.midtrans.faults import BadRule
from minispod.simulator.midtrans.records import SESSION, TRANSACTION
from minispod.simulator.midtrans.shown import shown_delivery, shown_session, shown_transaction
from minispod.simulator.midtrans.simulation import Simulation

SHOWN = 50
STAYS = timedelta(hours=12)
LONGEST_JUMP_S = 400 * 24 * 3600
# What an operator may do to a transaction in each state.
OFFERED = {
    "pending": ("pay", "deny", "cancel", "expire", "failure"),
    "capture": ("approve", "deny", "cancel", "settle_card"),
    "settlement": ("refund", "reversal", "chargeback"),
    "partial_refund": ("refund", "refund_confirm"),
    "refund": ("refund_confirm",),
    "expire": ("late_pay",),
}


def board(sim: Simulation) -> Blueprint:
    """Routes below /sim/ for people."""
    routes = Blueprint("board", __name__, url_prefix="/sim")

    @routes.before_request
    def check() -> Response | None:
        if request.method == "POST" and not _from_here():
            return _message("The request came from another page.", 403)
        if request.endpoint == "board.log_in" or session.get("operator"):
            return None
        return make_response(render_template("midsim_login.html", wrong=False), 401)

    @routes.post("/login")
    def log_in() -> Response:
        if not hmac.compare_digest(request.form.get("token", "").encode(), sim.config.admin_token.encode()):
            return make_response(render_template("midsim_login.html", wrong=True), 401)
        session.clear()
        session.permanent = True
        session["operator"] = True
        return _back()

    @routes.post("/logout")
    def log_out() -> Response:
        session.clear()
        return _back()

    @routes.get("/")
    def overview() -> str:
        return _overview(sim)

    _buttons(routes, sim)
    return routes


def _from_here() -> bool:
    """Browsers name the page a form was on; a form of another origin, even on this host, is refused."""
    origin = request.headers.get("Origin")
    return origin is None or origin == origin_of(request.host_url)


def _message(text: str, status: int) -> Response:
    return make_response(render_template("midsim_message.html", title="Operator board", text=text), status)


def _back() -> Response:
    return make_response(redirect("/sim/", 303))


def _overview(sim: Simulation) -> str:
    now = sim.clock.now()
    sessions = [records.Session(**body) for body in sim.store.every(SESSION, limit=SHOWN)]
    transactions = [records.Transaction(**body) for body in sim.store.every(TRANSACTION, limit=SHOWN)]
    deliveries = records.deliveries_of(sim.store, limit=SHOWN)
    return render_template(
        "midsim_board.html",
        now=times.iso(now),
        is_manual=sim.clock.is_manual,
        sessions=[shown_session(one, now) for one in reversed(sessions)],
        transactions=[shown_transaction(one) for one in reversed(transactions)],
        deliveries=[shown_delivery(one) for one in reversed(deliveries)],
        rules=sim.faults.rules(),
        presets=presets.PRESETS,
        offered=OFFERED,
    )


def _buttons(routes: Blueprint, sim: Simulation) -> None:
    @routes.post("/transactions/<id>/<event>")
    def event(id: str, event: str) -> Response:
        if event not in states.EVENTS:
            return _message("There is no such event.", 404)
        try:
            sim.payments.apply(id, event)
        except KeyError:
            return _message("There is no such transaction.", 404)
        except states.Refusal as refusal:
            return _message(refusal.message, 409)
        return _back()

    @routes.post("/deliveries/<id>/resend")
    def resend(id: str) -> Response:
        delivery = records.find_delivery(sim.store, id)
        if delivery is None:
            return _message("There is no such delivery.", 404)
        sim.post.send_now(delivery)
        return _back()

    _surroundings(routes, sim)


def _surroundings(routes: Blueprint, sim: Simulation) -> None:
    @routes.post("/advance")
    def advance() -> Response:
        seconds = request.form.get("seconds", 0, type=int)
        if 0 < seconds <= LONGEST_JUMP_S:
            sim.clock.advance(seconds)
            sim.pass_time()
        return _back()

    @routes.post("/run-due")
    def run_due() -> Response:
        sim.post.run_due()
        return _back()

    @routes.post("/preset")
    def preset() -> Response:
        with contextlib.suppress(BadRule):
            presets.enter(sim.faults, request.form.get("name", ""))
        return _back()
