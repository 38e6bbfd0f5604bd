"""Settings: everything that can be configured, read from the environment once and checked at boot.

Nothing else reads the environment. The program refuses to start on nonsense, and in production also with
what belongs to development: known secrets, simulators, addresses that customers cannot reach.
"""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import ValidationError

from minispod.settings.alerts import AlertSettings
from minispod.settings.business import BusinessSettings, CompanySettings
from minispod.settings.data import DataSettings
from minispod.settings.domains import DomainSettings
from minispod.settings.files import DEVELOPMENT_BACKUP_KEY, BackupSettings, FileSettings
from minispod.settings.google import GOOGLE_KEYS, GoogleSettings
from minispod.settings.groups import (
    DEVELOPMENT_SEAL,
    DEVELOPMENT_SECRET,
    ClusterSettings,
    DatabaseSettings,
    Environment,
    MailSettings,
    MidtransSettings,
    OperationSettings,
    RedisSettings,
    TokenSettings,
    WebSettings,
)
from minispod.settings.shapes import Group

_SHORTEST_SECRET = 32
_MIDTRANS_HOSTS = frozenset(
    {"app.midtrans.com", "app.sandbox.midtrans.com", "api.midtrans.com", "api.sandbox.midtrans.com"}
)


class BadSettings(Exception):
    """The environment does not make sense; the message names each variable and what to do."""


class Settings:
    """All groups together; immutable, and sensible as a whole."""

    __slots__ = (
        "alerts",
        "backups",
        "business",
        "cluster",
        "company",
        "data",
        "database",
        "domains",
        "files",
        "google",
        "mail",
        "midtrans",
        "operation",
        "redis",
        "tokens",
        "web",
    )

    web: WebSettings
    database: DatabaseSettings
    redis: RedisSettings
    tokens: TokenSettings
    google: GoogleSettings
    midtrans: MidtransSettings
    cluster: ClusterSettings
    domains: DomainSettings
    mail: MailSettings
    business: BusinessSettings
    company: CompanySettings
    files: FileSettings
    backups: BackupSettings
    data: DataSettings
    operation: OperationSettings
    alerts: AlertSettings

    def __init__(self, **overrides: Any) -> None:
        """Read the environment; `overrides` (field names) win over it. Raises BadSettings."""
        problems: list[str] = []
        for name, group in Settings.__annotations__.items():
            known = {key: value for key, value in overrides.items() if key in group.model_fields}
            try:
                object.__setattr__(self, name, group(**known))
            except ValidationError as error:
                problems += [f"{str(e['loc'][0]).upper()}: {e['msg']}" for e in error.errors()]
        if not problems:
            problems = self._contradictions()
        if problems:
            raise BadSettings("The configuration cannot be used:\n  " + "\n  ".join(problems))

    def __setattr__(self, name: str, value: object) -> None:
        """Refuse: what was checked at boot stays as it was."""
        raise AttributeError("settings do not change while the program runs")

    @classmethod
    def from_environment(cls, **overrides: Any) -> "Settings":
        """Read the environment once."""
        return cls(**overrides)

    @property
    def is_production(self) -> bool:
        """Tell whether real customers are served."""
        return self.operation.minispod_env is Environment.PRODUCTION

    @property
    def own_url(self) -> str:
        """Our own address without a trailing slash."""
        return (self.web.public_url or f"http://localhost:{self.web.port}").rstrip("/")

    def _contradictions(self) -> list[str]:
        found = []
        if not self.database.database_url:
            found.append("DATABASE_URL: is missing; `make demo` brings a server of its own.")
        if not self.redis.redis_url:
            found.append("REDIS_URL: is missing; `make demo` brings a server of its own.")
        if self.midtrans.topup_minimum > self.midtrans.topup_maximum:
            found.append("TOPUP_MINIMUM: is larger than TOPUP_MAXIMUM.")
        if self.company.ppn_rate and not self.company.company_is_pkp:
            found.append("PPN_RATE: only a company registered for PPN may show it (COMPANY_IS_PKP).")
        if self.company.company_is_pkp and not self.company.company_npwp:
            found.append("COMPANY_NPWP: a company registered for PPN has one.")
        for name, secret in (("JWT_SECRET", self.tokens.jwt_secret), ("SECRET_KEY", self.web.secret_key)):
            if len(secret.get_secret_value()) < _SHORTEST_SECRET:
                found.append(f"{name}: needs at least {_SHORTEST_SECRET} characters.")
        found += self._lost_backups()
        if self.alerts.alert_webhook_url and len(self.alerts.alert_webhook_secret.get_secret_value()) < 16:
            found.append("ALERT_WEBHOOK_SECRET: a webhook needs a secret of at least 16 characters.")
        if self.is_production:
            found += self._unfit_for_production()
        return found

    def _lost_backups(self) -> list[str]:
        found = []
        has_key = self.files.files_s3_key and self.files.files_s3_secret.get_secret_value()
        if self.files.files_s3_bucket and not has_key:
            found.append("FILES_S3_KEY: a bucket needs FILES_S3_KEY and FILES_S3_SECRET.")
        if self.backups.backup_alarm_hours < 24 + self.backups.backup_hours:
            found.append("BACKUP_ALARM_HOURS: a day and BACKUP_HOURS may lie between two nightly backups.")
        return found

    def _unfit_for_production(self) -> list[str]:
        found = []
        if self.tokens.jwt_secret.get_secret_value() == DEVELOPMENT_SECRET:
            found.append("JWT_SECRET: production needs a secret of its own.")
        if self.web.secret_key.get_secret_value() == DEVELOPMENT_SECRET:
            found.append("SECRET_KEY: production needs a secret of its own.")
        if DEVELOPMENT_SEAL in self.operation.sealing_keys:
            found.append("SEALING_KEYS: production needs keys of its own.")
        if DEVELOPMENT_BACKUP_KEY in self.backups.backup_keys:
            found.append("BACKUP_KEYS: production needs keys of its own.")
        if not self.files.files_s3_bucket and not Path(self.files.files_directory).is_absolute():
            found.append("FILES_DIRECTORY: production needs an absolute directory, or FILES_S3_BUCKET.")
        for name in ("midtrans_snap_base_url", "midtrans_core_base_url"):
            address = getattr(self.midtrans, name)
            if address and not _is_midtrans(address):
                found.append(f"{name.upper()}: production talks to Midtrans only.")
        if self.google.google_keys_url != GOOGLE_KEYS:
            found.append("GOOGLE_KEYS_URL: production believes Google only.")
        if not self.midtrans.midtrans_server_key.get_secret_value():
            found.append("MIDTRANS_SERVER_KEY: is missing.")
        told_to_customers = {
            "FRONTEND_URL": self.web.frontend_url,
            "PUBLIC_URL": self.own_url,
            "BASE_DOMAIN": self.cluster.base_domain,
            "MAIL_FROM": self.mail.mail_from,
        }
        return found + [
            f"{name}: customers cannot reach localhost."
            for name, value in told_to_customers.items()
            if "localhost" in value
        ]


GROUPS: tuple[type[Group], ...] = tuple(Settings.__annotations__.values())
"""All groups, in the order of the README's table."""


def _is_midtrans(address: str) -> bool:
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return parts.scheme == "https" and parts.hostname in _MIDTRANS_HOSTS
