"""A shop under fault: what customers do over HTTP, and what becomes of it in books, mailbox and cluster.

Not a plugin: conftest.py builds fixtures from it. Customers are made past the web server, then sign in over it.
"""

import re
import subprocess
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
import redis
import requests
import rq

from minispod.catalog.seeding import seed_catalog
from minispod.integrations.kubernetes.adapter import KubernetesCluster
from minispod.kernel.actor import Role, system
from minispod.kernel.tasks import Queue
from minispod.onboarding.signup import register
from minispod.wallet import ledger
from minispod.wallet.models import EntryKind, EntryType
from tests.faults.backstage import Backstage
from tests.faults.books import Books
from tests.plugins.simulators import Simulator

PASSWORD = "correct horse"
CREDIT = 500_000
PRICE = 50_000


@dataclass
class LiveShop:
    """One shop with its processes and everything outside of it."""

    backstage: Backstage
    books: Books
    url: str
    web: subprocess.Popen[bytes]
    redis_url: str
    cluster: KubernetesCluster
    kubernetes: Simulator
    mailbox: Simulator
    plan: uuid.UUID = field(init=False)

    def open(self) -> None:
        """Put the catalogue on sale and wait for the web server."""
        self.books.do(lambda: seed_catalog(actor=system("tests"), at=datetime.now(UTC)))
        self.plan = self.books.one(
            "SELECT p.id FROM plans p JOIN services s ON s.id = p.service_id"
            " WHERE s.slug = 'n8n-automation' AND p.plan_type = 'BASIC'"
        )
        self.eventually(self.answers, "the web server answers")

    def answers(self) -> bool:
        """Whether the web server lives."""
        try:
            return requests.get(f"{self.url}/livez", timeout=2).status_code == 200
        except requests.RequestException:
            return False

    def customer(self, *, role: Role = Role.USER, credit: int = CREDIT) -> "Customer":
        """A customer with credit who is signed in."""
        address = f"{uuid.uuid4().hex[:12]}@example.com"
        at, clerk = datetime.now(UTC), system("tests")

        def enrol() -> uuid.UUID:
            user, _ = register(
                name="Siti Rahma",
                email=address,
                password=PASSWORD,
                role=role,
                bcrypt_rounds=4,
                frontend_url="http://localhost:3100",
                actor=clerk,
                at=at,
            )
            if credit:
                posting = ledger.Posting(
                    EntryType.ADMIN_ADJUSTMENT, EntryKind.OPENING, str(user.id), "Opening credit"
                )
                ledger.credit(user.id, credit, posting, actor=clerk, at=at)
            return user.id

        made = Customer(self, self.books.do(enrol), address)
        made.sign_in()
        return made

    def desk(self) -> requests.Session:
        """A browser with an administrator signed in."""
        browser, url = requests.Session(), f"{self.url}/admin/login"
        token = re.search('name="csrf_token" value="([^"]+)"', browser.get(url, timeout=10).text)
        assert token is not None
        email = self.customer(role=Role.ADMINISTRATOR, credit=0).email
        form = {"csrf_token": token[1], "email": email, "password": PASSWORD}
        assert browser.post(url, form, timeout=10).url == f"{self.url}/admin/"
        return browser

    def readiness(self) -> tuple[int, dict[str, str]]:
        """What /readyz says: its status, and what is not well."""
        answer = requests.get(f"{self.url}/readyz", timeout=15)
        return answer.status_code, {k: v for k, v in answer.json()["checks"].items() if v != "ok"}

    def lever(self, name: str, **body: Any) -> None:
        """Make trouble in the cluster, or end it."""
        self._pull(f"{self.kubernetes['levers']}/{name}", self.kubernetes["lever_token"], body)

    def mail_lever(self, **body: Any) -> None:
        """Make trouble at the mail server; nothing said ends it."""
        url, token = f"{self.mailbox['http']}/api/levers", self.mailbox["lever_token"]
        if body:
            self._pull(url, token, body)
        else:
            requests.delete(url, headers={"Authorization": f"Bearer {token}"}, timeout=5).raise_for_status()

    def _pull(self, url: str, token: str, body: dict[str, Any]) -> None:
        answer = requests.post(url, json=body, headers={"Authorization": f"Bearer {token}"}, timeout=5)
        assert answer.status_code == 200, answer.text

    def close(self) -> None:
        """End all trouble, forget everything, and remove what this shop's customers have in the cluster."""
        self.lever("clear")
        self.mail_lever()
        namespaces = self.books.ask("SELECT namespace FROM tenancies")
        self.books.empty()
        for (namespace,) in namespaces:
            self.cluster.delete_namespace(namespace)

    def eventually(self, is_so: Callable[[], bool], what: str, *, seconds: float = 90.0) -> None:
        """Wait until something is so; fails with the words given, and what the processes said, when it stays false."""
        deadline = time.monotonic() + seconds
        while not is_so():
            if time.monotonic() > deadline:
                pytest.fail(f"not within {seconds:.0f} s: {what}\n{self.backstage.said()}")
            time.sleep(0.1)

    def queue(self, queue: Queue) -> rq.Queue:
        """A queue of the workers."""
        return rq.Queue(queue.value, connection=redis.Redis.from_url(self.redis_url))

    def tick(self, name: str) -> None:
        """Have a periodic job run now, besides its times."""
        self.queue(Queue.SWEEPS).enqueue("minispod.worker.tick", name)

    def idle(self) -> bool:
        """Whether nothing waits to be done."""
        return bool(self.books.one("SELECT count(*) FROM outbox") == 0)


