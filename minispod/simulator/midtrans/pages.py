"""The hosted payment page: plain HTML forms, no outside assets, everything escaped.

GET only shows; every change is a POST to the page's own address. Invariant: the finish address comes from
the request or the configuration, never from the browser.
"""

from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from flask import Blueprint, Response, make_response, redirect, render_template, request

from minispod.simulator.midtrans import cards, records, states, validation
from minispod.simulator.midtrans.channels import CHANNELS, Channel
from minispod.simulator.midtrans.config import origin_of
from minispod.simulator.midtrans.messages import status_code
from minispod.simulator.midtrans.newborn import number_to_pay
from minispod.simulator.midtrans.payments import Impossible
from minispod.simulator.midtrans.qr import as_svg_path
from minispod.simulator.midtrans.records import Session, Transaction
from minispod.simulator.midtrans.simulation import Simulation
from minispod.simulator.midtrans.timers import Timer
from minispod.simulator.midtrans.times import wib

GONE = {
    "replaced": "A newer payment page was opened for this order.",
    "canceled": "This payment page was cancelled.",
    "expired": "This payment page has expired.",
}
# What a button of the page does to the transaction.
BUTTONS = {"pay": "pay", "decline": "deny", "cancel": "cancel", "let_expire": "expire"}


def pages(sim: Simulation) -> Blueprint:
    """Routes of the customer's side."""
    routes = Blueprint("pages", __name__)
    desk = _Desk(sim)

    @routes.get("/snap/v4/redirection/<token>")
    def page(token: str) -> Response:
        return desk.spoilt(token) or desk.page(token)

    @routes.post("/snap/v4/redirection/<token>")
    def act(token: str) -> Response:
        return desk.spoilt(token) or desk.act(token)

    return routes


