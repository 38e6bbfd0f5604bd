"""One search for everything staff may have in hand: a name, an address, a phone, a number, an id, a host.

The text says by itself what it may be, so that each table is only asked for what its indexes find, and for the first
few of that. The number of statements depends on the kind of text, never on how much there is. Reads only.
"""

import re
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, or_, select, union

from minispod.accounts.models import User
from minispod.catalog.models import Plan, Service
from minispod.insights import looking_up
from minispod.instances.domains.models import CustomDomain
from minispod.instances.models import Instance
from minispod.kernel.database import session
from minispod.papers.models import Paper
from minispod.payments.models import TopUp
from minispod.subscriptions.models import Subscription
from minispod.tickets.models import Ticket
from minispod.wallet.models import LedgerEntry

SHORTEST = 3
"""Characters from which on a part of a name or an address is looked for: a trigram."""
_EACH = 20
_LARGEST_NUMBER = 2**63 - 1
_TRANSACTION = re.compile(r"TXMP-?(\d{1,18})", re.IGNORECASE)
_TICKET = re.compile(r"#(\d{1,18})")
_DIGITS = re.compile(r"\d{1,18}")
_PHONE = re.compile(r"\+?[\d\s().-]{6,24}")
_ADDRESS = re.compile(r"[a-z]+://", re.IGNORECASE)
_SHORTEST_PHONE = 5


class Kind(StrEnum):
    """What can be found."""

    CUSTOMER = "customer"
    SUBSCRIPTION = "subscription"
    INSTANCE = "instance"
    TOPUP = "topup"
    ENTRY = "entry"
    PAPER = "paper"
    TICKET = "ticket"


class Why(StrEnum):
    """What the search met."""

    ID = "id"
    NUMBER = "number"
    NAME = "name"
    EMAIL = "email"
    PHONE = "phone"
    HOST = "address"
    DOMAIN = "own_domain"
    ORDER = "gateway_order"
    PAYMENT = "gateway_payment"


@dataclass(frozen=True, slots=True)
class Hit:
    """One thing with its owner and what the search met; `is_exact` when nothing else can be meant by the same words."""

    kind: Kind
    id: uuid.UUID
    title: str
    owner: User
    why: Why
    is_exact: bool
    state: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """The hits, those that are meant exactly first; `is_cut` when there are more than are shown."""

    hits: Sequence[Hit]
    is_cut: bool

    @property
    def only(self) -> Hit | None:
        """The one thing that can be meant, if there is just one."""
        return self.hits[0] if len(self.hits) == 1 and self.hits[0].is_exact else None


@dataclass(frozen=True, slots=True)
class _Sought:
    """What a text may mean."""

    text: str
    id: uuid.UUID | None = None
    transaction: int | None = None
    ticket: int | None = None
    phone: str = ""
    part: str = ""


def find(text: str) -> Found:
    """Everything that a text may mean; nothing for an empty one."""
    text = " ".join(text.split())
    if not text:
        return Found([], False)
    sought = _understood(text)
    lists = [look(sought) for look in _LOOKS]
    hits = sorted(_once(hit for found in lists for hit in found[:_EACH]), key=lambda hit: not hit.is_exact)
    return Found(hits, any(len(found) > _EACH for found in lists))


def _understood(text: str) -> _Sought:
    id_ = _as_id(text)
    digits = _DIGITS.fullmatch(text)
    transaction, ticket = _TRANSACTION.fullmatch(text) or digits, _TICKET.fullmatch(text) or digits
    # A host may come as it was copied from a browser.
    part = _ADDRESS.sub("", text).split("/")[0] if _ADDRESS.match(text) else text
    return _Sought(
        text,
        id_,
        int(transaction[1 if transaction.re is _TRANSACTION else 0]) if transaction else None,
        int(ticket[1 if ticket.re is _TICKET else 0]) if ticket else None,
        _phone(text),
        part if len(part) >= SHORTEST and id_ is None else "",
    )


def _phone(text: str) -> str:
    """The digits that a phone has however it was written: without what Indonesia is called with."""
    if not _PHONE.fullmatch(text):
        return ""
    digits = re.sub(r"\D", "", text)
    national = digits.removeprefix("62") if text.startswith("+") or digits.startswith("628") else digits
    national = national.lstrip("0")
    return national if len(national) >= _SHORTEST_PHONE else ""


