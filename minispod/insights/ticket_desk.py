"""What staff want to know of a customer while they answer a ticket: money, subscriptions, the instance, other tickets.

Six statements for any ticket, whatever the customer has.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select

from minispod.instances.models import Instance
from minispod.kernel.database import session
from minispod.kernel.paging import Page, PageRequest
from minispod.subscriptions import queries as subscriptions
from minispod.subscriptions.queries import OwnedSubscription
from minispod.tickets.models import Ticket
from minispod.tickets.opening import state_of
from minispod.tickets.states import TicketStatus
from minispod.wallet import statements
from minispod.wallet.models import Wallet

_SHOWN = 5
# What of an instance tells why it does not work; the rest is on its own page.
COMPARED = (
    "status",
    "health_status",
    "last_error",
    "version",
    "node_name",
    "restarts",
    "cpu_milli",
    "memory_mb",
    "storage_gb",
    "public_url",
)


@dataclass(frozen=True, slots=True)
class Compared:
    """One thing known of the instance: when the ticket was opened, and now."""

    name: str
    then: object
    now: object

    @property
    def is_changed(self) -> bool:
        """Tell whether it is different now."""
        return self.then != self.now


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The customer of a ticket, around it; the newest few of each."""

    wallet: Wallet | None
    subscriptions: Page[OwnedSubscription]
    instance: Instance | None
    noted_at: datetime | None
    compared: Sequence[Compared]
    others: Sequence[Ticket]
    others_open: int


def surroundings(ticket: Ticket, at: datetime) -> Surroundings:
    """What stands beside a ticket."""
    instance = (
        session().get(Instance, ticket.instance_id, populate_existing=True) if ticket.instance_id else None
    )
    then = ticket.instance_state or {}
    now = state_of(instance, at) if instance is not None else {}
    others = (
        select(Ticket)
        .where(Ticket.user_id == ticket.user_id, Ticket.id != ticket.id)
        .order_by(Ticket.created_at.desc(), Ticket.id.desc())
        .limit(_SHOWN)
    )
    still_open = (
        select(func.count())
        .select_from(Ticket)
        .where(Ticket.user_id == ticket.user_id, Ticket.id != ticket.id, Ticket.status != TicketStatus.CLOSED)
    )
    return Surroundings(
        wallet=statements.wallets_of([ticket.user_id]).get(ticket.user_id),
        subscriptions=subscriptions.list_all(PageRequest(1, _SHOWN), user_id=ticket.user_id),
        instance=instance,
        noted_at=datetime.fromisoformat(then["at"]) if then else None,
        compared=[
            Compared(name, then.get(name), now.get(name))
            for name in COMPARED
            if then.get(name) is not None or now.get(name) is not None
        ],
        others=session().scalars(others).all(),
        others_open=session().scalar(still_open) or 0,
    )


def as_length(seconds: float | None) -> timedelta | None:
    """Seconds of a figure as a length of time."""
    return None if seconds is None else timedelta(seconds=seconds)
