"""What the pages show besides money: a thousand instances on fifty nodes, a day of history, mails, audit, tickets."""

import uuid
from contextlib import closing
from datetime import UTC, datetime, timedelta

import psycopg2
from flask import Flask
from sqlalchemy import delete, select

from bench.grounds import NOTE_LIVE_SIZES
from minispod.alerts import book
from minispod.alerts.book import Manners
from minispod.alerts.judging import Finding, Verdict
from minispod.alerts.kinds import Rule
from minispod.cluster import monitoring, sights
from minispod.cluster.port import NodeSighting
from minispod.cluster.sights import Kind, Sight
from minispod.kernel.actor import system
from minispod.kernel.database import db, session
from minispod.kernel.unit_of_work import unit_of_work
from minispod.operations.nodes.models import NodeOperation
from minispod.operations.nodes.states import BoundChoice, NodeAct, NodeActStatus, NodeStep
from minispod.proof import history
from minispod.proof.proving import prove
from minispod.subscriptions import paid_runs
from minispod.subscriptions.paid_run_models import PaidRun

INSTANCES, NODES = 1_000, 50
_READ_EVERY, _READ_FOR = timedelta(minutes=10), timedelta(days=1)
_OBJECTS = 1_000
_NOTED_AT_ONCE = 1_000
# What is said of an object of the cluster, of whichever kind.
_SEEN = dict.fromkeys(
    (
        "ready",
        "restarts",
        "node",
        "cpu",
        "memory",
        "images",
        "type",
        "address",
        "ports",
        "behind",
        "tls",
        "class",
    ),
    "1",
) | {"status": "Running", "hosts": "a.example.com", "leads_to": "n8n:80", "made": "2026-01-01T00:00:00Z"}

