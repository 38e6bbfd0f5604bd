"""The figures of the money: the proof, revenue, postings, notifications. On a PostgreSQL of its own, without a demo."""

import time

from bench import grounds, postings, proof, revenue, webhook

WRITE_SECONDS = 10.0
NOTICES, AT_ONCE = 500, 8


def measure(users: int) -> None:
    """Fill a database with `users` customers and ten ledger entries each, and measure on it."""
    with grounds.database() as (url, server):
        began = time.monotonic()
        grounds.fill(url, users)
        entries = users * (grounds.MONTHS + 1)
        print(f"{users:,} customers, {entries:,} ledger entries (made in {time.monotonic() - began:.0f} s)\n")
        proof.measure(url, server)
        revenue.measure(url)
        postings.measure(url, WRITE_SECONDS)
        webhook.measure(url, min(NOTICES, users // 2), AT_ONCE)
