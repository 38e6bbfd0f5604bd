"""Build the adapters from settings: the only place that decides which adapter answers a port."""

from datetime import timedelta

from minispod.accounts.tokens import TokenKeys
from minispod.backups.sealing import BackupKeys
from minispod.backups.vault import Vault
from minispod.integrations.kubernetes.adapter import KubernetesCluster
from minispod.integrations.midtrans import MidtransGateway
from minispod.integrations.object_store import build_object_store
from minispod.integrations.redis_queue import RedisCourier
from minispod.integrations.redis_sessions import RedisSessions
from minispod.integrations.smtp import SmtpMailer
from minispod.kernel.clock import Clock, SystemClock
from minispod.kernel.sealed import Sealer
from minispod.ports import Ports
from minispod.settings import Settings


def build_ports(settings: Settings, *, clock: Clock | None = None) -> Ports:
    """The real adapters, all of them; they connect when they are first used."""
    store = build_object_store(settings.files)
    return Ports(
        clock=clock or SystemClock(),
        courier=RedisCourier(settings.redis.redis_url),
        cluster=KubernetesCluster(settings.cluster.kubeconfig or None),
        gateway=_gateway(settings),
        mailer=SmtpMailer(settings.mail),
        sealer=Sealer(settings.operation.sealing_keys),
        token_keys=token_keys(settings),
        admin_sessions=RedisSessions(settings.redis.redis_url),
        object_store=store,
        vault=Vault(store, BackupKeys(settings.backups.backup_keys)),
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
