"""PostgreSQL and Redis for the tests: those of the environment, else real embedded ones.

With DATABASE_URL / REDIS_URL set, databases of our own are made on those servers and dropped at the end. Without,
one PostgreSQL serves all xdist workers (the controller starts it) and every worker has its own Redis.
"""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest

from minispod.local.postgres import start_postgres
from minispod.local.redis import start_redis
from minispod.local.servers import Server
from tests.plugins import databases


@dataclass
class SessionPostgres:
    """The PostgreSQL of this test session: started at most once, stopped by the process that started it."""

    url: str | None = None
    server: Server | None = None
    directory: Path | None = None
    templates: list[str] = field(default_factory=list)

    def start(self) -> str:
        """The address of the server; started here unless somebody else did."""
        if self.url is None:
            self.url = os.environ.get("DATABASE_URL") or self._start_embedded()
        return self.url

    def stop(self) -> None:
        """Undo what `start` did."""
        if self.server is not None:
            self.server.stop()
        elif self.url is not None:
            for name in self.templates:
                databases.drop_database(self.url, name)
        if self.directory is not None:
            shutil.rmtree(self.directory, ignore_errors=True)
        self.url = self.server = self.directory = None

    def _start_embedded(self) -> str:
        self.directory = _directory_for_servers()
        self.server = start_postgres(self.directory / "postgres", durable=False)
        return self.server.url


POSTGRES = pytest.StashKey[SessionPostgres]()


def pytest_configure(config: pytest.Config) -> None:
    """Take over what the controller says, if we are a worker."""
    given = getattr(config, "workerinput", {})
    config.stash[POSTGRES] = SessionPostgres(url=given.get("postgres_url"))


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: "object") -> None:
    """Controller of xdist: one PostgreSQL for all workers."""
    shared: SessionPostgres = node.config.stash[POSTGRES]  # type: ignore[attr-defined]
    node.workerinput["postgres_url"] = shared.start()  # type: ignore[attr-defined]
    template = _template_name(node.workerinput["testrunuid"])  # type: ignore[attr-defined]
    if template not in shared.templates:
        shared.templates.append(template)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop what the controller started; workers started nothing here."""
    shared = config.stash.get(POSTGRES, None)
    if shared is not None and not hasattr(config, "workerinput"):
        shared.stop()


@pytest.fixture(scope="session")
def postgres_url(pytestconfig: pytest.Config, nothing_left_behind: None) -> Iterator[str]:
    """The address of a PostgreSQL where databases may be created; its own database stays untouched."""
    shared = pytestconfig.stash[POSTGRES]
    yield shared.start()
    if not hasattr(pytestconfig, "workerinput"):
        shared.stop()


@pytest.fixture(scope="session")
def template_database(pytestconfig: pytest.Config, postgres_url: str, testrun_uid: str) -> str:
    """The name of a migrated database to copy; built once per session however many workers there are."""
    name = _template_name(testrun_uid)
    databases.ensure_template(postgres_url, name)
    shared = pytestconfig.stash[POSTGRES]
    if name not in shared.templates:
        shared.templates.append(name)
    return name


@pytest.fixture(scope="session")
def migrated_database_url(
    postgres_url: str, template_database: str, testrun_uid: str, worker_id: str
) -> Iterator[str]:
    """This worker's own database, migrated."""
    name = f"minispod_{testrun_uid[:8]}_{worker_id}"
    yield databases.create_database(postgres_url, name, template=template_database)
    databases.drop_database(postgres_url, name)


@pytest.fixture
def new_database(
    postgres_url: str, template_database: str, testrun_uid: str, worker_id: str
) -> Iterator[Callable[[], str]]:
    """Make further migrated databases; they go with the test."""
    made: list[str] = []

    def make() -> str:
        made.append(f"minispod_{testrun_uid[:8]}_{worker_id}_{len(made)}")
        return databases.create_database(postgres_url, made[-1], template=template_database)

    yield make
    for name in made:
        databases.drop_database(postgres_url, name)


@pytest.fixture
def empty_database_url(postgres_url: str, testrun_uid: str, worker_id: str) -> Iterator[str]:
    """A database without tables, for tests of the migrations themselves."""
    name = f"minispod_{testrun_uid[:8]}_{worker_id}_empty"
    yield databases.create_database(postgres_url, name)
    databases.drop_database(postgres_url, name)


@pytest.fixture(scope="session")
def redis_url(worker_id: str, nothing_left_behind: None) -> Iterator[str]:
    """A Redis that this worker may flush: its own server, or its own database on the given one."""
    given = os.environ.get("REDIS_URL")
    if given:
        number = int(worker_id.removeprefix("gw")) + 1 if worker_id.startswith("gw") else 0
        yield urlunsplit(urlsplit(given)._replace(path=f"/{number}"))
        return
    directory = _directory_for_servers()
    server = start_redis(directory / "redis", durable=False)
    yield server.url
    server.stop()
    shutil.rmtree(directory, ignore_errors=True)


def _template_name(testrun_uid: str) -> str:
    return f"minispod_{testrun_uid[:8]}_template"


def _directory_for_servers() -> Path:
    """Not pytest's own: servers started by root run as another user, who must be able to pass through."""
    directory = Path(tempfile.mkdtemp(prefix="minispod-test-"))
    directory.chmod(0o711)
    return directory
