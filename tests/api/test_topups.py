"""Open, watch and call off a top-up over HTTP, against the simulated gateway."""

from collections.abc import Callable
from typing import Any

import pytest
import requests
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from minispod.integrations.midtrans import MidtransGateway
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.payments.models import TopUp
from minispod.payments.states import TopUpState
from tests.factories.payments import Levers, put_topup
from tests.plugins.app import NOWHERE, SERVER_KEY, Person, PortsNow, data_of, refused
from tests.plugins.simulators import Simulator


@pytest.fixture
def levers(gateway: MidtransGateway, midtrans_simulator: Simulator) -> Levers:
    levers = Levers(midtrans_simulator)
    levers.reset()
    return levers


class Shop:
    """What a customer can do with payments."""

    def __init__(self, client: FlaskClient, customer: Person) -> None:
        self.client, self.headers = client, customer.headers

    def order(self, amount: Any = 50_000, method: Any = "QRIS", key: str | None = None) -> TestResponse:
        headers = self.headers | ({"Idempotency-Key": key} if key else {})
        body = {"amount": amount, "paymentMethod": method}
        return self.client.post("/api/wallet/topup", json=body, headers=headers)

    def opened(self, **wish: Any) -> dict[str, Any]:
        opened: dict[str, Any] = data_of(self.order(**wish), 201)["transaction"]
        return opened

    def status(self, id: str) -> dict[str, Any]:
        answer = self.client.get(f"/api/wallet/transactions/{id}/status", headers=self.headers)
        shown: dict[str, Any] = data_of(answer)["transaction"]
        return shown

    def line(self, id: str) -> dict[str, Any]:
        answer = self.client.get(f"/api/wallet/transactions/{id}", headers=self.headers)
        line: dict[str, Any] = data_of(answer)["transaction"]
        return line

    def cancel(self, id: str) -> TestResponse:
        return self.client.post(f"/api/wallet/transactions/{id}/cancel", headers=self.headers)

    def balance(self) -> int:
        answer = self.client.get("/api/wallet/info", headers=self.headers)
        return int(data_of(answer)["wallet"]["creditBalance"])


@pytest.fixture
def shop(client: FlaskClient, customer: Person) -> Shop:
    return Shop(client, customer)


def all_topups(app: Flask) -> list[TopUp]:
    with app.app_context():
        return list(session().scalars(select(TopUp).order_by(TopUp.number)))


def test_opened_topup_says_where_to_pay(shop: Shop, levers: Levers) -> None:
    opened = shop.opened(amount=50_000)

    assert opened["snapToken"]
    assert opened["redirectUrl"].startswith(levers.url)
    assert (opened["amount"], opened["paymentMethod"]) == (50_000, "QRIS")
    assert opened["expiryTime"] == "2026-11-20 11:00:00 +0700"
    line = shop.line(opened["transactionId"])
    assert (line["status"], line["metadata"]["midtrans_token"]) == ("PENDING", opened["snapToken"])


@pytest.mark.parametrize("method", ["BANK_TRANSFER", "E_WALLET", "CREDIT_CARD", "QRIS"])
@pytest.mark.parametrize("amount", [10_000, 10_000_000])
def test_both_bounds_and_all_methods_are_accepted(
    shop: Shop, levers: Levers, amount: int, method: str
) -> None:
    assert shop.opened(amount=amount, method=method)["snapToken"]


@pytest.mark.parametrize(
    ("amount", "code"), [(9_999, "payments.topup_too_small"), (10_000_001, "payments.topup_too_large")]
)
def test_amounts_beyond_the_bounds_are_refused(shop: Shop, app: Flask, amount: int, code: str) -> None:
    body = refused(shop.order(amount=amount), 400, code)

    assert "top-up amount is Rp 10,000" in body["message"]
    assert body["errors"] == {"amount": [body["message"]]}
    assert not all_topups(app)


@pytest.mark.parametrize("amount", [50_000.5, "50000", None, "x", [], 0, -1])
def test_odd_amounts_are_refused(shop: Shop, amount: Any) -> None:
    assert shop.order(amount=amount).status_code == 400


@pytest.mark.parametrize("method", ["CASH", "qris", None, 7])
def test_unknown_methods_are_refused(shop: Shop, method: Any) -> None:
    body = refused(shop.order(method=method), 400, "request.invalid")

    assert "paymentMethod" in body["errors"]


def test_visitors_cannot_top_up(client: FlaskClient) -> None:
    refused(client.post("/api/wallet/topup", json={}), 401, "unauthenticated")


