"""The whole of one kind of thing of one customer, paged: for the views of the customer's page. Reads only."""

import uuid
from typing import Any

from sqlalchemy import String as Text
from sqlalchemy import cast, select, union

from minispod.alerts.models import Alert
from minispod.audit.models import AuditEntry
from minispod.insights.activity import Happening, named
from minispod.insights.customer_needs import about
from minispod.instances.models import Instance
from minispod.kernel.database import page_of
from minispod.kernel.paging import Page, PageRequest
from minispod.notifications.models import Notification
from minispod.payments.models import TopUp
from minispod.subscriptions.models import Subscription
from minispod.tickets.models import Ticket

_OWNED: tuple[tuple[str, Any], ...] = (
    ("subscription", Subscription),
    ("instance", Instance),
    ("topup", TopUp),
    ("ticket", Ticket),
)


def messages(page: PageRequest, user_id: uuid.UUID) -> Page[Notification]:
    """What was sent or waits to be sent, newest first."""
    wanted = select(Notification).where(Notification.user_id == user_id)
    return page_of(wanted.order_by(Notification.created_at.desc(), Notification.id.desc()), page)


def tickets(page: PageRequest, user_id: uuid.UUID) -> Page[Ticket]:
    """Every ticket, newest first."""
    wanted = select(Ticket).where(Ticket.user_id == user_id)
    return page_of(wanted.order_by(Ticket.created_at.desc(), Ticket.id.desc()), page)


def alerts(page: PageRequest, user_id: uuid.UUID) -> Page[Alert]:
    """Alerts about the customer's instances and top-ups, those that are over included, newest first."""
    wanted = select(Alert).where(about(user_id))
    return page_of(wanted.order_by(Alert.opened_at.desc(), Alert.id.desc()), page)


def history(page: PageRequest, user_id: uuid.UUID) -> Page[Happening]:
    """Everything that the customer did, and that was done to the account or to what it has; newest first."""
    known = [select(AuditEntry.id).where(AuditEntry.actor_id == user_id)]
    known.append(
        select(AuditEntry.id).where(
            AuditEntry.subject_kind.in_(("user", "wallet")), AuditEntry.subject_id == str(user_id)
        )
    )
    known += [
        select(AuditEntry.id).where(
            AuditEntry.subject_kind == kind,
            AuditEntry.subject_id.in_(select(cast(table.id, Text)).where(table.user_id == user_id)),
        )
        for kind, table in _OWNED
    ]
    wanted = select(AuditEntry).where(AuditEntry.id.in_(union(*known)))
    found: Page[AuditEntry] = page_of(wanted.order_by(AuditEntry.at.desc(), AuditEntry.id.desc()), page)
    return Page(named(found.items), found.total, found.page, found.limit)
