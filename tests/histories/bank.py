"""What the gateway knows of each order, kept in memory: thousands of histories have no time for a server.

It is asked through the same port as the real adapter. Payments are never forgotten, may come twice for one order, and
every state a payment was in can be announced again.
"""

import hashlib
from dataclasses import dataclass, field, replace
from threading import Lock

from minispod.payments.gateway import (
    Checkout,
    CheckoutRequest,
    GatewayRejected,
    GatewayStatus,
    Notice,
)

_HOLDS_MONEY = ("settlement", "partial_refund")


@dataclass
class Payment:
    """One attempt to pay an order; `said` are the states it was in, oldest first."""

    said: list[GatewayStatus]

    @property
    def id(self) -> str:
        """The gateway's own number of it."""
        return str(self.now.transaction_id)

    @property
    def now(self) -> GatewayStatus:
        """How it stands."""
        return self.said[-1]

    @property
    def amount(self) -> int:
        """What was paid."""
        return int(self.now.gross_amount or 0)

    @property
    def given_back(self) -> int:
        """What the customer has back of it."""
        if self.now.transaction_status == "partial_refund":
            return int(self.now.refund_amount or 0)
        return 0 if self.now.transaction_status == "settlement" else self.amount

    @property
    def holds_money(self) -> bool:
        """Tell whether something of it is still with us."""
        return self.now.transaction_status in _HOLDS_MONEY

    def notice(self, number: int) -> Notice:
        """What is announced when it comes to state `number`, the same bytes each time."""
        status = self.said[number % len(self.said)]
        name = f"{self.id}:{status.transaction_status}:{status.refund_amount}"
        return Notice(
            order_id=str(status.order_id),
            transaction_id=self.id,
            transaction_status=str(status.transaction_status),
            fraud_status=None,
            status_code="200",
            gross_amount=self.amount,
            currency="IDR",
            merchant_id=None,
            payment_type="qris",
            refund_amount=status.refund_amount,
            received_digest=hashlib.sha256(name.encode()).hexdigest(),
            body={},
        )


@dataclass
class Bank:
    """All payments of one history. A `PaymentGateway`; each of its answers is true at one moment."""

    payments: list[Payment] = field(default_factory=list)
    _keys: set[str] = field(default_factory=set)
    _lock: Lock = field(default_factory=Lock)

    def pay(self, order_id: str, amount: int) -> Payment:
        """The customer pays an order, whether or not it was paid before."""
        with self._lock:
            status = GatewayStatus(
                found=True,
                transaction_id=f"tx-{len(self.payments)}-{order_id}",
                transaction_status="settlement",
                gross_amount=amount,
                currency="IDR",
                payment_type="qris",
                status_code="200",
                order_id=order_id,
            )
            payment = Payment([replace(status, transaction_status="pending"), status])
            self.payments.append(payment)
            return payment

    def give_back(self, payment: Payment, how: str, part: int) -> None:
        """Money goes back by the bank's own will, as far as it is still there."""
        with self._lock:
            self._give_back(payment, how, part)

    def open_checkout(self, request: CheckoutRequest) -> Checkout:
        """Open a page; nobody looks at it."""
        return Checkout(f"token-{request.order_id}", f"http://127.0.0.1:1/{request.order_id}")

    def close_checkout(self, token: str) -> None:
        """Whoever has the page open may still pay: refused as by the real one when a method was picked."""
        raise GatewayRejected(gatewayCode="406")

    def status(self, id: str) -> GatewayStatus:
        """How a payment stands; by an order's name its newest."""
        with self._lock:
            found = self._find(id)
            return found.now if found else GatewayStatus(found=False)

    def cancel(self, order_id: str) -> GatewayStatus:
        """What is paid cannot be called off, and what is not paid is not known here."""
        with self._lock:
            if self._find(order_id) is not None:
                raise GatewayRejected(gatewayCode="412")
            return GatewayStatus(found=False)

    def refund(self, transaction_id: str, *, refund_key: str, amount: int, reason: str) -> GatewayStatus:
        """Give a part back, once for each key."""
        with self._lock:
            payment = self._find(transaction_id)
            if payment is None or refund_key in self._keys:
                raise GatewayRejected(gatewayCode="406")
            if not payment.holds_money or amount > payment.amount - payment.given_back:
                raise GatewayRejected(gatewayCode="414")
            self._keys.add(refund_key)
            self._give_back(payment, "partial_refund", amount)
            return payment.now

    def _find(self, id: str) -> Payment | None:
        fitting = (each for each in reversed(self.payments) if id in (each.id, each.now.order_id))
        return next(fitting, None)

    def _give_back(self, payment: Payment, how: str, part: int) -> None:
        if not payment.holds_money or (how == "deny" and payment.given_back):
            return
        total = min(payment.amount, payment.given_back + part) if how == "partial_refund" else payment.amount
        is_refund = how.endswith("refund")
        status = "refund" if is_refund and total == payment.amount else how
        payment.said.append(
            replace(payment.now, transaction_status=status, refund_amount=total if is_refund else None)
        )
