"""A stored notice is settled in the end, whatever became of the first try."""

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select

from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.kernel.ids import new_id
from minispod.kernel.money import Rupiah
from minispod.kernel.unit_of_work import unit_of_work
from minispod.payments import notices
from minispod.payments.gateway import GatewayRejected, GatewayStatus
from minispod.payments.models import GatewayNotice, TopUp
from minispod.payments.states import TopUpState
from tests.factories.payments import PAYER, put_topup
from tests.plugins.app import Person, PortsNow


class Stubborn:
    """A gateway that refuses every question until it is told to answer."""

    def __init__(self) -> None:
        self.answer: GatewayStatus | None = None

    def status(self, id: str) -> GatewayStatus:
        """The answer, if there is one."""
        if self.answer is None:
            raise GatewayRejected(gatewayCode="413")
        return self.answer


@pytest.fixture
def stubborn(ports: PortsNow) -> Stubborn:
    """The gateway of this test."""
    gateway = Stubborn()
    ports.change(gateway=gateway)
    return gateway


def _chargeback(app: Flask, owner: Person, clock: FrozenClock) -> TopUp:
    """A paid top-up, and a notice of its chargeback that was left to a job."""
    with app.app_context():
        topup = put_topup(owner.id, at=clock.now(), state=TopUpState.PAID)
        with unit_of_work():
            notice = GatewayNotice(
                id=new_id(),
                digest="d" * 64,
                order_id=topup.order_id,
                transaction_id=PAYER,
                transaction_status="chargeback",
                gross_amount=Rupiah(topup.amount),
                facts={},
                deliveries=1,
                received_at=clock.now(),
            )
            session().add(notice)
            session().flush()
            notices.leave_to_job(notice.id, at=clock.now())
    return topup


def test_a_question_the_gateway_refused_is_asked_again(
    app: Flask,
    stubborn: Stubborn,
    customer: Person,
    clock: FrozenClock,
    tick: Callable[[str], None],
    run_jobs: Callable[[], int],
) -> None:
    topup = _chargeback(app, customer, clock)
    run_jobs()
    with app.app_context():
        assert session().get_one(TopUp, topup.id).state is TopUpState.PAID

    stubborn.answer = GatewayStatus(
        found=True,
        transaction_id=PAYER,
        transaction_status="chargeback",
        gross_amount=topup.amount,
        currency="IDR",
    )
    clock.advance(hours=2)
    tick("poll-topups")
    run_jobs()

    with app.app_context():
        assert session().get_one(TopUp, topup.id).state is TopUpState.CHARGEBACK
        notice = session().scalars(select(GatewayNotice)).one()
        assert notice.verdict == "chargeback"


def test_it_is_not_asked_every_half_minute(
    app: Flask, stubborn: Stubborn, customer: Person, clock: FrozenClock
) -> None:
    _chargeback(app, customer, clock)

    with app.app_context():
        assert notices.list_abandoned(clock.advance(minutes=30)) == []
        assert len(notices.list_abandoned(clock.advance(hours=1))) == 1


def test_after_a_month_it_is_left_to_people(
    app: Flask, stubborn: Stubborn, customer: Person, clock: FrozenClock
) -> None:
    _chargeback(app, customer, clock)

    with app.app_context():
        assert notices.list_abandoned(clock.advance(days=31)) == []