class _Desk:
    """Answers the requests of one simulation's payment pages."""

    def __init__(self, sim: Simulation) -> None:
        self._sim = sim

    def spoilt(self, token: str) -> Response | None:
        """What a fault rule makes of the page, if one does."""
        session = records.find_session(self._sim.store, token)
        facts = {"path": request.path, "order_id": session.order_id if session else None}
        rule = self._sim.faults.pick("page", facts, ("expired", "error_500"))
        if rule is None:
            return None
        if rule["action"] == "expired":
            return message_page("Payment page closed", GONE["expired"], 410)
        return message_page("Something went wrong", "The payment page is out of order.", 500)

    def page(self, token: str, error: str | None = None) -> Response:
        """The page as it is now: a choice, a transaction to pay, or that it is over."""
        session = records.find_session(self._sim.store, token)
        if session is None:
            return message_page("Not found", "There is no such payment page.", 404)
        if session.state in GONE:
            return message_page("Payment page closed", GONE[session.state], 410)
        live = records.live_transaction(self._sim.store, session.order_id)
        if live and live.status == "pending":
            return self._show(session, live, error)
        if session.state == "closed" or live:
            return self._over(session, live or records.current_transaction(self._sim.store, session.order_id))
        if not session.is_open(self._sim.clock.now()):
            return message_page("Payment page closed", GONE["expired"], 410)
        return self._choice(session, error)

    def act(self, token: str) -> Response:
        """What the customer pressed."""
        session = records.find_session(self._sim.store, token)
        if session is None:
            return message_page("Not found", "There is no such payment page.", 404)
        action = request.form.get("action", "")
        try:
            if action == "choose":
                return self._choose(session)
            if action == "card":
                return self._submit_card(session)
            if action in {"close", "return"}:
                return self._leave(session, records.current_transaction(self._sim.store, session.order_id))
            return self._press(session, action)
        except (Impossible, cards.CardRefused) as refusal:
            return self.page(token, str(refusal))
        except states.Refusal:
            return self.page(token, "This is no longer possible.")

    def _offered(self, session: Session) -> tuple[Channel, ...]:
        return validation.offered(session.request, self._sim.config)

    def _choice(self, session: Session, error: str | None) -> Response:
        offered = self._offered(session)
        named = request.args.get("method") or request.form.get("method")
        picked = [channel for channel in offered if channel.name == named]
        if len(offered) == 1:
            picked = list(offered)
        attempts = records.transactions_of(self._sim.store, session.order_id)
        return self._render(
            "midsim_choice.html",
            session,
            offered=offered,
            picked=picked[0] if picked else None,
            denied=bool(attempts) and attempts[-1].status in {"deny", "failure"},
            error=error,
            device=request.args.get("device", "desktop"),
            expires_at=session.page_expires_at,
        )

    def _show(self, session: Session, transaction: Transaction, error: str | None) -> Response:
        qr = as_svg_path(f"MIDSIM|{transaction.id}") if transaction.payment_type == "qris" else None
        return self._render(
            "midsim_pay.html",
            session,
            transaction=transaction,
            number=number_to_pay(transaction.fields),
            qr=qr,
            error=error,
            expires_at=transaction.expires_at,
        )

    def _over(self, session: Session, transaction: Transaction | None) -> Response:
        return self._render("midsim_over.html", session, transaction=transaction, expires_at=None)

    def _render(self, template: str, session: Session, **more: Any) -> Response:
        expires_at = more.pop("expires_at")
        transaction = more.get("transaction")
        html = render_template(
            template,
            session=session,
            items=session.request.get("item_details") or [],
            expires=wib(expires_at) if expires_at else None,
            seconds_left=int(expires_at - self._sim.clock.now()) if expires_at else None,
            embedded=_is_embedded(),
            parent_origin=self._sim.config.told_origin,
            result=_result(transaction) if transaction else None,
            **more,
        )
        return self._guarded(make_response(html), session)

    def _guarded(self, response: Response, session: Session) -> Response:
        # A browser holds a form's redirect against form-action too: the finish address must be in it.
        finish = origin_of(self._finish_url(session))
        response.headers["Content-Security-Policy"] = (
            "default-src 'none'; style-src 'self'; script-src 'self'; base-uri 'none';"
            f" form-action 'self' {finish}; frame-ancestors 'self' {self._sim.config.framing_origin}"
        )
        return response

    def _finish_url(self, session: Session) -> str:
        return session.finish_url or self._sim.config.finish_url

    def _choose(self, session: Session) -> Response:
        channel = CHANNELS.get(request.form.get("method", ""))
        if channel is None or channel not in self._offered(session):
            raise Impossible("This method is not offered here")
        if channel.is_card:
            return self._again(session, method=channel.name)
        self._sim.payments.choose(
            session.token,
            channel,
            device="mobile" if request.form.get("device") == "mobile" else "desktop",
            expires_in_s=self._lasts(session, channel),
        )
        return self._again(session)

    def _lasts(self, session: Session, channel: Channel) -> float:
        now = self._sim.clock.now()
        return validation.method_expires_in(session.request, channel, self._sim.config, now)

    def _submit_card(self, session: Session) -> Response:
        channel = CHANNELS["credit_card"]
        if channel not in self._offered(session):
            raise Impossible("This method is not offered here")
        form = request.form
        card = cards.read_card(form.get("number", ""), form.get("expiry", ""), form.get("cvv", ""))
        self._sim.payments.choose(
            session.token,
            channel,
            expires_in_s=min(self._lasts(session, channel), channel.expires_in_s),
            fields=cards.fields_of(card),
        )
        return self._again(session)

    def _press(self, session: Session, action: str) -> Response:
        transaction = records.live_transaction(self._sim.store, session.order_id)
        if transaction is None:
            if action == "cancel":
                self._sim.payments.cancel_session(session.token)
                return self._leave(session, None)
            raise Impossible("Choose a method first")
        event = BUTTONS.get(action)
        if action == "otp":
            event = cards.event_for(transaction.fields.get("masked_card"), request.form.get("otp", ""))
        if event is None or (action == "pay" and transaction.channel.is_card):
            raise Impossible("This is not possible here")
        if event == cards.ACCEPT_LATER:
            at = self._sim.clock.now() + cards.ACCEPT_LATER_S
            self._sim.timers.set(Timer(transaction.id, "pay", at))
            return self._leave(session, transaction)
        transaction = self._sim.payments.apply(transaction.id, event)
        if transaction.status in {"deny", "failure"}:
            return self._again(session)
        return self._leave(session, transaction)

    def _again(self, session: Session, **query: str) -> Response:
        if _is_embedded():
            query["embed"] = "1"
        path = f"/snap/v4/redirection/{session.token}"
        return redirect_to(f"{path}?{urlencode(query)}" if query else path, 303)

    def _leave(self, session: Session, transaction: Transaction | None) -> Response:
        """Back to the merchant, or, inside a frame, tell the page around it."""
        facts = {"path": request.path, "order_id": session.order_id}
        stays = self._sim.faults.pick("page", facts, ("no_finish_redirect",))
        if stays or _is_embedded():
            return self._over(session, transaction)
        query = {"order_id": session.order_id}
        if transaction:
            query["status_code"] = status_code(transaction, notification=True)
            query["transaction_status"] = transaction.status
        else:
            query["action"] = "back"
        return redirect_to(_with_query(self._finish_url(session), query), 302)


def _is_embedded() -> bool:
    return request.args.get("embed") == "1" or request.form.get("embed") == "1"


def message_page(title: str, text: str, status: int) -> Response:
    """A page that says one thing."""
    return make_response(render_template("midsim_message.html", title=title, text=text), status)


def redirect_to(url: str, code: int) -> Response:
    """A redirect to exactly this address."""
    response = make_response(redirect(url, code))
    response.autocorrect_location_header = False
    return response


def _with_query(url: str, query: dict[str, str]) -> str:
    parts = urlsplit(url)
    pairs = [*parse_qsl(parts.query, keep_blank_values=True), *query.items()]
    return urlunsplit(parts._replace(query=urlencode(pairs)))


def _result(transaction: Transaction) -> dict[str, str | None]:
    """What the page around a frame is told."""
    return {
        "order_id": transaction.order_id,
        "transaction_id": transaction.id,
        "gross_amount": f"{transaction.amount}.00",
        "payment_type": transaction.payment_type,
        "transaction_status": transaction.status,
        "status_code": status_code(transaction, notification=True),
        "fraud_status": transaction.fraud_status,
    }
