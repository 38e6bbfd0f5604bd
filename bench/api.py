"""The JSON API as in production (gunicorn) on large tables: requests a second, seconds, processor time, statements.

10,000 customers, 20,000 subscriptions, 100,000 ledger entries, and the nodes for them; PostgreSQL, Redis and web server
are our own. Statements are counted in this process, by asking once what the server is asked many times.
"""

import json
import os
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from flask import Flask
from sqlalchemy import event, select

from bench import api_grounds, grounds, plans, traffic
from bench.traffic import Refused, Request
from minispod.accounts.models import User
from minispod.accounts.tokens import issue_access
from minispod.app import create_app
from minispod.kernel.database import db, session
from minispod.local import processes
from minispod.local.processes import Program
from minispod.local.redis import start_redis
from minispod.local.timeline import StoryStopped
from minispod.settings import Settings

AT_ONCE, WEB_WORKERS, WEB_THREADS = 16, 2, 16
_WARM = 4 * AT_ONCE
_ROUNDS = 5
_ROOT = Path(__file__).resolve().parents[1]
_AS_IN_THE_IMAGE = {"PYTHONPATH": str(_ROOT), "TZ": "UTC", "MALLOC_ARENA_MAX": "2"}
_JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True, slots=True)
class Case:
    """A row of the table: how often it is asked, what the n-th asks, and the milliseconds that are aimed at.

    `warm` are those that are asked before, behind the others.
    """

    name: str
    count: int
    ask: Callable[[int], Request]
    cpu_aim: float | None = None
    p99_aim: float | None = 200.0
    warm: int = _WARM

    @property
    def is_read(self) -> bool:
        """Whether it can be asked again and again."""
        return self.ask(0).method == "GET"


@dataclass(frozen=True, slots=True)
class Ground:
    """An application on filled databases: what it is about, its settings, and the process of PostgreSQL."""

    app: Flask
    facts: api_grounds.Facts
    directory: Path
    settings: dict[str, str]
    database: int


def measure(users: int) -> None:
    """Fill for so many customers, start, ask and print.

    Raises StoryStopped for too few customers, and when a request is answered otherwise than it should be.
    """
    with ExitStack() as stack:
        ground = prepare(stack, users)
        app, facts = ground.app, ground.facts
        port, server = stack.enter_context(web_server(ground.directory, ground.settings))
        cases = _cases(app, facts, users)
        try:
            _table(app, cases, port, server, ground.database)
            if left := api_grounds.not_credited(app):
                raise Refused(f"{left} of the payments that were announced were not credited")
        except Refused as refusal:
            raise StoryStopped(str(refusal)) from None
        sizes = traffic.workers_pss(server)
        print(
            "  memory of each web worker (PSS): " + ", ".join(f"{size:.0f} MB" for size in sizes) + " (90)\n"
        )
        plans.explain(app, _headers(app, [facts.administrator])[0])
        with app.app_context():
            db.engine.dispose()


def prepare(stack: ExitStack, users: int) -> Ground:
    """Databases of our own, filled for so many customers; the stack takes them away again."""
    if users < api_grounds.ASKING:
        raise StoryStopped(f"needs {api_grounds.ASKING} customers at least")
    directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="minispod-bench-")))
    directory.chmod(0o711)
    url, database = stack.enter_context(grounds.database())
    redis = start_redis(directory / "redis", durable=False)
    stack.callback(redis.stop)
    settings = {
        "minispod_env": "test",
        "database_url": url,
        "redis_url": redis.url,
        "midtrans_server_key": grounds.SERVER_KEY,
        "midtrans_snap_base_url": (gateway := stack.enter_context(api_grounds.gateway())),
        "midtrans_core_base_url": gateway,
        "rate_limits_enabled": "false",
        "database_pool_size": str(WEB_THREADS),
        "log_level": "ERROR",
    }
    began = time.monotonic()
    grounds.fill(url, users)
    app = create_app(Settings(**settings))
    facts = api_grounds.fill(app, url)
    print(f"{facts.told} (made in {time.monotonic() - began:.0f} s)\n")
    return Ground(app, facts, directory, settings, database)


