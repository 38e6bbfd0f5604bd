"""What the bench of the API asks about: past subscriptions, a catalogue, somebody who signs in, payments."""

import hashlib
import http.client
import json
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psycopg2
from flask import Flask
from sqlalchemy import func, select

from bench.grounds import SERVER_KEY
from minispod.accounts.models import Role, User
from minispod.catalog.models import Plan, PlanType, Service
from minispod.catalog.seeding import seed_catalog
from minispod.cluster import monitoring
from minispod.cluster.port import NodeSighting
from minispod.kernel.actor import system
from minispod.kernel.database import db, session
from minispod.kernel.ids import new_id, new_ulid
from minispod.kernel.money import Rupiah
from minispod.kernel.unit_of_work import unit_of_work
from minispod.local.timeline import StoryStopped
from minispod.onboarding.signup import register
from minispod.payments.gateway import PaymentGroup
from minispod.payments.models import TopUp
from minispod.payments.states import TopUpState
from minispod.subscriptions.models import Subscription
from minispod.wallet import ledger
from minispod.wallet.models import LedgerEntry

ASKING = NOTICES = 264
AMOUNT = 100_000
_INSTANCES_OF_A_WORKER = 200


@dataclass(frozen=True, slots=True)
class Facts:
    """Who asks, and about what."""

    told: str
    customers: list[uuid.UUID]
    subscriptions: list[uuid.UUID]
    administrator: uuid.UUID
    email: str
    password: str
    plan: uuid.UUID
    notices: list[bytes]


_PAST = (
    """
    INSERT INTO services (id, slug, name, category_id, description, version, docker_image, default_port, tags,
                          is_active, is_public, is_featured, sort_order, created_at, updated_at)
    VALUES (md5('s2')::uuid, 'past', 'Past', md5('c')::uuid, '', '1', 'past', 80, '[]', false, false, false, 0, now(),
            now())
    """,
    """
    INSERT INTO plans (id, service_id, name, plan_type, monthly_price, cpu_milli, memory_mb, storage_gb, bandwidth,
                       total_quota, used_quota, features, max_instances_per_user, max_domains, is_active, is_popular,
                       sort_order, created_at, updated_at)
    VALUES (md5('p2')::uuid, md5('s2')::uuid, 'Basic', 'BASIC', 0, 1000, 1024, 10, 0, 0, 0, '[]', 1, 1, false, false, 0,
            now(), now())
    """,
    """
    INSERT INTO subscriptions (id, user_id, service_id, plan_id, status, price, last_charge, auto_renew, anchor_at,
                               anchor_period, period_number, started_at, ends_at, failed_charges, end_reason,
                               created_at, updated_at)
    SELECT md5('b2-' || id)::uuid, user_id, md5('s2')::uuid, md5('p2')::uuid, 'CANCELLED', 0, 0, false,
           anchor_at - interval '1 year', 1, 1, started_at - interval '1 year', ends_at - interval '1 year', 0,
           'customer', created_at - interval '1 year', updated_at - interval '1 year'
    FROM subscriptions
    """,
    """
    INSERT INTO instances (id, subscription_id, user_id, service_slug, name, namespace, host, public_url, is_web, tls,
                           cpu_milli, memory_mb, storage_gb, sealed_secrets, wanted, generation, status,
                           status_changed_at, attempts, restarts, created_at, updated_at)
    SELECT md5('i2-' || id)::uuid, md5('b2-' || subscription_id)::uuid, user_id, 'past', 'past-' || name, namespace,
           'past-' || host, '', true, true, 1000, 1024, 10, '', 'ABSENT', 1, 'TERMINATED', now(), 0, 0, now(), now()
    FROM instances
    """,
)


