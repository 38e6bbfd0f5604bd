"""What tests of papers share: money that moves through the real acts, and the papers that came of it."""

from collections.abc import Callable, Sequence

import pytest
from flask import Flask
from sqlalchemy import select

from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.kernel.unit_of_work import unit_of_work
from minispod.papers.models import Paper
from minispod.payments import settling
from minispod.payments.gateway import GatewayStatus
from minispod.payments.models import TopUp
from tests.factories.payments import PAYER, TESTER, put_topup
from tests.plugins.app import MERCHANT, Person


class Bank:
    """The gateway's word about a top-up, applied."""

    def __init__(self, app: Flask, clock: FrozenClock) -> None:
        self.app, self.clock = app, clock

    def pays(self, person: Person, amount: int = 100_000) -> TopUp:
        """A top-up is opened and paid."""
        with self.app.app_context():
            topup = put_topup(person.id, at=self.clock.now(), amount=amount)
        self.says(topup, "settlement")
        return topup

    def says(
        self, topup: TopUp, status: str, refund_amount: int | None = None, gross: int | None = None
    ) -> None:
        """What the gateway answers when it is asked."""
        answer = GatewayStatus(
            found=True,
            transaction_id=PAYER,
            transaction_status=status,
            gross_amount=gross or topup.amount,
            currency="IDR",
            merchant_id=MERCHANT,
            refund_amount=refund_amount,
            payment_type="qris",
        )
        with self.app.app_context(), unit_of_work():
            settling.settle(topup.order_id, answer, merchant_id=MERCHANT, actor=TESTER, at=self.clock.now())


@pytest.fixture
def bank(app: Flask, clock: FrozenClock) -> Bank:
    """The gateway."""
    return Bank(app, clock)


@pytest.fixture
def papers(app: Flask) -> Callable[[], Sequence[Paper]]:
    """All papers as they are, in the order of their entries."""

    def look() -> Sequence[Paper]:
        with app.app_context():
            return session().scalars(select(Paper).order_by(Paper.entry_number)).all()

    return look
