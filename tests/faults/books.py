"""The books of a shop under fault: its database, read past the application, whatever of the shop is down.

Not a plugin: conftest.py builds fixtures from it. Nothing here repairs anything; time passes where a test says so.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from flask import Flask
from sqlalchemy import text

from minispod.kernel.database import db, session
from minispod.kernel.errors import Unavailable
from minispod.kernel.unit_of_work import unit_of_work
from tests.proofs import assert_proven


class Books:
    """The database, read past the application."""

    def __init__(self, url: str) -> None:
        self._app = Flask("books")
        self._app.config["SQLALCHEMY_DATABASE_URI"] = url.replace(
            "postgresql://", "postgresql+psycopg2://", 1
        )
        self._app.config["SQLALCHEMY_ENGINE_OPTIONS"] = {"pool_pre_ping": True}
        db.init_app(self._app)

    def ask(self, statement: str, **values: Any) -> list[Any]:
        """The rows of a query."""
        with self._app.app_context():
            return list(session().execute(text(statement), values).all())

    def one(self, statement: str, **values: Any) -> Any:
        """The one value of a query."""
        [[value]] = self.ask(statement, **values)
        return value

    def change(self, statement: str, **values: Any) -> None:
        """Change rows, as time or a person at the database would."""
        self.do(lambda: session().execute(text(statement), values))

    def do(self, act: Callable[[], Any]) -> Any:
        """Run an act in a unit of work of its own."""
        with self._app.app_context(), unit_of_work():
            return act()

    def let_pass(self, seconds: float) -> None:
        """Let this time pass for all work that waits, is leased or was handed over: each of its instants moves back."""
        columns = ("run_after", "leased_until", "handed_over_at")
        moved = ", ".join(f"{column} = {column} - make_interval(secs => :by)" for column in columns)
        self.change(f"UPDATE outbox SET {moved}", by=seconds)

    def empty(self) -> None:
        """Forget everything, whoever is at work in the tables."""
        tables = ", ".join(table.name for table in db.metadata.sorted_tables)
        for attempt in range(5):
            try:
                # The ledger and the audit book refuse to be emptied; replicas do not ask.
                return self.change(f"SET LOCAL session_replication_role = replica; TRUNCATE {tables} CASCADE")
            except Unavailable:  # a job that holds rows and a truncation that wants all tables may deadlock
                if attempt == 4:
                    raise
        return None

    def close(self) -> None:
        """Give the connections back."""
        with self._app.app_context():
            db.engine.dispose()

    def assert_they_add_up(self, *, apart_from: Sequence[str] = ()) -> None:
        """Wallets are the sums of their ledgers, slots belong to running promises, every period was paid once."""
        with self._app.app_context():
            assert_proven(datetime.now(UTC), apart_from=apart_from)
        taken = self.ask(
            "SELECT p.id, p.used_quota, count(s.id) FROM plans p LEFT JOIN subscriptions s"
            " ON s.plan_id = p.id AND s.status = 'ACTIVE' GROUP BY p.id HAVING p.used_quota <> count(s.id)"
        )
        assert not taken, f"slots and subscriptions differ: {taken}"
        odd = self.ask(
            "SELECT s.id FROM subscriptions s LEFT JOIN periods p ON p.subscription_id = s.id"
            " LEFT JOIN ledger_entries e ON e.id = p.entry_id AND e.amount = p.charged AND e.subscription_id = s.id"
            " LEFT JOIN instances i ON i.subscription_id = s.id"
            " GROUP BY s.id HAVING count(e.id) <> s.period_number OR count(DISTINCT i.id) <> 1"
        )
        assert not odd, f"subscriptions without their charges or their instance: {odd}"
