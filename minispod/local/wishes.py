"""What the person at the terminal asked for, checked before anything is started.

Each wish that cannot be met gets one sentence that names the variable.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from minispod.local import places
from minispod.local.refusals import CannotStart

CLUSTER_SECONDS = 4.0
_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = re.compile(rf"{_LABEL}(\.{_LABEL})*")


@dataclass(frozen=True, slots=True)
class Cluster:
    """A real cluster, used instead of the simulator."""

    kubeconfig: Path
    url: str


@dataclass(frozen=True, slots=True)
class Wishes:
    """The demo's few knobs; everything else in the environment goes to the program unchanged."""

    port: int
    base_domain: str
    cluster: Cluster | None = None
    ingress_address: str | None = None  # host[:port] where the real cluster's Ingress listens
    database_url: str | None = None  # servers of one's own instead of the embedded ones
    redis_url: str | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Wishes":
        """Read them; raises CannotStart for nonsense and for what is not there."""
        kubeconfig = environment.get("KUBECONFIG")
        return cls(
            port=_free_port(environment.get("PORT", "5000")),
            base_domain=_domain(environment.get("BASE_DOMAIN", "minispod.localhost")),
            cluster=_cluster(Path(kubeconfig).expanduser()) if kubeconfig else None,
            ingress_address=_address(environment.get("INGRESS_ADDRESS")),
            database_url=_database(environment.get("DATABASE_URL")),
            redis_url=_redis(environment.get("REDIS_URL")),
        )


def _free_port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise CannotStart(f"PORT must be a number from 1 to 65535, not {text!r}.")
    port = int(text)
    try:
        free = places.is_free(port)
    except PermissionError:
        raise CannotStart(f"PORT {port} needs administrator rights; take one above 1023.") from None
    if not free:
        raise CannotStart(
            f"Port {port} is taken by another program; try PORT={port + 1 if port < 65535 else 5000} make demo."
        )
    return port


def _domain(text: str) -> str:
    if not _DOMAIN.fullmatch(text) or len(text) > 200:
        raise CannotStart(f"BASE_DOMAIN must be a host name such as minispod.localhost, not {text!r}.")
    return text


def _address(text: str | None) -> str | None:
    if not text:
        return None
    address = text.removeprefix("http://").rstrip("/")
    if not re.fullmatch(r"[A-Za-z0-9.-]+(:\d{1,5})?", address):
        raise CannotStart(f"INGRESS_ADDRESS must be a host or host:port, not {text!r}.")
    return address


def _cluster(path: Path) -> Cluster:
    """The cluster of this file, if it answers."""
    if not path.is_file():
        raise CannotStart(f"KUBECONFIG names {path}, which is not a file.")
    # Slow to import, and only needed by those who bring a cluster.
    from kubernetes import client, config
    from kubernetes.client.exceptions import ApiException
    from urllib3.exceptions import HTTPError

    settings = client.Configuration()
    settings.retries = False
    try:
        config.load_kube_config(str(path), client_configuration=settings)  # type: ignore[no-untyped-call]
    except Exception as error:  # whatever the file contains
        reason = str(error).partition("\n")[0][:200]
        raise CannotStart(f"KUBECONFIG names {path}, which cannot be used: {reason}") from error
    try:
        client.VersionApi(client.ApiClient(settings)).get_code(_request_timeout=CLUSTER_SECONDS)
    except ApiException as error:
        raise CannotStart(
            f"The cluster of KUBECONFIG at {settings.host} refuses us with status {error.status}."
        ) from error
    except (HTTPError, OSError, ValueError) as error:
        raise CannotStart(f"The cluster of KUBECONFIG at {settings.host} does not answer.") from error
    return Cluster(path.resolve(), settings.host)


def _database(url: str | None) -> str | None:
    if not url:
        return None
    import psycopg2

    try:
        psycopg2.connect(
            re.sub(r"^postgres(ql)?(\+psycopg2)?://", "postgresql://", url), connect_timeout=3
        ).close()
    except psycopg2.Error as error:
        raise CannotStart(
            f"The server of DATABASE_URL does not let us in: {str(error).strip().partition(chr(10))[0]}"
        ) from None
    return url


def _redis(url: str | None) -> str | None:
    if not url:
        return None
    import redis

    try:
        with redis.Redis.from_url(url, socket_timeout=3, socket_connect_timeout=3) as client:
            client.ping()
    except (redis.RedisError, ValueError) as error:
        raise CannotStart(f"The server of REDIS_URL does not let us in: {error}") from None
    return url
