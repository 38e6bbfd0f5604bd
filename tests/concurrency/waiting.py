"""What tests of locks share: rows another transaction holds, and the statement an act waits with meanwhile."""

import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from flask import Flask
from sqlalchemy import Connection, text

from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import db
from minispod.kernel.unit_of_work import unit_of_work
from minispod.payments.models import TopUp
from minispod.payments.states import TopUpState
from minispod.rules import adjustment_rules
from minispod.wallet import adjusting
from minispod.wallet.adjusting import Correction
from minispod.wallet.models import Adjustment
from tests.factories.payments import put_topup
from tests.plugins.app import Person
from tests.plugins.shop import Shop

PATIENCE_SECONDS = 60
Act = Callable[[], Any]
REASON = "Goodwill after the outage"


@dataclass(frozen=True)
class Scene:
    """A shop with a customer and an administrator; acts are run in a unit of work of their own."""

    shop: Shop
    customer: Person
    staff: Person
    find_plan: Callable[..., uuid.UUID]

    @property
    def app(self) -> Flask:
        return self.shop.app

    @property
    def clock(self) -> FrozenClock:
        return self.shop.clock

    def do(self, act: Act) -> Any:
        with self.app.app_context(), unit_of_work():
            return act()

    def topup(self, state: TopUpState = TopUpState.PENDING, **fields: Any) -> TopUp:
        with self.app.app_context():
            return put_topup(self.customer.id, at=self.clock.now(), state=state, **fields)

    def subscription(self) -> uuid.UUID:
        made = self.shop.order(self.customer, self.find_plan())
        self.shop.runs(made)
        return made

    def adjustment(self) -> Adjustment:
        """One that waits for a second confirmation."""
        wanted = Correction(self.customer.id, 9_000_000, REASON)
        return self.do(
            lambda: adjusting.request(
                wanted,
                request_key=None,
                rules=adjustment_rules(self.shop.settings),
                actor=self.staff.actor,
                at=self.clock.now(),
            )
        )

    def expired(self) -> uuid.UUID:
        """A subscription that ended for want of credit."""
        made = self.subscription()
        self.shop.take_back(self.customer, self.shop.balance(self.customer))
        self.clock.advance(days=60)
        self.shop.advance(made)
        return made


@contextmanager
def holding(app: Flask, statement: str, **values: Any) -> Iterator[Connection]:
    """Another transaction in which the statement was executed, open until the end or its commit."""
    with app.app_context():
        engine = db.engine
    with engine.connect() as holder:
        holder.execute(text(statement), values)
        yield holder


class Held(Protocol):
    """What holds something until it is committed."""

    def commit(self) -> None:
        """End it."""


def waits_with(app: Flask, holder: Held, act: Act, *, meanwhile: Act = lambda: None) -> str:
    """Begin the act, and end the holder's transaction as soon as it waits; the statement it waited with, or nothing.

    `meanwhile` is done before that end.
    """
    found = ""
    with app.app_context():
        engine = db.engine
    with (
        ThreadPoolExecutor(1) as pool,
        engine.connect().execution_options(isolation_level="AUTOCOMMIT") as looker,
    ):
        acting = pool.submit(act)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not found and not acting.done() and time.monotonic() < deadline:
            time.sleep(0.005)
            found = looker.scalar(
                text(
                    "SELECT query FROM pg_stat_activity"
                    " WHERE wait_event_type = 'Lock' AND datname = current_database()"
                )
            )
        try:
            meanwhile()
        finally:
            holder.commit()
        acting.result(timeout=PATIENCE_SECONDS)
    return found or ""
