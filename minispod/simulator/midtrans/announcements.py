"""From a change of state to deliveries: the signed body, its addresses, and what fault rules make of it.

Nothing is sent here. Called inside the database transaction of the change, so that a change without its
notifications cannot exist. Invariant: without a rule every delivery carries a genuine body, once per address.
"""

from typing import Any

from minispod.simulator.midtrans import messages, records
from minispod.simulator.midtrans.channels import DAY
from minispod.simulator.midtrans.config import Config
from minispod.simulator.midtrans.faults import Faults, Rule, actions_of, number_of
from minispod.simulator.midtrans.messages import Message
from minispod.simulator.midtrans.mint import Mint
from minispod.simulator.midtrans.records import Delivery, Transaction
from minispod.simulator.midtrans.store import Store
from minispod.simulator.midtrans.tampering import TAMPERINGS, text
from minispod.simulator.midtrans.timers import Timer, Timers

HELD_UNTIL_NEXT = "held until the next event"
LOOSE = "leaves in any order"
_MONEY_BACK_AFTER_S = 180.0


class Announcer:
    """Writes deliveries for changes."""

    def __init__(self, config: Config, store: Store, mint: Mint, faults: Faults, timers: Timers) -> None:
        self._config, self._store, self._mint = config, store, mint
        self._faults, self._timers = faults, timers

    def announce(self, transaction: Transaction, cause: str, at: float) -> list[Delivery]:
        """Queue the notification of the present state to all addresses of the transaction."""
        facts = _facts(transaction)
        skew_rule = self._faults.pick("clock", facts)
        message = messages.notification(
            transaction,
            server_key=self._config.server_key,
            merchant_id=self._config.merchant_id,
            skew=number_of(skew_rule, "s", 0) if skew_rule else 0.0,
        )
        rule = None if cause == "double_payment" else self._faults.pick("webhook", facts)
        made: list[Delivery] = []
        for url in transaction.targets:
            genuine = self._delivery(url, text(message), cause, at, transaction)
            made += [genuine] if rule is None else self._spoilt(genuine, message, rule)
        if rule:
            self._follow_ups(transaction, rule, at)
        for delivery in made:
            records.save_delivery(self._store, delivery)
        return made

    def _delivery(self, url: str, body: str, cause: str, at: float, transaction: Transaction) -> Delivery:
        return Delivery(
            id=f"d-{self._store.next_number('delivery')}",
            url=url,
            body=body,
            created_at=at,
            next_at=at,
            order_id=transaction.order_id,
            transaction_id=transaction.id,
            cause=cause,
        )

    def _copy(self, of: Delivery, **changes: Any) -> Delivery:
        values = {name: getattr(of, name) for name in Delivery.__slots__}
        fresh = {"id": f"d-{self._store.next_number('delivery')}", "headers": {}, "attempts": []}
        return Delivery(**{**values, **fresh, **changes})

    def _spoilt(self, genuine: Delivery, message: Message, rule: Rule) -> list[Delivery]:
        """The genuine delivery as changed by a rule, and whatever goes out beside it."""
        made = [genuine]
        replaced = False
        for action in actions_of(rule):
            if action in TAMPERINGS:
                body = TAMPERINGS[action](message, rule, self._config.server_key)
                made.append(self._copy(genuine, body=body, cause=f"{genuine.cause}: {action}"))
                replaced = replaced or not rule.get("beside")
            else:
                made += self._rerouted(genuine, action, rule)
        return made[1:] if replaced else made

    def _rerouted(self, genuine: Delivery, action: str, rule: Rule) -> list[Delivery]:
        wait = number_of(rule, "s", 60)
        if action == "delay":
            genuine.next_at += wait
        elif action == "drop":
            genuine.state = "dropped"
        elif action == "reorder":
            genuine.state, genuine.batch = "held", HELD_UNTIL_NEXT
        elif action == "old_event_again":
            return [self._copy(genuine, next_at=genuine.next_at + wait, cause=f"{genuine.cause}: again")]
        elif action in {"duplicate", "burst"}:
            return self._copies(genuine, rule, at_once=action == "burst" or bool(rule.get("concurrent")))
        return []

    def _copies(self, genuine: Delivery, rule: Rule, *, at_once: bool) -> list[Delivery]:
        count = max(1, int(number_of(rule, "n", number_of(rule, "k", 2))))
        spread = number_of(rule, "spread_s", 0)
        if at_once:
            genuine.batch = genuine.id
        copies = [self._copy(genuine, cause=f"{genuine.cause}: copy") for _ in range(count - 1)]
        if spread:
            for one in (genuine, *copies):
                one.next_at += self._mint.between(0, spread)
                one.batch = LOOSE
        return copies

    def _follow_ups(self, transaction: Transaction, rule: Rule, at: float) -> None:
        """What a rule makes happen to the transaction itself later on."""
        actions, wait = actions_of(rule), number_of(rule, "s", 60)
        if "late_pay" in actions and transaction.status == "expire":
            self._timers.set(Timer(transaction.id, "late_pay", at + wait))
        if "double_payment" in actions and transaction.status == "settlement":
            self._timers.set(Timer(transaction.id, "double_payment", at + number_of(rule, "s", 0)))
        if "money_back" in actions and transaction.status == "settlement":
            event = _way_back(transaction)
            if event:
                back_at = at + number_of(rule, "s", _MONEY_BACK_AFTER_S if event == "reversal" else DAY)
                self._timers.set(Timer(transaction.id, event, back_at))


def _way_back(transaction: Transaction) -> str | None:
    channel = transaction.channel
    if channel.is_reversible:
        return "reversal"
    if channel.is_card:
        return "chargeback"
    return "refund" if channel.is_refundable else None


def _facts(transaction: Transaction) -> dict[str, Any]:
    return {
        "order_id": transaction.order_id,
        "transaction_id": transaction.id,
        "payment_type": transaction.payment_type,
        "status": transaction.status,
    }
