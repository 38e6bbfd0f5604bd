"""Carry out the proof: every check against one snapshot of the database, read only, in bounded time and memory.

It writes nothing and holds no lock that an act would wait for. Differences are streamed and counted; only the first
of each check are kept. A check that takes too long is reported as unfinished, which is not the same as passed.
"""

import hashlib
import json
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from minispod.kernel.database import DATABASE_SILENCE, db
from minispod.proof.check import Check
from minispod.proof.checks import CHECKS, values_at
from minispod.proof.errors import CouldNotProve

KEPT = 200
PATIENCE = 90.0
"""Seconds for all checks together: less than a worker gives a job (worker.py, redis_queue.py)."""

_BATCH = 500
_CANCELED = "57014"
# Differences are streamed through cursors, which PostgreSQL plans for their first tenth of rows unless told otherwise;
# here mostly none comes, after all was read. The memory lets a million entries be joined without the disk.
_BOUNDS = (
    "SET LOCAL lock_timeout = '5s'; SET LOCAL cursor_tuple_fraction = 1.0; SET LOCAL work_mem = '64MB';"
    " SET LOCAL jit = off"
)


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where a check does not hold, with what is known."""

    check: str
    subject: str
    subject_id: str
    user_id: uuid.UUID | None
    facts: Mapping[str, Any]


@dataclass(slots=True)
class Finding:
    """What one check found. `kept` are the first of `differences`."""

    check: Check
    looked_at: int = 0
    differences: int = 0
    seconds: float = 0.0
    is_finished: bool = True
    kept: list[Difference] = field(default_factory=list)

    def figures(self) -> dict[str, Any]:
        """Its line in the table of checks."""
        return {
            "check": self.check.name,
            "promise": self.check.promise,
            "lookedAt": self.looked_at,
            "differences": self.differences,
            "seconds": round(self.seconds, 3),
            "isFinished": self.is_finished,
        }


@dataclass(frozen=True, slots=True)
class Proof:
    """What all checks found at `at`; `digest` names the set of differences."""

    at: datetime
    findings: Sequence[Finding]
    seconds: float
    digest: str

    @property
    def differences(self) -> int:
        """How many in all."""
        return sum(finding.differences for finding in self.findings)

    @property
    def unfinished(self) -> int:
        """How many checks ran out of time."""
        return sum(not finding.is_finished for finding in self.findings)

    @property
    def is_clean(self) -> bool:
        """Tell whether everything was looked at and agrees."""
        return self.differences == 0 and self.unfinished == 0

    @property
    def named(self) -> list[str]:
        """The checks that found something."""
        return [finding.check.name for finding in self.findings if finding.differences]


def prove(
    at: datetime, *, checks: Sequence[Check] = CHECKS, kept: int = KEPT, patience: float = PATIENCE
) -> Proof:
    """Run the checks and say what they found; `patience` is in seconds for all of them together.

    Refuses CouldNotProve: the database does not answer.
    """
    began = time.monotonic()
    findings: list[Finding] = []
    digest = _Digest()
    try:
        with _snapshot() as connection:
            for check in checks:
                finding = Finding(check)
                findings.append(finding)
                _run(connection, finding, at, digest, kept=kept, until=began + patience)
    except DATABASE_SILENCE as error:
        raise CouldNotProve() from error
    return Proof(at, findings, time.monotonic() - began, digest.text())


class _Digest:
    """A name for a set of differences that does not depend on their order and does not grow with their number."""

    def __init__(self) -> None:
        self._sum = 0

    def add(self, *words: Any) -> None:
        line = json.dumps(words, sort_keys=True, default=str).encode()
        self._sum = (self._sum + int.from_bytes(hashlib.sha256(line).digest())) % 2**256

    def text(self) -> str:
        return f"{self._sum:064x}"


@contextmanager
def _snapshot() -> Iterator[Connection]:
    """One consistent view of everything, however long the checks take; nothing can be written through it."""
    with db.engine.connect() as opened:
        connection = opened.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True, bounds=_BOUNDS
        )
        with connection.begin():
            yield connection


def _run(
    connection: Connection, finding: Finding, at: datetime, digest: _Digest, *, kept: int, until: float
) -> None:
    began = time.monotonic()
    values = values_at(at)
    try:
        with connection.begin_nested():
            _leave_time(connection, until)
            finding.looked_at = int(connection.execute(text(finding.check.looked_at), values).scalar_one())
            for difference in _stream(connection, finding.check, values):
                digest.add(difference.check, difference.subject_id, difference.facts)
                finding.differences += 1
                if finding.differences <= kept:
                    finding.kept.append(difference)
    except OperationalError as error:
        if getattr(error.orig, "pgcode", None) != _CANCELED:
            raise
        finding.is_finished = False
        digest.add(finding.check.name, "unfinished")
    finding.seconds = time.monotonic() - began


def _leave_time(connection: Connection, until: float) -> None:
    """Let no statement of this check run longer than is left for all of them; a millisecond is the least."""
    left = max(1, int((until - time.monotonic()) * 1000))
    connection.exec_driver_sql(f"SET LOCAL statement_timeout = {left}")


def _stream(connection: Connection, check: Check, values: Mapping[str, Any]) -> Iterator[Difference]:
    rows = connection.execute(
        text(check.differences), values, execution_options={"stream_results": True, "yield_per": _BATCH}
    )
    for row in rows.mappings():
        facts = {name: _plain(value) for name, value in row.items() if name not in ("subject_id", "user_id")}
        yield Difference(check.name, check.subject.value, str(row["subject_id"]), row["user_id"], facts)


def _plain(value: Any) -> Any:
    """A fact as JSON can hold it."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return str(value) if isinstance(value, uuid.UUID) else value
