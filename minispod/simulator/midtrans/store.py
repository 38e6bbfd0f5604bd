"""Where the simulator keeps its books: one SQLite table of JSON documents, in memory or in a file.

It knows documents, keys and due times, no payment. Invariant: whatever happens inside `writing()` is
kept whole or not at all, and documents of one kind come back in the order they were first written.
"""

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

Document = dict[str, Any]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS document (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL, id TEXT NOT NULL, owner TEXT, state TEXT, due_at REAL, body TEXT NOT NULL,
    UNIQUE (kind, id)
);
CREATE INDEX IF NOT EXISTS document_owner ON document (kind, owner);
CREATE INDEX IF NOT EXISTS document_due ON document (kind, state, due_at);
CREATE TABLE IF NOT EXISTS fact (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


class Store:
    """Documents by kind and id. Safe between threads: one connection, one lock, re-entrant."""

    def __init__(self, path: str) -> None:
        self._lock = threading.RLock()
        self._depth = 0
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.executescript(_SCHEMA)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Everything inside is one database transaction; calls may be nested, the outermost counts."""
        with self._lock:
            if self._depth == 0:
                self._connection.execute("BEGIN IMMEDIATE")
            self._depth += 1
            try:
                yield
            except BaseException:
                self._depth -= 1
                if self._depth == 0:
                    self._connection.execute("ROLLBACK")
                raise
            self._depth -= 1
            if self._depth == 0:
                self._connection.execute("COMMIT")

    def put(
        self,
        kind: str,
        id: str,
        body: Document,
        *,
        owner: str | None = None,
        state: str | None = None,
        due_at: float | None = None,
    ) -> None:
        """Write a document; one with the same kind and id is replaced and keeps its place."""
        with self.writing():
            self._connection.execute(
                "INSERT INTO document (kind, id, owner, state, due_at, body) VALUES (?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (kind, id) DO UPDATE SET owner = excluded.owner, state = excluded.state,"
                " due_at = excluded.due_at, body = excluded.body",
                (kind, id, owner, state, due_at, json.dumps(body)),
            )

    def get(self, kind: str, id: str) -> Document | None:
        """Read one document."""
        rows = self._read("SELECT body FROM document WHERE kind = ? AND id = ?", (kind, id))
        return rows[0] if rows else None

    def every(
        self, kind: str, *, owner: str | None = None, state: str | None = None, limit: int | None = None
    ) -> list[Document]:
        """Read documents in the order they were first written; with `limit`, the newest of them."""
        query, values = "SELECT body FROM document WHERE kind = ?", [kind]
        for column, value in (("owner", owner), ("state", state)):
            if value is not None:
                query += f" AND {column} = ?"
                values.append(value)
        if limit is None:
            return self._read(query + " ORDER BY seq", tuple(values))
        found = self._read(query + f" ORDER BY seq DESC LIMIT {int(limit)}", tuple(values))
        return found[::-1]

    def due(self, kind: str, state: str, now: float) -> list[Document]:
        """Read the documents whose time has come, earliest first."""
        query = "SELECT body FROM document WHERE kind = ? AND state = ? AND due_at <= ? ORDER BY due_at, seq"
        return self._read(query, (kind, state, now))

    def next_due(self, kind: str, state: str) -> float | None:
        """Say when the next document of this kind and state falls due."""
        query = "SELECT MIN(due_at) FROM document WHERE kind = ? AND state = ?"
        with self._lock:
            value = self._connection.execute(query, (kind, state)).fetchone()[0]
        return None if value is None else float(value)

    def count(self, kind: str) -> dict[str, int]:
        """Count the documents of a kind by state."""
        query = "SELECT COALESCE(state, ''), COUNT(*) FROM document WHERE kind = ? GROUP BY 1"
        with self._lock:
            return dict(self._connection.execute(query, (kind,)).fetchall())

    def delete(self, kind: str, id: str) -> bool:
        """Remove a document; says whether there was one."""
        with self.writing():
            query = "DELETE FROM document WHERE kind = ? AND id = ?"
            return self._connection.execute(query, (kind, id)).rowcount > 0

    def trim(self, kind: str, keep: int) -> None:
        """Forget all but the newest `keep` documents of a kind."""
        with self.writing():
            self._connection.execute(
                "DELETE FROM document WHERE kind = ? AND seq NOT IN"
                " (SELECT seq FROM document WHERE kind = ? ORDER BY seq DESC LIMIT ?)",
                (kind, kind, keep),
            )

    def clear(self, *, keep_facts: bool = False) -> None:
        """Forget everything."""
        with self.writing():
            self._connection.execute("DELETE FROM document")
            if not keep_facts:
                self._connection.execute("DELETE FROM fact")

    def fact(self, name: str) -> Any:
        """Read a named value, or None."""
        with self._lock:
            row = self._connection.execute("SELECT value FROM fact WHERE name = ?", (name,)).fetchone()
        return json.loads(row[0]) if row else None

    def set_fact(self, name: str, value: Any) -> None:
        """Write a named value."""
        with self.writing():
            self._connection.execute(
                "INSERT INTO fact VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                (name, json.dumps(value)),
            )

    def next_number(self, name: str) -> int:
        """Count up a named counter; numbers survive a restart and are never given twice."""
        with self.writing():
            number = int(self.fact(name) or 0) + 1
            self.set_fact(name, number)
            return number

    def close(self) -> None:
        """Close the books."""
        with self._lock:
            self._connection.close()

    def _read(self, query: str, values: tuple[Any, ...]) -> list[Document]:
        with self._lock:
            return [json.loads(row[0]) for row in self._connection.execute(query, values)]
