"""Customers as staff see them: the list with credit and subscriptions, and everything about one of them."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, or_, select

from minispod.accounts import directory
from minispod.accounts.models import User
from minispod.audit.models import AuditEntry
from minispod.insights.activity import Happening, named
from minispod.instances.models import Instance
from minispod.kernel.actor import Actor, Role
from minispod.kernel.database import session
from minispod.kernel.paging import Page, PageRequest
from minispod.notifications.models import Notification
from minispod.papers import queries as paper_queries
from minispod.papers.queries import IssuedPaper
from minispod.payments.models import TopUp
from minispod.subscriptions import queries as subscription_queries
from minispod.subscriptions.models import Subscription
from minispod.subscriptions.queries import OwnedSubscription
from minispod.subscriptions.states import LIVE
from minispod.wallet import statements
from minispod.wallet.models import LedgerEntry, Wallet

_SHOWN = 10


@dataclass(frozen=True, slots=True)
class ListedCustomer:
    """One line of the list."""

    user: User
    wallet: Wallet | None
    live: int


@dataclass(frozen=True, slots=True)
class Dossier:
    """Everything about one customer; the newest few of each."""

    user: User
    wallet: Wallet | None
    entries: Sequence[LedgerEntry]
    topups: Sequence[TopUp]
    papers: Sequence[IssuedPaper]
    subscriptions: Page[OwnedSubscription]
    instances: Sequence[Instance]
    messages: Sequence[Notification]
    audit: Sequence[Happening]


def list_customers(page: PageRequest, *, search: str = "", role: Role | None = None) -> Page[ListedCustomer]:
    """List accounts with their credit and live subscriptions, newest first."""
    users = directory.list_users(page, search=search, role=role)
    ids = [user.id for user in users.items]
    wallets = statements.wallets_of(ids)
    rows = session().execute(
        select(Subscription.user_id, func.count())
        .where(Subscription.user_id.in_(ids), Subscription.status.in_(LIVE))
        .group_by(Subscription.user_id)
    )
    live = {user_id: int(number) for user_id, number in rows}
    return users.map(lambda user: ListedCustomer(user, wallets.get(user.id), live.get(user.id, 0)))


def dossier(user_id: uuid.UUID, *, actor: Actor) -> Dossier:
    """Everything about one customer; raise NoSuchUser."""
    user = directory.get_user(user_id)
    session().refresh(user)
    subscriptions = subscription_queries.list_all(PageRequest(1, _SHOWN), user_id=user.id)
    return Dossier(
        user=user,
        wallet=statements.wallets_of([user.id]).get(user.id),
        entries=statements.recent_entries(user.id, _SHOWN),
        topups=_topups(user.id),
        papers=paper_queries.list_papers(PageRequest(1, _SHOWN), actor=actor, user_id=user.id).items,
        subscriptions=subscriptions,
        instances=[each.instance for each in subscriptions.items if each.instance is not None],
        messages=_messages(user.id),
        audit=_audit(user.id),
    )


def _topups(user_id: uuid.UUID) -> Sequence[TopUp]:
    wanted = select(TopUp).where(TopUp.user_id == user_id).order_by(TopUp.created_at.desc()).limit(_SHOWN)
    return session().scalars(wanted).all()


def _messages(user_id: uuid.UUID) -> Sequence[Notification]:
    wanted = (
        select(Notification)
        .where(Notification.user_id == user_id)
        .order_by(Notification.created_at.desc())
        .limit(_SHOWN)
    )
    return session().scalars(wanted).all()


def _audit(user_id: uuid.UUID) -> Sequence[Happening]:
    """What the customer did and what was done to the account or its wallet."""
    wanted = (
        select(AuditEntry)
        .where(or_(AuditEntry.actor_id == user_id, AuditEntry.subject_id == str(user_id)))
        .order_by(AuditEntry.at.desc(), AuditEntry.id.desc())
        .limit(_SHOWN)
    )
    return named(session().scalars(wanted).all())
