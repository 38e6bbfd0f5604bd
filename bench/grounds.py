"""A PostgreSQL of its own, durable as in production, migrated and filled; gone when the measuring is over."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg2
from flask import Flask
from flask_migrate import upgrade

from minispod.app import create_app
from minispod.kernel.database import db
from minispod.local.postgres import start_postgres
from minispod.settings import Settings

SERVER_KEY = "SB-Mid-server-BENCH"
MONTHS = 9
TOPPED_UP, PRICE = 1_000_000, 50_000


@contextmanager
def database() -> Iterator[tuple[str, int]]:
    """The address of an empty, migrated database, and the process of its server."""
    directory = Path(tempfile.mkdtemp(prefix="minispod-bench-"))
    directory.chmod(0o711)
    server = start_postgres(directory / "postgres", durable=True)
    try:
        with application(server.url).app_context():
            upgrade()
            db.engine.dispose()
        yield server.url, server.process.pid
    finally:
        server.stop()
        shutil.rmtree(directory, ignore_errors=True)


def application(url: str) -> Flask:
    """The application on this database; nothing else that is outside is there."""
    return create_app(
        Settings(
            minispod_env="test",
            database_url=url,
            redis_url="redis://127.0.0.1:1/0",
            midtrans_server_key=SERVER_KEY,
            rate_limits_enabled=False,
            bcrypt_rounds=4,
            database_pool_size=16,
            log_level="ERROR",
        )
    )


def fill(url: str, users: int) -> None:
    """Customers who each topped up once and paid nine months: ten ledger entries with their papers, all adding up."""
    connection = psycopg2.connect(url)
    try:
        with connection.cursor() as cursor:
            # Bulk loading: the rows below are consistent by construction, as the proof then shows.
            cursor.execute("SET LOCAL session_replication_role = replica")
            for statement in _STATEMENTS:
                cursor.execute(statement, _VALUES | {"users": users})
        connection.commit()
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
    finally:
        connection.close()


_VALUES = {"months": MONTHS, "topped_up": TOPPED_UP, "price": PRICE, "left": TOPPED_UP - MONTHS * PRICE}
_ZONE = "Asia/Jakarta"
_BEGAN = "date_trunc('day', now()) - interval '8 months 10 days'"
# What the database's triggers would have noted of the rows that were put past them.
NOTE_LIVE_SIZES = """
    INSERT INTO live_sizes (cpu_milli, memory_mb, instances)
    SELECT cpu_milli, memory_mb, count(*) FROM instances i JOIN subscriptions s ON s.id = i.subscription_id
    WHERE s.status IN ('ACTIVE', 'PENDING_UPGRADE', 'PENDING_PAYMENT') GROUP BY cpu_milli, memory_mb
