"""Locks are taken in one order (docs/adr/0005): every transaction of every test is watched, and fails its test if not.

What counts is the first lock of a transaction on a table: by SELECT ... FOR UPDATE (or SHARE) or by UPDATE. Rows of
tables without a place in the order are not watched. The turn of those who ask for room on the machines has its place
beside the tables. A trigger asks for the subscription of an instance whose size is changed: it is to be held before.
"""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, event

from minispod.subscriptions import live_sizes

ORDER = (
    ("topups", "adjustments", "subscriptions"),
    ("instances",),
    ("wallets",),
    ("services",),
    ("coupons",),
    (TURN := "room's turn",),
    ("plans",),
)
RANK = {table: rank for rank, tables in enumerate(ORDER) for table in tables}

_LOCKS = re.compile(
    r"SELECT\s.*?\sFROM (\w+).*\sFOR (?:SHARE|(?:NO KEY )?UPDATE)|(?:WITH \w+ AS \s*\()?UPDATE (\w+) SET",
    re.DOTALL,
)
_TURNS = re.compile(rf"SELECT pg_advisory_xact_lock\({live_sizes._ROOM_LOCK}\)")
_RESIZES = re.compile(r"UPDATE instances SET (?:(?! WHERE ).)*?\b(?:cpu_milli|memory_mb)\s*=", re.DOTALL)
_MAKES = re.compile(r"INSERT INTO (\w+)")
_LOCKS_HELD = "locks_held"

violations: list[str] = []


def locked_table(statement: str) -> str | None:
    """The watched table of which a statement locks rows, or whose turn it waits for."""
    if _TURNS.match(statement):
        return TURN
    found = _LOCKS.match(statement)
    table = (found[1] or found[2]) if found else None
    return table if table in RANK else None


class Locks:
    """What one transaction holds: tables it locked rows of, in their order, and tables it put rows into."""

    def __init__(self) -> None:
        self._held: list[str] = []
        self._made: set[str] = set()

    def see(self, statement: str) -> str | None:
        """Note what a statement locks or makes; what is wrong with it, if something is."""
        self._made.update(_MAKES.findall(statement))
        if _RESIZES.match(statement) and "subscriptions" not in {*self._held, *self._made}:
            return "the size of an instance was changed by who did not hold its subscription"
        table = locked_table(statement)
        # Nobody else can hold a row that is not committed yet.
        if table is None or table in self._made or table in self._held:
            return None
        self._held.append(table)
        late = [other for other in self._held if RANK[other] > RANK[table]]
        return f"{table} was locked after {late[0]}: {' -> '.join(self._held)}" if late else None


def _watch(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
    locks = connection.info.setdefault(_LOCKS_HELD, Locks())
    parts = statement.split(";\n")  # of a message
    violations.extend(wrong for each in parts if (wrong := locks.see(each)))


def _forget(connection: Any) -> None:
    if not connection.invalidated:  # one that broke has nothing left to forget
        connection.info.pop(_LOCKS_HELD, None)


def pytest_configure() -> None:
    """Watch every engine of this process."""
    event.listen(Engine, "before_cursor_execute", _watch)
    for ending in ("begin", "commit", "rollback"):
        event.listen(Engine, ending, _forget)


@pytest.fixture(autouse=True)
def locks_in_order() -> Iterator[None]:
    """Fail the test in which a transaction took a lock out of order."""
    violations.clear()
    yield
    assert not violations, violations