# Of the customers of the money's grounds the first thousand are left with an application that runs.
_STATEMENTS = (
    """
    UPDATE subscriptions SET status = 'CANCELLED', ended_at = now() - interval '1 day', end_reason = 'customer'
    WHERE status = 'ACTIVE' AND id <> ALL (%(running)s::uuid[])
    """,
    """
    UPDATE instances SET status = 'TERMINATED', wanted = 'ABSENT'
    WHERE status = 'RUNNING' AND subscription_id <> ALL (%(running)s::uuid[])
    """,
    """
    UPDATE instances SET node_name = 'worker-' || (1 + ('x' || left(md5(id::text), 4))::bit(16)::int %% %(nodes)s),
                         cpu_usage = 120, memory_usage = 300.5, version = '1'
    WHERE status = 'RUNNING'
    """,
    # The nine months were booked when they began, each customer's on a day of its own.
    """
    UPDATE ledger_entries
    SET created_at = date_trunc('day', now()) - interval '8 months 10 days'
                     + greatest(position - 2, 0) * interval '1 month'
                     - ('x' || left(md5(user_id::text), 4))::bit(16)::int %% 28 * interval '1 day'
    WHERE subscription_id IS NOT NULL OR type = 'TOP_UP'
    """,
    "UPDATE plans SET used_quota = %(instances)s WHERE id = md5('p')::uuid",
    """
    INSERT INTO instance_volumes (id, instance_id, number, status, is_node_bound, created_at)
    SELECT md5('v' || id)::uuid, id, 1, 'ACTIVE', true, now() FROM instances WHERE status = 'RUNNING'
    """,
    """
    INSERT INTO backups (id, instance_id, user_id, service_slug, version, reason, status, taken_at, finished_at,
                         keep_until, plain_size)
    SELECT md5('k' || n || id)::uuid, id, user_id, service_slug, '1', 'daily', 'DONE', now() - n * interval '1 day',
           now() - n * interval '1 day', now() + interval '7 days', 4096
    FROM instances, generate_series(1, 7) n WHERE status = 'RUNNING'
    """,
    """
    INSERT INTO usage_samples (instance_id, at, cpu_milli, memory_mb)
    SELECT id, date_trunc('minute', now()) - n * interval '5 minutes', 100 + n, 300
    FROM instances, generate_series(1, 288) n WHERE status = 'RUNNING'
    """,
    """
    INSERT INTO cluster_watches (began_at, until) SELECT now() - interval '30 days', now()
    """,
    """
    INSERT INTO availability_spans (instance_id, began_at, standing, ended_at)
    SELECT id, now() - n * interval '1 day', CASE WHEN n %% 9 = 0 THEN 'DOWN' ELSE 'UP' END,
           now() - (n - 1) * interval '1 day'
    FROM instances, generate_series(1, 30) n WHERE status = 'RUNNING'
    """,
    """
    INSERT INTO audit_entries (id, at, action, actor_kind, actor_name, subject_kind, subject_id, details)
    SELECT md5('a' || n || id)::uuid, now() - n * interval '1 hour', 'account.changed', 'CUSTOMER', name, 'user',
           id::text, '{"changed": ["phone"]}'
    FROM users, generate_series(1, 10) n
    """,
    """
    INSERT INTO notifications (id, kind, user_id, to_name, to_address, language, dedupe_key, facts, entry_ids, state,
                               attempts, created_at, sent_at)
    SELECT md5('f' || n || id)::uuid, 'welcome', id, name, email, 'id', 'f' || n || id, '{}', '[]', 'SENT', 1,
           now(), now()
    FROM users, generate_series(1, 2) n
    """,
    """
    INSERT INTO tickets (id, number, user_id, subject, description, status, priority, message_count, customer_read,
                         answer_due_at, created_at, updated_at)
    SELECT md5('o' || id)::uuid, row_number() OVER (), id, 'It does not open', 'Since this morning.', 'OPEN', 'NORMAL',
           0, 0, now() + interval '1 day', now(), now()
    FROM users WHERE role = 'USER' ORDER BY users.id LIMIT 500
    """,
    """
    INSERT INTO coupons (id, code, name, type, status, credit_amount, used_count, max_uses_per_user, valid_from,
                         created_at, updated_at)
    SELECT md5('x' || n)::uuid, 'GIFT' || n, 'A gift', 'CREDIT_TOPUP', 'ACTIVE', 10000, 0, 1, now(), now(), now()
    FROM generate_series(1, 100) n
    """,
    """
    INSERT INTO adjustments (id, user_id, delta, reason, may_owe, state, requested_by, requested_at, expires_at)
    SELECT md5('j' || id)::uuid, id, 15000, 'Goodwill after an outage', false, 'PENDING',
           (SELECT id FROM users WHERE role = 'ADMINISTRATOR' LIMIT 1), now(), now() + interval '3 days'
    FROM users WHERE role = 'USER' ORDER BY users.id LIMIT 50
    """,
    "DELETE FROM live_sizes",
    NOTE_LIVE_SIZES,
)

# What addresses name, and where one is found.
_FOUND = {
    "user_id": "SELECT md5('u1')::uuid",
    "customer_id": "SELECT md5('u1')::uuid",
    "subscription_id": "SELECT md5('b1')::uuid",
    "instance_id": "SELECT md5('i1')::uuid",
    "topup_id": "SELECT md5('t1')::uuid",
    "paper_id": "SELECT id FROM papers LIMIT 1",
    "coupon_id": "SELECT id FROM coupons LIMIT 1",
    "adjustment_id": "SELECT id FROM adjustments LIMIT 1",
    "ticket_id": "SELECT id FROM tickets LIMIT 1",
    "backup_id": "SELECT id FROM backups LIMIT 1",
    "alert_id": "SELECT id FROM alerts LIMIT 1",
    "run_id": "SELECT id FROM proof_runs LIMIT 1",
    "operation_id": "SELECT id FROM node_operations LIMIT 1",
    "service_id": "SELECT id FROM services WHERE slug = 'n8n-automation' LIMIT 1",
    "plan_id": "SELECT id FROM plans LIMIT 1",
    "message_id": "SELECT id FROM notifications LIMIT 1",
    "slug": "SELECT slug FROM services LIMIT 1",
}


