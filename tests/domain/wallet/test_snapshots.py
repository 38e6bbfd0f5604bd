"""Closing balances: one row per wallet that moved, the same however often the job runs, the newest for ever."""

from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest
from flask import Flask
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from minispod.kernel.actor import system
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.kernel.unit_of_work import unit_of_work
from minispod.wallet import ledger, snapshots
from minispod.wallet.models import EntryKind, EntryType, LedgerEntry, WalletSnapshot
from tests.plugins.app import Person

Tick = Callable[[str], None]
MIDNIGHT = datetime(2026, 11, 20, 17, 0, tzinfo=UTC)
FIRST_DAY, SECOND_DAY = date(2026, 11, 20), date(2026, 11, 21)


def _credit(app: Flask, owner: Person, amount: int, clock: FrozenClock) -> None:
    posting = ledger.Posting(EntryType.TOP_UP, EntryKind.TOPUP, f"{owner.id} {clock.now()}", "Top-up")
    with app.app_context(), unit_of_work():
        ledger.credit(owner.id, amount, posting, actor=system("tests"), at=clock.now())


def _rows(app: Flask, owner: Person) -> list[tuple[date, int, int]]:
    wanted = select(WalletSnapshot).where(WalletSnapshot.user_id == owner.id).order_by(WalletSnapshot.day)
    with app.app_context():
        return [(row.day, row.balance, row.position) for row in session().scalars(wanted)]


def test_a_day_is_closed_at_midnight_in_jakarta(
    app: Flask, customer: Person, clock: FrozenClock, tick: Tick
) -> None:
    clock.set(MIDNIGHT.replace(hour=16, minute=59))
    _credit(app, customer, 1_000, clock)
    clock.set(MIDNIGHT)
    _credit(app, customer, 2_000, clock)

    clock.advance(minutes=9)
    tick("snapshot-wallets")
    assert _rows(app, customer) == []
    clock.advance(minutes=1)
    tick("snapshot-wallets")
    assert _rows(app, customer) == [(FIRST_DAY, 501_000, 2)]
    clock.advance(hours=24)
    tick("snapshot-wallets")

    assert _rows(app, customer) == [(FIRST_DAY, 501_000, 2), (SECOND_DAY, 503_000, 3)]


def test_running_again_changes_nothing_and_a_wallet_at_rest_has_no_new_row(
    app: Flask, customer: Person, clock: FrozenClock, tick: Tick, person: Callable[..., Person]
) -> None:
    newcomer = person()
    for _ in range(4):
        clock.advance(hours=20)
        tick("snapshot-wallets")
        tick("snapshot-wallets")

    assert _rows(app, customer) == [(FIRST_DAY, 500_000, 1)]
    assert _rows(app, newcomer) == []


def test_batches_are_bounded_and_see_every_wallet_once(
    app: Flask, clock: FrozenClock, person: Callable[..., Person]
) -> None:
    people = [person(credit=1_000 + index) for index in range(7)]

    seen, after, sizes = 0, None, []
    while seen < 10:
        with app.app_context(), unit_of_work():
            batch = snapshots.take(FIRST_DAY, until=MIDNIGHT, after=after, limit=3, at=MIDNIGHT)
        seen, after = seen + 1, batch.last
        sizes.append(batch.written)
        if after is None:
            break

    assert sizes == [3, 3, 1]
    assert [_rows(app, each) for each in people] == [[(FIRST_DAY, 1_000 + index, 1)] for index in range(7)]


def test_a_snapshot_is_of_the_ledger_whatever_the_cached_balance_says(
    app: Flask, customer: Person, clock: FrozenClock, tick: Tick
) -> None:
    with app.app_context(), unit_of_work():
        session().execute(text("UPDATE wallets SET balance = balance + 7"))
    clock.advance(days=1)

    tick("snapshot-wallets")

    with app.app_context():
        wallet, witness, entry = (
            session()
            .execute(
                text(
                    "SELECT w.balance, s.balance, e.balance_after FROM wallets w"
                    " JOIN wallet_snapshots s USING (user_id)"
                    " JOIN ledger_entries e ON e.id = s.entry_id AND e.position = s.position"
                )
            )
            .one()
        )
    assert (wallet, witness, entry) == (500_007, 500_000, 500_000)


def test_old_snapshots_go_and_the_newest_of_each_wallet_stays(
    app: Flask, customer: Person, clock: FrozenClock, tick: Tick, person: Callable[..., Person]
) -> None:
    at_rest = person(credit=9_000)
    clock.advance(days=1)
    tick("snapshot-wallets")
    _credit(app, customer, 1_000, clock)
    clock.advance(days=1)
    tick("snapshot-wallets")
    assert len(_rows(app, customer)) == 2

    clock.advance(days=401)
    tick("snapshot-wallets")

    assert _rows(app, customer) == [(SECOND_DAY, 501_000, 2)]
    assert _rows(app, at_rest) == [(FIRST_DAY, 9_000, 1)]


def test_a_witness_is_never_rewritten(app: Flask, customer: Person, clock: FrozenClock, tick: Tick) -> None:
    clock.advance(days=1)
    tick("snapshot-wallets")

    with app.app_context(), pytest.raises(IntegrityError, match="append-only"), unit_of_work():
        session().execute(text("UPDATE wallet_snapshots SET balance = 1"))


def test_the_ledger_reads_on_from_the_snapshot(
    app: Flask, customer: Person, clock: FrozenClock, tick: Tick
) -> None:
    clock.advance(days=1)
    tick("snapshot-wallets")
    for amount in (10_000, 20_000):
        clock.advance(hours=1)
        _credit(app, customer, amount, clock)

    with app.app_context():
        snapshot = session().scalars(select(WalletSnapshot)).one()
        since = session().scalars(select(LedgerEntry).where(LedgerEntry.position > snapshot.position)).all()
    assert snapshot.balance + sum(entry.delta for entry in since) == 530_000
