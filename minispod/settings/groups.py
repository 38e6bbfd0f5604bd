"""The groups of settings: each field says what it means, its unit and why the default is what it is.

Each group is frozen and judges its own values; whether they make sense together is judged by `Settings`.
The README's table is generated from here (`flask settings-table`).
"""

import ipaddress
from enum import StrEnum

from cryptography.fernet import Fernet
from pydantic import AliasChoices, Field, SecretStr, field_validator

from minispod.settings.shapes import ADDRESS, DOMAIN, Group, Origins, Ranges, Texts

DEVELOPMENT_SECRET = "development-only-secret-do-not-use-in-production"  # noqa: S105
DEVELOPMENT_SEAL = "ZGV2ZWxvcG1lbnQtb25seS1zZWFsLWtleS0wMDAwMDA="


class Environment(StrEnum):
    """Where the program runs."""

    DEVELOPMENT = "development"
    TEST = "test"
    PRODUCTION = "production"


class WebSettings(Group):
    """The web server and the addresses under which customers see us."""

    port: int = Field(5000, ge=1, le=65535, description="Port of the one origin: API, pages and /socket.io/.")
    public_url: str | None = Field(
        None,
        pattern=ADDRESS,
        description="Our own address as customers see it; default http://localhost:PORT.",
    )
    frontend_url: str = Field(
        "http://localhost:3100",
        pattern=ADDRESS,
        description="The customer front end; links in mails lead there.",
    )
    cors_origins: Origins = Field(
        ("http://localhost:3100",),
        description=(
            "Origins (comma-separated) whose pages may call the API; http://localhost:* is every port, * everybody."
        ),
    )
    trusted_proxies: int = Field(
        0, ge=0, le=5, description="How many reverse proxies in front of us set X-Forwarded-For."
    )
    frontend_addresses: Texts = Field(
        (),
        description=(
            "IP addresses (comma-separated) from which the front end's server signs its customers in; all of them "
            "together come from there, so sign-ins are then limited by account alone."
        ),
    )
    secret_key: SecretStr = Field(
        SecretStr(DEVELOPMENT_SECRET), description="Signs the administration's cookies."
    )
    control_wait_seconds: float = Field(
        20,
        ge=0,
        le=25,
        description="How long stop, start and restart wait for the cluster before answering 202.",
    )
    shared_answer_seconds: float = Field(
        5,
        ge=0,
        le=60,
        description="The administration's first page of figures is worked out once in this time for all who ask.",
    )
    web_threads: int = Field(
        16,
        ge=1,
        le=1000,
        description=(
            "Threads of a web process (gunicorn --threads); half of those that live connections leave may wait for "
            "the cluster."
        ),
    )
    admin_idle_minutes: int = Field(
        60, ge=1, description="An administration session ends after this time unused."
    )
    admin_absolute_hours: int = Field(
        12, ge=1, description="An administration session ends after this time at the latest."
    )

    @field_validator("frontend_addresses")
    @classmethod
    def _are_addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(str(ipaddress.ip_address(text)) for text in value)


class DatabaseSettings(Group):
    """PostgreSQL, the truth."""

    database_url: str = Field(
        "",
        repr=False,
        description="postgresql://user:password@host:port/name; empty: the embedded server of the demo.",
    )
    database_pool_size: int = Field(5, ge=1, le=100, description="Connections kept per process.")
    database_pool_overflow: int = Field(
        10, ge=0, le=100, description="Connections beyond the pool for short peaks."
    )
    database_prepares: bool = Field(
        True,
        description="Let the database keep its plans of the busiest questions; false behind a pooler that gives each "
        "transaction another connection.",
    )

    @field_validator("database_url")
    @classmethod
    def _driver(cls, value: str) -> str:
        # SQLAlchemy 2.1 takes "postgresql://" for psycopg 3; we use psycopg2.
        for prefix in ("postgres://", "postgresql://"):
            if value.startswith(prefix):
                return "postgresql+psycopg2://" + value[len(prefix) :]
        if value and not value.startswith("postgresql+psycopg2://"):
            raise ValueError("must be a postgresql:// address; other databases are not supported")
        return value


class RedisSettings(Group):
    """Redis: queues, rate limits, administration sessions. Losing it loses no work; administrators sign in again."""

    redis_url: str = Field(
        "", repr=False, description="redis://:password@host:port/0; empty: the embedded server of the demo."
    )