@dataclass(frozen=True)
class Customer:
    """A customer: what they do, what they see, and what there is of theirs."""

    shop: LiveShop
    id: uuid.UUID
    email: str
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def namespace(self) -> str:
        """Where their instances run."""
        return f"user-{self.id.hex}"

    def sign_in(self) -> None:
        """Get a token over the wire."""
        answer = self.call("POST", "/auth/login", {"email": self.email, "password": PASSWORD})
        self.headers["Authorization"] = f"Bearer {answer.json()['data']['accessToken']}"

    def call(self, method: str, path: str, body: Any = None, *, seconds: float = 20) -> requests.Response:
        """One request to the API."""
        url = f"{self.shop.url}/api/v1{path}"
        return requests.request(method, url, json=body, headers=self.headers, timeout=seconds)

    def order(self) -> str:
        """Order the plan; returns the id of the subscription."""
        answer = self.try_order()
        assert answer.status_code == 201, answer.text
        return str(answer.json()["data"]["subscription"]["id"])

    def try_order(self) -> requests.Response:
        """Order the plan, whatever the answer is."""
        return self.call("POST", "/subscriptions", {"planId": str(self.shop.plan)})

    def status(self) -> str | None:
        """The state of their one instance; None while there is none."""
        rows = self.shop.books.ask("SELECT status FROM instances WHERE user_id = :id", id=self.id)
        assert len(rows) <= 1
        return str(rows[0][0]) if rows else None

    def awaits(self, status: str, *, seconds: float = 90.0) -> None:
        """Wait until the instance shows this state."""
        self.shop.eventually(lambda: self.status() == status, f"the instance is {status}", seconds=seconds)

    @property
    def balance(self) -> int:
        """Their credit."""
        return int(self.shop.books.one("SELECT balance FROM wallets WHERE user_id = :id", id=self.id))

    def charges(self) -> int:
        """How often a period was taken from their wallet."""
        return int(
            self.shop.books.one(
                "SELECT count(*) FROM ledger_entries WHERE user_id = :id AND kind = 'period'", id=self.id
            )
        )

    def mails(self, kind: str) -> int:
        """How many mails of a kind the mail server holds for them."""
        answer = requests.get(
            f"{self.shop.mailbox['http']}/api/messages", params={"to": self.email, "limit": "100"}, timeout=5
        )
        wanted = {"name": "X-MinisPod-Kind", "value": kind}
        return sum(wanted in mail["headers"] for mail in answer.json()["messages"])

    def workloads(self) -> int:
        """How many workloads of theirs the cluster holds."""
        return len(self._mine("deployments"))

    def pods(self) -> int:
        """How many pods of theirs the cluster holds."""
        return len(self._mine("pods"))

    def has_namespace(self) -> bool:
        """Whether the cluster has begun with them."""
        found = self.shop.cluster.inventory("namespaces")
        return any(each["metadata"]["name"] == self.namespace for each in found)

    def _mine(self, kind: str) -> list[dict[str, Any]]:
        found = self.shop.cluster.inventory(kind)
        return [each for each in found if each["metadata"]["namespace"] == self.namespace]

    def assert_served_once(self) -> None:
        """One running instance, one workload, one charge, one mail; the books add up."""
        assert self.status() == "RUNNING"
        assert (self.workloads(), self.pods()) == (1, 1)
        assert (self.charges(), self.balance) == (1, CREDIT - PRICE)
        self.shop.eventually(lambda: self.mails("instance_ready") > 0, "the mail is there")
        self.shop.eventually(self.shop.idle, "nothing waits any more")
        assert self.mails("instance_ready") == 1
        self.shop.books.assert_they_add_up()
