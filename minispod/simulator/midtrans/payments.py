"""Sessions and transactions: what a Snap request, a customer, a merchant call or the clock may do to them.

Every change is written together with the notifications it causes, in one database transaction.
Invariant: an order has at most one transaction that is not denied, failed, expired or cancelled (the
double-payment fault excepted).
"""

from dataclasses import dataclass
from typing import Any

from minispod.simulator.midtrans import records, states
from minispod.simulator.midtrans.announcements import Announcer
from minispod.simulator.midtrans.channels import DAY, Channel, channel_for
from minispod.simulator.midtrans.config import Config
from minispod.simulator.midtrans.mint import Mint
from minispod.simulator.midtrans.newborn import first_fields, payment_type_of
from minispod.simulator.midtrans.records import Session, Transaction
from minispod.simulator.midtrans.store import Store
from minispod.simulator.midtrans.timers import Timer, Timers
from minispod.simulator.midtrans.times import Clock, iso, next_settlement

USED = "transaction_details.order_id has been paid and utilized, please use another order ID"
CONFIRMED_AFTER_S = DAY


class Impossible(Exception):
    """The customer or merchant asks for something the session's state does not allow."""


@dataclass(slots=True)
class Payments:
    """The books of sessions and transactions."""

    config: Config
    store: Store
    clock: Clock
    mint: Mint
    timers: Timers
    announcer: Announcer

    def open_session(self, request: dict[str, Any], targets: list[str], *, expires_in_s: float) -> Session:
        """Give the order a new token; an older one without a transaction stops working."""
        order_id = request["transaction_details"]["order_id"]
        with self.store.writing():
            if records.live_transaction(self.store, order_id):
                raise Impossible(USED)
            for former in records.sessions_of(self.store, order_id):
                if former.state == "open":
                    former.state = "replaced"
                    records.save_session(self.store, former)
            now = self.clock.now()
            return records.save_session(
                self.store,
                Session(
                    token=self.mint.uuid(),
                    order_id=order_id,
                    amount=request["transaction_details"]["gross_amount"],
                    request=request,
                    targets=targets,
                    created_at=now,
                    page_expires_at=now + expires_in_s,
                ),
            )

    def cancel_session(self, token: str) -> str:
        """Close a page before anybody paid there; answers when."""
        with self.store.writing():
            session = records.find_session(self.store, token)
            if session is None:
                raise Impossible("token not found")
            if session.state == "canceled":
                raise Impossible("token already canceled")
            if session.state != "open" or records.live_transaction(self.store, session.order_id):
                raise Impossible("Transaction is on progress")
            session.state = "canceled"
            records.save_session(self.store, session)
            return iso(self.clock.now())

    def choose(
        self,
        token: str,
        channel: Channel,
        *,
        device: str = "desktop",
        expires_in_s: float | None = None,
        fields: dict[str, Any] | None = None,
    ) -> Transaction:
        """Begin an attempt with one method, as the customer does by choosing it."""
        with self.store.writing():
            session = records.find_session(self.store, token)
            now = self.clock.now()
            if session is None or not session.is_open(now):
                raise Impossible("This payment page can no longer be used")
            if records.live_transaction(self.store, session.order_id):
                raise Impossible("A method has been chosen already")
            made = self._newborn(session.order_id, session.amount, channel, device, session.targets, now)
            made.token = token
            made.expires_at = now + (channel.expires_in_s if expires_in_s is None else expires_in_s)
            made.fields.update(fields or {})
            self._born(made, now)
            return made

    def _newborn(
        self, order_id: str, amount: int, channel: Channel, device: str, targets: list[str], now: float
    ) -> Transaction:
        return Transaction(
            id=self.mint.bi_snap_id(now) if channel.is_bi_snap else self.mint.uuid(),
            order_id=order_id,
            channel_name=channel.name,
            payment_type=payment_type_of(channel, device),
            status="pending",
            amount=amount,
            created_at=now,
            targets=targets,
            fraud_status=None if channel.name == "indomaret" else "accept",
            fields=first_fields(channel, device, self.mint),
        )

    def _born(self, transaction: Transaction, at: float) -> None:
        transaction.history.append({"at": at, "from": None, "to": transaction.status, "cause": "chosen"})
        records.save_transaction(self.store, transaction)
        if transaction.expires_at is not None:
            self.timers.set(Timer(transaction.id, "expire", transaction.expires_at))
        self.announcer.announce(transaction, "chosen", at)

    def apply(
        self, transaction_id: str, event: str, *, at: float | None = None, cause: str = "", **given: Any
    ) -> Transaction:
        """Let an event happen; raises states.Refusal when it cannot, KeyError when nobody knows the id."""
        with self.store.writing():
            transaction = records.find_transaction(self.store, transaction_id)
            if transaction is None:
                raise KeyError(transaction_id)
            moment = self.clock.now() if at is None else at
            try:
                states.apply(transaction, event, moment, self.mint, **given)
            except states.Repeated:
                return transaction
            records.save_transaction(self.store, transaction)
            self._set_timers(transaction, event, moment)
            self._close_session(transaction)
            self.announcer.announce(transaction, cause or event, moment)
            return transaction

    def _set_timers(self, transaction: Transaction, event: str, at: float) -> None:
        if event == "refund":
            key = transaction.refunds[-1]["key"]
            self.timers.set(Timer(transaction.id, "refund_confirm", at + CONFIRMED_AFTER_S, {"key": key}))
        elif transaction.is_challenged:
            self.timers.set(Timer(transaction.id, "challenge_timeout", at + DAY))
        elif transaction.status == "capture":
            self.timers.set(Timer(transaction.id, "settle_card", next_settlement(at)))

    def _close_session(self, transaction: Transaction) -> None:
        session = records.find_session(self.store, transaction.token or "")
        # After a denied or failed attempt the customer may try again on the same page.
        if session and session.state == "open" and transaction.status not in {"pending", "deny", "failure"}:
            session.state = "closed"
            records.save_session(self.store, session)

    def seed(self, wanted: dict[str, Any]) -> Transaction:
        """Put a transaction in place without telling anybody; ids and fields may be given."""
        amount, now = wanted["gross_amount"], self.clock.now()
        bank = wanted.get("bank")
        channel = channel_for(wanted.get("payment_type", "bank_transfer"), bank, wanted.get("store"))
        made = self._newborn(wanted["order_id"], amount, channel, "mobile", self.targets(), now)
        made.id = wanted.get("transaction_id") or made.id
        made.payment_type = wanted.get("payment_type", made.payment_type)
        made.status = wanted.get("status", "pending")
        made.fraud_status = wanted.get("fraud_status", made.fraud_status)
        made.currency = wanted.get("currency", "IDR")
        made.fields.update(wanted.get("fields") or {})
        made.expires_at = now + channel.expires_in_s
        made.settled_at = now if made.status in records.PAID - {"capture"} else None
        made.history.append({"at": now, "from": None, "to": made.status, "cause": "seeded"})
        with self.store.writing():
            records.save_transaction(self.store, made)
            if made.status == "pending":
                self.timers.set(Timer(made.id, "expire", made.expires_at))
            self._set_timers(made, "seeded", now)
        return made

    def pay_again(self, order_id: str, at: float) -> None:
        """Let a second transaction settle an order that is paid: what the real thing may do, rarely."""
        paid = records.current_transaction(self.store, order_id)
        if paid is None:
            return
        channel = channel_for("echannel")
        with self.store.writing():
            second = self._newborn(order_id, paid.amount, channel, "mobile", paid.targets, at)
            second.token = paid.token
            self._born(second, at)
            self.apply(second.id, "pay", at=at, cause="double_payment")

    def targets(self) -> list[str]:
        """Where notifications go when the request says nothing."""
        return [self.config.notification_url]