"""
_STATEMENTS = (
    """
    INSERT INTO users (id, name, email, role, is_active, email_verified, token_version, created_at, updated_at)
    SELECT md5('u' || n)::uuid, 'Customer ' || n, n || '@example.com', 'USER', true, true, 1, now(), now()
    FROM generate_series(1, %(users)s) n
    """,
    """
    INSERT INTO wallets (user_id, balance, gateway_debt, total_top_up, total_spent, created_at, updated_at)
    SELECT md5('u' || n)::uuid, %(left)s, 0, %(topped_up)s, %(months)s * %(price)s, now(), now()
    FROM generate_series(1, %(users)s) n
    """,
    """
    INSERT INTO categories (id, slug, name, sort_order, created_at, updated_at)
    VALUES (md5('c')::uuid, 'c', 'C', 0, now(), now())
    """,
    """
    INSERT INTO services (id, slug, name, category_id, description, version, docker_image, default_port, tags,
                          is_active, is_public, is_featured, sort_order, created_at, updated_at)
    VALUES (md5('s')::uuid, 'n8n-automation', 'n8n', md5('c')::uuid, '', '1', 'n8n', 80, '[]', true, true, false, 0,
            now(), now())
    """,
    """
    INSERT INTO plans (id, service_id, name, plan_type, monthly_price, cpu_milli, memory_mb, storage_gb, bandwidth,
                       total_quota, used_quota, features, max_instances_per_user, max_domains, is_active, is_popular,
                       sort_order, created_at, updated_at)
    VALUES (md5('p')::uuid, md5('s')::uuid, 'Basic', 'BASIC', %(price)s, 1000, 1024, 10, 0, %(users)s, %(users)s,
            '[]', 1, 1, true, false, 0, now(), now())
    """,
    """
    INSERT INTO topups (id, number, order_id, user_id, amount, fee, payment_group, state, expires_at, transaction_id,
                        paid_transaction_id, gateway_state, reversed_amount, polls, created_at, completed_at,
                        updated_at)
    SELECT md5('t' || n)::uuid, n * 10, 'TOPUP-' || n, md5('u' || n)::uuid, %(topped_up)s, 0, 'QRIS', 'PAID', now(),
           'tx-' || n, 'tx-' || n, 'settlement', 0, 1, now(), now(), now()
    FROM generate_series(1, %(users)s) n
    """,
    """
    INSERT INTO gateway_notices (id, digest, order_id, transaction_id, transaction_status, gross_amount, facts,
                                 deliveries, received_at, settled_at, verdict)
    SELECT md5('g' || n)::uuid, 'd' || n, 'TOPUP-' || n, 'tx-' || n, 'settlement', %(topped_up)s, '{}', 1, now(), now(),
           'paid'
    FROM generate_series(1, %(users)s) n
    """,
    """
    INSERT INTO ledger_entries (id, number, position, user_id, type, kind, reference, amount, delta, balance_before,
                                balance_after, description, subscription_id, details, created_at)
    SELECT CASE WHEN k = 0 THEN md5('t' || n)::uuid ELSE md5('e' || n || '-' || k)::uuid END, n * 10 + k, k + 1,
           md5('u' || n)::uuid, CASE WHEN k = 0 THEN 'TOP_UP' ELSE 'SUBSCRIPTION' END,
           CASE WHEN k = 0 THEN 'topup' ELSE 'period' END,
           CASE WHEN k = 0 THEN md5('t' || n)::uuid::text ELSE md5('b' || n)::uuid || ':' || k END,
           CASE WHEN k = 0 THEN %(topped_up)s ELSE %(price)s END,
           CASE WHEN k = 0 THEN %(topped_up)s ELSE -%(price)s END,
           CASE WHEN k = 0 THEN 0 ELSE %(topped_up)s - (k - 1) * %(price)s END, %(topped_up)s - k * %(price)s,
           'An entry', CASE WHEN k = 0 THEN NULL ELSE md5('b' || n)::uuid END, '{}', now()
    FROM generate_series(0, %(months)s) k, generate_series(1, %(users)s) n
    """,
    f"""
    INSERT INTO subscriptions (id, user_id, service_id, plan_id, status, price, last_charge, auto_renew, anchor_at,
                               anchor_period, period_number, started_at, ends_at, failed_charges, created_at,
                               updated_at)
    SELECT md5('b' || n)::uuid, md5('u' || n)::uuid, md5('s')::uuid, md5('p')::uuid, 'ACTIVE', %(price)s, %(price)s,
           true, {_BEGAN}, 1, %(months)s, {_BEGAN}, {_BEGAN} + %(months)s * interval '1 month', 0, now(), now()
    FROM generate_series(1, %(users)s) n
    """,
    f"""
    INSERT INTO periods (id, subscription_id, number, plan_id, starts_at, ends_at, price, charged, refunded, entry_id,
                         created_at)
    SELECT md5('m' || n || '-' || k)::uuid, md5('b' || n)::uuid, k, md5('p')::uuid,
           {_BEGAN} + (k - 1) * interval '1 month', {_BEGAN} + k * interval '1 month', %(price)s, %(price)s, 0,
           md5('e' || n || '-' || k)::uuid, {_BEGAN} + (k - 1) * interval '1 month'
    FROM generate_series(1, %(months)s) k, generate_series(1, %(users)s) n
    """,
    """
    INSERT INTO instances (id, subscription_id, user_id, service_slug, name, namespace, host, public_url, is_web, tls,
                           cpu_milli, memory_mb, storage_gb, sealed_secrets, wanted, generation, status,
                           status_changed_at, attempts, restarts, created_at, updated_at)
    SELECT md5('i' || n)::uuid, md5('b' || n)::uuid, md5('u' || n)::uuid, 'n8n-automation', 'n8n-' || n, 'ns-' || n,
           n || '.example.com', '', true, true, 1000, 1024, 10, '', 'RUNNING', 1, 'RUNNING', now(), 0, 0, now(), now()
    FROM generate_series(1, %(users)s) n
    """,
    f"""
    INSERT INTO papers (id, kind, user_id, entry_id, entry_number, subscription_id, buyer, lines, payment, total,
                        occurred_at, opened_at, number, series, position, issued_at, seller, language, time_zone,
                        tax_rate, net, tax, downloads)
    SELECT md5('q' || n || '-' || k)::uuid, kind, md5('u' || n)::uuid,
           CASE WHEN k = 0 THEN md5('t' || n)::uuid ELSE md5('e' || n || '-' || k)::uuid END, n * 10 + k,
           CASE WHEN k = 0 THEN NULL ELSE md5('b' || n)::uuid END,
           jsonb_build_object('name', 'Customer ' || n, 'email', n || '@example.com', 'phone', null),
           jsonb_build_array(jsonb_build_object('what', type, 'amount', total, 'description', 'An entry',
                                                'service', 'n8n', 'plan', 'Basic', 'startsAt', now(), 'endsAt', now())),
           '{{"method": "WALLET"}}', total, now(), now(),
           series || '-' || lpad(place::text, greatest(6, length(place::text)), '0'), series, place, now(),
           '{{"name": "PT Example", "logo_text": "Example", "address": ["Jl. Satu", "Jakarta"], "npwp": "",
             "email": "billing@example.com", "phone": "+62 21 555 0100"}}', 'id', '{_ZONE}', 0, total, 0, 0
    FROM (
        SELECT k, n, CASE WHEN k = 0 THEN n ELSE (k - 1) * %(users)s + n END AS place,
               CASE WHEN k = 0 THEN 'RECEIPT' ELSE 'INVOICE' END AS kind,
               CASE WHEN k = 0 THEN 'TOP_UP' ELSE 'SUBSCRIPTION' END AS type,
               CASE WHEN k = 0 THEN %(topped_up)s ELSE %(price)s END AS total,
               CASE WHEN k = 0 THEN 'RCP' ELSE 'INV' END || to_char(now() AT TIME ZONE '{_ZONE}', '-YYYYMM') AS series
        FROM generate_series(0, %(months)s) k, generate_series(1, %(users)s) n
    ) q
    """,
    NOTE_LIVE_SIZES,
    "INSERT INTO paper_counters (series, last) SELECT series, max(position) FROM papers GROUP BY series",
    """
    INSERT INTO wallet_snapshots (user_id, day, balance, position, entry_id, taken_at)
    SELECT md5('u' || n)::uuid, current_date - 1, %(left)s, %(months)s + 1, md5('e' || n || '-' || %(months)s)::uuid,
           now() - interval '1 hour'
    FROM generate_series(1, %(users)s) n
    """,
    "SELECT setval('transaction_numbers', %(users)s * 10 + 1000)",
)
