"""PaymentGateway on Midtrans, through the official client.

What we say to Midtrans and how its answers become our values; the conversation itself is in `wire`.
Invariant: no id goes into an address before its form was checked, and in production the keys are sent to
the two official hosts only.
"""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from minispod.integrations.midtrans import notices, wire
from minispod.kernel.faultpoints import Step, around
from minispod.payments.gateway import (
    Checkout,
    CheckoutRequest,
    GatewayRejected,
    GatewayStatus,
    GatewayUnavailable,
    Notice,
    PaymentGroup,
)

OFFICIAL_HOSTS = {
    True: ("https://app.midtrans.com", "https://api.midtrans.com"),
    False: ("https://app.sandbox.midtrans.com", "https://api.sandbox.midtrans.com"),
}
STATUS_SECONDS = 3.0
CHECKOUT_SECONDS = 12.0
ACTION_SECONDS = 10.0
NAME_LIMIT = 30

# Each must be activated for the account; there is no plain "qris" in Snap's list.
ENABLED_PAYMENTS: Mapping[PaymentGroup, tuple[str, ...]] = {
    PaymentGroup.BANK_TRANSFER: ("bca_va", "bni_va", "bri_va", "permata_va", "cimb_va", "echannel"),
    PaymentGroup.E_WALLET: ("gopay", "shopeepay", "dana", "ovo"),
    PaymentGroup.CREDIT_CARD: ("credit_card",),
    PaymentGroup.QRIS: ("other_qris",),
}


class MidtransGateway:
    """Checkout, status and notifications of one Midtrans account. Safe to share between threads."""

    def __init__(
        self,
        *,
        server_key: str,
        client_key: str = "",
        is_production: bool = False,
        snap_base_url: str | None = None,
        core_base_url: str | None = None,
    ) -> None:
        """Base addresses are scheme and host; left out, they are the official ones."""
        official_snap, official_core = OFFICIAL_HOSTS[is_production]
        snap = (snap_base_url or official_snap).rstrip("/").removesuffix("/snap/v1")
        core = (core_base_url or official_core).rstrip("/")
        if is_production and (snap, core) != (official_snap, official_core):
            raise ValueError("in production payments go to the official Midtrans hosts only")
        self._server_key = server_key
        self._page_origin = _origin(snap)
        self._line = wire.Line(wire.Account(server_key, client_key, is_production, snap + "/snap/v1", core))

    def open_checkout(self, request: CheckoutRequest) -> Checkout:
        """Open a payment page. Repeating it with the same order is safe until a method was picked there."""
        _checked(request.order_id)
        wanted = _checkout_body(request)
        with around(Step.ASK_CHECKOUT):
            answer = self._line.snap(lambda snap: snap.create_transaction(wanted), seconds=CHECKOUT_SECONDS)
        token, url = answer.get("token"), answer.get("redirect_url")
        if not (isinstance(token, str) and token and isinstance(url, str) and self._is_ours(url)):
            raise GatewayUnavailable(reason="unreadable_answer")
        return Checkout(token=token, redirect_url=url)

    def close_checkout(self, token: str) -> None:
        """Close a payment page nobody has picked a method on; raises GatewayRejected when it cannot be closed."""
        _checked(token)
        with around(Step.CLOSE_PAGE):
            self._line.snap(lambda snap: _close_page(snap, token), seconds=ACTION_SECONDS)

    def read_notice(self, raw: bytes) -> Notice:
        """Check form and signature of a received body; talks to nobody."""
        return notices.read_notice(raw, self._server_key)

    def status(self, id: str) -> GatewayStatus:
        """Say what became of a payment, by order id or (safer) by transaction id."""
        return self._about(id, lambda transactions: transactions.status(id), STATUS_SECONDS, Step.ASK_STATUS)

    def cancel(self, order_id: str) -> GatewayStatus:
        """Call off a payment that has not settled."""
        return self._about(
            order_id, lambda transactions: transactions.cancel(order_id), ACTION_SECONDS, Step.ASK_CANCEL
        )

    def refund(self, transaction_id: str, *, refund_key: str, amount: int, reason: str) -> GatewayStatus:
        """Give money back; the same key never gives it back twice."""
        asked = {"refund_key": _checked(refund_key), "amount": amount, "reason": reason}
        return self._about(
            transaction_id,
            lambda transactions: transactions.refund(transaction_id, asked),
            ACTION_SECONDS,
            Step.SEND_REFUND,
        )

    def close(self) -> None:
        """Close idle connections; a later call opens new ones."""
        self._line.close()

    def _about(self, id: str, call: Callable[[Any], Any], seconds: float, step: Step) -> GatewayStatus:
        _checked(id)
        try:
            with around(step):
                answer = self._line.core(call, seconds=seconds)
        except GatewayRejected as refusal:
            if refusal.details.get("gatewayCode") != "404":
                raise
            return GatewayStatus(found=False, status_code="404")
        return _status(answer)

    def _is_ours(self, url: str) -> bool:
        # The customer is sent there: never to a script or to somebody else's page.
        return _origin(url) == self._page_origin


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


