"""Monthly recurring revenue (MRR), its movement from month to month, and what becomes of customers. Reads only.

MRR at an instant is the sum of the monthly prices of the subscriptions that are live and paid at that instant: it
lies in a month that was paid for, and nothing ended it before. The price is the full price of a month, whatever a
coupon took off. Free plans, waived months and months that a coupon made free are counted apart. A subscription
in payment grace is not in it; once it pays, its month counts from the day on which it began.

Months are months of the billing time zone. A month's figures stand at its last instant, the running month's at
this one. Customers are what is classified: new is who never had paid time before, reactivated who had and came back.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    Date,
    Integer,
    Subquery,
    and_,
    cast,
    column,
    exists,
    func,
    literal,
    select,
    true,
    values,
)

from minispod.catalog.models import Plan, Service
from minispod.kernel.database import session
from minispod.subscriptions.models import Subscription
from minispod.subscriptions.paid_run_models import PaidRun
from minispod.subscriptions.paid_runs import has_notes
from minispod.subscriptions.paid_time import covered, looks_before, pays, stretches
from minispod.subscriptions.pricing import add_months, month_start

MONTHS = 12


@dataclass(frozen=True, slots=True)
class Share:
    """A kind of movement: of how much MRR (never negative), and of how many customers."""

    amount: int = 0
    customers: int = 0


@dataclass(frozen=True, slots=True)
class MonthOfRecurring:
    """One month: MRR and paying customers before and after, and what made the difference."""

    month: date
    before: Share
    after: Share
    new: Share
    expansion: Share
    contraction: Share
    churn: Share
    reactivation: Share
    is_running: bool = False

    @property
    def net(self) -> int:
        """The difference that the month made; exactly the sum of its movements."""
        gained = self.new.amount + self.expansion.amount + self.reactivation.amount
        return gained - self.contraction.amount - self.churn.amount

    @property
    def customer_churn(self) -> float | None:
        """Of the customers at its beginning, the share (per cent) that left; None where there were none."""
        return _share(self.churn.customers, self.before.customers)

    @property
    def revenue_churn(self) -> float | None:
        """Of the MRR at its beginning, the share (per cent) that was lost by churn and contraction."""
        return _share(self.churn.amount + self.contraction.amount, self.before.amount)


@dataclass(frozen=True, slots=True)
class PlanRecurring:
    """What one plan brings now, and what it brought at the beginning of the month."""

    service: str
    plan: str
    paying: int
    amount: int
    free: int
    amount_before: int

    @property
    def change(self) -> int:
        """The difference this month has made so far."""
        return self.amount - self.amount_before


@dataclass(frozen=True, slots=True)
class Cohort:
    """The customers whose first paid month began in `month`; `kept` has one share for each month since, that first.

    `kept[0]` is how the month ended; its MRR is what later months' are measured by.
    """

    month: date
    customers: int
    kept: Sequence[Share]

    def customers_kept(self, age: int) -> float | None:
        """Of its customers, the share (per cent) that pays `age` months later."""
        return _share(self.kept[age].customers, self.customers)

    def revenue_kept(self, age: int) -> float | None:
        """Of the MRR at the end of its month, the share (per cent) `age` months later; above 100: it grew."""
        return _share(self.kept[age].amount, self.kept[0].amount)


@dataclass(frozen=True, slots=True)
class RecurringNow:
    """MRR at this moment: the sum, paid subscriptions and their customers, and free subscriptions."""

    amount: int
    customers: int
    paying: int
    free: int


def services() -> Sequence[tuple[uuid.UUID, str]]:
    """The services that somebody has or had, by name."""
    has_been_sold = exists().where(Subscription.service_id == Service.id)
    found = session().execute(select(Service.id, Service.name).where(has_been_sold).order_by(Service.name))
    return [(id_, name) for id_, name in found]


def now(*, at: datetime) -> RecurringNow:
    """MRR at this moment."""
    held = covered(stretches(since=at, until=at), [at])
    is_paid = pays(held)
    query = select(
        func.coalesce(func.sum(held.c.price).filter(is_paid), 0),
        func.count(held.c.user_id.distinct()).filter(is_paid),
        func.count().filter(is_paid),
        func.count().filter(~is_paid),
    )
    return RecurringNow(*(int(each) for each in session().execute(query).one()))


def months(*, service_id: uuid.UUID | None = None, zone: ZoneInfo, at: datetime) -> list[MonthOfRecurring]:
    """The last months, the running one last; of one service where that is asked for."""
    begins = month_begins(zone=zone, at=at)
    looks = _looks(begins, at)
    each = _alike(_by_customer(service_id, looks), looks)
    # One row for each group of customers and month: what each of them brought before it and after it.
    pairs = values(
        column("place", Integer),
        column("was", BigInteger),
        column("became", BigInteger),
        name="pair",
    ).data(
        [(literal(place), each.c[f"at_{place - 1}"], each.c[f"at_{place}"]) for place in range(1, len(looks))]
    )
    pair = pairs.lateral()
    was, became = pair.c.was, pair.c.became
    is_first = each.c.first >= pair.c.place
    kinds = {
        "new": (and_(was.is_(None), became.is_not(None), is_first), became),
        "expansion": (became > was, became - was),
        "contraction": (became < was, was - became),
        "churn": (and_(was.is_not(None), became.is_(None)), was),
        "reactivation": (and_(was.is_(None), became.is_not(None), ~is_first), became),
    }
    moved = (
        select(pair.c.place, *(figure for kind in kinds.values() for figure in _summed(*kind, each.c.alike)))
        .select_from(each.join(pair, true()))
        .where(was.is_distinct_from(became))  # of most customers a month changes nothing
        .group_by(pair.c.place)
        .subquery("moved")
    )
    brought = (each.c[f"at_{place}"] for place in range(len(looks)))
    held = select(
        *(figure for at_ in brought for figure in _summed(at_.is_not(None), at_, each.c.alike))
    ).subquery("held")
    rows = session().execute(select(*held.c, *moved.c).select_from(held.outerjoin(moved, true()))).all()
    totals = _shares(rows[0][: 2 * len(looks)])
    found = {row.place: _shares(row[2 * len(looks) + 1 :]) for row in rows}
    return [
        MonthOfRecurring(
            begin.astimezone(zone).date(),
            before,
            after,
            **dict(zip(kinds, found.get(number) or [Share()] * len(kinds), strict=True)),
            is_running=number == len(begins),
        )
        for number, (begin, before, after) in enumerate(
            zip(begins, totals[:-1], totals[1:], strict=True), start=1
        )
    ]


def by_plan(*, service_id: uuid.UUID | None = None, zone: ZoneInfo, at: datetime) -> list[PlanRecurring]:
    """What each plan brings, most first; plans that nobody has or had this month are left out."""
    looks = _looks([month_start(at, zone)], at)
    held = covered(stretches(service_id, since=looks[0], until=at), looks)
    is_now, is_paid = held.c.place == 1, pays(held)
    amount = func.coalesce(func.sum(held.c.price).filter(is_now, is_paid), 0).label("amount")
    query = (
        select(
            Service.name,
            Plan.name,
            func.count().filter(is_now, is_paid),
            amount,
            func.count().filter(is_now, ~is_paid),
            func.coalesce(func.sum(held.c.price).filter(~is_now, is_paid), 0),
        )
        .select_from(held)
        .join(Plan, Plan.id == held.c.plan_id)
        .join(Service, Service.id == held.c.service_id)
        .group_by(Service.id, Plan.id)
        .order_by(amount.desc(), Service.name, Plan.name)
    )
    return [
        PlanRecurring(service, plan, *(int(each) for each in figures))
        for service, plan, *figures in session().execute(query)
    ]


def cohorts(*, service_id: uuid.UUID | None = None, zone: ZoneInfo, at: datetime) -> list[Cohort]:
    """The cohorts of the last months, the oldest first; months in which nobody came first are left out."""
    begins = month_begins(zone=zone, at=at)
    looks = _looks(begins, at)[1:]
    each = _by_customer(service_id, looks)
    month = cast(func.date_trunc("month", func.timezone(zone.key, each.c.since)), Date).label("month")
    columns = [each.c[f"at_{place}"] for place in range(len(looks))]
    query = (
        select(
            month,
            func.count(),
            *(
                figure
                for brought in columns
                for figure in (func.coalesce(func.sum(brought), 0), func.count(brought))
            ),
        )
        .where(each.c.since >= begins[0], each.c.since <= at)
        .group_by(month)
        .order_by(month)
    )
    ages = {begin.astimezone(zone).date(): place for place, begin in enumerate(begins)}
    found = []
    for begun, customers, *figures in session().execute(query):
        shares = [Share(int(figures[2 * place]), int(figures[2 * place + 1])) for place in range(len(looks))]
        found.append(Cohort(begun, int(customers), shares[ages[begun] :]))
    return found


def month_begins(*, zone: ZoneInfo, at: datetime) -> list[datetime]:
    """The first instants of the last months, the running one last."""
    this = month_start(at, zone)
    return [add_months(this, -back, zone) for back in range(MONTHS - 1, -1, -1)]


def _looks(begins: Sequence[datetime], at: datetime) -> list[datetime]:
    """The last instant before each month, and this one."""
    return [*(begin - timedelta(microseconds=1) for begin in begins), at]


def _shares(figures: Sequence[Any]) -> list[Share]:
    """Pairs of an amount and a number of customers; none where a month moved nobody."""
    amounts = [int(each or 0) for each in figures]
    return [Share(*pair) for pair in zip(amounts[::2], amounts[1::2], strict=True)]


def _summed(
    condition: ColumnElement[bool], amount: ColumnElement[int], alike: ColumnElement[int]
) -> tuple[ColumnElement[int], ...]:
    """The amounts and the number of customers of the groups for which it is so."""
    return tuple(func.coalesce(func.sum(each).filter(condition), 0) for each in (amount * alike, alike))


def _alike(customer: CTE, looks: Sequence[datetime]) -> CTE:
    """Customers who brought the same at each look, and began in the same month, as one row: `alike` is their number.

    Many did what many others did, so that what follows works on few rows.
    """
    brought = [customer.c[f"at_{place}"] for place in range(len(looks))]
    first = looks_before(customer.c.since, looks)
    return (
        select(*brought, first.label("first"), func.count().label("alike"))
        .group_by(*brought, first)
        .cte("alike")
    )


def _by_customer(service_id: uuid.UUID | None, looks: Sequence[datetime]) -> CTE:
    """Each customer who ever had paid time: since when, and what they brought at each look (`at_<place>`, or None)."""
    every = _paid_time(service_id)
    stretch = (
        select(
            every.c.user_id,
            every.c.since,
            every.c.price,
            looks_before(every.c.since, looks).label("first"),
            looks_before(every.c.until, looks).label("behind"),
        )
        .offset(0)  # a fence: otherwise the places are counted anew for each look
        .subquery("stretch")
    )
    brought = (
        cast(func.sum(stretch.c.price).filter(stretch.c.first <= place, stretch.c.behind > place), BigInteger)
        for place in range(len(looks))
    )
    return (
        select(
            stretch.c.user_id,
            func.min(stretch.c.since).label("since"),
            *(each.label(f"at_{place}") for place, each in enumerate(brought)),
        )
        .group_by(stretch.c.user_id)
        .cte("customer")
    )


def _paid_time(service_id: uuid.UUID | None) -> Subquery:
    """All paid time: as it is noted down, and of what has no notes as it is read from the periods (adr/0050)."""
    noted = select(PaidRun.user_id, PaidRun.since, PaidRun.until, PaidRun.price).where(
        PaidRun.since.is_not(None)
    )
    if service_id is not None:
        noted = noted.where(PaidRun.service_id == service_id)
    read = stretches(service_id, which=~has_notes())
    anew = select(read.c.user_id, read.c.since, read.c.until, read.c.price).where(pays(read))
    return noted.union_all(anew).subquery("paid")


def _share(part: int, whole: int) -> float | None:
    return round(100 * part / whole, 1) if whole else None
