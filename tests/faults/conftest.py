"""One shop of real processes per file: its own database, its own Redis, the simulators, a web server.

Workers and schedulers are the test's own, and end with it. Nothing stands still here: the clock is the real one.
"""

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from minispod.integrations.kubernetes.adapter import KubernetesCluster
from minispod.local.redis import start_redis
from minispod.local.servers import Server
from tests.faults.backstage import Backstage
from tests.faults.books import Books
from tests.faults.shop import LiveShop
from tests.plugins import databases
from tests.plugins.app import MERCHANT, SERVER_KEY
from tests.plugins.simulators import Simulator


class Restartable:
    """A server that the test may stop and start again: same address, same password."""

    def __init__(self, start: Callable[[], Server]) -> None:
        self._start = start
        self._server = start()
        self.url = self._server.url

    def stop(self) -> None:
        """Shut it down in order; harmless when it is down."""
        self._server.stop()

    def start(self) -> None:
        """Start it again."""
        self._server = self._start()
        assert self._server.url == self.url

    @property
    def pid(self) -> int:
        """Its process."""
        return self._server.process.pid


@pytest.fixture(scope="module")
def open_directory(nothing_left_behind: None) -> Iterator[Path]:
    """A directory that servers of another user may pass through."""
    directory = Path(tempfile.mkdtemp(prefix="minispod-faults-"))
    directory.chmod(0o711)
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="module")
def own_redis(open_directory: Path) -> Iterator[Restartable]:
    """A Redis of this file's own."""
    server = Restartable(lambda: start_redis(open_directory / "redis", durable=False))
    yield server
    server.stop()


@pytest.fixture(scope="module")
def own_database_url(
    request: pytest.FixtureRequest,
    postgres_url: str,
    template_database: str,
    testrun_uid: str,
    worker_id: str,
) -> Iterator[str]:
    """A database of this file's own."""
    name = f"{request.module.__name__.rpartition('.')[2]}_{testrun_uid[:8]}_{worker_id}"
    yield databases.create_database(postgres_url, name, template=template_database)
    databases.drop_database(postgres_url, name)


@pytest.fixture(scope="module")
def environment(
    own_database_url: str,
    own_redis: Restartable,
    kubernetes_simulator: Simulator,
    mailbox_simulator: Simulator,
    midtrans_simulator: Simulator,
) -> dict[str, str]:
    """What the processes of this file's shop are told."""
    smtp_host, _, smtp_port = str(mailbox_simulator["smtp"]).rpartition(":")
    return {
        "MINISPOD_ENV": "test",
        "DATABASE_URL": own_database_url,
        "REDIS_URL": own_redis.url,
        "KUBECONFIG": str(kubernetes_simulator["kubeconfig"]),
        "MIDTRANS_SERVER_KEY": SERVER_KEY,
        "MIDTRANS_MERCHANT_ID": MERCHANT,
        "MIDTRANS_SNAP_BASE_URL": str(midtrans_simulator["url"]),
        "MIDTRANS_CORE_BASE_URL": str(midtrans_simulator["url"]),
        "SMTP_HOST": smtp_host,
        "SMTP_PORT": smtp_port,
        "SEALING_KEYS": Fernet.generate_key().decode(),
        "JWT_SECRET": "a secret of the tests, long enough for anyone",
        "BCRYPT_ROUNDS": "4",
        "PUBLIC_SCHEME": "http",
        "INGRESS_TLS": "false",
        "PROVISION_ATTEMPTS": "2",
        "PROVISION_RETRY_SECONDS": "1",
        "LOG_LEVEL": "WARNING",
        "LOG_JSON": "false",
    }


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where all processes of this file write to."""
    return tmp_path_factory.mktemp("backstage") / "log"


@pytest.fixture(scope="module")
def standing(environment: dict[str, str], log: Path) -> Iterator[Backstage]:
    """Processes that stay for the whole file."""
    stage = Backstage(environment, log)
    yield stage
    stage.end()


@pytest.fixture(scope="module")
def standing_worker(standing: Backstage) -> subprocess.Popen[bytes]:
    """A worker that stays from the first test that asks for it to the end of the file."""
    return standing.worker()


@pytest.fixture(scope="module")
def standing_shop(
    standing: Backstage,
    own_database_url: str,
    own_redis: Restartable,
    kubernetes_simulator: Simulator,
    mailbox_simulator: Simulator,
) -> Iterator[LiveShop]:
    """The shop with web server and scheduler, and nobody who works behind them."""
    url, web = standing.web()
    standing.scheduler()
    shop = LiveShop(
        backstage=standing,
        books=Books(own_database_url),
        url=url,
        web=web,
        redis_url=own_redis.url,
        cluster=KubernetesCluster(str(kubernetes_simulator["kubeconfig"])),
        kubernetes=kubernetes_simulator,
        mailbox=mailbox_simulator,
    )
    yield shop
    shop.books.close()


@pytest.fixture
def shop(standing_shop: LiveShop, environment: dict[str, str], log: Path) -> Iterator[LiveShop]:
    """The shop, open, with empty books; what a test starts behind it ends with the test, and so does all trouble."""
    own = Backstage(environment, log)
    shop = replace(standing_shop, backstage=own)
    shop.open()
    yield shop
    own.end()
    shop.close()
