"""Settings as the rule values that domain acts take: the translation, written once for all doors."""

from datetime import timedelta
from zoneinfo import ZoneInfo

from minispod.instances.creation import AddressRules
from minispod.instances.naming import check_host_pattern
from minispod.instances.provisioning import ClusterRules
from minispod.instances.uptime.reckoning import UptimeRules
from minispod.instances.usage.rolling import KeepRules
from minispod.papers.rules import PaperRules, Seller
from minispod.papers.states import Language
from minispod.payments.topups import TopUpRules
from minispod.settings import BadSettings, Settings
from minispod.subscriptions.rules import BusinessRules, CapacityRules
from minispod.wallet.adjusting import AdjustmentRules


def check_rules(settings: Settings) -> None:
    """Refuse what only the owner of a rule can judge; raise BadSettings."""
    try:
        check_host_pattern(settings.cluster.host_pattern)
    except ValueError as error:
        raise BadSettings(f"HOST_PATTERN: {error}") from None


def business_rules(settings: Settings) -> BusinessRules:
    """The shop's rules."""
    business, cluster = settings.business, settings.cluster
    return BusinessRules(
        zone=ZoneInfo(business.billing_timezone),
        grace=timedelta(days=business.grace_period_days) if business.grace_period_enabled else None,
        retention=timedelta(days=business.data_retention_days),
        reminder_days=business.reminder_days,
        low_credit_days=business.low_credit_warning_days,
        free_plans_per_customer=business.free_plans_per_customer,
        free_idle=timedelta(days=business.free_plan_idle_days),
        addresses=AddressRules(
            cluster.host_pattern,
            cluster.base_domain,
            cluster.public_scheme,
            cluster.public_port,
            cluster.ingress_tls,
        ),
        capacity=CapacityRules(
            cluster.cpu_request_ratio, cluster.memory_request_ratio, cluster.capacity_reserve
        ),
    )


def cluster_rules(settings: Settings) -> ClusterRules:
    """How instances are brought onto the cluster."""
    cluster = settings.cluster
    return ClusterRules(
        storage_class=cluster.storage_class,
        ingress_class=cluster.ingress_class,
        ingress_namespace=cluster.ingress_namespace,
        tls_issuer=cluster.tls_issuer,
        cpu_request_ratio=cluster.cpu_request_ratio,
        memory_request_ratio=cluster.memory_request_ratio,
        ready_timeout=cluster.ready_timeout_seconds,
        attempts=cluster.provision_attempts,
        retry_seconds=cluster.provision_retry_seconds,
        repair_hours=settings.business.provision_repair_hours,
        service_accounts_namespace=cluster.service_accounts_namespace,
        priority_class=cluster.tenant_priority_class,
        blocked_ranges=cluster.tenant_blocked_ranges,
    )


def topup_rules(settings: Settings) -> TopUpRules:
    """The limits of a top-up, and where the customer goes after paying."""
    midtrans = settings.midtrans
    return TopUpRules(
        minimum=midtrans.topup_minimum,
        maximum=midtrans.topup_maximum,
        fee_fixed=midtrans.topup_fee_fixed,
        fee_basis_points=midtrans.topup_fee_basis_points,
        expiry_minutes=midtrans.topup_expiry_minutes,
        finish_url=settings.web.frontend_url,
    )


def adjustment_rules(settings: Settings) -> AdjustmentRules:
    """When a correction of a wallet needs a second confirmation."""
    business = settings.business
    return AdjustmentRules(
        business.adjustment_confirm_above, timedelta(hours=business.adjustment_expires_hours)
    )


def paper_rules(settings: Settings) -> PaperRules:
    """Who sells, with which PPN, and how papers are dated and written."""
    company = settings.company
    return PaperRules(
        seller=Seller(
            name=company.company_name,
            logo_text=company.company_logo_text,
            address=company.company_address,
            npwp=company.company_npwp,
            email=company.company_email,
            phone=company.company_phone,
        ),
        ppn_rate=company.ppn_rate,
        language=Language(company.paper_language),
        zone=ZoneInfo(settings.business.billing_timezone),
    )


def keep_rules(settings: Settings) -> KeepRules:
    """How long usage is kept; a month is counted as 31 days, so that no day of the months that are shown is missing."""
    operation = settings.operation
    return KeepRules(
        zone=ZoneInfo(settings.business.billing_timezone),
        samples=timedelta(hours=operation.usage_sample_hours),
        hours=timedelta(days=operation.usage_hour_days),
        days=timedelta(days=31 * operation.usage_day_months),
    )


def uptime_rules(settings: Settings) -> UptimeRules:
    """How uptime is counted: two looks belong together while not more than two are missing between them."""
    return UptimeRules(
        zone=ZoneInfo(settings.business.billing_timezone),
        tolerance=timedelta(seconds=max(60, 3 * settings.operation.observe_seconds)),
        target=settings.business.uptime_target_percent,
    )
