"""Bulletins reach the operator's webhook, signed; a webhook that fails delays the word and loses nothing."""

import hashlib
import hmac
import json
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from minispod.alerts import book
from minispod.alerts.errors import WebhookUnavailable
from minispod.alerts.judging import Finding
from minispod.alerts.kinds import Rule
from minispod.alerts.models import Alert, AlertBulletin, BulletinState
from minispod.integrations.webhook import SignedWebhook
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.kernel.unit_of_work import UnitOfWorkMisuse, unit_of_work
from tests.plugins.app import Person, PortsNow

SECRET = "a secret of the operator"


@dataclass
class Receiver:
    """The operator's server: answers `status`, or nothing at all before `is_free`."""

    url: str = ""
    status: int = 204
    is_free: Event = field(default_factory=Event)
    received: list[tuple[dict[str, str], bytes]] = field(default_factory=list)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    made.is_free.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            made.received.append((dict(self.headers), body))
            made.is_free.wait(timeout=60)
            try:
                self.send_response(made.status)
                self.send_header("Location", made.url)
                self.send_header("Content-Length", "0")
                self.end_headers()
            except OSError:
                pass  # whoever asked has hung up

        def log_message(self, *parts: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        made.url = f"http://127.0.0.1:{server.server_port}/alerts"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield made
        made.is_free.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def hook(ports: PortsNow, receiver: Receiver) -> None:
    """The real adapter, with little patience."""
    ports.change(webhook=SignedWebhook(receiver.url, SECRET, answer_seconds=0.5))


@pytest.fixture
def raised(app: Flask, clock: FrozenClock, administrator: Person) -> None:
    """Something happened: one alert, committed."""
    finding = Finding(Rule.PAYMENT_TROUBLE, "topup", "t-1", "TXMP-1", {"amount": 5000}, "chargeback:1")
    with app.app_context(), unit_of_work():
        book.raise_one(finding, at=clock.now())


def bulletin(app: Flask) -> AlertBulletin:
    with app.app_context():
        return session().scalars(select(AlertBulletin).execution_options(populate_existing=True)).one()


@pytest.mark.usefixtures("hook", "raised")
def test_it_is_delivered_once_with_a_signature_that_holds(
    app: Flask, receiver: Receiver, clock: FrozenClock, run_jobs: Callable[[], int]
) -> None:
    run_jobs()
    run_jobs()

    [(headers, body)] = receiver.received
    stamp = headers["X-MinisPod-Timestamp"]
    expected = hmac.new(SECRET.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    assert headers["X-MinisPod-Signature"] == f"sha256={expected}"
    assert int(stamp) == int(clock.now().timestamp())
    said = json.loads(body)
    row = bulletin(app)
    assert (row.state, row.sent_at) == (BulletinState.SENT, clock.now())
    assert said["id"] == headers["X-MinisPod-Delivery"] == str(row.id)
    [alert] = said["raised"]
    assert (alert["rule"], alert["subject"]["name"]) == ("payment_trouble", "TXMP-1")
    assert alert["url"].endswith(f"/admin/alerts/{alert['id']}")
    assert SECRET not in body.decode()


@pytest.mark.usefixtures("hook", "raised")
@pytest.mark.parametrize("status", [302, 400, 404, 500, 503])
def test_what_is_not_taken_is_sent_again_later_as_the_same_delivery(
    app: Flask, receiver: Receiver, clock: FrozenClock, run_jobs: Callable[[], int], status: int
) -> None:
    receiver.status = status
    run_jobs()
    run_jobs()
    assert len(receiver.received) == 1, "not again at once, and no redirect is followed"
    assert (bulletin(app).state, bulletin(app).last_error) == (
        BulletinState.QUEUED,
        f"The webhook answered {status}.",
    )

    receiver.status = 200
    clock.advance(seconds=11)
    run_jobs()

    assert bulletin(app).state is BulletinState.SENT
    ids = {headers["X-MinisPod-Delivery"] for headers, _ in receiver.received}
    assert (len(receiver.received), len(ids)) == (2, 1)


@pytest.mark.usefixtures("hook", "raised")
def test_a_slow_one_is_not_waited_for(
    app: Flask, receiver: Receiver, clock: FrozenClock, run_jobs: Callable[[], int]
) -> None:
    receiver.is_free.clear()
    run_jobs()
    assert (bulletin(app).state, bulletin(app).attempts) == (BulletinState.QUEUED, 1)
    assert not receiver.is_free.is_set(), "the other side has still not answered"

    receiver.is_free.set()
    clock.advance(seconds=11)
    run_jobs()

    assert bulletin(app).state is BulletinState.SENT


@pytest.mark.usefixtures("raised")
def test_one_that_refuses_for_days_is_given_up_and_the_alert_stays(
    app: Flask, ports: PortsNow, clock: FrozenClock, run_jobs: Callable[[], int]
) -> None:
    with socket.socket() as taken:  # bound, and nobody listens: connections are refused
        taken.bind(("127.0.0.1", 0))
        ports.change(webhook=SignedWebhook(f"http://127.0.0.1:{taken.getsockname()[1]}/", SECRET))
        for _ in range(80):
            run_jobs()
            clock.advance(hours=1, seconds=1)

    row = bulletin(app)
    assert (row.state, row.attempts) == (BulletinState.FAILED, 60)
    assert row.last_error == "The webhook does not answer."
    with app.app_context():
        [alert] = session().scalars(select(Alert))
    assert alert.resolved_at is None


@pytest.mark.usefixtures("raised")
def test_without_an_address_nobody_is_asked(app: Flask, ports: PortsNow, run_jobs: Callable[[], int]) -> None:
    assert not ports.webhook.is_wanted

    run_jobs()

    assert bulletin(app).state is BulletinState.UNWANTED


def test_the_outside_is_not_asked_inside_a_unit_of_work(
    app: Flask, receiver: Receiver, clock: FrozenClock
) -> None:
    hook = SignedWebhook(receiver.url, SECRET)

    with app.app_context(), unit_of_work(), pytest.raises(UnitOfWorkMisuse):
        hook.post(b"{}", delivery_id="1", at=clock.now())

    receiver.status = 500
    with pytest.raises(WebhookUnavailable):
        hook.post(b"{}", delivery_id="1", at=clock.now())
    assert len(receiver.received) == 1
