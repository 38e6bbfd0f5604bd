"""Build the adapters from settings: the only place that decides which adapter answers a port."""

from datetime import timedelta

from minispod.accounts.tokens import TokenKeys
from minispod.backups.sealing import BackupKeys
from minispod.backups.vault import Vault
from minispod.integrations.dns import DnsResolver
from minispod.integrations.google_keys import GoogleKeysOverHttp
from minispod.integrations.kubernetes.adapter import KubernetesCluster
from minispod.integrations.midtrans import MidtransGateway
from minispod.integrations.object_store import build_object_store
from minispod.integrations.redis_queue import RedisCourier
from minispod.integrations.redis_sessions import RedisSessions
from minispod.integrations.smtp import SmtpMailer
from minispod.integrations.webhook import SignedWebhook
from minispod.kernel.clock import Clock, SystemClock
from minispod.kernel.sealed import Sealer
from minispod.ports import Ports
from minispod.settings import Settings
from minispod.settings.domains import split_server


def build_ports(settings: Settings, *, clock: Clock | None = None) -> Ports:
    """The real adapters, all of them; they connect when they are first used."""
    store = build_object_store(settings.files)
    return Ports(
        clock=clock or SystemClock(),
        courier=RedisCourier(settings.redis.redis_url),
        cluster=KubernetesCluster(settings.cluster.kubeconfig or None),
        gateway=_gateway(settings),
        resolver=DnsResolver(
            [split_server(each) for each in settings.domains.dns_nameservers],
            settings.domains.dns_timeout_seconds,
        ),
        mailer=SmtpMailer(settings.mail),
        sealer=Sealer(settings.operation.sealing_keys),
        token_keys=token_keys(settings),
        google_keys=GoogleKeysOverHttp(settings.google.google_keys_url),
        admin_sessions=RedisSessions(settings.redis.redis_url),
        object_store=store,
        vault=Vault(store, BackupKeys(settings.backups.backup_keys)),
        webhook=SignedWebhook(
            settings.alerts.alert_webhook_url, settings.alerts.alert_webhook_secret.get_secret_value()
        ),
    )


def token_keys(settings: Settings) -> TokenKeys:
    """Secret and lives of the tokens."""
    return TokenKeys(
        settings.tokens.jwt_secret.get_secret_value(),
        timedelta(hours=settings.tokens.jwt_expires_hours),
        timedelta(days=settings.tokens.jwt_refresh_expires_days),
    )


def _gateway(settings: Settings) -> MidtransGateway:
    midtrans = settings.midtrans
    return MidtransGateway(
        server_key=midtrans.midtrans_server_key.get_secret_value(),
        client_key=midtrans.midtrans_client_key,
        is_production=midtrans.midtrans_is_production,
        snap_base_url=midtrans.midtrans_snap_base_url or None,
        core_base_url=midtrans.midtrans_core_base_url or None,
    )