def fill(app: Flask, url: str) -> dict[str, str]:
    """Add all of it to the grounds of the API, and say what addresses may name."""
    at = datetime.now(UTC)
    values = {"running": _running(url), "instances": INSTANCES, "nodes": NODES}
    with closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        for statement in _STATEMENTS:
            cursor.execute(statement, values)
    with app.app_context():
        _put_nodes(at)
        _put_work(at)
        _note_paid_time()
        db.session.remove()
    with closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
            found = {"name": "worker-1"}
            for name, question in _FOUND.items():
                cursor.execute(question)
                if row := cursor.fetchone():
                    found[name] = str(row[0])
    return found


def _running(url: str) -> list[str]:
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT md5('b' || n)::uuid::text FROM generate_series(1, %s) n", (INSTANCES,))
        return [row[0] for row in cursor.fetchall()]


def _put_nodes(at: datetime) -> None:
    """What fifty workers said all day, and what was seen of the cluster's objects."""
    moment = at - _READ_FOR
    while moment <= at:
        with unit_of_work():
            monitoring.record_nodes([_node(number, at) for number in range(1, NODES + 1)], moment)
        moment += _READ_EVERY
    with unit_of_work():
        for kind in Kind:
            rows = [
                _SEEN | {"name": f"n8n-{number}", "namespace": f"ns-{number}"} for number in range(_OBJECTS)
            ]
            sights.keep(kind, Sight(at, rows))


def _note_paid_time() -> None:
    """As the clock does; what would have changed on one day is not noted yet."""
    noted = _NOTED_AT_ONCE
    while noted == _NOTED_AT_ONCE:
        with unit_of_work():
            noted = paid_runs.note(_NOTED_AT_ONCE)
    with unit_of_work():
        ids = (
            session()
            .scalars(select(PaidRun.subscription_id).distinct().order_by(PaidRun.subscription_id))
            .all()
        )
        session().execute(delete(PaidRun).where(PaidRun.subscription_id.in_(ids[::30])))


def _node(number: int, at: datetime) -> NodeSighting:
    return NodeSighting(
        name=f"worker-{number}",
        is_ready=number != NODES,
        is_schedulable=True,
        is_control_plane=False,
        cpu_allocatable=8_000,
        memory_allocatable=32_768,
        cpu_capacity=8_000,
        memory_capacity=32_768,
        pods_allocatable=110,
        cpu_requested=3_000,
        memory_requested=16_384,
        pods_running=30,
        cpu_used=1_500,
        memory_used=8_192,
        version="v1.30.0",
        conditions={"Ready": "True"},
        addresses=(f"10.0.0.{number}",),
        created_at=at - timedelta(days=30),
    )


def _put_work(at: datetime) -> None:
    """Alerts, the emptying of a node, and a proof."""
    found = [
        Finding(Rule.VOLUME_FULL, "instance", str(uuid.uuid4()), f"n8n-{n}", {"percent": 93, "of_mb": 1024})
        for n in range(30)
    ]
    with unit_of_work():
        verdict = Verdict(tuple(found), frozenset(Rule))
        book.settle(book.begin(), verdict, manners=Manners(timedelta(hours=1), None), at=at)
    with unit_of_work():
        session().add(
            NodeOperation(
                node_name="worker-1",
                act=NodeAct.DRAIN,
                status=NodeActStatus.RUNNING,
                step=NodeStep.EVICT,
                bound=BoundChoice.MOVE,
                instances=[],
                moves={},
                refusals={},
                waiting=[],
                staying=[],
                sent_away=7,
                moved_on_at=at,
                requested_by="Ayu Admin",
                requested_at=at,
                started_at=at,
            )
        )
    with unit_of_work():
        history.record(prove(at), cause="night", asked_by="the clock", actor=system("bench"))
