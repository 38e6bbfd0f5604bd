"""How PostgreSQL answers deep pages and searches of the large lists: the slowest statement of each, explained."""

import time

from flask import Flask
from sqlalchemy import event

from minispod.kernel.database import db

_ASKED = (
    "/admin/transactions?page=1&limit=20",
    "/admin/transactions?page=500&limit=20",
    "/admin/transactions?page=1&limit=20&search=Customer%20777",
    "/admin/users?page=1&limit=20",
    "/admin/users?page=500&limit=20",
    "/admin/users?page=1&limit=20&search=Customer%20777",
    "/admin/subscriptions?page=1&limit=20",
    "/admin/subscriptions?page=1000&limit=20",
    "/admin/subscriptions?page=1&limit=20&search=777",
)


def explain(app: Flask, headers: dict[str, str]) -> None:
    """Print the plan of the slowest statement behind each path, as carried out."""
    client = app.test_client()
    print("Query plans (the slowest statement of each)")
    for path in _ASKED:
        said: list[tuple[float, str, object]] = []
        began = [0.0]

        def before(*_: object, began: list[float] = began) -> None:
            began[0] = time.perf_counter()

        def after(
            *words: object, began: list[float] = began, said: list[tuple[float, str, object]] = said
        ) -> None:
            said.append((time.perf_counter() - began[0], str(words[2]), words[3]))

        with app.app_context():
            engine = db.engine
        event.listen(engine, "before_cursor_execute", before)
        event.listen(engine, "after_cursor_execute", after)
        try:
            client.get(f"/api/v1{path}", headers=headers)
        finally:
            event.remove(engine, "before_cursor_execute", before)
            event.remove(engine, "after_cursor_execute", after)
        seconds, statement, values = max(
            (each for each in said if each[1].lstrip().upper().startswith(("SELECT", "WITH"))),
            key=lambda each: each[0],
        )
        print(f"  {path}: {len(said)} statements, slowest {seconds * 1000:.1f} ms")
        with engine.connect() as connection:
            plan = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) {statement}", values)
            for (line,) in plan:
                print(f"    {line}")
        print()
