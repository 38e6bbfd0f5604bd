"""Customers as staff see them: the list with credit and subscriptions, and everything about one of them."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import and_, func, select, union
from sqlalchemy.orm import joinedload

from minispod.accounts import directory
from minispod.accounts.models import User
from minispod.audit.models import AuditEntry
from minispod.insights.activity import Happening, named
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

_SHOWN = 8


@dataclass(frozen=True, slots=True)
class ListedCustomer:
    """One line of the list."""

    user: User
    wallet: Wallet | None
    live: int


@dataclass(frozen=True, slots=True)
class Card:
    """What stands on every page about one customer: the account, the wallet, and what would be stopped with it."""

    user: User
    wallet: Wallet | None
    live: Sequence[Subscription]

    @property
    def monthly(self) -> int:
        """What the live subscriptions cost in a month."""
        return sum(each.price for each in self.live)


@dataclass(frozen=True, slots=True)
class Dossier:
    """What one customer has and did; the newest few of each."""

    entries: Sequence[LedgerEntry]
    topups: Sequence[TopUp]
    papers: Sequence[IssuedPaper]
    subscriptions: Page[OwnedSubscription]
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


def card(user_id: uuid.UUID) -> Card:
    """One account as it is now, with its wallet and live subscriptions; raise NoSuchUser."""
    user = directory.get_user(user_id)
    session().refresh(user)
    live = (
        select(Subscription)
        .where(Subscription.user_id == user.id, Subscription.status.in_(LIVE))
        .order_by(Subscription.ends_at)
        .options(joinedload(Subscription.service), joinedload(Subscription.plan))
    )
    return Card(user, statements.wallets_of([user.id]).get(user.id), session().scalars(live).all())


def dossier(user_id: uuid.UUID, *, actor: Actor) -> Dossier:
    """The newest of everything of one customer."""
    return Dossier(
        entries=statements.recent_entries(user_id, _SHOWN),
        topups=_topups(user_id),
        papers=paper_queries.list_papers(PageRequest(1, _SHOWN), actor=actor, user_id=user_id).items,
        subscriptions=subscription_queries.list_all(PageRequest(1, _SHOWN), user_id=user_id),
        messages=_messages(user_id),
        audit=_audit(user_id),
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
    """What the customer did and what was done to the account or its wallet; each way has an index of its own."""
    newest = AuditEntry.at.desc(), AuditEntry.id.desc()
    ways = (
        AuditEntry.actor_id == user_id,
        and_(AuditEntry.subject_kind.in_(("user", "wallet")), AuditEntry.subject_id == str(user_id)),
    )
    ids = union(*(select(AuditEntry.id).where(way).order_by(*newest).limit(_SHOWN) for way in ways))
    wanted = select(AuditEntry).where(AuditEntry.id.in_(ids)).order_by(*newest).limit(_SHOWN)
    return named(session().scalars(wanted).all())
