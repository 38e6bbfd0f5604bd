"""Top-ups against a gateway that is slow, silent, confused or late: every channel, and every kind of trouble."""

from collections.abc import Callable
from typing import Any

import pytest
import requests
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from minispod.integrations.midtrans import MidtransGateway
from minispod.integrations.midtrans.gateway import ENABLED_PAYMENTS
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.payments.models import GatewayLook, GatewayNotice, TopUp
from minispod.payments.states import TopUpState
from minispod.settings import Settings
from minispod.wallet.models import Wallet
from tests.factories.payments import Levers
from tests.plugins.app import Person, data_of, refused
from tests.plugins.simulators import Simulator
from tests.proofs import assert_wallets_add_up

CHANNELS = [(group.value, method) for group, methods in ENABLED_PAYMENTS.items() for method in methods]


@pytest.fixture
def levers(gateway: MidtransGateway, midtrans_simulator: Simulator) -> Levers:
    levers = Levers(midtrans_simulator)
    levers.reset()
    return levers


class Till:
    """A customer at the payment page, the gateway's post, and our books."""

    def __init__(
        self,
        app: Flask,
        client: FlaskClient,
        customer: Person,
        levers: Levers,
        clock: FrozenClock,
        tick: Callable[[str], None],
        run_jobs: Callable[[], int],
    ) -> None:
        self.app, self.client, self.customer, self.levers = app, client, customer, levers
        self.clock, self.tick, self.run_jobs = clock, tick, run_jobs

    def opened(self, group: str = "QRIS", amount: int = 100_000) -> dict[str, Any]:
        body = {"amount": amount, "paymentMethod": group}
        answer = self.client.post("/api/wallet/topup", json=body, headers=self.customer.headers)
        opened: dict[str, Any] = data_of(answer, 201)["transaction"]
        return opened

    def status(self, opened: dict[str, Any]) -> str:
        path = f"/api/wallet/transactions/{opened['transactionId']}/status"
        answer = self.client.get(path, headers=self.customer.headers)
        return str(data_of(answer)["transaction"]["status"])

    def announced(self, transaction_id: str) -> list[bytes]:
        """Everything the gateway has announced about a payment, as it was signed."""
        found = requests.get(
            f"{self.levers.url}/sim/api/deliveries", headers=self.levers.headers, timeout=10
        ).json()
        return [each["body"].encode() for each in found if transaction_id in each["body"]]

    def announce(self, transaction_id: str) -> list[int]:
        """Deliver all of it; the HTTP answers."""
        path = "/api/wallet/webhook/midtrans"
        return [self.client.post(path, data=raw).status_code for raw in self.announced(transaction_id)]

    def poll(self, **after: float) -> None:
        self.clock.advance(**after)
        self.tick("poll-topups")
        self.run_jobs()

    def topup(self) -> TopUp:
        with self.app.app_context():
            return session().scalars(select(TopUp).where(TopUp.second_of.is_(None))).one()

    def page_token(self) -> str:
        return str(self.topup().snap_token)

    def balance(self) -> int:
        with self.app.app_context():
            assert_wallets_add_up()
            return session().get_one(Wallet, self.customer.id).balance


@pytest.fixture
def till(
    app: Flask,
    client: FlaskClient,
    customer: Person,
    levers: Levers,
    clock: FrozenClock,
    tick: Callable[[str], None],
    run_jobs: Callable[[], int],
) -> Till:
    return Till(app, client, customer, levers, clock, tick, run_jobs)


@pytest.mark.parametrize(("group", "method"), CHANNELS)
def test_every_channel_of_every_group_is_credited_when_it_is_announced(
    till: Till, levers: Levers, group: str, method: str
) -> None:
    till.opened(group)
    payment = levers.choose(till.page_token(), method)
    levers.event(payment, "pay")

    assert set(till.announce(payment)) == {200}

    topup = till.topup()
    assert (topup.state, topup.paid_transaction_id, till.balance()) == (TopUpState.PAID, payment, 600_000)


@pytest.mark.parametrize(("group", "method"), CHANNELS)
def test_every_channel_that_ran_out_of_time_is_expired(
    till: Till, levers: Levers, group: str, method: str
) -> None:
    till.opened(group)
    payment = levers.choose(till.page_token(), method)
    levers.event(payment, "expire")

    assert set(till.announce(payment)) == {200}

    assert (till.topup().state, till.balance()) == (TopUpState.EXPIRED, 500_000)


@pytest.mark.parametrize(
    ("action", "more"),
    [
        ("status", {"status": 503}),
        ("status", {"status": 502, "body": "html"}),
        ("html200", {}),
        ("invalid_json", {}),
        ("json_null", {}),
        ("truncate", {}),
        ("close", {}),
        ("delay", {"s": 4}),
        ("redirect", {}),
        ("unauthorized", {}),
        ("missing_fields", {"fields": ["transaction_status"]}),
    ],
)
def test_a_notice_during_trouble_is_kept_and_credited_once_afterwards(
    till: Till, levers: Levers, action: str, more: dict[str, Any]
) -> None:
    till.opened()
    payment = levers.choose(till.page_token())
    levers.event(payment, "pay")
    levers.fault(action, times=None, **more)

    assert set(till.announce(payment)) == {200}
    assert (till.topup().state, till.balance()) == (TopUpState.PENDING, 500_000)

    levers.lift()
    till.poll(minutes=10)
    till.poll(minutes=10)
    assert (till.topup().state, till.balance()) == (TopUpState.PAID, 600_000)


