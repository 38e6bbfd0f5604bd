"""Lines of the audit book as staff read them: the thing each is about by its name, not by its id."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import select

from minispod.accounts.models import User
from minispod.audit.models import AuditEntry
from minispod.catalog.models import Plan, Service
from minispod.instances.models import Instance
from minispod.kernel.database import session
from minispod.payments.models import TopUp
from minispod.promotions.models import Coupon
from minispod.subscriptions.models import Subscription


@dataclass(frozen=True, slots=True)
class Thing:
    """What a line is about: its name, and the page that shows it (kind and id of another thing, perhaps)."""

    name: str
    shown_as: str
    shown_id: uuid.UUID


@dataclass(frozen=True, slots=True)
class Happening:
    """One line with the thing it is about; None when the thing is unknown or has no name."""

    entry: AuditEntry
    thing: Thing | None


def named(entries: Sequence[AuditEntry]) -> list[Happening]:
    """The same lines, each with what it is about; five reads however many lines there are."""
    known = {
        **_customers(_ids(entries, "user", "wallet")),
        **_instances(_ids(entries, "instance")),
        **_topups(_ids(entries, "topup")),
        **_coupons(_ids(entries, "coupon")),
        **_subscriptions(_ids(entries, "subscription")),
    }
    return [Happening(entry, known.get(entry.subject_id)) for entry in entries]


def _ids(entries: Iterable[AuditEntry], *kinds: str) -> list[uuid.UUID]:
    found = set()
    for entry in entries:
        if entry.subject_kind in kinds:
            try:
                found.add(uuid.UUID(entry.subject_id))
            except ValueError:
                continue
    return list(found)


def _customers(ids: Sequence[uuid.UUID]) -> dict[str, Thing]:
    rows = session().execute(select(User.id, User.name).where(User.id.in_(ids))) if ids else ()
    return {str(id_): Thing(name, "customer", id_) for id_, name in rows}


def _instances(ids: Sequence[uuid.UUID]) -> dict[str, Thing]:
    rows = session().execute(select(Instance.id, Instance.name).where(Instance.id.in_(ids))) if ids else ()
    return {str(id_): Thing(name, "instance", id_) for id_, name in rows}


def _topups(ids: Sequence[uuid.UUID]) -> dict[str, Thing]:
    rows = session().scalars(select(TopUp).where(TopUp.id.in_(ids))) if ids else ()
    return {str(row.id): Thing(row.custom_id, "topup", row.id) for row in rows}


def _coupons(ids: Sequence[uuid.UUID]) -> dict[str, Thing]:
    rows = session().execute(select(Coupon.id, Coupon.code).where(Coupon.id.in_(ids))) if ids else ()
    return {str(id_): Thing(code, "coupon", id_) for id_, code in rows}


def _subscriptions(ids: Sequence[uuid.UUID]) -> dict[str, Thing]:
    if not ids:
        return {}
    rows = session().execute(
        select(Subscription.id, Service.name, Plan.name, User.name)
        .join(Service, Service.id == Subscription.service_id)
        .join(Plan, Plan.id == Subscription.plan_id)
        .join(User, User.id == Subscription.user_id)
        .where(Subscription.id.in_(ids))
    )
    return {
        str(id_): Thing(f"{service} {plan} of {owner}", "subscription", id_)
        for id_, service, plan, owner in rows
    }