class TokenSettings(Group):
    """Access and refresh tokens of the JSON API."""

    jwt_secret: SecretStr = Field(
        SecretStr(DEVELOPMENT_SECRET), description="Signs access tokens; at least 32 characters."
    )
    jwt_expires_hours: int = Field(
        24, ge=1, le=24 * 30, description="Life of an access token; the front end never refreshes."
    )
    jwt_refresh_expires_days: int = Field(7, ge=1, le=90, description="Life of a refresh token.")
    bcrypt_rounds: int = Field(12, ge=4, le=15, description="Cost of password hashes; 12 takes about 0.25 s.")


class MidtransSettings(Group):
    """The payment gateway."""

    midtrans_server_key: SecretStr = Field(
        SecretStr(""), description="Server key from the Midtrans dashboard; secret."
    )
    midtrans_client_key: str = Field("", description="Client key; public, for Snap.js.")
    midtrans_merchant_id: str = Field(
        "", description="Merchant id; notices of another merchant go to review."
    )
    midtrans_is_production: bool = Field(False, description="True: real money.")
    midtrans_snap_base_url: str = Field(
        "", description="Another address of the Snap API (the simulator); empty: Midtrans."
    )
    midtrans_core_base_url: str = Field(
        "", description="Another address of the Core API (the simulator); empty: Midtrans."
    )
    topup_minimum: int = Field(10_000, ge=1, description="Smallest top-up in rupiah (decision 16).")
    topup_maximum: int = Field(10_000_000, ge=1, description="Largest top-up in rupiah (decision 16).")
    topup_fee_fixed: int = Field(
        0, ge=0, le=1_000_000, description="Rupiah the customer pays on top of each top-up (decision 16)."
    )
    topup_fee_basis_points: int = Field(
        0,
        ge=0,
        le=1_000,
        description="Hundredths of a per cent of the top-up the customer pays on top; 70 is 0.7 %.",
    )
    topup_expiry_minutes: int = Field(
        60, ge=5, le=7 * 24 * 60, description="A payment page and its payment end after this time."
    )


class ClusterSettings(Group):
    """The cluster, and how instances are named and reached."""

    kubeconfig: str = Field(
        "",
        validation_alias=AliasChoices("KUBECONFIG", "KUBECONFIG_PATH", "kubeconfig"),
        description="Path of a kubeconfig; empty: the service account of the pod we run in.",
    )
    k3s_server_url: str = Field(
        "",
        pattern=r"^(https://[A-Za-z0-9.:\[\]-]+)?$",
        description="Where new workers reach the K3s server, e.g. https://10.0.0.2:6443; empty: no join commands.",
    )
    base_domain: str = Field(
        "minispod.localhost", pattern=DOMAIN, description="Instances get host names under this domain."
    )
    host_pattern: str = Field(
        "{instance}.{service}.{domain}",
        description="Host name of an instance; a pattern with one label fits a single wildcard certificate.",
    )
    public_scheme: str = Field("https", pattern="^https?$", description="Scheme of instance addresses.")
    public_port: int | None = Field(
        None, ge=1, le=65535, description="Port in instance addresses when it is not the scheme's own."
    )
    storage_class: str = Field(
        "local-path", description="Storage class of instance volumes; local-path ties data to a node."
    )
    ingress_class: str = Field("traefik", description="Ingress class of instances.")
    ingress_namespace: str = Field(
        "kube-system", description="Namespace of the ingress controller; it may reach the instances."
    )
    ingress_tls: bool = Field(True, description="Whether instance Ingresses ask for TLS.")
    tcp_expose: str = Field(
        "nodeport",
        pattern="^(nodeport|none)$",
        description="How databases are reached from outside: nodeport; none: from the customer's own instances only.",
    )
    tcp_ports: str = Field(
        "30000-32767",
        pattern=r"^\d{1,5}-\d{1,5}$",
        description="Ports on every node that databases may take, first-last; within the cluster's NodePort range.",
    )
    tls_issuer: str = Field(
        "letsencrypt-prod", description="cert-manager ClusterIssuer for instance certificates."
    )
    service_accounts_namespace: str = Field(
        "",
        description=(
            "Namespace of the service accounts of deploy/rights.yaml, which then get their rights in each "
            "customer's namespace; empty: MinisPod runs as an administrator of the cluster."
        ),
    )
    tenant_blocked_ranges: Ranges = Field(
        (),
        description=(
            "Further addresses that customers' applications may not reach, as CIDR ranges: the public addresses of "
            "the nodes and of the API server, if they have any. Private ranges are always closed."
        ),
    )
    tenant_priority_class: str = Field(
        "", description="Priority class of customers' pods (deploy/priority.yaml has one); empty: none."
    )
    cpu_request_ratio: float = Field(
        0.25, gt=0, le=1, description="Requested share of a plan's CPU (decision 24)."
    )
    memory_request_ratio: float = Field(
        0.5, gt=0, le=1, description="Requested share of a plan's memory (decision 24)."
    )
    capacity_reserve: float = Field(
        0.36, ge=0, lt=1, description="Share of the workers' memory kept free for fail-over (decision 21)."
    )
    node_loss_seconds: int = Field(
        60,
        ge=5,
        le=3600,
        description="A pod is given up this long after the cluster has noticed that its node does not answer.",
    )
    ready_timeout_seconds: int = Field(
        300, ge=10, description="An attempt to start an instance fails after this time."
    )
    provision_attempts: int = Field(3, ge=1, le=10, description="Attempts before an instance shows ERROR.")
    provision_retry_seconds: int = Field(
        20, ge=0, description="Pause before the second attempt; doubles each time."
    )


