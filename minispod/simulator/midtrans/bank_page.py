"""The bank's side of a virtual account, bill or payment code: pay, wait, or let it expire."""

from flask import Blueprint, Response, make_response, render_template, request

from minispod.simulator.midtrans import records, states
from minispod.simulator.midtrans.newborn import number_to_pay
from minispod.simulator.midtrans.pages import message_page, redirect_to
from minispod.simulator.midtrans.records import Transaction
from minispod.simulator.midtrans.simulation import Simulation

EVENTS = {"pay": "pay", "let_expire": "expire"}


def bank_page(sim: Simulation) -> Blueprint:
    """Routes below /sim/bank."""
    routes = Blueprint("bank_page", __name__, url_prefix="/sim/bank")

    @routes.get("/<number>")
    def show(number: str) -> Response:
        return _shown(sim, number)

    @routes.post("/<number>")
    def act(number: str) -> Response:
        transaction = _waiting_for(sim, number)
        event = EVENTS.get(request.form.get("action", ""))
        if transaction is None or event is None:
            return _shown(sim, number)
        try:
            sim.payments.apply(transaction.id, event)
        except states.Refusal:
            return _shown(sim, number, "This is no longer possible.")
        return redirect_to(f"/sim/bank/{number}", 303)

    return routes


def _shown(sim: Simulation, number: str, message: str | None = None) -> Response:
    transaction = _waiting_for(sim, number)
    if transaction is None:
        return message_page("Bank simulator", "Nobody is waiting for a payment to this number.", 404)
    html = render_template("midsim_bank.html", number=number, transaction=transaction, message=message)
    return make_response(html)


def _waiting_for(sim: Simulation, number: str) -> Transaction | None:
    found = None
    for body in sim.store.every(records.TRANSACTION):
        if number_to_pay(body["fields"]) == number:
            found = Transaction(**body)
    return found
