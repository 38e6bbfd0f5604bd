"""A real server with the Socket.IO door, and real clients of the official library."""

import contextlib
import json
import queue
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests
import socketio
from flask import Flask
from werkzeug.serving import WSGIRequestHandler, make_server

from minispod.app import create_app
from minispod.instances.models import Instance
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import db, session
from minispod.kernel.unit_of_work import unit_of_work
from minispod.realtime.server import attach
from minispod.rules import business_rules
from minispod.settings import Settings
from minispod.subscriptions import ordering
from tests.plugins.app import Person, PortsNow

EVENTS = (
    "log-start",
    "log-data",
    "log-error",
    "instance-status",
    "instance-operation",
    "disconnect",
    "connect_error",
)


# How long a server that works may take on a busy machine; what never comes fails later, but for the same reason.
PATIENCE_SECONDS = 60.0


class _OneRequest(WSGIRequestHandler):
    """The development server takes what follows a WebSocket for another request, unless it closes."""

    protocol_version = "HTTP/1.0"

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""


@pytest.fixture(scope="session")
def live_application(settings: Settings) -> Iterator[tuple[Flask, str]]:
    """An application with the door, listening."""
    app = create_app(settings)
    attach(app)
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_OneRequest)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield app, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def live(live_application: tuple[Flask, str], app: Flask) -> Iterator[str]:
    """Its address; it works with the ports of the test."""
    live, url = live_application
    live.extensions["minispod.ports"] = PortsNow(app)
    yield url
    _await(lambda: not any(thread.name == "follow-log" for thread in threading.enumerate()))
    # A farewell may still be on its way: the next test finds every place free.
    gate: Any = live.wsgi_app
    _await(lambda: gate._wire.connections == 0)


class Listener:
    """A client in one namespace that keeps what it hears."""

    def __init__(self, url: str, namespace: str, auth: Any, transports: list[str] | None = None) -> None:
        self.heard: queue.Queue[tuple[str, Any]] = queue.Queue()
        self._client = socketio.Client(reconnection=False)
        for event in EVENTS:
            self._client.on(event, self._keep(event), namespace=namespace)
        self._client.connect(
            url,
            transports=transports or ["websocket"],
            namespaces=[namespace],
            auth=auth,
            wait_timeout=PATIENCE_SECONDS,
        )

    def _keep(self, event: str) -> Callable[..., None]:
        return lambda *data: self.heard.put((event, data[0] if data else None))

    def next(self, event: str, seconds: float = PATIENCE_SECONDS) -> Any:
        """What comes next must be this event; its payload."""
        name, payload = self.heard.get(timeout=seconds)
        assert name == event, (name, payload)
        return payload

    def until(self, event: str, seconds: float = PATIENCE_SECONDS) -> tuple[Any, list[Any]]:
        """The payload of the next such event, and those of all that came before it."""
        passed: list[Any] = []
        while True:
            name, payload = self.heard.get(timeout=seconds)
            if name == event:
                return payload, passed
            passed.append(payload)

    def quiet(self, seconds: float) -> bool:
        """Tell whether nothing comes for so long."""
        try:
            self.heard.get(timeout=seconds)
        except queue.Empty:
            return True
        return False

    def leave(self) -> None:
        """Hang up."""
        self._client.disconnect()


@pytest.fixture
def listen(live: str) -> Iterator[Callable[..., Listener]]:
    """Connect to a namespace; all leave when the test ends."""
    made: list[Listener] = []

    def connect(namespace: str, auth: Any, **more: Any) -> Listener:
        made.append(Listener(live, namespace, auth, **more))
        return made[-1]

    yield connect
    for each in made:
        each.leave()


class Polling:
    """A client that speaks the protocol by hand, over long polling, and reads only when told to."""

    def __init__(self, url: str, **headers: str) -> None:
        self._url = f"{url}/socket.io/?EIO=4&transport=polling"
        self._headers = headers
        self._is_closed = False
        self.handshake = requests.get(self._url, headers=headers, timeout=PATIENCE_SECONDS)

    def connect(self, namespace: str, auth: Any) -> None:
        """Send the CONNECT packet."""
        packet = f"40{namespace}," + (json.dumps(auth) if auth is not None else "")
        answer = requests.post(self.mine, data=packet, headers=self._headers, timeout=PATIENCE_SECONDS)
        assert answer.text == "OK", answer.text

    def read(self) -> list[str]:
        """The packets that wait; at least one."""
        return requests.get(self.mine, headers=self._headers, timeout=PATIENCE_SECONDS).text.split("\x1e")

    def close(self) -> None:
        """Say good-bye, if that was not done."""
        if self.handshake.status_code != 200 or self._is_closed:
            return
        self._is_closed = True
        # A server that has hung up already answers without reading, and its answer may get lost with the connection.
        with contextlib.suppress(requests.ConnectionError, requests.Timeout):
            requests.post(self.mine, data="1", timeout=10)

    @property
    def mine(self) -> str:
        return f"{self._url}&sid={json.loads(self.handshake.text[1:])['sid']}"


@pytest.fixture
def polling(live: str) -> Iterator[Callable[..., Polling]]:
    """Make clients that poll by hand; all say good-bye when the test ends."""
    made: list[Polling] = []

    def connect(**headers: str) -> Polling:
        made.append(Polling(live, **headers))
        return made[-1]

    yield connect
    for each in made:
        each.close()


@dataclass(frozen=True, slots=True)
class Bought:
    """What a customer got."""

    subscription_id: uuid.UUID
    instance_id: uuid.UUID


@pytest.fixture
def buy(
    app: Flask, settings: Settings, ports: PortsNow, clock: FrozenClock, plan_id: Callable[..., uuid.UUID]
) -> Callable[..., Bought]:
    """Order n8n for a person; nothing is provisioned yet."""

    def order(person: Person, slug: str = "n8n-automation") -> Bought:
        plan = plan_id(slug)
        with app.app_context(), unit_of_work():
            placed = ordering.place_order(
                plan,
                user_id=person.id,
                rules=business_rules(settings),
                sealer=ports.sealer,
                actor=person.actor,
                at=clock.now(),
            )
            return Bought(placed.subscription.id, placed.instance.id)

    return order


@pytest.fixture
def change(app: Flask) -> Callable[[uuid.UUID, Callable[[Instance], None]], None]:
    """Change an instance in a transaction of its own, as a worker does."""

    def act(instance_id: uuid.UUID, how: Callable[[Instance], None]) -> None:
        with app.app_context(), unit_of_work():
            how(session().get_one(Instance, instance_id))

    return act


@pytest.fixture
def eventually() -> Callable[..., None]:
    """Wait until something is true; fails when it does not become so."""
    return _await


def _await(is_so: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.02)


def auth_of(person: Person, bought: Bought | None = None) -> dict[str, str]:
    """The handshake's `auth` of a person."""
    auth = {"token": person.headers["Authorization"].removeprefix("Bearer ")}
    if bought is not None:
        auth["subscriptionId"] = str(bought.subscription_id)
    return auth