def test_an_answer_about_another_order_credits_neither(till: Till, levers: Levers, app: Flask) -> None:
    mine = till.opened()
    payment = levers.choose(mine["snapToken"])
    (raw,) = till.announced(payment)
    # Asked about this payment, the gateway tells of another order that was paid with the same sum.
    levers.answer_about(
        raw,
        {
            "status_code": "200",
            "transaction_status": "settlement",
            "order_id": "TOPUP-00000000000000000000000000",
        },
    )

    assert till.client.post("/api/wallet/webhook/midtrans", data=raw).status_code == 200

    assert (till.topup().state, till.balance()) == (TopUpState.PENDING, 500_000)
    with app.app_context():
        assert session().scalars(select(GatewayNotice.verdict)).one() == "hold_inconsistent"


@pytest.mark.parametrize("seconds", [-600, 600, 7200])
def test_a_gateway_whose_clock_is_off_is_believed_about_the_money_only(
    till: Till, levers: Levers, seconds: int
) -> None:
    levers._post("faults", where="clock", action="skew", s=seconds)
    till.opened()
    payment = levers.choose(till.page_token())
    levers.event(payment, "pay")

    assert set(till.announce(payment)) == {200}

    topup = till.topup()
    assert (topup.state, topup.completed_at) == (TopUpState.PAID, till.clock.now())
    assert till.balance() == 600_000


def test_polls_pause_longer_and_longer_and_end_when_it_is_final(
    till: Till, levers: Levers, app: Flask
) -> None:
    opened = till.opened()
    levers.choose(opened["snapToken"])
    began = till.clock.now()

    asked: list[int] = []
    for _ in range(180):
        before = till.topup().polls
        till.poll(minutes=1)
        if till.topup().polls > before:
            asked.append(int((till.clock.now() - began).total_seconds() // 60))

    # The page closes after an hour; what was begun on it has the same time again.
    assert asked == [1, 3, 10, 30, 70, 130]
    with app.app_context():
        looks = session().scalars(select(GatewayLook)).all()
    assert [(look.said, look.times, look.verdict) for look in looks] == [("pending", 6, "pending_recorded")]

    levers.event(str(till.topup().transaction_id), "pay")
    till.poll(days=1)
    assert till.topup().state is TopUpState.PAID
    assert till.topup().next_poll_at is None


def test_a_silent_gateway_is_polled_again_and_nothing_is_given_up(till: Till, levers: Levers) -> None:
    opened = till.opened()
    levers.event(levers.choose(opened["snapToken"]), "pay")
    levers.silent()
    for _ in range(5):
        till.poll(minutes=30)
    assert till.topup().state is TopUpState.PENDING

    levers.lift()
    till.poll(minutes=30)

    assert (till.topup().state, till.balance()) == (TopUpState.PAID, 600_000)


def test_a_customer_who_reloads_writes_one_line_of_the_diary(till: Till, levers: Levers, app: Flask) -> None:
    opened = till.opened()
    levers.choose(opened["snapToken"])

    for _ in range(5):
        assert till.status(opened) == "PENDING"

    with app.app_context():
        (look,) = session().scalars(select(GatewayLook)).all()
    assert (look.times, look.said, look.asked_by) == (5, "pending", "payment gateway")


def test_an_expired_page_is_shown_as_failed_and_cannot_be_called_off(till: Till, levers: Levers) -> None:
    opened = till.opened()
    payment = levers.choose(opened["snapToken"])
    levers.event(payment, "expire")

    assert till.status(opened) == "FAILED"
    answer = till.client.post(
        f"/api/wallet/transactions/{opened['transactionId']}/cancel", headers=till.customer.headers
    )
    refused(answer, 400, "payments.topup_not_pending")

    levers.event(payment, "late_pay")
    till.poll(minutes=80)
    assert (till.topup().state, till.balance()) == (TopUpState.PAID, 600_000)


def test_the_fee_is_paid_by_the_customer_and_never_credited(till: Till, levers: Levers, app: Flask) -> None:
    original = app.extensions["minispod.settings"]
    charged = settings_with(original, topup_fee_fixed=4_000, topup_fee_basis_points=70)
    app.extensions["minispod.settings"] = charged
    try:
        opened = till.opened()
    finally:
        app.extensions["minispod.settings"] = original
    assert (opened["amount"], opened["fee"], opened["payableAmount"]) == (100_000, 4_700, 104_700)
    page = requests.get(opened["redirectUrl"], timeout=10).text
    assert "Payment fee" in page

    levers.event(levers.choose(opened["snapToken"]), "pay")

    assert till.status(opened) == "COMPLETED"
    assert till.balance() == 600_000
    line = data_of(
        till.client.get(f"/api/wallet/transactions/{opened['transactionId']}", headers=till.customer.headers)
    )["transaction"]
    assert (line["amount"], line["metadata"]["fee"]) == (100_000, 4_700)


def settings_with(settings: Settings, **midtrans: int) -> Settings:
    values = {
        name: value
        for group in Settings.__slots__
        for name, value in getattr(settings, group).model_dump().items()
    }
    return Settings(**values | midtrans)
