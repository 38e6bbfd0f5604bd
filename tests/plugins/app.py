"""The application under test: real PostgreSQL and Redis, real adapters, a clock that stands still.

Every test commits for real; afterwards all tables are emptied. Jobs run when the test says so
(`run_jobs`), time passes when it says so (`advance`).
"""

import os
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from threading import Barrier
from typing import Any

import pytest
from cryptography.fernet import Fernet
from flask import Flask
from flask.testing import FlaskClient
from pyrage import x25519
from sqlalchemy import select, text
from werkzeug.test import TestResponse

from minispod.accounts import tokens
from minispod.accounts.models import User
from minispod.api.guard import limiter
from minispod.app import create_app
from minispod.catalog.models import Plan, PlanType, Service
from minispod.catalog.seeding import seed_catalog
from minispod.instances.models import Tenancy
from minispod.integrations.kubernetes.adapter import KubernetesCluster
from minispod.integrations.midtrans import MidtransGateway
from minispod.integrations.smtp import SmtpMailer
from minispod.jobs import runner
from minispod.jobs.schedule import find, schedule
from minispod.kernel.actor import Actor, ActorKind, Role, system
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import db, session
from minispod.kernel.tasks import Queue
from minispod.kernel.unit_of_work import unit_of_work
from minispod.onboarding.signup import register
from minispod.ports import Ports
from minispod.settings import Settings
from minispod.wallet import ledger
from minispod.wallet.models import EntryKind, EntryType
from tests.plugins import databases
from tests.plugins.google import CLIENT_ID, GoogleStandIn
from tests.plugins.simulators import Simulator

START = databases.SEEDED_AT
PASSWORD = "correct horse"
SERVER_KEY = "SB-Mid-server-TESTKEY-minispod"
MERCHANT = "G812345678"
NOWHERE = "http://127.0.0.1:1"


class IdleCourier:
    """Carries nothing: the test runs the jobs itself."""

    def deliver(self, rows: Mapping[uuid.UUID, Queue]) -> None:
        """Leave the rows to the test."""