def _table(app: Flask, cases: Sequence[Case], port: int, server: int, database: int) -> None:
    print(f"JSON API ({AT_ONCE} at once, gunicorn with {WEB_WORKERS} workers of {WEB_THREADS} threads)")
    print(
        "  durable PostgreSQL, preloaded, nothing logged below errors, no limit on requests; aims in brackets"
    )
    print(
        f"  each was asked {_WARM} times before (but logins), as in a server that runs for a while; reads in {_ROUNDS}"
        " rounds over all of them,\n  of which the middle seconds and the least processor time are told"
    )
    print(
        "                                   per s   p50 ms   p99 ms         CPU ms: web  database  together  statements"
    )

    def send(case: Case, first: int, count: int) -> traffic.Figures:
        requests = [case.ask(first + number) for number in range(count)]
        return traffic.send(port, requests, at_once=AT_ONCE, web=server, database=database)

    reads = [case for case in cases if case.is_read]
    statements = {case.name: _statements(app, case.ask(case.count)) for case in reads}
    for case in reads:
        send(case, _ROUNDS * case.count, case.warm)
    rounds = [[send(case, each * case.count, case.count) for case in reads] for each in range(_ROUNDS)]
    for case, seen in zip(reads, zip(*rounds, strict=True), strict=True):
        _row(case, _of_rounds(seen), statements[case.name])
    for case in cases:
        if not case.is_read:
            sent = _statements(app, case.ask(case.count))
            if case.warm:
                send(case, case.count + 1, case.warm)
            _row(case, send(case, 0, case.count), sent)
    print()


def _of_rounds(rounds: Sequence[traffic.Figures]) -> traffic.Figures:
    """Of reads, which can be asked again; what else runs on the machine can only add to their processor time.

    A machine that is shared is slow for minutes at a time, so the rounds of a case lie as far apart as they can.
    """
    least = min(rounds, key=lambda seen: seen.web + seen.database)
    return traffic.Figures(
        per_second=statistics.median(seen.per_second for seen in rounds),
        median=statistics.median(seen.median for seen in rounds),
        p99=statistics.median(seen.p99 for seen in rounds),
        web=least.web,
        database=least.database,
    )


def _row(case: Case, seen: traffic.Figures, statements: int) -> None:
    print(
        f"  {case.name:<30} {seen.per_second:7.0f} {seen.median:8.1f} {seen.p99:8.1f} {_aim(case.p99_aim, 0)}"
        f" {seen.web:8.2f} {seen.database:9.2f} {seen.web + seen.database:9.2f} {_aim(case.cpu_aim, 2)}"
        f" {statements:4}",
        flush=True,
    )


def _aim(milliseconds: float | None, digits: int) -> str:
    """An aim in brackets, as wide as every other."""
    return f"{'' if milliseconds is None else f'({milliseconds:.{digits}f})':6}"


def _statements(app: Flask, request: Request) -> int:
    """How many SQL statements one request sends, those that begin and end its transactions left out.

    What goes in one message (kernel/inserting) counts once.
    """
    said: list[str] = []

    def hear(*words: object) -> None:
        said.append(str(words[2]))

    client = app.test_client()
    with app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", hear)
    try:
        answer = client.open(request.path, method=request.method, headers=request.headers, data=request.body)
    finally:
        event.remove(engine, "before_cursor_execute", hear)
    if answer.status_code != request.status:
        raise Refused(f"{request.method} {request.path}: {answer.status_code} {answer.get_data()[:300]!r}")
    return len(said)


