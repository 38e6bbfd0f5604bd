"""A small shop with one of everything: a customer who topped up and ordered, and what came of it."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from flask import Flask

from minispod.instances.models import Instance
from minispod.kernel.actor import system
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.kernel.money import Rupiah
from minispod.kernel.unit_of_work import unit_of_work
from minispod.payments.gateway import PaymentGroup
from minispod.payments.models import GatewayNotice, TopUp
from minispod.payments.states import TopUpState
from minispod.ports import current_ports, current_settings
from minispod.rules import business_rules
from minispod.subscriptions import ordering
from minispod.subscriptions.models import Subscription
from minispod.wallet import ledger
from minispod.wallet.models import EntryKind, EntryType
from tests.plugins.app import Person

TOPPED_UP = 100_000


@dataclass(frozen=True, slots=True)
class Shop:
    """What is in it."""

    customer: Person
    topup: TopUp
    subscription: Subscription
    instance: Instance


def open_shop(app: Flask, clock: FrozenClock, customer: Person, plan_id: Callable[..., uuid.UUID]) -> Shop:
    """One paid top-up with its notice, one order of n8n Basic with its instance."""
    basic = plan_id("n8n-automation", "BASIC")
    with app.app_context():
        with unit_of_work():
            topup = _paid_topup(customer, clock)
        with unit_of_work():
            placed = ordering.place_order(
                basic,
                user_id=customer.id,
                request_key=None,
                rules=business_rules(current_settings()),
                sealer=current_ports().sealer,
                actor=customer.actor,
                at=clock.now(),
            )
        instance = session().query(Instance).filter_by(subscription_id=placed.subscription.id).one()
        session().expunge_all()
    return Shop(customer, topup, placed.subscription, instance)


def held_topup(customer: Person, clock: FrozenClock) -> TopUp:
    """A top-up that a person has to look at."""
    held = _topup(customer, clock, TopUpState.REVIEW)
    held.review_reason = "hold_amount_mismatch"
    session().add(held)
    return held


def _paid_topup(customer: Person, clock: FrozenClock) -> TopUp:
    paid = _topup(customer, clock, TopUpState.PAID)
    paid.paid_transaction_id = paid.transaction_id
    paid.completed_at = clock.now()
    session().add(paid)
    session().add(
        GatewayNotice(
            digest=uuid.uuid4().hex,
            order_id=paid.order_id,
            transaction_id=paid.transaction_id,
            transaction_status="settlement",
            gross_amount=Rupiah(TOPPED_UP),
            currency="IDR",
            facts={},
            received_at=clock.now(),
            settled_at=clock.now(),
            verdict="paid",
        )
    )
    posting = ledger.Posting(
        EntryType.TOP_UP,
        EntryKind.TOPUP,
        str(paid.id),
        paid.description,
        number=paid.number,
        entry_id=paid.id,
    )
    ledger.credit(customer.id, TOPPED_UP, posting, actor=system("gateway"), at=clock.now())
    return paid


def _topup(customer: Person, clock: FrozenClock, state: TopUpState) -> TopUp:
    at = clock.now()
    return TopUp(
        id=uuid.uuid4(),
        number=ledger.next_number(),
        order_id=f"TOPUP-{uuid.uuid4().hex[:16].upper()}",
        user_id=customer.id,
        amount=Rupiah(TOPPED_UP),
        payment_group=PaymentGroup.BANK_TRANSFER,
        state=state,
        expires_at=at + timedelta(hours=1),
        transaction_id=uuid.uuid4().hex,
        payment_type="bank_transfer",
        gateway_state="settlement",
        reversed_amount=Rupiah(0),
        created_at=at,
        updated_at=at,
    )
