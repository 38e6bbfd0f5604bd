"""Lines of the audit book as staff read them: the thing each is about by its name, not by its id."""

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from minispod.accounts.models import User
from minispod.alerts import wording
from minispod.alerts.models import Alert
from minispod.audit.models import AuditEntry
from minispod.catalog.models import Category, Plan, Service
from minispod.instances.models import Instance
from minispod.kernel.database import session
from minispod.notifications.models import Notification
from minispod.papers.models import Paper
from minispod.payments.models import TopUp
from minispod.promotions.models import Coupon
from minispod.subscriptions.models import Subscription
from minispod.tickets.models import CannedAnswer, Ticket

# Found by another thing's id: the wallet is its customer's.
_SAME_AS = {"wallet": "user"}


@dataclass(frozen=True, slots=True)
class Thing:
    """What a line is about: its name, and the page that shows it (kind and id of another thing, perhaps).

    `indonesian` is its name in Indonesian where that is another one.
    """

    name: str
    shown_as: str
    shown_id: uuid.UUID | str
    indonesian: str | None = None


@dataclass(frozen=True, slots=True)
class Happening:
    """One line with the thing it is about; None when the thing is unknown or has no name."""

    entry: AuditEntry
    thing: Thing | None


def named(entries: Sequence[AuditEntry]) -> list[Happening]:
    """The same lines, each with what it is about; one read for each kind of thing, however many lines there are."""
    known: dict[tuple[str, str], Thing] = {}
    for kind, find in _FINDERS.items():
        ids = _ids(entries, kind)
        if ids:
            known |= {(kind, str(id_)): thing for id_, thing in find(ids).items()}
    return [Happening(entry, known.get(_key(entry)) or _unread(entry)) for entry in entries]


def _key(entry: AuditEntry) -> tuple[str, str]:
    return _SAME_AS.get(entry.subject_kind, entry.subject_kind), entry.subject_id


def _unread(entry: AuditEntry) -> Thing | None:
    """Things whose id is their name."""
    if entry.subject_kind in ("node", "job"):
        return Thing(entry.subject_id, entry.subject_kind, entry.subject_id)
    return (
        Thing("the proof", "proof", entry.subject_id, "pencocokan") if entry.subject_kind == "proof" else None
    )


def _ids(entries: Iterable[AuditEntry], kind: str) -> list[uuid.UUID]:
    found = set()
    for entry in entries:
        if _key(entry)[0] == kind:
            try:
                found.add(uuid.UUID(entry.subject_id))
            except ValueError:
                continue
    return list(found)


def _rows(*columns: Any) -> Callable[[Sequence[uuid.UUID]], Iterable[Any]]:
    """A read of these columns for some ids; the first one is the id."""
    return lambda ids: session().execute(select(*columns).where(columns[0].in_(ids)))


def _finder(
    kind: str, *columns: Any, name: Callable[..., str] = str, indonesian: Callable[..., str] | None = None
) -> Callable[[Sequence[uuid.UUID]], Mapping[uuid.UUID, Thing]]:
    read = _rows(*columns)
    other = indonesian or name
    return lambda ids: {id_: Thing(name(*rest), kind, id_, other(*rest)) for id_, *rest in read(ids)}


def _topups(ids: Sequence[uuid.UUID]) -> Mapping[uuid.UUID, Thing]:
    rows = session().scalars(select(TopUp).where(TopUp.id.in_(ids)))
    return {row.id: Thing(row.custom_id, "topup", row.id) for row in rows}


def _plans(ids: Sequence[uuid.UUID]) -> Mapping[uuid.UUID, Thing]:
    rows = session().execute(
        select(Plan.id, Service.name, Plan.name)
        .join(Service, Service.id == Plan.service_id)
        .where(Plan.id.in_(ids))
    )
    return {id_: Thing(f"{service} {plan}", "plan", id_) for id_, service, plan in rows}


def _subscriptions(ids: Sequence[uuid.UUID]) -> Mapping[uuid.UUID, Thing]:
    rows = session().execute(
        select(Subscription.id, Service.name, Plan.name, User.name)
        .join(Service, Service.id == Subscription.service_id)
        .join(Plan, Plan.id == Subscription.plan_id)
        .join(User, User.id == Subscription.user_id)
        .where(Subscription.id.in_(ids))
    )
    return {
        id_: Thing(f"{service} {plan} of {owner}", "subscription", id_, f"{service} {plan} milik {owner}")
        for id_, service, plan, owner in rows
    }


_FINDERS: Mapping[str, Callable[[Sequence[uuid.UUID]], Mapping[uuid.UUID, Thing]]] = {
    "user": _finder("customer", User.id, User.name),
    "instance": _finder("instance", Instance.id, Instance.name),
    "topup": _topups,
    "coupon": _finder("coupon", Coupon.id, Coupon.code),
    "subscription": _subscriptions,
    "ticket": _finder("ticket", Ticket.id, Ticket.number, Ticket.subject, name="#{:03d} {}".format),
    "canned_answer": _finder("canned_answer", CannedAnswer.id, CannedAnswer.name),
    "alert": _finder(
        "alert",
        Alert.id,
        Alert.rule,
        Alert.subject_name,
        Alert.facts,
        name=lambda rule, subject, facts: wording.say(rule, subject, facts).title,
        indonesian=lambda rule, subject, facts: wording.say(rule, subject, facts).judul,
    ),
    "service": _finder("service", Service.id, Service.name),
    "plan": _plans,
    "category": _finder("category", Category.id, Category.name),
    "paper": _finder("paper", Paper.id, Paper.number, name=lambda number: str(number or "a paper")),
    "message": _finder(
        "message", Notification.id, Notification.kind, name=lambda kind: str(kind).replace("_", " ")
    ),
}
