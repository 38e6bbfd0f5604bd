"""The notification sender: takes due deliveries, POSTs them, and decides by the answer what comes next.

It sends bytes as they were signed and never looks into them. Invariant: nothing leaves for a host that is
not allowed, on any hop, and at most ten deliveries are on their way at a time.
"""

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests

from minispod.simulator.midtrans import records
from minispod.simulator.midtrans.announcements import HELD_UNTIL_NEXT, LOOSE
from minispod.simulator.midtrans.config import Config
from minispod.simulator.midtrans.mint import Mint
from minispod.simulator.midtrans.records import Delivery
from minispod.simulator.midtrans.store import Store
from minispod.simulator.midtrans.times import Clock

PARALLEL = 10
MAX_HOPS = 5
KEPT_ANSWER = 500
MAX_RUN = 10_000
RETRIES = {500: 1, 503: 4, 400: 2, 404: 2, 301: 0, 302: 0, 303: 0}
RETRIES_OTHERWISE = 5
WAITS_MINUTES = (2, 10, 30, 90, 210)
HEADERS = {
    "User-Agent": "Veritrans",
    "Content-Type": "application/json",
    "Accept": "application/json",
}


def _leading(deliveries: list[Delivery]) -> list[Delivery]:
    """The first delivery, with those that leave at the same moment."""
    if not deliveries or deliveries[0].batch in (None, LOOSE):
        return deliveries[:1]
    return [delivery for delivery in deliveries if delivery.batch == deliveries[0].batch]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one attempt came to: an HTTP status, or the reason why there is none."""

    status: int | None
    answer: str = ""
    error: str | None = None
    is_blocked: bool = False


class Post:
    """Deliveries on their way."""

    def __init__(self, config: Config, store: Store, clock: Clock, mint: Mint) -> None:
        self._config, self._store, self._clock, self._mint = config, store, clock, mint
        self._pool = ThreadPoolExecutor(PARALLEL, thread_name_prefix="midsim-post")
        self._under_way: set[str] = set()
        self._choosing = threading.Lock()

    def send_due(self, limit: int | None = None) -> list[Future[Delivery]]:
        """Start every delivery that is due and may start now."""
        with self._choosing:
            chosen = self._startable()[:limit]
            self._under_way.update(delivery.id for delivery in chosen)
        return [self._pool.submit(self._attempt, delivery) for delivery in chosen]

    def run_due(self, limit: int | None = None, *, in_parallel: bool = False) -> list[Delivery]:
        """Send all that is due, in order, and wait for it, until nothing more is due.

        Copies that belong together leave together all the same.
        """
        sent: list[Delivery] = []
        while len(sent) < MAX_RUN and (limit is None or len(sent) < limit):
            with self._choosing:
                startable = self._startable()
                if not in_parallel:
                    startable = _leading(startable)
                chosen = startable[: None if limit is None else limit - len(sent)]
                self._under_way.update(delivery.id for delivery in chosen)
            if not chosen:
                break
            sent += self._pool.map(self._attempt, chosen)
        return sent

    def send_now(self, delivery: Delivery) -> Delivery:
        """Send one delivery at once, out of turn."""
        with self._choosing:
            self._under_way.add(delivery.id)
        return self._attempt(delivery)

    def close(self) -> None:
        """Let nothing more start."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _startable(self) -> list[Delivery]:
        """Due deliveries in event order; the first attempts of one transaction go one after another."""
        due = [Delivery(**body) for body in self._store.due(records.DELIVERY, "due", self._clock.now())]
        due.sort(key=lambda delivery: (delivery.created_at, int(delivery.id.removeprefix("d-"))))
        waiting: dict[tuple[str | None, str], str | None] = {}
        chosen = []
        for delivery in due:
            line = (delivery.transaction_id, delivery.url)
            is_first = (
                not delivery.attempts and delivery.batch != LOOSE and delivery.transaction_id is not None
            )
            leaves_together = delivery.batch is not None and waiting.get(line) == delivery.batch
            if is_first and line in waiting and not leaves_together:
                continue
            if is_first:
                waiting[line] = delivery.batch
            if delivery.id not in self._under_way:
                chosen.append(delivery)
        return chosen

    def _attempt(self, delivery: Delivery) -> Delivery:
        try:
            began = time.monotonic()
            outcome = self._send(delivery)
            return self._note(delivery.id, outcome, time.monotonic() - began) or delivery
        finally:
            with self._choosing:
                self._under_way.discard(delivery.id)

    def _note(self, id: str, outcome: Outcome, seconds: float) -> Delivery | None:
        with self._store.writing():
            delivery = records.find_delivery(self._store, id)
            if delivery is None:  # everything was forgotten meanwhile
                return None
            now = self._clock.now()
            attempt: dict[str, Any] = {"at": now, "status": outcome.status, "seconds": round(seconds, 3)}
            attempt["error" if outcome.error else "answer"] = outcome.error or outcome.answer
            delivery.attempts.append(attempt)
            self._decide(delivery, outcome, now)
            records.save_delivery(self._store, delivery)
            self._release_held(delivery, now)
            return delivery

    def _decide(self, delivery: Delivery, outcome: Outcome, now: float) -> None:
        status, retries = outcome.status, len(delivery.attempts) - 1
        if outcome.is_blocked:
            delivery.state = "blocked"
        elif status is not None and 200 <= status < 300:
            delivery.state = "done"
        elif not delivery.is_retried or retries >= RETRIES.get(status or 0, RETRIES_OTHERWISE):
            delivery.state = "gave_up"
        else:
            minutes = WAITS_MINUTES[min(retries, len(WAITS_MINUTES) - 1)]
            jitter = self._mint.between(0.25, 1.0)
            delivery.state = "due"
            delivery.next_at = now + minutes * 60 * self._config.retry_scale * jitter

    def _release_held(self, delivered: Delivery, now: float) -> None:
        """Let go what a reorder rule held back until a later event of the same transaction was out."""
        for held in records.deliveries_of(self._store, delivered.order_id, "held"):
            is_later = held.transaction_id == delivered.transaction_id and held.id != delivered.id
            if is_later and held.batch == HELD_UNTIL_NEXT:
                held.state, held.batch, held.next_at = "due", None, now
                records.save_delivery(self._store, held)

    def _send(self, delivery: Delivery) -> Outcome:
        url, hops = delivery.url, 0
        with requests.Session() as session:
            session.trust_env = False
            while True:
                if not self._is_allowed(url):
                    return Outcome(None, error="host not allowed", is_blocked=True)
                try:
                    response = session.post(
                        url,
                        data=delivery.raw,
                        headers={**HEADERS, **delivery.headers},
                        timeout=self._config.send_timeout_s,
                        allow_redirects=False,
                    )
                except requests.RequestException as error:
                    return Outcome(None, error=type(error).__name__)
                target = response.headers.get("Location")
                if response.status_code not in {307, 308} or not target:
                    return Outcome(response.status_code, response.text[:KEPT_ANSWER])
                hops += 1
                if hops > MAX_HOPS:
                    return Outcome(None, error="too many redirects")
                url = urljoin(url, target)

    def _is_allowed(self, url: str) -> bool:
        try:
            parts = urlsplit(url)
        except ValueError:
            return False
        own = urlsplit(self._config.notification_url).hostname
        allowed = {*self._config.allowed_hosts, own}
        return parts.scheme in {"http", "https"} and parts.hostname is not None and parts.hostname in allowed