def fill(app: Flask, url: str) -> Facts:
    """Add what the API is asked about to the grounds of the money; everything is made by the program where it can."""
    with closing(psycopg2.connect(url)) as connection:
        with connection, connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")
            for statement in _PAST:
                cursor.execute(statement)
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
            counted = []
            for model in (User, Subscription, LedgerEntry):
                cursor.execute(f"SELECT count(*) FROM {model.__tablename__}")
                counted.append(cursor.fetchone()[0])
    email, password = "staff@example.com", uuid.uuid4().hex
    at = datetime.now(UTC)
    with app.app_context():
        with unit_of_work():
            seed_catalog(actor=system("bench"), at=at)
            # The real cost of a password: it is part of what is measured.
            staff, _ = register(
                name="Ayu Admin",
                email=email,
                password=password,
                bcrypt_rounds=app.extensions["minispod.settings"].tokens.bcrypt_rounds,
                frontend_url="http://localhost",
                actor=system("bench"),
                at=at,
            )
            staff.role = Role.ADMINISTRATOR
            administrator = staff.id
        with unit_of_work():
            wanted = select(Plan).join(Service, Service.id == Plan.service_id)
            plan = (
                session()
                .scalars(wanted.where(Service.slug == "ghost-blog", Plan.plan_type == PlanType.BASIC))
                .one()
            )
            plan.total_quota = plan.used_quota + ASKING
            plan_id = plan.id
            # An order asks for room only where nodes were seen.
            monitoring.record_nodes(_workers(counted[0]), at)
        customers = [_id("u", number) for number in range(1, ASKING + 1)]
        subscriptions = [_id("b", number) for number in range(1, ASKING + 1)]
        notices = _notices(customers, at)
        db.session.remove()
    users, subscribed, entries = counted
    told = f"{users:,} customers, {subscribed:,} subscriptions, {entries:,} ledger entries"
    return Facts(told, customers, subscriptions, administrator, email, password, plan_id, notices)


def _workers(users: int) -> list[NodeSighting]:
    """As many as hold an instance of 1 CPU and 1 GB of each customer, and what is ordered beside."""
    return [
        NodeSighting(
            name=f"worker-{number}",
            is_ready=True,
            is_schedulable=True,
            is_control_plane=False,
            cpu_allocatable=64_000,
            memory_allocatable=262_144,
            cpu_capacity=64_000,
            memory_capacity=262_144,
            pods_allocatable=500,
            cpu_requested=50_000,
            memory_requested=102_400,
            pods_running=200,
            cpu_used=10_000,
            memory_used=80_000,
            version="v1.36.2",
            addresses=(f"10.0.{number // 250}.{number % 250 + 1}",),
            conditions={"Ready": "True", "MemoryPressure": "False", "DiskPressure": "False"},
        )
        for number in range(users // _INSTANCES_OF_A_WORKER + 2)
    ]


def _id(kind: str, number: int) -> uuid.UUID:
    """The id that the statements of the grounds give the n-th row."""
    return uuid.UUID(hashlib.md5(f"{kind}{number}".encode(), usedforsecurity=False).hexdigest())


def _notices(owners: list[uuid.UUID], at: datetime) -> list[bytes]:
    """A pending top-up of each customer, and what the gateway will say about it."""
    made = []
    with unit_of_work():
        for owner in owners[:NOTICES]:
            order = f"TOPUP-{new_ulid()}"
            session().add(
                TopUp(
                    id=new_id(),
                    number=ledger.next_number(),
                    order_id=order,
                    user_id=owner,
                    amount=Rupiah(AMOUNT),
                    payment_group=PaymentGroup.QRIS,
                    state=TopUpState.PENDING,
                    expires_at=at + timedelta(hours=1),
                    reversed_amount=Rupiah(0),
                    created_at=at,
                    updated_at=at,
                )
            )
            signed = f"{order}200{AMOUNT}.00{SERVER_KEY}"
            made.append(
                json.dumps(
                    _paid(order) | {"signature_key": hashlib.sha512(signed.encode()).hexdigest()}
                ).encode()
            )
    return made


def not_credited(app: Flask) -> int:
    """How many of the announced payments were not taken for paid."""
    with app.app_context():
        waiting = select(func.count()).select_from(TopUp).where(TopUp.state != TopUpState.PAID)
        return session().scalar(waiting) or 0


def _paid(order: str) -> dict[str, str]:
    return {
        "order_id": order,
        "status_code": "200",
        "gross_amount": f"{AMOUNT}.00",
        "transaction_status": "settlement",
        "transaction_id": f"tx-{order}",
        "payment_type": "qris",
        "currency": "IDR",
    }


class _Paid(BaseHTTPRequestHandler):
    """The gateway, for which everything is paid."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Say so."""
        # We ask by the transaction: of another order than the one it belongs to nothing would be credited.
        order = self.path.split("/")[-2].removeprefix("tx-")
        body = json.dumps(_paid(order)).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def gateway() -> Iterator[str]:
    """The address of a gateway that confirms every order at once."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Paid)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def free_port() -> int:
    """A port that nobody has at the moment."""
    with closing(socket.socket()) as door:
        door.bind(("127.0.0.1", 0))
        port: int = door.getsockname()[1]
    return port


def await_port(port: int) -> None:
    """Return as soon as somebody listens there; raises StoryStopped after a minute."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with closing(socket.socket()) as door:
            if door.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise StoryStopped("the web server did not start")


def await_answer(port: int) -> None:
    """Return when who listens there has answered: a web server listens before it has made what workers share."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", "/livez")
    connection.getresponse().read()
    connection.close()
