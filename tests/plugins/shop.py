"""The shop's acts as tests of the domain use them, each in a unit of work of its own."""

import uuid
from collections.abc import Sequence

import pytest
from flask import Flask
from sqlalchemy import select

from minispod.catalog.models import Plan
from minispod.instances.models import Instance
from minispod.kernel.actor import system
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.kernel.unit_of_work import unit_of_work
from minispod.notifications.models import Notification
from minispod.promotions import redeeming
from minispod.promotions.redeeming import Credited
from minispod.rules import business_rules
from minispod.settings import Settings
from minispod.subscriptions import cancellation, expiry, ordering, queries
from minispod.subscriptions.expiry import Step
from minispod.subscriptions.models import Subscription
from minispod.subscriptions.ordering import Order
from minispod.wallet import ledger, statements
from minispod.wallet.models import EntryKind, EntryType, Wallet
from tests.plugins.app import Person, PortsNow


class Shop:
    """Acts and looks; every act commits."""

    def __init__(self, app: Flask, settings: Settings, ports: PortsNow, clock: FrozenClock) -> None:
        self.app, self.settings, self.ports, self.clock = app, settings, ports, clock

    def place(
        self, person: Person, plan: uuid.UUID, *, coupon: str | None = None, request_key: str | None = None
    ) -> Order:
        """Order a plan and return what came of it."""
        with self.app.app_context(), unit_of_work():
            return ordering.place_order(
                plan,
                user_id=person.id,
                coupon_code=coupon,
                request_key=request_key,
                rules=business_rules(self.settings),
                sealer=self.ports.sealer,
                actor=person.actor,
                at=self.clock.now(),
            )

    def order(self, person: Person, plan: uuid.UUID) -> uuid.UUID:
        """Order a plan and return the subscription's id."""
        return self.place(person, plan).subscription.id

    def redeem(self, person: Person, code: str, *, request_key: str | None = None) -> Credited:
        """Turn a coupon into credit."""
        with self.app.app_context(), unit_of_work():
            return redeeming.redeem_credit(
                code,
                user_id=person.id,
                request_key=request_key,
                actor=person.actor,
                at=self.clock.now(),
            )

    def cancel(self, person: Person, subscription_id: uuid.UUID) -> int:
        """Cancel at once and return what was refunded."""
        with self.app.app_context(), unit_of_work():
            _, refunded = cancellation.cancel(
                subscription_id,
                rules=business_rules(self.settings),
                actor=person.actor,
                at=self.clock.now(),
            )
            return refunded

    def advance(self, subscription_id: uuid.UUID) -> list[Step]:
        """Do what the calendar says of one subscription."""
        with self.app.app_context(), unit_of_work():
            return expiry.advance(
                subscription_id,
                rules=business_rules(self.settings),
                actor=system("tests"),
                at=self.clock.now(),
            )

    def credit(self, person: Person, amount: int) -> None:
        """Money comes in, as from a top-up."""
        posting = ledger.Posting(
            EntryType.ADMIN_ADJUSTMENT, EntryKind.ADJUSTMENT, uuid.uuid4().hex, "Credit of a test"
        )
        with self.app.app_context(), unit_of_work():
            ledger.credit(person.id, amount, posting, actor=system("tests"), at=self.clock.now())

    def take_back(self, person: Person, amount: int) -> None:
        """The gateway takes money back."""
        posting = ledger.Posting(
            EntryType.REFUND, EntryKind.TOPUP_REVERSAL, uuid.uuid4().hex, "Taken back in a test"
        )
        with self.app.app_context(), unit_of_work():
            ledger.take_back(person.id, amount, posting, actor=system("tests"), at=self.clock.now())

    def auto_renew(self, person: Person, subscription_id: uuid.UUID, wanted: bool) -> None:
        """Switch renewal."""
        with self.app.app_context(), unit_of_work():
            cancellation.set_auto_renew(subscription_id, wanted, actor=person.actor, at=self.clock.now())

    def put(self, subscription_id: uuid.UUID, **fields: object) -> None:
        """Set columns of the instance, as the cluster's side of the story would have."""
        with self.app.app_context(), unit_of_work():
            instance = (
                session().scalars(select(Instance).where(Instance.subscription_id == subscription_id)).one()
            )
            for name, value in fields.items():
                setattr(instance, name, value)

    def look(self, subscription_id: uuid.UUID) -> tuple[Subscription, Instance]:
        """The rows as they are."""
        with self.app.app_context():
            owned = queries.get_subscription(subscription_id, actor=system("tests"))
            assert owned.instance is not None
            return owned.subscription, owned.instance

    def balance(self, person: Person) -> int:
        """What is in the wallet."""
        with self.app.app_context():
            assert statements.differences() == []
            return session().get_one(Wallet, person.id).balance

    def messages(self, person: Person) -> Sequence[Notification]:
        """The messages queued for a person, oldest first."""
        with self.app.app_context():
            return (
                session()
                .scalars(
                    select(Notification)
                    .where(Notification.user_id == person.id)
                    .order_by(Notification.created_at, Notification.id)
                )
                .all()
            )

    def mails(self, person: Person) -> list[str]:
        """The kinds of message queued for a person, oldest first."""
        return [row.kind.value for row in self.messages(person)]

    def used(self, plan: uuid.UUID) -> int:
        """Slots taken."""
        with self.app.app_context():
            return session().get_one(Plan, plan, populate_existing=True).used_quota


@pytest.fixture
def shop(app: Flask, settings: Settings, ports: PortsNow, clock: FrozenClock) -> Shop:
    """The shop."""
    return Shop(app, settings, ports, clock)
