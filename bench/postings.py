"""Ledger postings per second with 16 writers, against the same statements written by hand through psycopg2."""

import functools
import itertools
import multiprocessing
import os
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from typing import Any, Literal

import psycopg2
from psycopg2.extras import Json, register_uuid

from bench.grounds import application
from minispod.kernel.actor import system
from minispod.kernel.database import BOUNDS, db
from minispod.kernel.ids import new_id
from minispod.kernel.unit_of_work import unit_of_work
from minispod.wallet import ledger
from minispod.wallet.models import EntryKind, EntryType

WRITERS = 16
AMOUNT = 1_000
_WARM = 20
_FORK = multiprocessing.get_context("fork")

Move = Literal["credit", "debit"]
Post = Callable[[uuid.UUID, Move], None]
Begin = Callable[[], AbstractContextManager[Post]]
Writer = Callable[[str], AbstractContextManager[Begin]]


def measure(url: str, seconds: float) -> None:
    """Print both rates, with distinct wallets and with one."""
    print(
        f"Ledger postings with {WRITERS} writers, {seconds:.0f} s each: credits and debits in turn, each with entry, "
        "wallet, line in the book, and a credit with the wish to wake who waits; one commit each"
    )
    for name, wallets in (("distinct wallets", WRITERS), ("one wallet", 1)):
        chosen = owners(url, wallets)
        by_hand = _rate(bare, url, chosen, seconds)
        by_ledger = _rate(ours, url, chosen, seconds)
        share = by_ledger / by_hand
        print(
            f"  {name:<17} bare SQL {by_hand:7.0f} /s   ledger {by_ledger:7.0f} /s   {share:4.0%} of it (aim: 60 %)"
        )
    print()


def owners(url: str, count: int) -> list[uuid.UUID]:
    """That many customers, for writers to post to."""
    register_uuid()
    connection = psycopg2.connect(url)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT user_id FROM wallets ORDER BY user_id LIMIT %s", (count,))
            return [row[0] for row in cursor.fetchall()]
    finally:
        connection.close()


def _rate(writer: Writer, url: str, owners: list[uuid.UUID], seconds: float) -> float:
    """Postings per second of all writers, from the moment all are warm: a process per core, threads in each."""
    results: Any = _FORK.Queue()
    ready = _FORK.Barrier(WRITERS)
    dealt = [owners[number % len(owners)] for number in range(WRITERS)]
    count = min(os.cpu_count() or 1, WRITERS)
    processes = [
        _FORK.Process(target=_write_all, args=(writer, url, dealt[first::count], seconds, ready, results))
        for first in range(count)
    ]
    for process in processes:
        process.start()
    posted = sum(results.get() for _ in processes)
    for process in processes:
        process.join()
    return float(posted / seconds)


def _write_all(
    writer: Writer, url: str, owners: list[uuid.UUID], seconds: float, ready: Any, results: Any
) -> None:
    with writer(url) as begin, ThreadPoolExecutor(len(owners)) as pool:
        posted = pool.map(lambda owner: _write(begin, owner, seconds, ready), owners)
        results.put(sum(posted))


def _write(begin: Begin, owner: uuid.UUID, seconds: float, ready: Any) -> int:
    moves: Iterator[Move] = itertools.cycle(("credit", "debit"))
    posted = 0
    with begin() as post:
        for _ in range(_WARM):
            post(owner, next(moves))
        ready.wait()
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            post(owner, next(moves))
            posted += 1
    return posted


@contextmanager
def ours(url: str) -> Iterator[Begin]:
    """Posts through the ledger, as the program does."""
    actor = system("bench")

    def post(owner: uuid.UUID, move: Move) -> None:
        posting = ledger.Posting(EntryType.ADMIN_ADJUSTMENT, EntryKind.OPENING, uuid.uuid4().hex, "Bench")
        with unit_of_work():
            getattr(ledger, move)(owner, AMOUNT, posting, actor=actor, at=datetime.now(UTC))
        db.session.remove()

    app = application(url)

    @contextmanager
    def begin() -> Iterator[Post]:
        with app.app_context():
            yield post

    yield begin
    with app.app_context():
        db.engine.dispose()


@contextmanager
def bare(url: str) -> Iterator[Begin]:
    """Posts with the same statements, written by hand."""
    register_uuid()

    @contextmanager
    def begin() -> Iterator[Post]:
        connection = psycopg2.connect(url)
        yield functools.partial(_by_hand, connection)
        connection.close()

    yield begin


def _by_hand(connection: Any, owner: uuid.UUID, move: Move) -> None:
    now = datetime.now(UTC)
    delta = AMOUNT if move == "credit" else -AMOUNT
    with connection.cursor() as cursor:
        cursor.execute(BOUNDS)
        if move == "debit":
            cursor.execute(_LOCK, (owner,))
            cursor.fetchone()
        cursor.execute(_WALLET, (delta, max(0, delta), max(0, -delta), now, owner))
        [balance] = cursor.fetchone()
        entry = (new_id(), owner, uuid.uuid4().hex, AMOUNT, delta, balance - delta, balance, now)
        cursor.execute(_ENTRY, entry)
        [number] = cursor.fetchone()
        details = Json({"amount": AMOUNT, "entry": f"TXMP-{number}"})
        cursor.execute(_BOOK, (new_id(), now, f"wallet.{move}ed", str(owner), details))
        if move == "credit":
            cursor.execute(_WISH, (new_id(), str(owner), Json({"user_id": str(owner)}), now, now))
            cursor.fetchone()
    connection.commit()


_LOCK = "SELECT balance, gateway_debt FROM wallets WHERE user_id = %s FOR NO KEY UPDATE"
_WALLET = """
    UPDATE wallets SET balance = balance + %s, total_top_up = total_top_up + %s, total_spent = total_spent + %s,
        updated_at = %s
    WHERE user_id = %s
    RETURNING balance
"""
_ENTRY = """
    INSERT INTO ledger_entries (id, number, user_id, type, kind, reference, amount, delta, balance_before,
                                balance_after, description, details, created_at)
    VALUES (%s, nextval('transaction_numbers'), %s, 'ADMIN_ADJUSTMENT', 'opening', %s, %s, %s, %s, %s, 'Bench',
            '{}', %s)
    RETURNING number
"""
_BOOK = """
    INSERT INTO audit_entries (id, at, action, actor_kind, actor_name, subject_kind, subject_id, details)
    VALUES (%s, %s, %s, 'system', 'bench', 'wallet', %s, %s)
"""
_WISH = """
    INSERT INTO outbox (id, task, key, args, created_at, run_after, version, attempts)
    VALUES (%s, 'credit_arrived', %s, %s, %s, %s, 1, 0)
    ON CONFLICT (task, key) DO UPDATE SET args = excluded.args, run_after = least(outbox.run_after, excluded.run_after),
        version = outbox.version + 1, attempts = 0, handed_over_at = NULL
    RETURNING id, run_after
"""
