"""What the simulator remembers: sessions, transactions and deliveries, and how they are kept in the store.

Plain values with look-ups; what may happen to them is decided elsewhere. Times are seconds since the
epoch. Invariant: a record that was saved reads back equal.
"""

from dataclasses import asdict, dataclass, field
from typing import Any

from minispod.simulator.midtrans.channels import CHANNELS, Channel
from minispod.simulator.midtrans.store import Store

SESSION, TRANSACTION, DELIVERY = "session", "transaction", "delivery"

# An order is free for another attempt when all it has are these.
ENDED_UNPAID = frozenset({"deny", "failure", "expire", "cancel"})
PAID = frozenset({"settlement", "capture", "refund", "partial_refund", "chargeback"})


@dataclass(slots=True)
class Session:
    """One Snap token: the right to pay one order on one page."""

    token: str
    order_id: str
    amount: int
    request: dict[str, Any]
    targets: list[str]
    created_at: float
    page_expires_at: float
    state: str = "open"

    @property
    def finish_url(self) -> str | None:
        """Where the request wants the customer to go afterwards."""
        callbacks = self.request.get("callbacks") or {}
        finish = callbacks.get("finish")
        return finish if isinstance(finish, str) and finish else None

    def is_open(self, now: float) -> bool:
        """Whether the page may still be used."""
        return self.state == "open" and now < self.page_expires_at


@dataclass(slots=True)
class Transaction:
    """One attempt to pay an order with one method."""

    id: str
    order_id: str
    channel_name: str
    payment_type: str
    status: str
    amount: int
    created_at: float
    targets: list[str]
    token: str | None = None
    fraud_status: str | None = None
    currency: str = "IDR"
    settled_at: float | None = None
    expires_at: float | None = None
    fields: dict[str, Any] = field(default_factory=dict)
    refunds: list[dict[str, Any]] = field(default_factory=list)
    history: list[dict[str, Any]] = field(default_factory=list)

    @property
    def channel(self) -> Channel:
        """The method it was made with."""
        known = CHANNELS.get(self.channel_name)
        return known or Channel(self.channel_name, self.channel_name, self.payment_type)

    @property
    def is_challenged(self) -> bool:
        """Whether it waits for the merchant's approval."""
        return self.status == "capture" and self.fraud_status == "challenge"

    @property
    def refunded(self) -> int:
        """The sum of all refunds so far."""
        return sum(int(refund["amount"]) for refund in self.refunds)


@dataclass(slots=True)
class Delivery:
    """One notification body on its way to one address; retries repeat the same bytes."""

    id: str
    url: str
    body: str
    created_at: float
    next_at: float
    order_id: str | None = None
    transaction_id: str | None = None
    cause: str = ""
    state: str = "due"  # due | done | gave_up | blocked | held | dropped
    batch: str | None = None  # copies that leave at the same moment
    is_retried: bool = True
    headers: dict[str, str] = field(default_factory=dict)
    attempts: list[dict[str, Any]] = field(default_factory=list)

    @property
    def raw(self) -> bytes:
        """The bytes as sent; a body that is no UTF-8 is kept by surrogates."""
        return self.body.encode("utf-8", "surrogateescape")


def save_session(store: Store, session: Session) -> Session:
    """Keep a session."""
    store.put(SESSION, session.token, asdict(session), owner=session.order_id, state=session.state)
    return session


def save_transaction(store: Store, transaction: Transaction) -> Transaction:
    """Keep a transaction."""
    store.put(
        TRANSACTION,
        transaction.id,
        asdict(transaction),
        owner=transaction.order_id,
        state=transaction.status,
    )
    return transaction


def save_delivery(store: Store, delivery: Delivery) -> Delivery:
    """Keep a delivery."""
    store.put(
        DELIVERY,
        delivery.id,
        asdict(delivery),
        owner=delivery.order_id,
        state=delivery.state,
        due_at=delivery.next_at,
    )
    return delivery


def find_session(store: Store, token: str) -> Session | None:
    """Look up a session by token."""
    body = store.get(SESSION, token)
    return Session(**body) if body else None


def find_transaction(store: Store, id: str) -> Transaction | None:
    """Look up a transaction by its own id."""
    body = store.get(TRANSACTION, id)
    return Transaction(**body) if body else None


def find_delivery(store: Store, id: str) -> Delivery | None:
    """Look up a delivery."""
    body = store.get(DELIVERY, id)
    return Delivery(**body) if body else None


def sessions_of(store: Store, order_id: str) -> list[Session]:
    """All sessions of an order, oldest first."""
    return [Session(**body) for body in store.every(SESSION, owner=order_id)]


def transactions_of(store: Store, order_id: str) -> list[Transaction]:
    """All attempts to pay an order, oldest first."""
    return [Transaction(**body) for body in store.every(TRANSACTION, owner=order_id)]


def deliveries_of(
    store: Store, order_id: str | None = None, state: str | None = None, limit: int | None = None
) -> list[Delivery]:
    """Deliveries, oldest first."""
    found = store.every(DELIVERY, owner=order_id, state=state, limit=limit)
    return [Delivery(**body) for body in found]


def live_transaction(store: Store, order_id: str) -> Transaction | None:
    """The attempt that is pending or paid, if there is one."""
    live = [found for found in transactions_of(store, order_id) if found.status not in ENDED_UNPAID]
    return live[-1] if live else None


def current_transaction(store: Store, order_id: str) -> Transaction | None:
    """What an order id means: the newest attempt that was not denied, else the newest."""
    found = transactions_of(store, order_id)
    not_denied = [one for one in found if one.status not in {"deny", "failure"}]
    candidates = not_denied or found
    return candidates[-1] if candidates else None
