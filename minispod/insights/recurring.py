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
from zoneinfo import ZoneInfo

from sqlalchemy import CTE, ColumnElement, Date, and_, case, cast, exists, func, select

from minispod.catalog.models import Plan, Service
from minispod.insights.paid_time import covers, moments, stretches
from minispod.kernel.database import session
from minispod.subscriptions.models import Subscription
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
    stretch = stretches()
    pays = _pays(stretch)
    query = covers(stretch, moments([at])).add_columns(
        func.coalesce(func.sum(stretch.c.price).filter(pays), 0),
        func.count(stretch.c.user_id.distinct()).filter(pays),
        func.count().filter(pays),
        func.count().filter(~pays),
    )
    return RecurringNow(*(int(each) for each in session().execute(query).one()))


def months(*, service_id: uuid.UUID | None = None, zone: ZoneInfo, at: datetime) -> list[MonthOfRecurring]:
    """The last months, the running one last; of one service where that is asked for."""
    begins = month_begins(zone=zone, at=at)
    stretch = stretches(service_id)
    moment = moments(_looks(begins, at))
    held = (
        covers(stretch, moment)
        .add_columns(moment.c.place, stretch.c.user_id, func.sum(stretch.c.price).label("amount"))
        .where(_pays(stretch))
        .group_by(moment.c.place, stretch.c.user_id)
        .cte("held")
        .prefix_with("MATERIALIZED")
    )
    before, after, first = held.alias("before"), held.alias("after"), _first_paid(stretch)
    place = func.coalesce(after.c.place, before.c.place + 1)
    was, became = func.coalesce(before.c.amount, 0), func.coalesce(after.c.amount, 0)
    start = moments(_looks(begins, at)).alias("start")
    came = before.c.user_id.is_(None)
    is_new = and_(came, first.c.since > start.c.at)
    kinds = {
        "before": (before.c.user_id.is_not(None), was),
        "after": (after.c.user_id.is_not(None), became),
        "new": (is_new, became),
        "expansion": (and_(~came, became > was), became - was),
        "contraction": (and_(after.c.user_id.is_not(None), became < was), was - became),
        "churn": (after.c.user_id.is_(None), was),
        "reactivation": (and_(came, ~is_new), became),
    }
    query = (
        select(place, *(each for kind in kinds.values() for each in _summed(*kind)))
        .select_from(before)
        .join(
            after,
            and_(after.c.user_id == before.c.user_id, after.c.place == before.c.place + 1),
            full=True,
        )
        .join(first, first.c.user_id == func.coalesce(after.c.user_id, before.c.user_id))
        .join(start, start.c.place == place - 1)
        .group_by(place)
    )
    found = {int(row[0]): [int(each) for each in row[1:]] for row in session().execute(query)}
    return [
        _month(begin, list(kinds), found.get(number), zone, is_running=number == len(begins))
        for number, begin in enumerate(begins, start=1)
    ]


def by_plan(*, service_id: uuid.UUID | None = None, zone: ZoneInfo, at: datetime) -> list[PlanRecurring]:
    """What each plan brings, most first; plans that nobody has or had this month are left out."""
    stretch = stretches(service_id)
    moment = moments(_looks([month_start(at, zone)], at))
    is_now, pays = moment.c.place == 1, _pays(stretch)
    amount = func.coalesce(func.sum(stretch.c.price).filter(is_now, pays), 0).label("amount")
    query = (
        covers(stretch, moment)
        .add_columns(
            Service.name,
            Plan.name,
            func.count().filter(is_now, pays),
            amount,
            func.count().filter(is_now, ~pays),
            func.coalesce(func.sum(stretch.c.price).filter(~is_now, pays), 0),
        )
        .join(Plan, Plan.id == stretch.c.plan_id)
        .join(Service, Service.id == stretch.c.service_id)
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
    stretch = stretches(service_id)
    moment = moments(_looks(begins, at)[1:])
    first = _first_paid(stretch)
    month = cast(func.date_trunc("month", func.timezone(zone.key, first.c.since)), Date).label("month")
    # Whoever came counts with the cohort, whether or not anything of them was left at the end of a month.
    query = (
        select(
            month,
            moment.c.place,
            func.count(first.c.user_id.distinct()),
            func.count(stretch.c.user_id.distinct()),
            func.coalesce(func.sum(stretch.c.price), 0),
        )
        .select_from(first)
        .join(moment, moment.c.at >= first.c.since)
        .outerjoin(
            stretch,
            and_(
                stretch.c.user_id == first.c.user_id,
                stretch.c.since <= moment.c.at,
                stretch.c.until > moment.c.at,
                _pays(stretch),
            ),
        )
        .where(first.c.since >= begins[0], first.c.since <= at)
        .group_by(month, moment.c.place)
        .order_by(month, moment.c.place)
    )
    size: dict[date, int] = {}
    kept: dict[date, list[Share]] = {}
    for each, _, customers, paying, amount in session().execute(query):
        size[each] = int(customers)
        kept.setdefault(each, []).append(Share(int(amount), int(paying)))
    return [Cohort(each, size[each], shares) for each, shares in kept.items()]


def month_begins(*, zone: ZoneInfo, at: datetime) -> list[datetime]:
    """The first instants of the last months, the running one last."""
    this = month_start(at, zone)
    return [add_months(this, -back, zone) for back in range(MONTHS - 1, -1, -1)]


def _looks(begins: Sequence[datetime], at: datetime) -> list[datetime]:
    """The last instant before each month, and this one."""
    return [*(begin - timedelta(microseconds=1) for begin in begins), at]


def _month(
    begin: datetime,
    kinds: Sequence[str],
    row: list[int] | None,
    zone: ZoneInfo,
    *,
    is_running: bool,
) -> MonthOfRecurring:
    figures = row or [0] * (2 * len(kinds))
    shares = {name: Share(*figures[2 * number : 2 * number + 2]) for number, name in enumerate(kinds)}
    return MonthOfRecurring(begin.astimezone(zone).date(), **shares, is_running=is_running)


def _summed(condition: ColumnElement[bool], amount: ColumnElement[int]) -> tuple[ColumnElement[int], ...]:
    return func.coalesce(func.sum(case((condition, amount))), 0), func.count().filter(condition)


def _first_paid(stretch: CTE) -> CTE:
    return (
        select(stretch.c.user_id, func.min(stretch.c.since).label("since"))
        .where(_pays(stretch))
        .group_by(stretch.c.user_id)
        .cte("first_paid")
    )


def _pays(stretch: CTE) -> ColumnElement[bool]:
    return and_(stretch.c.is_paid, stretch.c.price > 0)


def _share(part: int, whole: int) -> float | None:
    return round(100 * part / whole, 1) if whole else None