def test_repeated_request_key_is_the_same_order(shop: Shop, app: Flask, levers: Levers) -> None:
    first, second = shop.opened(key="wish-1"), shop.opened(key="wish-1")

    assert first == second
    assert len(all_topups(app)) == 1
    refused(shop.order(amount=60_000, key="wish-1"), 409, "kept_answers.key_reused")
    refused(shop.order(key="a key with blanks"), 400, "request.invalid")


def test_same_request_key_of_two_customers_are_two_orders(
    shop: Shop, client: FlaskClient, person: Callable[..., Person], app: Flask, levers: Levers
) -> None:
    shop.opened(key="wish-1")
    Shop(client, person()).opened(key="wish-1")

    assert len(all_topups(app)) == 2


@pytest.mark.parametrize("key", [None, "wish-1"])
def test_silent_gateway_answers_503_and_the_next_try_goes_on_with_the_same_order(
    key: str | None, shop: Shop, app: Flask, levers: Levers
) -> None:
    levers.silent()
    body = refused(shop.order(key=key), 503, "payments.gateway_unavailable")
    assert "try again" in body["message"]
    levers.lift()

    opened = shop.opened(key=key)

    (topup,) = all_topups(app)
    assert str(topup.id) == opened["transactionId"]
    assert (topup.state, topup.snap_token) == (TopUpState.PENDING, opened["snapToken"])


def test_answer_lost_on_the_way_costs_the_customer_nothing(shop: Shop, app: Flask, levers: Levers) -> None:
    levers.fault("commit_then_fail")

    opened = shop.opened()
    transaction_id = levers.choose(opened["snapToken"])
    levers.event(transaction_id, "pay")

    assert shop.status(opened["transactionId"])["status"] == "COMPLETED"
    assert len(all_topups(app)) == 1
    assert shop.balance() == 550_000


def test_refused_checkout_fails_the_order(shop: Shop, app: Flask, levers: Levers) -> None:
    levers.fault("status", status=400, body="json")

    refused(shop.order(), 409, "payments.gateway_rejected")

    assert [topup.state for topup in all_topups(app)] == [TopUpState.FAILED]


def test_unreachable_gateway_is_reported_at_once(shop: Shop, ports: PortsNow) -> None:
    ports.change(gateway=MidtransGateway(server_key=SERVER_KEY, snap_base_url=NOWHERE, core_base_url=NOWHERE))

    refused(shop.order(), 503, "payments.gateway_unavailable")


def test_payment_keeps_id_and_number_from_pending_to_completed(shop: Shop, levers: Levers) -> None:
    opened = shop.opened(amount=75_000)
    pending = shop.line(opened["transactionId"])
    transaction_id = levers.choose(opened["snapToken"])

    waiting = shop.status(opened["transactionId"])
    levers.event(transaction_id, "pay")
    done = shop.status(opened["transactionId"])

    assert (waiting["status"], waiting["midtransStatus"]["status"]) == ("PENDING", "pending")
    assert (done["status"], done["completedAt"]) == ("COMPLETED", "2026-11-20T03:00:00.000Z")
    assert "midtransStatus" not in done
    line = shop.line(opened["transactionId"])
    assert line["customId"] == pending["customId"]
    assert (line["balanceBefore"], line["balanceAfter"]) == (500_000, 575_000)
    assert "midtrans_token" not in line["metadata"]


def test_silent_gateway_does_not_fail_a_look_at_ones_own_transaction(shop: Shop, levers: Levers) -> None:
    opened = shop.opened()
    levers.silent()

    assert shop.status(opened["transactionId"])["status"] == "PENDING"


def test_lost_notification_is_made_up_for_by_the_poll(
    shop: Shop,
    levers: Levers,
    clock: FrozenClock,
    tick: Callable[[str], None],
    run_jobs: Callable[[], int],
) -> None:
    opened = shop.opened()
    levers.event(levers.choose(opened["snapToken"]), "pay")

    clock.advance(seconds=61)
    tick("poll-topups")
    run_jobs()

    assert shop.line(opened["transactionId"])["status"] == "COMPLETED"
    assert shop.balance() == 550_000


def test_page_that_nobody_used_expires(
    shop: Shop,
    app: Flask,
    levers: Levers,
    clock: FrozenClock,
    tick: Callable[[str], None],
    run_jobs: Callable[[], int],
) -> None:
    opened = shop.opened()

    for minutes in (1, 3, 10, 30, 71):
        clock.set(clock.now().replace(hour=3, minute=0))
        clock.advance(minutes=minutes, seconds=1)
        tick("poll-topups")
        run_jobs()

    assert shop.line(opened["transactionId"])["status"] == "FAILED"
    (topup,) = all_topups(app)
    assert (topup.state, topup.polls) == (TopUpState.EXPIRED, 5)