@pytest.fixture(scope="session")
def settings(
    migrated_database_url: str, redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Settings:
    """Settings of the application under test: everything outside is nowhere until a fixture says where."""
    return Settings(
        minispod_env="test",
        database_url=migrated_database_url,
        redis_url=redis_url,
        database_pool_size=10,
        database_pool_overflow=60,
        bcrypt_rounds=4,
        rate_limits_enabled=False,
        midtrans_server_key=SERVER_KEY,
        midtrans_merchant_id=MERCHANT,
        midtrans_snap_base_url=NOWHERE,
        midtrans_core_base_url=NOWHERE,
        kubeconfig="/nonexistent/kubeconfig",
        k3s_server_url="https://10.0.0.2:6443",
        public_scheme="http",
        ingress_tls=False,
        google_client_id=CLIENT_ID,
        google_keys_url=f"{NOWHERE}/certs",
        smtp_host="127.0.0.1",
        smtp_port=1,
        sealing_keys=Fernet.generate_key().decode(),
        backup_keys=str(x25519.Identity.generate()),
        files_directory=str(tmp_path_factory.mktemp("files")),
        jwt_secret="a secret of the tests, long enough for anyone",
        control_wait_seconds=5,
        shared_answer_seconds=0,  # a test looks right after it did something
        provision_attempts=2,
        log_level="WARNING",
        admin_idle_minutes=30,
    )


@pytest.fixture(scope="session")
def application(settings: Settings) -> Iterator[Flask]:
    """The application, built once."""
    app = create_app(settings)
    app.testing = True
    app.config["PROPAGATE_EXCEPTIONS"] = False
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def clock() -> FrozenClock:
    """A clock that stands still."""
    return FrozenClock(START)


@pytest.fixture
def app(application: Flask, clock: FrozenClock) -> Iterator[Flask]:
    """The application with a frozen clock, an idle courier and an empty database."""
    original: Ports = application.extensions["minispod.ports"]
    application.extensions["minispod.ports"] = replace(original, clock=clock, courier=IdleCourier())
    limiter.enabled = False  # there is one per process, and other applications of a test may have used it
    yield application
    application.extensions["minispod.ports"] = original
    with application.app_context():
        databases.empty_tables()
        db.session.remove()


@pytest.fixture
def ports(app: Flask) -> "PortsNow":
    """The ports as they are at the moment of asking; other fixtures replace single ones."""
    return PortsNow(app)


@dataclass(frozen=True, slots=True)
class PortsNow:
    """A view of the application's ports."""

    app: Flask

    def __getattr__(self, name: str) -> Any:
        return getattr(self.app.extensions["minispod.ports"], name)

    def change(self, **fields: Any) -> None:
        """Replace single ports for this test."""
        self.app.extensions["minispod.ports"] = replace(self.app.extensions["minispod.ports"], **fields)


@pytest.fixture
def context(app: Flask) -> Iterator[None]:
    """An application context around the whole test, for tests of the domain."""
    with app.app_context():
        yield


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """An HTTP client; use it outside `context`, as each request brings its own."""
    return app.test_client()


@pytest.fixture
def cluster(request: pytest.FixtureRequest, ports: PortsNow) -> Iterator[KubernetesCluster]:
    """The real adapter on the simulated cluster; with --cluster, on the Kubernetes of KUBECONFIG.

    What the test left there under a customer's namespace is removed.
    """
    if request.config.getoption("--cluster"):
        kubeconfig = os.environ["KUBECONFIG"]
    else:
        kubeconfig = request.getfixturevalue("kubernetes_simulator")["kubeconfig"]
    adapter = KubernetesCluster(kubeconfig)
    ports.change(cluster=adapter)
    yield adapter
    with ports.app.app_context():
        for namespace in session().scalars(select(Tenancy.namespace)).all():
            adapter.delete_namespace(namespace)
        db.session.remove()


@pytest.fixture
def gateway(ports: PortsNow, midtrans_simulator: Simulator) -> MidtransGateway:
    """The real adapter on the simulated gateway."""
    adapter = MidtransGateway(
        server_key=SERVER_KEY,
        snap_base_url=midtrans_simulator["url"],
        core_base_url=midtrans_simulator["url"],
    )
    ports.change(gateway=adapter)
    return adapter


@pytest.fixture
def mailbox(ports: PortsNow, settings: Settings, mailbox_simulator: Simulator) -> Simulator:
    """The real mailer on the simulated mail server."""
    host, _, port = str(mailbox_simulator["smtp"]).rpartition(":")
    ports.change(
        mailer=SmtpMailer(settings.mail.model_copy(update={"smtp_host": host, "smtp_port": int(port)}))
    )
    return mailbox_simulator


@pytest.fixture
def google(ports: PortsNow, clock: FrozenClock, google_simulator: Simulator) -> GoogleStandIn:
    """Our adapter on the stand-in for Google, whose levers are released."""
    stand_in = GoogleStandIn(google_simulator, clock)
    stand_in.release()
    ports.change(google_keys=stand_in.keys())
    return stand_in


@pytest.fixture
def catalog(app: Flask, clock: FrozenClock) -> None:
    """The standard catalogue."""
    with app.app_context(), unit_of_work():
        if clock.now() == databases.SEEDED_AT:
            session().execute(text(databases.SEED))
        else:
            seed_catalog(actor=system("tests"), at=clock.now())


@dataclass(frozen=True, slots=True)
class Person:
    """An account of a test, with what it needs to act."""

    id: uuid.UUID
    email: str
    actor: Actor
    headers: dict[str, str]


@pytest.fixture
def person(app: Flask, clock: FrozenClock) -> Callable[..., Person]:
    """Make an account with a wallet: `person(credit=50_000, role=Role.USER, name=..., email=...)`."""

    def make(
        *, credit: int = 0, role: Role = Role.USER, name: str = "Siti Rahma", email: str | None = None
    ) -> Person:
        at = clock.now()
        address = email or f"{uuid.uuid4().hex[:12]}@example.com"
        with app.app_context():
            with unit_of_work():
                user, _ = register(
                    name=name,
                    email=address,
                    password=PASSWORD,
                    role=role,
                    bcrypt_rounds=4,
                    frontend_url="http://localhost:3100",
                    actor=system("tests"),
                    at=at,
                )
                if credit:
                    posting = ledger.Posting(
                        EntryType.ADMIN_ADJUSTMENT, EntryKind.OPENING, str(user.id), "Opening credit"
                    )
                    ledger.credit(user.id, credit, posting, actor=system("tests"), at=at)
            return _person(app, user, at)

    return make


def _person(app: Flask, user: User, at: datetime) -> Person:
    kind = ActorKind.STAFF if user.role is Role.ADMINISTRATOR else ActorKind.CUSTOMER
    token = tokens.issue_access(user, app.extensions["minispod.ports"].token_keys, at)
    actor = Actor(kind, user.id, user.name, "127.0.0.1")
    return Person(user.id, user.email, actor, {"Authorization": f"Bearer {token}"})


@pytest.fixture
def headers_now(app: Flask, clock: FrozenClock) -> Callable[[Person], dict[str, str]]:
    """Fresh headers of a person, for stories longer than the life of a token."""

    def issue(someone: Person) -> dict[str, str]:
        with app.app_context():
            return _person(app, session().get_one(User, someone.id), clock.now()).headers

    return issue


@pytest.fixture
def customer(person: Callable[..., Person]) -> Person:
    """A customer with 500,000 rupiah."""
    return person(credit=500_000)


@pytest.fixture
def administrator(person: Callable[..., Person]) -> Person:
    """An administrator."""
    return person(role=Role.ADMINISTRATOR, name="Ayu Admin")


@pytest.fixture
def plan_id(app: Flask, catalog: None) -> Callable[..., uuid.UUID]:
    """Find a plan: `plan_id("n8n-automation", "BASIC")`."""

    def find_plan(slug: str = "n8n-automation", tier: str = "BASIC") -> uuid.UUID:
        with app.app_context():
            found = (
                session()
                .query(Plan)
                .join(Service)
                .filter(Service.slug == slug, Plan.plan_type == PlanType(tier))
            )
            return found.one().id

    return find_plan


@pytest.fixture
def run_jobs(app: Flask, settings: Settings) -> Callable[..., int]:
    """Do everything that is due now; returns how many pieces of work that was."""

    def run() -> int:
        with app.app_context():
            done = runner.run_all(ports=app.extensions["minispod.ports"], settings=settings)
            db.session.remove()
            return done

    return run


@pytest.fixture
def tick(app: Flask, settings: Settings) -> Callable[[str], None]:
    """Run one periodic job by name."""

    def run(name: str) -> None:
        with app.app_context():
            periodic = find(name, settings)
            assert periodic is not None, [each.name for each in schedule(settings)]
            periodic.run(app.extensions["minispod.ports"], settings)
            db.session.remove()

    return run


@pytest.fixture
def advance(
    clock: FrozenClock, tick: Callable[[str], None], run_jobs: Callable[..., int]
) -> Callable[..., datetime]:
    """Let time pass in one step and run what the calendar then says: `advance(days=30)`."""

    def go(**by: float) -> datetime:
        now = clock.advance(**by)
        tick("advance-calendar")
        tick("remind")
        run_jobs()
        return now

    return go


@pytest.fixture
def at_once(app: Flask) -> Callable[..., list[Any]]:
    """Call `act(index)` from `count` threads at the same moment; returns results and exceptions in order."""

    def run(count: int, act: Callable[[int], Any]) -> list[Any]:
        barrier = Barrier(count)

        def one(index: int) -> Any:
            barrier.wait(timeout=60)
            try:
                return act(index)
            except Exception as refusal:  # noqa: BLE001 - the test looks at it
                return refusal

        with ThreadPoolExecutor(count) as pool:
            return list(pool.map(one, range(count)))

    return run


def data_of(response: TestResponse, status: int = 200) -> Any:
    """The data of a successful answer; fails with the body when the status is another."""
    body = response.get_json()
    assert response.status_code == status, body
    assert body["success"] is True, body
    return body.get("data")


def refused(response: TestResponse, status: int, code: str) -> Any:
    """The body of a refusal; fails unless status and code are as said."""
    body = response.get_json()
    assert (response.status_code, body.get("code")) == (status, code), body
    assert body["success"] is False
    assert body["message"]
    return body


__all__ = ["PASSWORD", "START", "Person", "PortsNow", "data_of", "refused"]
