"""The administration's pages as in production (gunicorn) on large tables: milliseconds, statements, bytes, paint.

10,000 customers, 20,000 subscriptions, 100,000 ledger entries, 1,000 instances on 50 nodes. Every page the browser's
tests look at is asked one after the other, as one person does, of a server whose workers have shown it before; then
each is opened in Debian's chromium with an empty cache. Bytes are those on the wire; the content is what a link
brings into the frame that is there.
"""

import http.client
import re
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import Any

from flask import Flask, url_for
from sqlalchemy import event
from werkzeug.routing import BuildError

from bench import api, page_grounds
from bench.traffic import busy, workers_pss
from minispod.admin import frame
from minispod.admin.sessions import COOKIE
from minispod.kernel.database import db
from minispod.local.timeline import StoryStopped
from tests.browser.rows import ROWS, Row

TIMES, VISITS = 7, 3
# So many connections reach every worker in all likelihood.
_WARMING = 8
_MS_AIM, _VISIT_AIM, _FRAGMENT_AIM, _PAINT_AIM, _SHIFT_AIM = 100, 150_000, 15_000, 500, 0.01
_FROM_A_PAGE = {"Accept-Encoding": "gzip, br", "Sec-Fetch-Site": "same-origin"}
_SIGN_IN = "panel.sign_in"
# What is written of an instance opens its sealed secrets; those of the grounds were never sealed.
_NEEDS_SECRETS = frozenset({"panel.instance_manifests"})
_FRAGMENT = {"HX-Request": "true"}
_TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')
_FRAME = re.compile(r'<meta name="frame" content="([^"]+)"')
# When its largest part was painted, what arrived for the page, how much it moved while it came; the browser tells of
# that a moment after the load.
_SEEN = """() => new Promise((tell) => {
  let painted = 0, moved = 0;
  new PerformanceObserver((list) => { painted = list.getEntries().at(-1).startTime; })
    .observe({type: "largest-contentful-paint", buffered: true});
  new PerformanceObserver((list) => list.getEntries().forEach((each) => { moved += each.value; }))
    .observe({type: "layout-shift", buffered: true});
  setTimeout(() => tell([painted, ["navigation", "resource"].flatMap((kind) => performance.getEntriesByType(kind))
    .reduce((sum, each) => sum + each.transferSize, 0), moved]), 250);
})"""


@dataclass(frozen=True, slots=True)
class Page:
    """One page: its name, its address, and what it cost."""

    name: str
    path: str
    median: float
    cpu: float
    worst: float
    statements: int
    size: int
    fragment: int
    content: int


def measure(users: int) -> None:
    """Fill, start, ask and print. Raises StoryStopped when a page is answered otherwise than with itself."""
    with ExitStack() as stack:
        ground = api.prepare(stack, users)
        began = time.monotonic()
        ids = page_grounds.fill(ground.app, ground.settings["database_url"])
        seconds = time.monotonic() - began
        print(f"{page_grounds.INSTANCES:,} instances, {page_grounds.NODES} nodes (made in {seconds:.0f} s)\n")
        port, server = stack.enter_context(api.web_server(ground.directory, ground.settings))
        cookie = _signed_in(ground.app, ground.facts.email, ground.facts.password)
        _print_first(port, cookie)
        pages = _table(ground.app, port, (server, ground.database), cookie, ids)
        _visits(port, cookie, pages)
        sizes = workers_pss(server)
        print("  memory of each web worker (PSS): " + ", ".join(f"{size:.0f} MB" for size in sizes) + "\n")
        with ground.app.app_context():
            db.engine.dispose()


