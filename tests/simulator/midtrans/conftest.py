"""A simulator in-process with time standing still, and a shop that receives its notifications."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from minispod.simulator.midtrans.app import create_app
from minispod.simulator.midtrans.config import Config
from minispod.simulator.midtrans.simulation import Simulation

ADMIN = {"Authorization": "Bearer test-token"}
KEY = "SB-Mid-server-TESTKEY-minispod"
ORDER = "TOPUP-01M7VAX680C72VRJNSASTK826M"


@dataclass
class Shop:
    """The merchant's webhook: keeps what arrives and answers as told."""

    url: str
    received: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)

    @property
    def statuses(self) -> list[str]:
        """The transaction statuses in the order of their arrival."""
        return [json.loads(body)["transaction_status"] for body in self.received]


class _Door(BaseHTTPRequestHandler):
    shop: Shop

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.shop.received.append(body)
        self.shop.headers.append(dict(self.headers.items()))
        status, headers = self.shop.answers.pop(0) if self.shop.answers else (200, {})
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def shop() -> Iterator[Shop]:
    door = type("Door", (_Door,), {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), door)
    opened = Shop(f"http://127.0.0.1:{server.server_port}/hook")
    door.shop = opened
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield opened
    server.shutdown()
    thread.join()
    server.server_close()


class Midsim:
    """The simulator with what tests do to it."""

    def __init__(self, config: Config) -> None:
        self.app = create_app(config)
        self.sim: Simulation = self.app.extensions["midsim"]
        self.client: FlaskClient = self.app.test_client()

    def create(self, order_id: str = ORDER, amount: Any = 100_000, **more: Any) -> TestResponse:
        headers = more.pop("headers", {})
        body = {"transaction_details": {"order_id": order_id, "gross_amount": amount}, **more}
        return self.client.post("/snap/v1/transactions", json=body, auth=(KEY, ""), headers=headers)

    def token(self, order_id: str = ORDER, **more: Any) -> str:
        answer = self.create(order_id, **more)
        assert answer.status_code == 201, answer.text
        return str(answer.get_json()["token"])

    def page(self, token: str, **query: str) -> TestResponse:
        return self.client.get(f"/snap/v4/redirection/{token}", query_string=query)

    def press(self, token: str, action: str, **form: str) -> TestResponse:
        return self.client.post(f"/snap/v4/redirection/{token}", data={"action": action, **form})

    def status(self, id: str) -> dict[str, Any]:
        return self.client.get(f"/v2/{id}/status", auth=(KEY, "")).get_json()

    def call(self, id: str, action: str, headers: dict[str, str] | None = None, **body: Any) -> Any:
        answer = self.client.post(f"/v2/{id}/{action}", json=body, auth=(KEY, ""), headers=headers)
        return answer.get_json()

    def control(self, path: str, **body: Any) -> Any:
        answer = self.client.post(f"/sim/api/{path}", json=body, headers=ADMIN)
        assert answer.status_code < 300, answer.text
        return answer.get_json()

    def inspect(self, path: str) -> Any:
        return self.client.get(f"/sim/api/{path}", headers=ADMIN).get_json()

    def pending(self, method: str = "bca_va", order_id: str = ORDER, **more: Any) -> str:
        """A transaction that waits for its payment."""
        token = self.token(order_id, **more)
        return str(self.control(f"sessions/{token}/choose", method=method, device="mobile")["id"])

    def event(self, id: str, event: str, **more: Any) -> Any:
        return self.control(f"transactions/{id}/events", event=event, **more)

    def deliver(self) -> list[dict[str, Any]]:
        return self.control("run-due")

    def advance(self, seconds: float) -> None:
        self.control("clock", advance_s=seconds)

    def close(self) -> None:
        self.sim.stop()
        self.sim.store.close()


MakeMidsim = Callable[..., Midsim]


@pytest.fixture
def make_midsim(shop: Shop) -> Iterator[MakeMidsim]:
    """Build simulators; time and post stand still unless told otherwise."""
    made: list[Midsim] = []

    def make(**changes: Any) -> Midsim:
        facts: dict[str, Any] = {
            "admin_token": "test-token",
            "notification_url": shop.url,
            "finish_url": "http://shop.example/finish",
            "clock": "manual",
            "sender": "manual",
        }
        made.append(Midsim(Config(**(facts | changes))))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def midsim(make_midsim: MakeMidsim) -> Midsim:
    return make_midsim()
