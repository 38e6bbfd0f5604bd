"""The shop's acts as tests of the domain use them, each in a unit of work of its own."""

import uuid
from collections.abc import Sequence

import pytest
from flask import Flask
from sqlalchemy import select

from minispod.catalog.models import Plan
from minispod.instances.models import Instance
from minispod.instances.provisioning import Outcome, OutcomeKind, Settlement, WorkOrder
from minispod.kernel.actor import system
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.kernel.unit_of_work import unit_of_work
from minispod.notifications.models import Notification
from minispod.papers.opening import open_paper
from minispod.promotions import redeeming
from minispod.promotions.redeeming import Credited
from minispod.rules import business_rules, cluster_rules
from minispod.settings import Settings
from minispod.subscriptions import (
    cancellation,
    changing,
    expiry,
    fulfilment,
    ordering,
    queries,
    stewardship,
)
from minispod.subscriptions.changing import Changed, Options
from minispod.subscriptions.expiry import Step
from minispod.subscriptions.models import PlanChange, Subscription
from minispod.subscriptions.ordering import Order
from minispod.subscriptions.stewardship import Refunded
from minispod.wallet import ledger
from minispod.wallet.models import EntryKind, EntryType, Wallet
from tests.plugins.app import Person, PortsNow
from tests.proofs import assert_wallets_add_up


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

    def upgrade(
        self, person: Person, subscription_id: uuid.UUID, plan: uuid.UUID, key: str | None = None
    ) -> Changed:
        """Move up to a higher plan, as the customer does."""
        with self.app.app_context(), unit_of_work():
            return changing.upgrade(
                subscription_id,
                plan,
                request_key=key,
                rules=business_rules(self.settings),
                actor=person.actor,
                at=self.clock.now(),
            )

    def change_plan(
        self, staff: Person, subscription_id: uuid.UUID, plan: uuid.UUID, *, is_waived: bool = False
    ) -> Changed:
        """Move to another plan, as staff do."""
        with self.app.app_context(), unit_of_work():
            return changing.change_for_customer(
                subscription_id,
                plan,
                reason="the customer asked for it",
                is_waived=is_waived,
                rules=business_rules(self.settings),
                actor=staff.actor,
                at=self.clock.now(),
            )

    def options(self, person: Person, subscription_id: uuid.UUID) -> Options:
        """Where the subscription could move up to."""
        with self.app.app_context():
            subscription = queries.get_subscription(subscription_id, actor=person.actor).subscription
            rules = business_rules(self.settings)
            return changing.find_options(subscription, rules=rules, actor=person.actor, at=self.clock.now())

    def refund(
        self, staff: Person, subscription_id: uuid.UUID, amount: int | None, key: str | None = None
    ) -> Refunded:
        """Give a part back, as staff do."""
        with self.app.app_context(), unit_of_work():
            return stewardship.refund(
                subscription_id,
                amount,
                reason="an outage of three hours",
                request_key=key,
                rules=business_rules(self.settings),
                actor=staff.actor,
                at=self.clock.now(),
            )

    def extend(self, staff: Person, subscription_id: uuid.UUID, days: int) -> None:
        """Let the period end later."""
        with self.app.app_context(), unit_of_work():
            stewardship.extend(
                subscription_id,
                days,
                reason="an outage of three hours",
                rules=business_rules(self.settings),
                actor=staff.actor,
                at=self.clock.now(),
            )

    def force_cancel(self, staff: Person, subscription_id: uuid.UUID, *, with_refund: bool = True) -> int:
        """Cancel as staff do and return what was refunded."""
        with self.app.app_context(), unit_of_work():
            _, refunded = cancellation.force_cancel(
                subscription_id,
                reason="broke the rules of the house",
                with_refund=with_refund,
                rules=business_rules(self.settings),
                actor=staff.actor,
                at=self.clock.now(),
            )
            return refunded

    def conclude(
        self, subscription_id: uuid.UUID, kind: OutcomeKind, sentence: str | None = None
    ) -> Settlement:
        """Have the cluster answer to the present wish, as a job would hear it."""
        _, instance = self.look(subscription_id)
        order = WorkOrder(
            instance.id, instance.generation, instance.wanted, instance.namespace, instance.name, []
        )
        with self.app.app_context(), unit_of_work():
            return fulfilment.conclude(
                order,
                Outcome(kind, sentence=sentence),
                rules=cluster_rules(self.settings),
                zone=business_rules(self.settings).zone,
                actor=system("tests"),
                at=self.clock.now(),
            )

    def runs(self, subscription_id: uuid.UUID) -> None:
        """The cluster has brought it to the wish."""
        self.conclude(subscription_id, OutcomeKind.DONE)

    def gives_up(self, subscription_id: uuid.UUID) -> None:
        """The cluster refuses until the attempts are used up."""
        self.put(subscription_id, attempts=self.settings.cluster.provision_attempts)
        self.conclude(subscription_id, OutcomeKind.REFUSED, "No node has enough free memory.")

    def changes(self, subscription_id: uuid.UUID) -> Sequence[PlanChange]:
        """The changes of plan, oldest first."""
        with self.app.app_context():
            wanted = select(PlanChange).where(PlanChange.subscription_id == subscription_id)
            return session().scalars(wanted.order_by(PlanChange.number)).all()

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
            EntryType.ADMIN_ADJUSTMENT, EntryKind.OPENING, uuid.uuid4().hex, "Credit of a test"
        )
        with self.app.app_context(), unit_of_work():
            ledger.credit(person.id, amount, posting, actor=system("tests"), at=self.clock.now())

    def take_back(self, person: Person, amount: int) -> None:
        """The gateway takes money back."""
        posting = ledger.Posting(
            EntryType.REFUND, EntryKind.TOPUP_REVERSAL, uuid.uuid4().hex, "Taken back in a test"
        )
        with self.app.app_context(), unit_of_work():
            entry = ledger.take_back(person.id, amount, posting, actor=system("tests"), at=self.clock.now())
            open_paper(entry, at=self.clock.now())

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
            assert_wallets_add_up()
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
