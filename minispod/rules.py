"""Settings as the rule values that domain acts take: the translation, written once for all doors."""

from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

from minispod.alerts.book import Manners
from minispod.alerts.judging import Thresholds
from minispod.backups.daily import Nights
from minispod.backups.rules import BackupRules
from minispod.instances.creation import AddressRules
from minispod.instances.domains.rules import DomainRules
from minispod.instances.exposing import TcpRules
from minispod.instances.naming import check_host_pattern
from minispod.instances.specifying import ClusterRules
from minispod.instances.uptime.reckoning import UptimeRules
from minispod.kernel.rollups import KeepRules
from minispod.operations.rules import OperationRules
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
    try:
        tcp_rules(settings)
    except ValueError as error:
        raise BadSettings(f"TCP_PORTS: {error}") from None


def billing_zone(settings: Settings) -> ZoneInfo:
    """Where the days and months of the shop begin."""
    return ZoneInfo(settings.business.billing_timezone)


def business_rules(settings: Settings) -> BusinessRules:
    """The shop's rules."""
    business, cluster = settings.business, settings.cluster
    return BusinessRules(
        zone=billing_zone(settings),
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
            tcp_rules(settings),
        ),
        capacity=CapacityRules(
            cluster.cpu_request_ratio, cluster.memory_request_ratio, cluster.capacity_reserve
        ),
    )


def backup_rules(settings: Settings) -> BackupRules:
    """How backups are kept."""
    backups = settings.backups
    return BackupRules(
        keep_days=backups.backup_keep_days,
        nights=Nights(billing_zone(settings), backups.backup_from_hour, backups.backup_hours),
        alarm=timedelta(hours=backups.backup_alarm_hours),
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
        node_loss_seconds=cluster.node_loss_seconds,
        service_accounts_namespace=cluster.service_accounts_namespace,
        priority_class=cluster.tenant_priority_class,
        blocked_ranges=cluster.tenant_blocked_ranges,
        tcp=tcp_rules(settings),
    )


def operation_rules(settings: Settings) -> OperationRules:
    """How long operations on data may take, how often they are tried, and how long what they leave is kept."""
    data = settings.data
    return OperationRules(
        cluster=cluster_rules(settings),
        attempts=data.operation_attempts,
        retry=timedelta(seconds=data.operation_retry_seconds),
        keep_retired=timedelta(hours=data.retired_volume_hours),
        keep_backup_days=settings.backups.backup_keep_days,
    )


def alert_thresholds(settings: Settings) -> Thresholds:
    """From when on something is an alert; five looks that were missed mean that nobody knows."""
    alerts, operation = settings.alerts, settings.operation
    return Thresholds(
        silent_after=timedelta(seconds=alerts.alert_cluster_silent_seconds),
        node_down_after=timedelta(seconds=alerts.alert_node_down_seconds),
        instance_down_after=timedelta(minutes=alerts.alert_instance_down_minutes),
        restarts_per_hour=alerts.alert_restarts_per_hour,
        full_percent=alerts.alert_usage_percent,
        add_node_cpu_percent=alerts.alert_add_node_cpu_percent,
        add_node_memory_percent=alerts.alert_add_node_memory_percent,
        nodes_fresh=timedelta(seconds=max(60, 5 * operation.poll_nodes_seconds)),
        looks_fresh=timedelta(seconds=max(60, 5 * operation.observe_seconds)),
    )


def alert_manners(settings: Settings) -> Manners:
    """How often staff are told of the same alert."""
    alerts = settings.alerts
    remind = timedelta(hours=alerts.alert_remind_hours) if alerts.alert_remind_hours else None
    return Manners(quiet=timedelta(minutes=alerts.alert_quiet_minutes), remind=remind)


def domain_rules(settings: Settings) -> DomainRules:
    """Which names are ours, what leads to us, and how long we are patient with custom domains."""
    domains = settings.domains
    return DomainRules(
        base_domain=settings.cluster.base_domain,
        addresses=domains.public_addresses,
        issues_certificates=bool(settings.cluster.tls_issuer),
        recheck=timedelta(hours=domains.domain_recheck_hours),
        grace=timedelta(days=domains.domain_grace_days),
        give_up=timedelta(days=domains.domain_give_up_days),
    )


def tcp_rules(settings: Settings) -> TcpRules:
    """Which ports databases may take, and where the page about them is; ValueError when there can be no such port."""
    cluster = settings.cluster
    first, last = map(int, cluster.tcp_ports.split("-"))
    if not 1 <= first <= last <= 65535:
        raise ValueError("must be first-last within 1-65535, the smaller first")
    return TcpRules(range(first, last + 1) if cluster.tcp_expose == "nodeport" else None, settings.own_url)


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
        zone=billing_zone(settings),
    )


def keep_rules(settings: Settings) -> KeepRules:
    """How long usage is kept; a month is counted as 31 days, so that no day of the months that are shown is missing."""
    operation = settings.operation
    return KeepRules(
        zone=billing_zone(settings),
        samples=timedelta(hours=operation.usage_sample_hours),
        hours=timedelta(days=operation.usage_hour_days),
        days=timedelta(days=31 * operation.usage_day_months),
    )


def node_keep_rules(settings: Settings) -> KeepRules:
    """How long the history of nodes is kept: as usage, but for the readings themselves."""
    return replace(keep_rules(settings), samples=timedelta(days=settings.operation.node_history_days))


def uptime_rules(settings: Settings) -> UptimeRules:
    """How uptime is counted: two looks belong together while not more than two are missing between them."""
    return UptimeRules(
        zone=billing_zone(settings),
        tolerance=timedelta(seconds=max(60, 3 * settings.operation.observe_seconds)),
        target=settings.business.uptime_target_percent,
    )