def _cases(app: Flask, facts: api_grounds.Facts, users: int) -> list[Case]:
    customers, [staff] = _headers(app, facts.customers), _headers(app, [facts.administrator])
    newest = {"If-None-Match": _tag(app, "/api/v1/catalog/services")}

    def get(
        path: str, headers: Callable[[int], dict[str, str]] = lambda _: {}, status: int = 200
    ) -> Callable[[int], Request]:
        return lambda number: Request("GET", f"/api/v1{path}", headers(number), status=status)

    def owner(number: int) -> dict[str, str]:
        return customers[number % len(customers)]

    def one(number: int) -> Request:
        place = number % len(customers)
        return Request("GET", f"/api/v1/subscriptions/{facts.subscriptions[place]}", customers[place])

    def cold(number: int) -> Request:
        # Another address each time: none was rendered before. What the address adds is ignored.
        return Request("GET", f"/api/v1/catalog/services?asked={number}")

    def log_in(number: int) -> Request:
        body = {"email": facts.email, "password": facts.password}
        return Request("POST", "/api/v1/auth/login", _JSON, json.dumps(body).encode())

    def order(number: int) -> Request:
        body = json.dumps({"planId": str(facts.plan)}).encode()
        return Request("POST", "/api/v1/subscriptions", customers[number] | _JSON, body, status=201)

    def notify(number: int) -> Request:
        return Request("POST", "/api/v1/webhooks/midtrans/notification", _JSON, facts.notices[number])

    def staffs(_: int) -> dict[str, str]:
        return staff

    deep = users // 20
    return [
        Case("health", 1000, get("/health")),
        Case("catalogue, cold", 400, cold, 1.6),
        Case("catalogue, cached", 1000, get("/catalog/services"), 0.45),
        Case("catalogue, not modified", 1000, get("/catalog/services", lambda _: newest, 304), 0.45),
        Case("wallet", 1000, get("/wallet/info", owner), 0.9),
        Case("transactions", 600, get("/wallet/transactions?page=1&limit=10", owner)),
        Case("subscriptions", 600, get("/subscriptions", owner)),
        Case("one subscription", 600, one),
        Case("staff: customers", 400, get("/admin/users?page=1&limit=20", staffs)),
        Case("staff: customers, deep page", 400, get(f"/admin/users?page={deep}&limit=20", staffs)),
        Case(
            "staff: customers, search", 400, get("/admin/users?page=1&limit=20&search=Customer%20777", staffs)
        ),
        Case("staff: subscriptions", 400, get("/admin/subscriptions?page=1&limit=20", staffs)),
        Case(
            "staff: subscriptions, deep page", 400, get(f"/admin/subscriptions?page={deep}&limit=20", staffs)
        ),
        Case(
            "staff: subscriptions, search",
            400,
            get("/admin/subscriptions?page=1&limit=20&search=777", staffs),
        ),
        Case("staff: dashboard", 200, get("/admin/analytics/dashboard", staffs)),
        Case("login (bcrypt)", 40, log_in, p99_aim=None, warm=0),
        Case("order", len(customers) - _WARM - 1, order),
        Case("notification of a payment", len(facts.notices) - _WARM - 1, notify),
    ]


def _tag(app: Flask, path: str) -> str:
    return app.test_client().get(path).headers.get("ETag", "")


def _headers(app: Flask, users: Sequence[uuid.UUID]) -> list[dict[str, str]]:
    keys, at = app.extensions["minispod.ports"].token_keys, datetime.now(UTC)
    with app.app_context():
        rows = {row.id: row for row in session().scalars(select(User).where(User.id.in_(users)))}
        made = [{"Authorization": f"Bearer {issue_access(rows[user], keys, at)}"} for user in users]
        db.session.remove()
    return made


@contextmanager
def web_server(directory: Path, settings: dict[str, str]) -> Iterator[tuple[int, int]]:
    """The port and the process of a production server."""
    port = api_grounds.free_port()
    words = (
        *("-m", "gunicorn", "--no-control-socket", "-k", "gthread", "--preload"),
        *("-w", str(WEB_WORKERS), "--threads", str(WEB_THREADS), "-b", f"127.0.0.1:{port}", "wsgi:app"),
    )
    environment = os.environ | {name.upper(): value for name, value in settings.items()}
    program = Program((sys.executable, *words), environment | _AS_IN_THE_IMAGE, _ROOT)
    with (directory / "log").open("ab") as output:
        process = processes.spawn(program, output=output)
    try:
        api_grounds.await_port(port)
        api_grounds.await_answer(port)
        yield port, process.pid
    finally:
        processes.stop(process, program.stop_signal, within_seconds=10)
