"""Settings of the business: its rules, and the company on its papers."""

from zoneinfo import ZoneInfo

from pydantic import Field, field_validator

from minispod.settings.shapes import Days, Group, Lines


class BusinessSettings(Group):
    """Rules of the business that differ from shop to shop."""

    billing_timezone: str = Field(
        "Asia/Jakarta", description="Days of the calendar are days of this zone (decision 8)."
    )
    grace_period_enabled: bool = Field(
        True, description="Whether a renewal without credit gets a payment grace (decision 9)."
    )
    grace_period_days: int = Field(7, ge=1, le=30, description="Length of the payment grace in days.")
    grace_period_max_days: int = Field(
        30,
        ge=1,
        le=90,
        description="The longest payment grace that an administrator may set, in days from then.",
    )
    data_retention_days: int = Field(
        30, ge=0, le=365, description="Data of an expired instance are kept this many days."
    )
    reminder_days: Days = Field((7, 3, 1), description="Expiry notices go out this many days before the end.")
    low_credit_warning_days: int = Field(
        3, ge=1, le=30, description="Warn when credit will not cover a renewal this many days ahead."
    )
    provision_repair_hours: int = Field(
        24,
        ge=0,
        description="A failed first provisioning may be repaired for this long, then it is refunded (decision 17).",
    )
    uptime_target_percent: float = Field(
        99.5,
        gt=0,
        le=100,
        description="Uptime per instance and month that is promised, shown beside the figures.",
    )
    free_plans_per_customer: int = Field(
        3, ge=0, description="Live free subscriptions one customer may hold (decision 20)."
    )
    free_plan_idle_days: int = Field(
        60, ge=1, description="Free plans renew while the customer signed in within this time (decision 20)."
    )

    adjustment_confirm_above: int = Field(
        1_000_000,
        ge=0,
        description=(
            "What administrators adjust in one wallet within a day, in rupiah, beyond which a second "
            "confirmation is needed."
        ),
    )
    adjustment_expires_hours: int = Field(
        72, ge=1, le=24 * 30, description="An adjustment waits this long for its second confirmation."
    )

    @field_validator("billing_timezone")
    @classmethod
    def _zone(cls, value: str) -> str:
        try:
            return ZoneInfo(value).key
        except (KeyError, ValueError, OSError):
            raise ValueError("is no time zone such as Asia/Jakarta") from None


class CompanySettings(Group):
    """The company that sells: the head of receipts, invoices and credit notes, and its PPN."""

    company_name: str = Field(
        "MinisPod", min_length=1, max_length=120, description="Name of the company on its papers."
    )
    company_logo_text: str = Field(
        "", max_length=40, description="Large word at the head of papers; empty: the company's name."
    )
    company_address: Lines = Field((), description="Address on papers; lines are separated by semicolons.")
    company_npwp: str = Field("", description="Tax number (NPWP) of the company, 15 or 16 digits.")
    company_email: str = Field("", max_length=254, description="Address for questions about papers.")
    company_phone: str = Field("", max_length=40, description="Telephone number on papers.")
    company_is_pkp: bool = Field(False, description="Whether the company is registered for PPN (PKP).")
    ppn_rate: int = Field(
        0, description="PPN in per cent contained in all prices: 0, 11 or 12; only a PKP has any."
    )
    paper_language: str = Field(
        "en", pattern="^(en|id)$", description="Language in which papers are issued: en or id."
    )

    @field_validator("company_npwp")
    @classmethod
    def _tax_number(cls, value: str) -> str:
        digits = value.replace(".", "").replace("-", "")
        if value and not (digits.isascii() and digits.isdigit() and len(digits) in (15, 16)):
            raise ValueError("is no NPWP of 15 or 16 digits")
        return value

    @field_validator("ppn_rate")
    @classmethod
    def _known_rate(cls, value: int) -> int:
        if value not in (0, 11, 12):
            raise ValueError("must be 0, 11 or 12")
        return value
