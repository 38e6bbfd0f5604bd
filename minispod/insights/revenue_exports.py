"""The tables of revenue as rows of a file. Pure, but for shortfalls, which are read page by page."""

import uuid
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from minispod.insights import forecast
from minispod.insights.exports import Rows, instant
from minispod.insights.forecast import DayOfRenewals
from minispod.insights.recurring import Cohort, MonthOfRecurring, PlanRecurring
from minispod.insights.revenue import Money, ServiceRevenue
from minispod.kernel.paging import PageRequest
from minispod.kernel.spreadsheets import Cell, NextRows

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
SHORTFALLS_HEADER = (
    "Customer",
    "E-mail",
    "Credit (IDR)",
    "Owed to the gateway (IDR)",
    "Renewals",
    "Due (IDR)",
    "Missing (IDR)",
    "Short from (UTC)",
    "Stops (UTC)",
    "Top-ups under way (IDR)",
    "Next step",
    "Customer id",
)
ENDINGS_HEADER = ("Customer", "Service", "Plan", "Price (IDR)", "Ends (UTC)", "Subscription", "Customer id")
DAYS_HEADER = ("Day", "Charged (IDR)", "Given back (IDR)", "Earned (IDR)", "Topped up (IDR)", "Entries")
SERVICES_HEADER = ("Service", "Charged (IDR)", "Charges", "Service id")


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


def shortfall_pages(*, zone: ZoneInfo, at: datetime) -> NextRows[tuple[datetime, uuid.UUID]]:
    """A reader of shortfalls."""

    def read(
        after: tuple[datetime, uuid.UUID] | None,
    ) -> tuple[Rows, tuple[datetime, uuid.UUID] | None]:
        found, last = forecast.next_shortfalls(after, limit=_PAGE, zone=zone, at=at)
        rows = [
            (
                each.name,
                each.email,
                each.balance,
                each.debt,
                each.renewals,
                each.due,
                each.missing,
                instant(each.short_at),
                instant(each.stops_at),
                each.pending,
                each.next_step.value,
                str(each.user_id),
            )
            for each in found
        ]
        return rows, last

    return read


def ending_pages(*, zone: ZoneInfo, at: datetime) -> NextRows[int]:
    """A reader of subscriptions that end."""

    def read(after: int | None) -> tuple[Rows, int | None]:
        page = PageRequest((after or 0) + 1, _PAGE)
        found = forecast.endings(page, zone=zone, at=at)
        rows = [
            (
                each.customer,
                each.service,
                each.plan,
                each.price,
                instant(each.ends_at),
                str(each.subscription_id),
                str(each.user_id),
            )
            for each in found.items
        ]
        return rows, page.page if found.has_next else None

    return read


def _percent(share: float | None) -> str | None:
    return None if share is None else f"{share:.1f}"