class MailSettings(Group):
    """Outgoing mail."""

    smtp_host: str = Field(
        "", description="Mail server; empty: mails wait for two days and are then given up."
    )
    smtp_port: int = Field(25, ge=1, le=65535, description="Port of the mail server.")
    smtp_user: str = Field("", description="User name at the mail server, if it wants one.")
    smtp_password: SecretStr = Field(SecretStr(""), description="Password at the mail server.")
    smtp_starttls: bool = Field(False, description="Whether to demand STARTTLS.")
    mail_from: str = Field(
        "MinisPod <no-reply@minispod.localhost>",
        pattern=r"^[^\x00-\x1f<>@]*<?[^\x00-\x20<>@]+@[^\x00-\x20<>@]+>?$",
        description="Sender of all mails.",
    )


class OperationSettings(Group):
    """How the processes behave."""

    minispod_env: Environment = Field(
        Environment.DEVELOPMENT,
        description="development, test or production; production refuses development secrets and simulators.",
    )
    log_level: str = Field(
        "INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="Least severe level that is logged."
    )
    log_json: bool = Field(True, description="JSON logs; false: readable lines.")
    sealing_keys: Texts = Field(
        (DEVELOPMENT_SEAL,),
        repr=False,
        description="Fernet keys (comma-separated, newest first) that seal instance credentials.",
    )
    rate_limits_enabled: bool = Field(True, description="Whether sensitive routes are rate-limited.")
    observe_seconds: int = Field(10, ge=1, description="The cluster is looked at this often.")
    poll_nodes_seconds: int = Field(60, ge=5, description="Nodes are read into the history this often.")
    node_history_days: int = Field(30, ge=1, description="Node readings are kept this long.")
    usage_sample_seconds: int = Field(
        60, ge=30, le=900, description="What every instance uses is written down this often."
    )
    usage_sample_hours: int = Field(
        48, ge=24, le=240, description="Usage is kept this long as it was sampled."
    )
    usage_hour_days: int = Field(35, ge=30, le=400, description="Usage is kept this long by the hour.")
    usage_day_months: int = Field(
        13,
        ge=12,
        le=120,
        description="Usage by the day, and what uptime is reckoned from, are kept this long.",
    )
    proof_hour: int = Field(
        3, ge=0, le=23, description="From this hour (BILLING_TIMEZONE) the nightly proof of the money runs."
    )
    proof_days: int = Field(90, ge=1, description="Proofs and what they found are kept this long.")
    staff_act_days: int = Field(
        365,
        ge=30,
        description="Bulk acts and join commands are kept this long after their end; the audit book keeps its lines.",
    )
    wallet_snapshot_days: int = Field(
        400,
        ge=2,
        description="Closing balances are kept this long, each wallet's newest for ever; a year's books and a month.",
    )
    serve_realtime: bool = Field(
        False, description="Whether this web process also answers /socket.io/ (the demo's one origin)."
    )
    realtime_connections: int = Field(
        12,
        ge=1,
        le=1000,
        description="Live connections that a process with SERVE_REALTIME accepts; each holds a thread.",
    )

    @field_validator("sealing_keys")
    @classmethod
    def _fernet(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:
            raise ValueError("at least one Fernet key is needed")
        for key in value:
            try:
                Fernet(key)
            except ValueError:
                raise ValueError(
                    "each key must be 32 bytes in url-safe base64 (Fernet.generate_key())"
                ) from None
        return value
