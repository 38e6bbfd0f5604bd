"""A shop in which everything has happened once: renewals, refunds, a chargeback, an expiry, a revival, an end."""

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from minispod.instances.states import InstanceStatus
from minispod.kernel.actor import Role, system
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import db, session
from minispod.kernel.unit_of_work import unit_of_work
from minispod.payments import settling
from minispod.payments.gateway import GatewayStatus
from minispod.payments.models import TopUp
from minispod.payments.states import TopUpState
from minispod.promotions.states import CouponType
from minispod.subscriptions.states import SubscriptionStatus
from minispod.wallet import adjusting
from minispod.wallet.adjusting import AdjustmentRules
from tests.factories.coupons import put_coupon
from tests.factories.payments import put_topup
from tests.plugins.app import Person
from tests.plugins.shop import Shop


@dataclass
class Story:
    """The shop after all that happened, and who and what to look at."""

    shop: Shop
    renewing: uuid.UUID
    cancelled: uuid.UUID
    upgraded: uuid.UUID
    paid: uuid.UUID
    part_refunded: uuid.UUID
    pending: TopUp
    adjustment: uuid.UUID
    owner: Person
    kept: dict[str, str] = field(default_factory=dict)

    def change(self, statement: str, **values: Any) -> None:
        """Change rows as somebody would who goes around the program and the database's own locks."""
        with self.shop.app.app_context(), unit_of_work():
            session().execute(text("SET LOCAL session_replication_role = replica"))
            changed = session().execute(text(statement), values)
            assert changed.rowcount == 1, changed.rowcount  # type: ignore[attr-defined]

    def keep(self) -> None:
        """Note every row, to be put back."""
        with self.shop.app.app_context():
            self.kept.clear()
            for table in db.metadata.sorted_tables:
                name = table.name
                rows = session().execute(text(f"SELECT coalesce(jsonb_agg(to_jsonb(t)), '[]') FROM {name} t"))
                self.kept[name] = json.dumps(rows.scalar_one())
            db.session.remove()

    def put_back(self) -> None:
        """Make the database what it was when it was noted."""
        with self.shop.app.app_context(), unit_of_work():
            session().execute(text("SET LOCAL session_replication_role = replica"))
            session().execute(text(f"TRUNCATE {', '.join(self.kept)}"))
            for name, rows in self.kept.items():
                session().execute(
                    text(
                        f"INSERT INTO {name} OVERRIDING SYSTEM VALUE"
                        f" SELECT (jsonb_populate_record(NULL::{name}, row)).* FROM jsonb_array_elements(:rows) row"
                    ),
                    {"rows": rows},
                )

    def now(self) -> datetime:
        """The present instant."""
        return self.shop.clock.now()


class Till:
    """Top-ups through the gateway's word, as in production."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop

    def open(self, owner: Person, amount: int) -> TopUp:
        with self._shop.app.app_context():
            return put_topup(owner.id, at=self._shop.clock.now(), amount=amount)

    def settle(self, topup: TopUp, status: str, refund: int | None = None) -> None:
        said = GatewayStatus(
            found=True,
            transaction_id=f"tx-{topup.id}",
            transaction_status=status,
            gross_amount=topup.amount,
            currency="IDR",
            refund_amount=refund,
        )
        with self._shop.app.app_context(), unit_of_work():
            settling.settle(
                topup.order_id,
                said,
                merchant_id="",
                actor=system("gateway"),
                at=self._shop.clock.now(),
            )

    def pay(self, owner: Person, amount: int) -> TopUp:
        topup = self.open(owner, amount)
        self.settle(topup, "settlement")
        return topup


@pytest.fixture
def till(shop: Shop) -> Till:
    """The way money comes in."""
    return Till(shop)


def _adjust(shop: Shop, owner: Person, *, by: Person) -> uuid.UUID:
    wanted = adjusting.Correction(owner.id, 15_000, "Goodwill after an outage")
    rules = AdjustmentRules(confirm_above=1_000_000, expires_after=timedelta(hours=72))
    with shop.app.app_context(), unit_of_work():
        return adjusting.request(
            wanted, request_key=None, rules=rules, actor=by.actor, at=shop.clock.now()
        ).id


@pytest.fixture
def story(
    shop: Shop,
    till: Till,
    clock: FrozenClock,
    person: Callable[..., Person],
    plan_id: Callable[..., uuid.UUID],
    advance: Callable[..., datetime],
    run_jobs: Callable[[], int],
    tick: Callable[[str], None],
) -> Story:
    """Play it."""
    basic = plan_id()

    def runs(owner: Person) -> uuid.UUID:
        mine = shop.order(owner, basic)
        shop.put(mine, status=InstanceStatus.RUNNING, first_ran_at=clock.now())
        return mine

    steady, short, charged_back, careful, unlucky, leaving, climbing = (person() for _ in range(7))
    paid = till.pay(steady, 400_000)
    renewing = runs(steady)
    shop.order(steady, plan_id("ghost-blog", "FREE"))
    till.pay(short, 60_000)
    reviving = runs(short)
    taken = till.pay(charged_back, 100_000)
    expiring = runs(charged_back)
    till.settle(taken, "chargeback")
    part = till.pay(careful, 100_000)
    till.settle(part, "partial_refund", 40_000)
    till.pay(unlucky, 50_000)
    shop.cancel(unlucky, shop.order(unlucky, basic))
    till.pay(leaving, 50_000)
    cancelled = runs(leaving)
    shop.auto_renew(leaving, cancelled, False)
    with shop.app.app_context():
        put_coupon("GIFT", at=clock.now())
        put_coupon("TENTH", CouponType.SUBSCRIPTION_DISCOUNT, at=clock.now(), discount_percent=10)
    shop.redeem(climbing, "GIFT")
    till.pay(climbing, 900_000)
    shop.place(climbing, plan_id("postgresql"), coupon="TENTH")
    upgraded = runs(climbing)
    advance(days=3)
    shop.upgrade(climbing, upgraded, plan_id("n8n-automation", "PRO"))
    corrected = _adjust(shop, careful, by=person(role=Role.ADMINISTRATOR))
    pending = till.open(careful, 20_000)
    failed = till.open(careful, 30_000)
    till.settle(failed, "deny")

    advance(days=31)
    assert shop.look(renewing)[0].period_number == 2
    tick("snapshot-wallets")
    assert shop.look(reviving)[0].grace_until is not None
    advance(days=8)
    assert shop.look(reviving)[0].status is SubscriptionStatus.EXPIRED
    till.pay(short, 100_000)
    run_jobs()
    assert (shop.look(reviving)[0].is_active, shop.look(reviving)[0].period_number) == (True, 2)
    advance(days=25)
    assert shop.look(cancelled)[0].status is SubscriptionStatus.CANCELLED
    assert shop.look(expiring)[0].status is SubscriptionStatus.EXPIRED
    clock.advance(minutes=1)
    assert pending.state is TopUpState.PENDING
    return Story(shop, renewing, cancelled, upgraded, paid.id, part.id, pending, corrected, steady)
