"""Recorded exchanges of top-ups and the gateway's notifications, the faults of the original answered better."""

import hashlib
import json
import uuid
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select

from minispod.integrations.midtrans import MidtransGateway
from minispod.kernel.database import session
from minispod.payments.models import TopUp
from tests.contracts.wire.conftest import Replay
from tests.contracts.wire.recordings import recording
from tests.factories.payments import Levers
from tests.plugins.app import MERCHANT, SERVER_KEY, Person
from tests.plugins.simulators import Simulator

Notify = Callable[..., dict[str, object]]
NOBODYS_ORDER = "TOPUP-00000000000000000000000000"


@pytest.fixture
def levers(gateway: MidtransGateway, midtrans_simulator: Simulator) -> Levers:
    """The simulated gateway, forgetful of what other tests told it."""
    levers = Levers(midtrans_simulator)
    levers.reset()
    return levers


@pytest.fixture
def notify(app: Flask, replay: Replay, request: pytest.FixtureRequest) -> Notify:
    """Send a recorded notification about one of our orders; the gateway, when asked, says the same."""

    def send(
        name: str, topup_id: str | None = None, *, key: str = SERVER_KEY, **said: str
    ) -> dict[str, object]:
        body = {**recording(name).body, "merchant_id": MERCHANT, "order_id": NOBODYS_ORDER}
        if topup_id:
            with app.app_context():
                body["order_id"] = (
                    session().scalars(select(TopUp.order_id).where(TopUp.id == uuid.UUID(topup_id))).one()
                )
        if "signature_key" in body:
            signed = body["order_id"] + body["status_code"] + body["gross_amount"] + key
            body["signature_key"] = hashlib.sha512(signed.encode()).hexdigest()
        if "levers" in request.fixturenames:
            levers: Levers = request.getfixturevalue("levers")
            levers.answer_about(json.dumps({**body, **said}).encode(), "mirror")
        answer: dict[str, object] = replay(name, None, **body)
        return answer

    return send


@pytest.fixture
def balance(replay: Replay, customer: Person) -> Callable[[str], int]:
    """The customer's credit, by a recorded look at the wallet."""
    return lambda name: int(replay(name, customer)["data"]["wallet"]["creditBalance"])


def open_topup(replay: Replay, person: Person, name: str) -> str:
    opened = replay(name, person)["data"]["transaction"]
    assert opened["snapToken"]
    return str(opened["transactionId"])


def line(replay: Replay, person: Person, topup_id: str) -> dict[str, object]:
    listed = replay("webhook_stub__transactions_final", person)["data"]["transactions"]
    found: dict[str, object] = next(each for each in listed if each["id"] == topup_id)
    return found


def test_a_payment_is_credited_once_whatever_comes_after(
    replay: Replay, customer: Person, levers: Levers, notify: Notify, balance: Callable[[str], int]
) -> None:
    mine = open_topup(replay, customer, "webhook_stub__topup_created")
    notify("webhook_stub__pending_signed", mine)
    status = replay("webhook_stub__status_pending", customer, mine)["data"]["transaction"]
    assert status["status"] == "PENDING"
    forged = notify(
        "webhook_stub__forged_settlement_while_pending", mine, key="another key", transaction_status="pending"
    )
    assert forged["code"] == "payments.notice_forged"
    assert balance("webhook_stub__wallet_after_forged") == 500_000

    notify("webhook_stub__settlement_signed", mine)
    assert balance("webhook_stub__wallet_after_settlement") == 600_000

    notify("webhook_stub__settlement_signed_again", mine)
    assert balance("webhook_stub__wallet_after_duplicate") == 600_000
    notify("webhook_stub__settlement_wrong_signature_replay", mine, key="another key")
    assert balance("webhook_stub__wallet_after_wrong_signature") == 600_000
    notify("webhook_stub__expire_after_settlement", mine)
    assert balance("webhook_stub__wallet_after_late_expire") == 600_000
    newest = replay("webhook_stub__transactions_after_late_expire", customer)["data"]["transactions"][0]
    assert (newest["id"], newest["status"], newest["balanceBefore"]) == (mine, "COMPLETED", 500_000)
    status = replay("webhook_stub__status_after_settlement", customer, mine)["data"]["transaction"]
    assert status["completedAt"]
    refusal = replay("webhook_stub__cancel_after_settlement", customer, mine)
    assert refusal["code"] == "payments.topup_not_pending"


def test_a_wrong_amount_credits_nothing(
    replay: Replay, customer: Person, levers: Levers, notify: Notify, balance: Callable[[str], int]
) -> None:
    mine = open_topup(replay, customer, "webhook_stub__topup2_created")

    notify("webhook_stub__settlement_amount_mismatch", mine)

    assert balance("webhook_stub__wallet_after_amount_mismatch") == 500_000
    assert line(replay, customer, mine)["status"] == "PENDING"


@pytest.mark.parametrize(
    ("opened", "notice", "said", "shown"),
    [
        ("webhook_stub__topup_for_cancel", "webhook_stub__cancel_signed", "accept", "CANCELLED"),
        ("webhook_stub__topup_for_deny", "webhook_stub__deny_signed", "accept", "FAILED"),
        ("webhook_stub__topup_for_expire", "webhook_stub__expire_signed", "accept", "FAILED"),
        # The notification was recorded with "accept"; it was the gateway's status that said "challenge".
        ("webhook_stub__topup_for_challenge", "webhook_stub__capture_challenge", "challenge", "PENDING"),
    ],
)
def test_what_is_not_paid_is_not_credited(
    replay: Replay,
    customer: Person,
    levers: Levers,
    notify: Notify,
    opened: str,
    notice: str,
    said: str,
    shown: str,
) -> None:
    mine = open_topup(replay, customer, opened)

    notify(notice, mine, fraud_status=said)

    assert line(replay, customer, mine)["status"] == shown


def test_a_pending_topup_has_a_pay_button_until_it_is_called_off(
    replay: Replay, customer: Person, levers: Levers
) -> None:
    mine = open_topup(replay, customer, "webhook_stub__topup_for_user_cancel")
    pending = line(replay, customer, mine)
    assert pending["metadata"]["midtrans_token"]  # type: ignore[index]

    replay("webhook_stub__user_cancel_pending", customer, mine)

    status = replay("webhook_stub__status_after_user_cancel", customer, mine)["data"]["transaction"]
    assert status["status"] == "CANCELLED"
    assert "midtrans_token" not in line(replay, customer, mine)["metadata"]  # type: ignore[operator]


def test_notices_while_the_gateway_is_silent(replay: Replay, customer: Person, notify: Notify) -> None:
    replay("wallet__topup_midtrans_unreachable", customer)
    [failed, *_] = replay("wallet__transactions_after_failed_topup", customer)["data"]["transactions"]

    notify("webhook_unreachable__signed_settlement", failed["id"])
    notify("webhook_unreachable__signed_unknown_order")
    forged = notify("webhook_unreachable__wrongly_signed_settlement", failed["id"], key="another key")
    assert forged["code"] == "payments.notice_forged"
    assert notify("webhook_unreachable__unsigned")["code"] == "payments.notice_malformed"
    assert replay("webhook_unreachable__missing_order_id")["code"] == "payments.notice_malformed"
    wallet = replay("wallet__info_after_unreachable_webhook", customer)["data"]["wallet"]
    assert wallet["creditBalance"] == 500_000
