"""Emptying the books between tests while a job is at work in them: they wait for each other, and it is tried again."""

import time
from collections.abc import Iterator
from threading import Thread
from typing import Any

import psycopg2
import pytest

from minispod.kernel.database import db
from tests.faults.books import Books

WAITED_FOR = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = CAST(:table AS regclass)"
LONG = 30.0


@pytest.fixture
def books(own_database_url: str) -> Iterator[Books]:
    """The books of this file's database."""
    books = Books(own_database_url)
    yield books
    books.close()


def test_a_job_that_reads_meets_the_emptying_and_both_end(books: Books, own_database_url: str) -> None:
    first, *_, last = [table.name for table in db.metadata.sorted_tables]  # in the order of the emptying
    job = psycopg2.connect(own_database_url)
    try:
        _run(job, f"LOCK TABLE {last} IN ACCESS SHARE MODE")
        reader = Thread(target=_read_once_waited_for, args=(books, job, last, first))
        reader.start()

        books.empty()

        reader.join(LONG)
        assert not reader.is_alive()
    finally:
        job.close()


def _read_once_waited_for(books: Books, job: Any, held: str, table: str) -> None:
    deadline = time.monotonic() + LONG
    while not books.one(WAITED_FOR, table=held) and time.monotonic() < deadline:
        time.sleep(0.02)
    try:
        _run(job, f"SELECT count(*) FROM {table}")
    except psycopg2.errors.DeadlockDetected:
        pass  # whichever of the two had waited longer gives way
    finally:
        job.rollback()


def _run(connection: Any, statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)
