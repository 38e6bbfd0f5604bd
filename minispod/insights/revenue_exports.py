"""The tables of revenue as rows of a file. Pure, but for shortfalls, which are read page by page."""

import uuid
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from minispod.insights import forecast
from minispod.insights.forecast import DayOfRenewals, Ending, Shortfall
from minispod.insights.recurring import Cohort, MonthOfRecurring, PlanRecurring
from minispod.insights.revenue import Money, ServiceRevenue
from minispod.kernel.paging import PageRequest
from minispod.kernel.spreadsheets import Cell, Columns, Sheet, sheet

_PAGE = 500

MONTHS_HEADER = (
    "Month",
    "MRR before (IDR)",
    "New (IDR)",
    "Reactivation (IDR)",
    "Expansion (IDR)",
    "Contraction (IDR)",
    "Churn (IDR)",
    "MRR after (IDR)",
    "Customers before",
    "New customers",
    "Reactivated customers",
    "Churned customers",
    "Customers after",
    "Customer churn (%)",
    "Revenue churn (%)",
)
PLANS_HEADER = (
    "Service",
    "Plan",
    "Paid subscriptions",
    "MRR (IDR)",
    "Change this month (IDR)",
    "Free subscriptions",
)
COHORTS_HEADER = (
    "Month of first payment",
    "Customers",
    "Months later",
    "Paying customers",
    "Customers kept (%)",
    "MRR (IDR)",
    "MRR kept (%)",
)
FORECAST_HEADER = (
    "Day",
    "Renewals",
    "Due (IDR)",
    "Covered (IDR)",
    "At risk (IDR)",
    "Ending subscriptions",
    "Ending (IDR)",
)
DAYS_HEADER = ("Day", "Charged (IDR)", "Given back (IDR)", "Earned (IDR)", "Topped up (IDR)", "Entries")
SERVICES_HEADER = ("Service", "Charged (IDR)", "Charges", "Service id")
_SHORTFALLS: Columns[Shortfall] = {
    "Customer": lambda row: row.name,
    "E-mail": lambda row: row.email,
    "Credit (IDR)": lambda row: row.balance,
    "Owed to the gateway (IDR)": lambda row: row.debt,
    "Renewals": lambda row: row.renewals,
    "Due (IDR)": lambda row: row.due,
    "Missing (IDR)": lambda row: row.missing,
    "Short from (UTC)": lambda row: row.short_at,
    "Stops (UTC)": lambda row: row.stops_at,
    "Top-ups under way (IDR)": lambda row: row.pending,
    "Next step": lambda row: row.next_step.value,
    "Customer id": lambda row: row.user_id,
}
_ENDINGS: Columns[Ending] = {
    "Customer": lambda row: row.customer,
    "Service": lambda row: row.service,
    "Plan": lambda row: row.plan,
    "Price (IDR)": lambda row: row.price,
    "Ends (UTC)": lambda row: row.ends_at,
    "Subscription": lambda row: row.subscription_id,
    "Customer id": lambda row: row.user_id,
}


def month_rows(months: Iterable[MonthOfRecurring]) -> list[Sequence[Cell]]:
    """One row a month."""
    return [
        (
            f"{each.month:%Y-%m}",
            each.before.amount,
            each.new.amount,
            each.reactivation.amount,
            each.expansion.amount,
            -each.contraction.amount,
            -each.churn.amount,
            each.after.amount,
            each.before.customers,
            each.new.customers,
            each.reactivation.customers,
            each.churn.customers,
            each.after.customers,
            _percent(each.customer_churn),
            _percent(each.revenue_churn),
        )
        for each in months
    ]


def plan_rows(plans: Iterable[PlanRecurring]) -> list[Sequence[Cell]]:
    """One row a plan."""
    return [(each.service, each.plan, each.paying, each.amount, each.change, each.free) for each in plans]


def cohort_rows(cohorts: Iterable[Cohort]) -> list[Sequence[Cell]]:
    """One row for each month of each cohort."""
    return [
        (
            f"{cohort.month:%Y-%m}",
            cohort.customers,
            age,
            share.customers,
            _percent(cohort.customers_kept(age)),
            share.amount,
            _percent(cohort.revenue_kept(age)),
        )
        for cohort in cohorts
        for age, share in enumerate(cohort.kept)
    ]


def forecast_rows(days: Iterable[DayOfRenewals]) -> list[Sequence[Cell]]:
    """One row a day."""
    return [
        (each.day.isoformat(), each.renewals, each.due, each.covered, each.at_risk, each.ends, each.ending)
        for each in days
    ]


def day_rows(days: Iterable[tuple[date, Money]]) -> list[Sequence[Cell]]:
    """One row a day."""
    return [
        (day.isoformat(), money.charged, money.given_back, money.earned, money.topped_up, money.entries)
        for day, money in days
    ]


def service_rows(services: Iterable[ServiceRevenue]) -> list[Sequence[Cell]]:
    """One row a service."""
    return [(each.service_name, each.charged, each.entries, str(each.service_id)) for each in services]


def shortfalls_sheet(*, zone: ZoneInfo, at: datetime) -> Sheet[tuple[datetime, uuid.UUID]]:
    """Customers whose credit does not cover what falls due."""
    return sheet(_SHORTFALLS, lambda after: forecast.next_shortfalls(after, limit=_PAGE, zone=zone, at=at))


def endings_sheet(*, zone: ZoneInfo, at: datetime) -> Sheet[int]:
    """Subscriptions that end."""

    def read(after: int | None) -> tuple[Sequence[Ending], int | None]:
        page = PageRequest((after or 0) + 1, _PAGE)
        found = forecast.endings(page, zone=zone, at=at)
        return found.items, page.page if found.has_next else None

    return sheet(_ENDINGS, read)


def _percent(share: float | None) -> str | None:
    return None if share is None else f"{share:.1f}"
