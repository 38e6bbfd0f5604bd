"""A running subscription, plans to move it between, and what tests of its changes look at."""

import uuid
from collections.abc import Callable
from datetime import datetime

import pytest
from sqlalchemy import select

from minispod.catalog.models import Plan
from minispod.cluster import monitoring
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.kernel.unit_of_work import unit_of_work
from minispod.wallet.models import EntryKind, LedgerEntry
from tests.factories.nodes import worker
from tests.plugins.app import Person
from tests.plugins.shop import Shop

PlanFinder = Callable[..., uuid.UUID]
Advance = Callable[..., datetime]
People = Callable[..., Person]


@pytest.fixture
def mine(shop: Shop, customer: Person, plan_id: PlanFinder) -> uuid.UUID:
    """A running n8n Basic of a customer who has 450,000 left."""
    made = shop.order(customer, plan_id())
    shop.runs(made)
    return made


@pytest.fixture
def pro(plan_id: PlanFinder) -> uuid.UUID:
    """n8n Pro: 150,000 a month, two cores, 2 GB."""
    return plan_id("n8n-automation", "PRO")


@pytest.fixture
def set_plan(shop: Shop) -> Callable[..., None]:
    """Change columns of a plan."""

    def change(plan: uuid.UUID, **fields: object) -> None:
        with shop.app.app_context(), unit_of_work():
            row = session().get_one(Plan, plan)
            for name, value in fields.items():
                setattr(row, name, value)

    return change


@pytest.fixture
def entries(shop: Shop) -> Callable[[EntryKind], list[LedgerEntry]]:
    """The ledger's entries of one kind."""

    def find(kind: EntryKind) -> list[LedgerEntry]:
        with shop.app.app_context():
            return list(session().scalars(select(LedgerEntry).where(LedgerEntry.kind == kind)))

    return find


@pytest.fixture
def one_machine(shop: Shop, clock: FrozenClock) -> Callable[[int], None]:
    """Have one worker with this much memory (MB) seen."""

    def see(memory_mb: int) -> None:
        with shop.app.app_context(), unit_of_work():
            monitoring.record_nodes([worker(memory_mb=memory_mb)], clock.now())

    return see
