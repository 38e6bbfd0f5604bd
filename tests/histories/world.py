"""A small shop that is used by several people at once and can be emptied quickly for the next history.

Three customers share plans with few slots and coupons with few uses. People, plans and coupons stay; all that a
history leaves behind goes before the next one begins.
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from flask import Flask
from sqlalchemy import select
from sqlalchemy.engine import Connection

from minispod.catalog.models import Plan, PlanType, Service
from minispod.jobs import runner
from minispod.jobs.schedule import find
from minispod.kernel.actor import system
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import db, session
from minispod.kernel.outbox import OutboxRow
from minispod.kernel.tasks import Task
from minispod.kernel.unit_of_work import unit_of_work
from minispod.papers import issuing
from minispod.promotions.states import CouponType
from minispod.rules import paper_rules
from tests.factories.coupons import put_coupon
from tests.histories.bank import Bank
from tests.plugins.app import START, Person
from tests.plugins.shop import Shop

# Each with what is in the wallet when a history begins.
CUSTOMERS = (("Siti Rahma", 60_000), ("Budi Santoso", 60_000), ("Wayan Putra", 160_000))
# Service, plan, slots: fewer than three customers would like to have.
SHELF = (
    ("n8n-automation", PlanType.BASIC, 2),
    ("n8n-automation", PlanType.PRO, 1),
    ("ghost-blog", PlanType.FREE, 2),
    ("ghost-blog", PlanType.BASIC, 2),
    ("n8n-automation", PlanType.FREE, 2),
    ("postgresql", PlanType.BASIC, 2),
)
COUPONS = (
    ("TWICE", CouponType.CREDIT_TOPUP, {"max_uses": 4, "max_uses_per_user": 2}),
    ("GIFT", CouponType.CREDIT_TOPUP, {"max_uses": 1}),
    ("LESS15", CouponType.SUBSCRIPTION_DISCOUNT, {"discount_percent": 15, "max_uses_per_user": 3}),
    ("FREEBIE", CouponType.FREE_SERVICE, {"max_uses": 1}),
    ("PROSAVE", CouponType.SUBSCRIPTION_DISCOUNT, {"plan_type": PlanType.PRO, "max_uses": 2}),
)
# Cluster and mail are not part of these histories, and papers are numbered when an act says so.
_LEFT_ALONE = (
    Task.RECONCILE_INSTANCE,
    Task.RUN_OPERATION,
    Task.DELIVER_MESSAGE,
    Task.ISSUE_PAPERS,
    Task.PROVE_MONEY,
)
_STAYS = {"users", "wallets", "categories", "services", "plans", "coupons", "ledger_entries"}
# Nobody vacuums a database of tests.
_VACUUM_EVERY = 200


@dataclass
class World:
    """The shop, its people and what they have made so far."""

    shop: Shop
    customers: list[Person]
    staff: list[Person]
    plans: list[uuid.UUID] = field(default_factory=list)
    bank: Bank = field(default_factory=Bank)
    subscriptions: list[tuple[Person, uuid.UUID]] = field(default_factory=list)
    topups: list[uuid.UUID] = field(default_factory=list)
    histories: int = 0

    @property
    def app(self) -> Flask:
        """The application."""
        return self.shop.app

    @property
    def clock(self) -> FrozenClock:
        """The clock, which stands still."""
        return self.shop.clock

    def build(self) -> None:
        """Put plans and coupons in place, once."""
        with self.app.app_context():
            for slug, type_, slots in SHELF:
                with unit_of_work():
                    wanted = select(Plan).join(Service).where(Service.slug == slug, Plan.plan_type == type_)
                    plan = session().scalars(wanted).one()
                    plan.total_quota = slots
                self.plans.append(plan.id)
            for code, type_, terms in COUPONS:
                put_coupon(code, type_, at=START, **terms)

    def begin(self) -> None:
        """Empty the shop: each customer has the opening credit, and nothing was ever bought."""
        self.clock.set(START)
        self.bank = Bank()
        self.shop.ports.change(gateway=self.bank)
        self.subscriptions, self.topups = [], []
        with self._owner() as connection:
            connection.exec_driver_sql(self._emptying())
        self.histories += 1
        if self.histories % _VACUUM_EVERY == 0:
            with self._owner(isolation_level="AUTOCOMMIT") as connection:
                connection.exec_driver_sql("VACUUM")

    def tick(self, name: str) -> None:
        """Let the clock run one of its jobs."""
        with self.app.app_context():
            periodic = find(name, self.shop.settings)
            assert periodic is not None
            periodic.run(self.app.extensions["minispod.ports"], self.shop.settings)

    def work(self, limit: int | None = None) -> int:
        """Do waiting pieces of work that move money, `limit` or all there are; none of them may fail."""
        done = 0
        with self.app.app_context():
            for _ in range(20):
                waiting = self._waiting()
                for row in waiting[: None if limit is None else limit - done]:
                    done += runner.run_row(row, ports=self.shop.ports, settings=self.shop.settings)
                if not waiting or done == limit:
                    return done
        # Others may have what we saw; alone there must be an end.
        assert limit is not None, "work that moves money and never ends"
        return done

    def number_papers(self) -> None:
        """Number what papers wait."""
        with self.app.app_context(), unit_of_work():
            issuing.issue_waiting(
                rules=paper_rules(self.shop.settings), actor=system("papers"), at=self.clock.now()
            )

    def refuse_failed_work(self) -> None:
        """No piece of work ended in an error."""
        with self.app.app_context():
            wanted = select(OutboxRow.task, OutboxRow.last_error).where(OutboxRow.last_error.is_not(None))
            failed = session().execute(wanted).all()
        assert not failed, failed

    def pass_time(self, days: float) -> None:
        """Let time go by; what is due then waits for `tick` and `work`."""
        self.clock.advance(**({"days": days} if days else {"minutes": 1}))

    def _waiting(self) -> list[uuid.UUID]:
        at = self.clock.now()
        wanted = select(OutboxRow.id).where(
            OutboxRow.task.not_in(_LEFT_ALONE),
            OutboxRow.run_after <= at,
            OutboxRow.leased_until.is_(None) | (OutboxRow.leased_until < at),
        )
        found = list(session().scalars(wanted.order_by(OutboxRow.run_after, OutboxRow.id)))
        session().rollback()
        return found

    @contextmanager
    def _owner(self, **options: str) -> Iterator[Connection]:
        """The database itself, past the program: the books refuse to be emptied."""
        with self.app.app_context(), db.engine.connect() as opened:
            yield opened.execution_options(**options)
            opened.commit()

    def _emptying(self) -> str:
        others = [table.name for table in db.metadata.sorted_tables if table.name not in _STAYS]
        slots = " ".join(
            f"WHEN '{plan}' THEN {each[2]}" for plan, each in zip(self.plans, SHELF, strict=True)
        )
        return ";".join(
            [
                "SET LOCAL session_replication_role = replica",
                *(f"DELETE FROM {name}" for name in others),
                "DELETE FROM ledger_entries WHERE kind <> 'opening'",
                "UPDATE wallets w SET balance = coalesce(e.delta, 0), total_top_up = coalesce(e.delta, 0),"
                " gateway_debt = 0, total_spent = 0"
                " FROM users u LEFT JOIN ledger_entries e ON e.user_id = u.id WHERE u.id = w.user_id",
                f"UPDATE plans SET used_quota = 0, total_quota = CASE id::text {slots} ELSE total_quota END",
                "UPDATE coupons SET used_count = 0",
            ]
        )
