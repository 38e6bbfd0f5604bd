"""A hundred orders at once: how many become RUNNING a minute, with one, two and four workers.

Real workers and a real scheduler on a PostgreSQL and a Redis of their own; the cluster is the simulator's, or the one
that KUBECONFIG names (its nodes may be hollow: nothing has to run in the pods).
"""

import os
import signal
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from flask import Flask
from redis import Redis
from rq import Worker
from sqlalchemy import func, select

from bench import grounds
from minispod.app import create_app
from minispod.catalog.models import Plan, PlanType, Service
from minispod.catalog.seeding import seed_catalog
from minispod.instances.models import Instance, Tenancy
from minispod.instances.states import InstanceStatus
from minispod.kernel.actor import system
from minispod.kernel.database import db, session
from minispod.kernel.unit_of_work import release_connection, unit_of_work
from minispod.local import processes
from minispod.local.processes import Program
from minispod.local.redis import start_redis
from minispod.local.timeline import StoryStopped
from minispod.onboarding.signup import register
from minispod.ports import Ports
from minispod.rules import business_rules
from minispod.settings import Settings
from minispod.subscriptions import ordering

WORKERS = (1, 2, 4)
SERVICE = "n8n-automation"
_PATIENCE_SECONDS = 600
_ROOT = Path(__file__).resolve().parents[1]
# Mails are left to other workers, which are not here.
_QUEUES = ("money", "provisioning", "sweeps")


def measure(count: int) -> None:
    """Place `count` orders at once for each number of workers, and print how fast they became RUNNING."""
    print(f"Provisioning ({count} orders at once)")
    alone = None
    for workers in WORKERS:
        seconds = _measure(count, workers)
        alone = alone or seconds
        print(
            f"  {workers} worker(s)   {seconds:6.1f} s   {count / seconds * 60:6.0f} a minute"
            f"   {alone / seconds:4.2f} times one worker",
            flush=True,
        )
    print()


def _measure(count: int, workers: int) -> float:
    """Seconds from the first order to the last instance RUNNING."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="minispod-bench-")))
        directory.chmod(0o711)
        url, _ = stack.enter_context(grounds.database())
        redis = start_redis(directory / "redis", durable=False)
        stack.callback(redis.stop)
        settings = {
            "minispod_env": "test",
            "database_url": url,
            "redis_url": redis.url,
            "kubeconfig": os.environ.get("KUBECONFIG") or stack.enter_context(_simulator(directory)),
            "midtrans_server_key": grounds.SERVER_KEY,
            "log_level": "ERROR",
        }
        app = create_app(Settings(**settings))
        customers, plan = _enrol(app, count)
        for role in ("scheduler", *["worker"] * workers):
            words = ("-m", "minispod.worker", role, *(_QUEUES if role == "worker" else ()))
            stack.enter_context(_process(directory, settings, *words))
        _until(lambda: _workers(redis.url) == workers, "the workers did not start")
        began = time.monotonic()
        _order(app, customers, plan)
        _until(lambda: _running(app) == count, "not everything became RUNNING")
        seconds = time.monotonic() - began
        _remove(app)
        return seconds


def _enrol(app: Flask, count: int) -> tuple[list[uuid.UUID], uuid.UUID]:
    """Customers, and the free plan of a service with a slot for each of them."""
    clerk, at = system("bench"), datetime.now(UTC)
    with app.app_context():
        with unit_of_work():
            seed_catalog(actor=clerk, at=at)
        made = []
        for number in range(count):
            with unit_of_work():
                user, _ = register(
                    name=f"Customer {number}",
                    email=f"{number}@example.com",
                    password=uuid.uuid4().hex,
                    bcrypt_rounds=4,
                    frontend_url="http://localhost",
                    actor=clerk,
                    at=at,
                )
                made.append(user.id)
        with unit_of_work():
            wanted = select(Plan).join(Service, Service.id == Plan.service_id)
            plan = (
                session()
                .scalars(wanted.where(Service.slug == SERVICE, Plan.plan_type == PlanType.FREE))
                .one()
            )
            plan.total_quota = plan.used_quota + count
            plan_id = plan.id
        release_connection()
    return made, plan_id


def _order(app: Flask, customers: list[uuid.UUID], plan: uuid.UUID) -> None:
    ports: Ports = app.extensions["minispod.ports"]
    rules = business_rules(app.extensions["minispod.settings"])
    with app.app_context():
        for customer in customers:
            with unit_of_work(ports.courier):
                ordering.place_order(
                    plan,
                    user_id=customer,
                    rules=rules,
                    sealer=ports.sealer,
                    actor=system("bench"),
                    at=ports.clock.now(),
                )
        release_connection()


def _running(app: Flask) -> int:
    with app.app_context():
        running = select(func.count()).where(Instance.status == InstanceStatus.RUNNING)
        found = session().scalar(running) or 0
        db.session.remove()
    return found


def _workers(redis_url: str) -> int:
    return Worker.count(connection=Redis.from_url(redis_url))


def _remove(app: Flask) -> None:
    """Leave nothing in the cluster."""
    cluster = app.extensions["minispod.ports"].cluster
    with app.app_context():
        namespaces = list(session().scalars(select(Tenancy.namespace)))
        db.session.remove()
        db.engine.dispose()
        release_connection()
    waiting = set(namespaces)
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while waiting and time.monotonic() < deadline:
        waiting = {name for name in waiting if not cluster.delete_namespace(name)}


def _until(is_so: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not is_so():
        if time.monotonic() > deadline:
            raise StoryStopped(otherwise)
        time.sleep(0.1)


@contextmanager
def _simulator(directory: Path) -> Iterator[str]:
    """A kubeconfig for a cluster of the simulator."""
    kubeconfig, ready = directory / "kubeconfig", directory / "ready.json"
    words = ("--kubeconfig", str(kubeconfig), "--ready-file", str(ready))
    with _process(directory, {}, "-m", "minispod.simulator.kubernetes", *words):
        _until(ready.exists, "the simulator did not start")
        yield str(kubeconfig)


@contextmanager
def _process(directory: Path, settings: Mapping[str, str], *words: str) -> Iterator[None]:
    environment = os.environ | {name.upper(): value for name, value in settings.items()}
    program = Program((sys.executable, *words), environment | {"PYTHONPATH": str(_ROOT), "TZ": "UTC"}, _ROOT)
    with (directory / "log").open("ab") as output:
        process = processes.spawn(program, output=output)
    try:
        yield
    finally:
        processes.stop(process, signal.SIGTERM, within_seconds=10)