def _as_id(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def _customers(sought: _Sought) -> Sequence[Hit]:
    ways = _by_id(User.id, sought)
    if sought.part:
        columns = (User.name, User.email, User.phone)
        ways += [column.icontains(sought.part, autoescape=True) for column in columns]
    if sought.phone:
        ways.append(User.phone.contains(sought.phone, autoescape=True))
    wanted = select(User).where(User.deleted_at.is_(None))
    return [_customer(user, sought) for (user,) in _first(wanted, ways)]


def _customer(user: User, sought: _Sought) -> Hit:
    why, is_exact = _why_customer(user, sought)
    return Hit(Kind.CUSTOMER, user.id, user.name, user, why, is_exact, "" if user.is_active else "BLOCKED")


def _why_customer(user: User, sought: _Sought) -> tuple[Why, bool]:
    part = sought.part.lower()
    if user.id == sought.id:
        return Why.ID, True
    if part and part in user.email.lower():
        return Why.EMAIL, part == user.email.lower()
    if part and part in user.name.lower():
        return Why.NAME, False
    return Why.PHONE, sought.phone == _phone(user.phone or "")


def _subscriptions(sought: _Sought) -> Sequence[Hit]:
    wanted = (
        select(Subscription, Service.name, Plan.name, User)
        .join(Service, Service.id == Subscription.service_id)
        .join(Plan, Plan.id == Subscription.plan_id)
        .join(User, User.id == Subscription.user_id)
    )
    return [
        Hit(Kind.SUBSCRIPTION, row.id, f"{service} {plan}", owner, Why.ID, True, row.status)
        for row, service, plan, owner in _first(wanted, _by_id(Subscription.id, sought))
    ]


def _instances(sought: _Sought) -> Sequence[Hit]:
    ways = _by_id(Instance.id, sought)
    if sought.part:
        name = sought.part.lower()
        ways += [Instance.name == name, Instance.host.contains(name, autoescape=True)]
    wanted = select(Instance, User).join(User, User.id == Instance.user_id)
    return [_instance(row, owner, sought) for row, owner in _first(wanted, ways)]


def _instance(row: Instance, owner: User, sought: _Sought) -> Hit:
    part = sought.part.lower()
    why = Why.ID if row.id == sought.id else Why.NAME if part == row.name else Why.HOST
    is_exact = why is not Why.HOST or part == row.host
    return Hit(Kind.INSTANCE, row.id, row.name, owner, why, is_exact, row.status)


def _domains(sought: _Sought) -> Sequence[Hit]:
    host = sought.part.lower()
    wanted = (
        select(Instance, User, CustomDomain.host)
        .join(User, User.id == Instance.user_id)
        .join(CustomDomain, CustomDomain.instance_id == Instance.id)
    )
    ways = [CustomDomain.host.contains(host, autoescape=True)] if host else []
    return [
        Hit(Kind.INSTANCE, row.id, f"{row.name} ({domain})", owner, Why.DOMAIN, domain == host, row.status)
        for row, owner, domain in _first(wanted, ways)
    ]


def _topups(sought: _Sought) -> Sequence[Hit]:
    ways = _by_id(TopUp.id, sought)
    if sought.transaction is not None:
        ways.append(TopUp.number == sought.transaction)
    else:
        ways.append(TopUp.id.in_(union(*looking_up.of_gateway(sought.text))))
    wanted = select(TopUp, User).join(User, User.id == TopUp.user_id)
    return [_topup(row, owner, sought) for row, owner in _first(wanted, ways)]


def _topup(row: TopUp, owner: User, sought: _Sought) -> Hit:
    if row.id == sought.id:
        why = Why.ID
    elif row.number == sought.transaction:
        why = Why.NUMBER
    else:
        why = Why.ORDER if row.order_id == sought.text else Why.PAYMENT
    return Hit(Kind.TOPUP, row.id, row.custom_id, owner, why, True, row.state)


def _entries(sought: _Sought) -> Sequence[Hit]:
    ways = _by_id(LedgerEntry.id, sought)
    if sought.transaction is not None:
        ways.append(LedgerEntry.number == sought.transaction)
    wanted = select(LedgerEntry, User).join(User, User.id == LedgerEntry.user_id)
    return [
        Hit(
            Kind.ENTRY,
            row.id,
            f"{row.custom_id} {row.description}",
            owner,
            Why.ID if row.id == sought.id else Why.NUMBER,
            True,
        )
        for row, owner in _first(wanted, ways)
    ]


def _papers(sought: _Sought) -> Sequence[Hit]:
    ways = [*_by_id(Paper.id, sought), Paper.number == sought.text.upper()]
    wanted = select(Paper, User).join(User, User.id == Paper.user_id)
    return [
        Hit(
            Kind.PAPER,
            row.id,
            row.number or row.kind.value,
            owner,
            Why.ID if row.id == sought.id else Why.NUMBER,
            True,
        )
        for row, owner in _first(wanted, ways)
    ]


def _tickets(sought: _Sought) -> Sequence[Hit]:
    ways = _by_id(Ticket.id, sought)
    if sought.ticket is not None and sought.ticket <= _LARGEST_NUMBER:
        ways.append(Ticket.number == sought.ticket)
    wanted = select(Ticket, User).join(User, User.id == Ticket.user_id)
    return [
        Hit(
            Kind.TICKET,
            row.id,
            f"{row.code} {row.subject}",
            owner,
            Why.ID if row.id == sought.id else Why.NUMBER,
            True,
            row.status,
        )
        for row, owner in _first(wanted, ways)
    ]


_LOOKS: tuple[Callable[[_Sought], Sequence[Hit]], ...] = (
    _customers,
    _subscriptions,
    _instances,
    _domains,
    _topups,
    _entries,
    _papers,
    _tickets,
)


def _by_id(column: Any, sought: _Sought) -> list[ColumnElement[bool]]:
    return [column == sought.id] if sought.id is not None else []


def _first(wanted: Select[*tuple[Any, ...]], ways: Sequence[ColumnElement[bool]]) -> Sequence[Any]:
    """The first few that are met in one of the ways; without a way the table is not asked."""
    if not ways:
        return ()
    return session().execute(wanted.where(or_(*ways)).limit(_EACH + 1)).all()


def _once(hits: Iterable[Hit]) -> list[Hit]:
    """Each thing once: what was found first; a paid top-up and its entry have one id, and are one thing."""
    found: dict[uuid.UUID, Hit] = {}
    for hit in hits:
        known = found.get(hit.id)
        if known is None or (hit.is_exact and not known.is_exact):
            found[hit.id] = hit
    return list(found.values())