def _print_first(port: int, cookie: str) -> None:
    """What waits who comes first after a start; nobody else does."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=120)) as connection:
        began = time.perf_counter()
        _size(connection, "/admin/", _FROM_A_PAGE | {"Cookie": f"{COOKIE}={cookie}"})
    print(f"The first page after the start: {(time.perf_counter() - began) * 1000:.0f} ms\n")


def _table(app: Flask, port: int, servers: Sequence[int], cookie: str, ids: dict[str, str]) -> list[Page]:
    print(
        f"Pages ({TIMES} requests one after the other; aims: {_MS_AIM} ms, {_FRAGMENT_AIM:,} bytes a fragment)"
    )
    print("  CPU: milliseconds of web server and database together")
    print(f"  {'':34} median ms    worst   CPU ms  statements  page bytes  fragment bytes  content bytes")
    pages = []
    for row in ROWS:
        if row.endpoint == _SIGN_IN:  # who is signed in is sent on from there
            continue
        try:
            path = None if row.endpoint in _NEEDS_SECRETS else _address(app, row, ids)
        except (BuildError, KeyError):
            path = None
        if path is None:
            print(f"  {row.name:34} left out: the grounds have nothing it could show")
            continue
        page = _asked(app, port, servers, cookie, row.name, path)
        pages.append(page)
        print(
            f"  {page.name[:34]:34} {page.median:9.1f} {page.worst:8.1f} {page.cpu:8.1f} {page.statements:11}"
            f" {page.size:11,} {page.fragment:15,} {page.content:14,}{_missed(page)}",
            flush=True,
        )
    print()
    return pages


def _missed(page: Page) -> str:
    wrongs = (
        "slow" if page.median > _MS_AIM else "",
        "large fragment" if max(page.fragment, page.content) > _FRAGMENT_AIM else "",
    )
    return "".join(f"  ! {wrong}" for wrong in wrongs if wrong)


def _asked(app: Flask, port: int, servers: Sequence[int], cookie: str, name: str, path: str) -> Page:
    headers = _FROM_A_PAGE | {"Cookie": f"{COOKIE}={cookie}"}
    took = []
    # The first request of a worker makes what the others find: templates, statements.
    for _ in range(_WARMING):
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=120)) as connection:
            _size(connection, path, headers)
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=120)) as connection:
        _size(connection, path, headers)  # the connection of this worker to the database
        before = sum(map(busy, servers))
        for _ in range(TIMES):
            began = time.perf_counter()
            size = _size(connection, path, headers)
            took.append((time.perf_counter() - began) * 1000)
        cpu = (sum(map(busy, servers)) - before) / TIMES * 1000
        fragment = _size(connection, path, headers | _FRAGMENT)
        content = _size(connection, path, headers | _from_within(connection, path, headers))
    statements = _statements(app, path, headers)
    return Page(name, path, statistics.median(took), cpu, max(took), statements, size, fragment, content)


def _size(connection: http.client.HTTPConnection, path: str, headers: dict[str, str]) -> int:
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    body = answer.read()
    if answer.status not in (200, 204):
        raise StoryStopped(f"GET {path}: {answer.status} {answer.getheader('Location', '')}")
    return len(body)


def _from_within(
    connection: http.client.HTTPConnection, path: str, headers: dict[str, str]
) -> dict[str, str]:
    """What is said when a link is followed in the frame that stands around this page; nothing where there is none."""
    connection.request("GET", path, headers={"Cookie": headers["Cookie"]})
    found = _FRAME.search(connection.getresponse().read().decode())
    return _FRAGMENT | {"HX-Boosted": "true", frame.HEADER: found[1]} if found else {}


def _statements(app: Flask, path: str, headers: dict[str, str]) -> int:
    said: list[str] = []

    def hear(*words: object) -> None:
        said.append(str(words[2]))

    with app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", hear)
    try:
        app.test_client(use_cookies=False).get(path, headers=headers)
    finally:
        event.remove(engine, "before_cursor_execute", hear)
    return len(said)


def _address(app: Flask, row: Row, ids: dict[str, str]) -> str:
    with app.test_request_context():
        rules = [rule for rule in app.url_map.iter_rules() if rule.endpoint == row.endpoint]
        wanted = min(rules, key=lambda rule: len(rule.arguments))
        names = wanted.arguments - row.pick.keys() - (wanted.defaults or {}).keys()
        query = {name: ids[each] for name, each in row.query.items()}
        return url_for(row.endpoint, **{name: ids[name] for name in names}, **row.pick, **query)


def _signed_in(app: Flask, email: str, password: str) -> str:
    """The cookie of an administrator who signed in; the server knows it too, because both have the same Redis."""
    client = app.test_client()
    found = _TOKEN.search(client.get("/admin/login").text)
    if found is None:
        raise StoryStopped("the page of the sign-in has no token")
    client.post("/admin/login", data={"email": email, "password": password, "csrf_token": found[1]})
    cookie = client.get_cookie(COOKIE, path="/admin")
    if cookie is None or client.get("/admin/").status_code != 200:
        raise StoryStopped("the administrator cannot sign in")
    return cookie.value


def _visits(port: int, cookie: str, pages: Sequence[Page]) -> None:
    """Open each page with an empty cache; one visit before that is the browser's own beginning."""
    print(f"In chromium, nothing kept before, median of {VISITS} visits")
    print(f"  aims: painted within {_PAINT_AIM} ms, {_VISIT_AIM:,} bytes, nothing moves (below {_SHIFT_AIM})")
    seen = list(_opened(port, cookie, pages))
    for page, painted, arrived, moved in seen:
        late = "  ! late" if painted > _PAINT_AIM else ""
        large = "  ! large" if arrived > _VISIT_AIM else ""
        restless = f"  ! moves: {moved:.3f}" if moved > _SHIFT_AIM else ""
        print(f"  {page.name[:34]:34} {painted:7.0f} ms {arrived:9,} bytes{late}{large}{restless}")
    paints = [painted for _, painted, *_ in seen]
    print(
        f"  largest paint: median {statistics.median(paints):.0f} ms, worst {max(paints):.0f} ms;"
        f" largest first visit {max(arrived for _, _, arrived, _ in seen):,} bytes\n"
    )


def _opened(port: int, cookie: str, pages: Sequence[Page]) -> Iterator[tuple[Page, float, int, float]]:
    from playwright.sync_api import sync_playwright

    from tests.browser.chromium import launch

    with sync_playwright() as playwright, closing(launch(playwright)) as browser:
        _visited(browser, port, cookie, pages[0])
        for page in pages:
            visits = [_visited(browser, port, cookie, page) for _ in range(VISITS)]
            painted, arrived, moved = (statistics.median(each) for each in zip(*visits, strict=True))
            yield page, painted, int(arrived), moved


def _visited(browser: Any, port: int, cookie: str, page: Page) -> tuple[float, float, float]:
    """When the page was painted, the bytes that came, and how much it moved."""
    from tests.browser.chromium import open_tab

    with open_tab(browser, f"http://127.0.0.1:{port}", cookie) as tab:
        tab.page.goto(page.path, wait_until="load")
        painted, arrived, moved = tab.page.evaluate(_SEEN)
    return float(painted), float(arrived), float(moved)
