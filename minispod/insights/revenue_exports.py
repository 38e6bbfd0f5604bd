"""The tables of revenue as files. Pure, but for shortfalls, which are read page by page."""

import uuid
from collections.abc import Sequence
from datetime import date, datetime
from typing import Never
from zoneinfo import ZoneInfo

from minispod.insights import forecast
from minispod.insights.forecast import DayOfRenewals, Ending, Shortfall
from minispod.insights.recurring import Cohort, MonthOfRecurring, PlanRecurring
from minispod.insights.revenue import Money, ServiceRevenue
from minispod.kernel.paging import PageRequest
from minispod.kernel.spreadsheets import Columns, Sheet, sheet, table

_PAGE = 500

_MONTHS: Columns[MonthOfRecurring] = {
    "Month": lambda row: f"{row.month:%Y-%m}",
    "MRR before (IDR)": lambda row: row.before.amount,
    "New (IDR)": lambda row: row.new.amount,
    "Reactivation (IDR)": lambda row: row.reactivation.amount,
    "Expansion (IDR)": lambda row: row.expansion.amount,
    "Contraction (IDR)": lambda row: -row.contraction.amount,
    "Churn (IDR)": lambda row: -row.churn.amount,
    "MRR after (IDR)": lambda row: row.after.amount,
    "Customers before": lambda row: row.before.customers,
    "New customers": lambda row: row.new.customers,
    "Reactivated customers": lambda row: row.reactivation.customers,
    "Churned customers": lambda row: row.churn.customers,
    "Customers after": lambda row: row.after.customers,
    "Customer churn (%)": lambda row: _percent(row.customer_churn),
    "Revenue churn (%)": lambda row: _percent(row.revenue_churn),
}
_PLANS: Columns[PlanRecurring] = {
    "Service": lambda row: row.service,
    "Plan": lambda row: row.plan,
    "Paid subscriptions": lambda row: row.paying,
    "MRR (IDR)": lambda row: row.amount,
    "Change this month (IDR)": lambda row: row.change,
    "Free subscriptions": lambda row: row.free,
}
_COHORTS: Columns[tuple[Cohort, int]] = {
    "Month of first payment": lambda row: f"{row[0].month:%Y-%m}",
    "Customers": lambda row: row[0].customers,
    "Months later": lambda row: row[1],
    "Paying customers": lambda row: row[0].kept[row[1]].customers,
    "Customers kept (%)": lambda row: _percent(row[0].customers_kept(row[1])),
    "MRR (IDR)": lambda row: row[0].kept[row[1]].amount,
    "MRR kept (%)": lambda row: _percent(row[0].revenue_kept(row[1])),
}
_FORECAST: Columns[DayOfRenewals] = {
    "Day": lambda row: row.day.isoformat(),
    "Renewals": lambda row: row.renewals,
    "Due (IDR)": lambda row: row.due,
    "Covered (IDR)": lambda row: row.covered,
    "At risk (IDR)": lambda row: row.at_risk,
    "Ending subscriptions": lambda row: row.ends,
    "Ending (IDR)": lambda row: row.ending,
}
_DAYS: Columns[tuple[date, Money]] = {
    "Day": lambda row: row[0].isoformat(),
    "Charged (IDR)": lambda row: row[1].charged,
    "Given back (IDR)": lambda row: row[1].given_back,
    "Earned (IDR)": lambda row: row[1].earned,
    "Topped up (IDR)": lambda row: row[1].topped_up,
    "Entries": lambda row: row[1].entries,
}
_SERVICES: Columns[ServiceRevenue] = {
    "Service": lambda row: row.service_name,
    "Charged (IDR)": lambda row: row.charged,
    "Charges": lambda row: row.entries,
    "Service id": lambda row: row.service_id,
}
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


def months_sheet(months: Sequence[MonthOfRecurring]) -> Sheet[Never]:
    """One row a month."""
    return table(_MONTHS, months)


def plans_sheet(plans: Sequence[PlanRecurring]) -> Sheet[Never]:
    """One row a plan."""
    return table(_PLANS, plans)


def cohorts_sheet(cohorts: Sequence[Cohort]) -> Sheet[Never]:
    """One row for each month of each cohort."""
    return table(_COHORTS, [(cohort, age) for cohort in cohorts for age in range(len(cohort.kept))])


def forecast_sheet(days: Sequence[DayOfRenewals]) -> Sheet[Never]:
    """One row a day."""
    return table(_FORECAST, days)


def days_sheet(days: Sequence[tuple[date, Money]]) -> Sheet[Never]:
    """One row a day."""
    return table(_DAYS, days)


def services_sheet(services: Sequence[ServiceRevenue]) -> Sheet[Never]:
    """One row a service."""
    return table(_SERVICES, services)


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