def test_pending_topup_can_be_called_off_before_and_after_a_method_was_picked(
    shop: Shop, levers: Levers
) -> None:
    unused, chosen = shop.opened(), shop.opened(amount=60_000)
    levers.choose(chosen["snapToken"])

    for opened in (unused, chosen):
        answer = shop.cancel(opened["transactionId"])
        assert answer.status_code == 200
        assert "data" not in answer.get_json()
        assert shop.line(opened["transactionId"])["status"] == "CANCELLED"


def test_calling_off_closes_the_payment_page(shop: Shop, levers: Levers) -> None:
    opened = shop.opened()
    assert shop.cancel(opened["transactionId"]).status_code == 200

    page = requests.get(opened["redirectUrl"], timeout=10)

    assert page.status_code == 410
    with pytest.raises(AssertionError, match="no longer"):
        levers.choose(opened["snapToken"])


def test_method_picked_while_the_page_is_being_closed_is_called_off_too(
    shop: Shop, levers: Levers, app: Flask
) -> None:
    opened = shop.opened()
    levers.choose(opened["snapToken"])
    (topup,) = all_topups(app)
    # The first question comes before the method was picked, as far as the gateway can tell.
    levers.fault("status_404", match={"path": f"/v2/{topup.order_id}/cancel"})

    assert shop.cancel(opened["transactionId"]).status_code == 200

    assert shop.status(opened["transactionId"])["status"] == "CANCELLED"
    assert all_topups(app)[0].gateway_state == "cancel"


def test_page_that_was_closed_before_can_be_called_off_again(shop: Shop, levers: Levers) -> None:
    opened = shop.opened()
    levers.fault("commit_then_fail", match={"path": f"/snap/v1/transactions/{opened['snapToken']}/cancel"})
    refused(shop.cancel(opened["transactionId"]), 503, "payments.gateway_unavailable")

    assert shop.cancel(opened["transactionId"]).status_code == 200
    assert shop.line(opened["transactionId"])["status"] == "CANCELLED"


def test_paid_topup_cannot_be_called_off_and_the_attempt_credits_it(shop: Shop, levers: Levers) -> None:
    opened = shop.opened()
    levers.event(levers.choose(opened["snapToken"]), "pay")

    refused(shop.cancel(opened["transactionId"]), 400, "payments.topup_not_pending")

    assert shop.balance() == 550_000
    refused(shop.cancel(opened["transactionId"]), 400, "payments.topup_not_pending")


def test_payment_after_a_cancellation_is_credited_all_the_same(
    shop: Shop,
    levers: Levers,
    clock: FrozenClock,
    tick: Callable[[str], None],
    run_jobs: Callable[[], int],
) -> None:
    opened = shop.opened()
    # The gateway claims not to know the page, so that it stays open; the customer goes on there.
    page = f"/snap/v1/transactions/{opened['snapToken']}/cancel"
    levers.fault("status", status=404, body="json", match={"path": page})
    assert shop.cancel(opened["transactionId"]).status_code == 200
    levers.event(levers.choose(opened["snapToken"]), "pay")

    clock.advance(minutes=71)
    tick("poll-topups")
    run_jobs()

    assert shop.line(opened["transactionId"])["status"] == "COMPLETED"
    assert shop.balance() == 550_000


def test_silent_gateway_keeps_a_topup_from_being_called_off(shop: Shop, levers: Levers) -> None:
    opened = shop.opened()
    levers.silent()

    refused(shop.cancel(opened["transactionId"]), 503, "payments.gateway_unavailable")

    assert shop.line(opened["transactionId"])["status"] == "PENDING"


@pytest.mark.parametrize("state", sorted(set(TopUpState) - {TopUpState.PENDING}))
def test_only_pending_topups_can_be_called_off(
    state: TopUpState, shop: Shop, app: Flask, customer: Person, clock: FrozenClock
) -> None:
    with app.app_context():
        taken = 1_000 if state is TopUpState.PARTIALLY_REFUNDED else None
        topup = put_topup(customer.id, at=clock.now(), state=state, taken_back=taken)

    refused(shop.cancel(str(topup.id)), 400, "payments.topup_not_pending")


def test_other_peoples_and_malformed_ids_are_not_found(
    shop: Shop, client: FlaskClient, person: Callable[..., Person], levers: Levers
) -> None:
    other = Shop(client, person()).opened()["transactionId"]

    for transaction_id in (other, "0190f2f0-0000-7000-8000-000000000000", "TXMP-101", "x' OR 1=1"):
        for path in ("", "/status"):
            answer = client.get(f"/api/wallet/transactions/{transaction_id}{path}", headers=shop.headers)
            assert answer.status_code == 404, transaction_id
        assert shop.cancel(transaction_id).status_code == 404