def _checked(id: str) -> str:
    # The client pastes ids into the address unescaped.
    if not notices.TRANSACTION_ID.fullmatch(id):
        raise GatewayRejected("This is no payment id.", gatewayCode="400")
    return id


def _checkout_body(request: CheckoutRequest) -> dict[str, Any]:
    items = [{"id": "credit", "price": request.amount, "quantity": 1, "name": "MinisPod credit"}]
    if request.fee:
        # The items must add up to the sum exactly.
        items.append({"id": "fee", "price": request.fee, "quantity": 1, "name": "Payment fee"})
    customer = {"first_name": request.customer_name[:NAME_LIMIT], "email": request.customer_email}
    if request.customer_phone:
        customer["phone"] = request.customer_phone
    lasts = {"unit": "minute", "duration": request.expires_in_minutes}
    return {
        "transaction_details": {
            "order_id": request.order_id,
            "gross_amount": request.amount + request.fee,
        },
        "item_details": items,
        "customer_details": customer,
        "enabled_payments": list(ENABLED_PAYMENTS[request.method]),
        # Documented as off by default: 3-D Secure has to be asked for.
        "credit_card": {"secure": True},
        "expiry": lasts,
        "page_expiry": lasts,
        "callbacks": {"finish": request.finish_url},
    }


def _close_page(snap: Any, token: str) -> Any:
    """The one call the official client has no function for."""
    config = snap.api_config
    url = f"{config.get_snap_base_url()}/transactions/{token}/cancel"
    answer, _ = snap.http_client.request("post", config.server_key, url, {}, {}, {})
    return answer


def _status(answer: Mapping[str, Any]) -> GatewayStatus:
    """Translate a Core API answer; one without a state or with an unreadable amount is no answer."""
    state = _text(answer, "transaction_status")
    amount = answer.get("gross_amount")
    rupiah = notices.rupiah(amount)
    if not state or (amount is not None and rupiah is None):
        raise GatewayUnavailable(reason="unreadable_answer")
    return GatewayStatus(
        found=True,
        transaction_id=_text(answer, "transaction_id"),
        transaction_status=state.lower(),
        fraud_status=_text(answer, "fraud_status"),
        gross_amount=rupiah,
        currency=_text(answer, "currency"),
        merchant_id=_text(answer, "merchant_id"),
        payment_type=_text(answer, "payment_type"),
        refund_amount=notices.rupiah(answer.get("refund_amount")),
        status_code=_text(answer, "status_code"),
        order_id=_text(answer, "order_id"),
    )


def _text(answer: Mapping[str, Any], name: str) -> str | None:
    value = answer.get(name)
    if value is None or isinstance(value, str):
        return value
    raise GatewayUnavailable(reason="unreadable_answer")
