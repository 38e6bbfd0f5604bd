"""Calling staff about a payment never keeps the payment itself from being settled."""

from flask import Flask
from sqlalchemy import select

from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.kernel.unit_of_work import unit_of_work
from minispod.notifications.messages import MessageKind
from minispod.notifications.models import Notification
from minispod.payments import settling
from minispod.payments.gateway import GatewayStatus
from minispod.payments.models import TopUp
from minispod.payments.states import TopUpState
from tests.factories.payments import TESTER, put_topup
from tests.plugins.app import Person

LONGEST = "a" * 64


def test_the_longest_transaction_id_fits_into_the_alert(
    app: Flask, customer: Person, administrator: Person, clock: FrozenClock
) -> None:
    with app.app_context():
        topup = put_topup(customer.id, at=clock.now(), state=TopUpState.PAID, paid_by=LONGEST)
        said = GatewayStatus(
            found=True,
            transaction_id=LONGEST,
            transaction_status="partial_chargeback",
            gross_amount=topup.amount,
            refund_amount=10_000,
        )

        with unit_of_work():
            settling.settle(topup.order_id, said, merchant_id="", actor=TESTER, at=clock.now())

        assert session().get_one(TopUp, topup.id).state is TopUpState.PARTIALLY_REFUNDED
        alerts = select(Notification).where(Notification.kind == MessageKind.STAFF_ALERT)
        assert [each.user_id for each in session().scalars(alerts)] == [administrator.id]
