"""Every recorded notification and every sequence, byte for byte, through the real adapter and the simulated gateway.

Asserted are the order's state, the balance, the number of ledger rows and the HTTP answer: all files, no exceptions.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from minispod.audit.models import AuditEntry
from minispod.audit.trail import Action
from minispod.integrations.midtrans import MidtransGateway
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.notifications.messages import MessageKind
from minispod.notifications.models import Notification
from minispod.payments.models import GatewayNotice, TopUp
from minispod.payments.states import TopUpState
from minispod.wallet.models import LedgerEntry, Wallet
from tests.factories.payments import Levers, put_topup
from tests.plugins.app import Person
from tests.plugins.simulators import Simulator
from tests.proofs import assert_wallets_add_up

FOLDER = Path(__file__).parents[1] / "fixtures" / "midtrans" / "notifications"
INDEX = json.loads((FOLDER / "index.json").read_text(encoding="utf-8"))
FILES = {one["file"]: one for one in INDEX["files"]}
PATHS = ("/api/wallet/webhook/midtrans", "/api/v1/webhooks/midtrans/notification")
ENTRIES = {
    "bca happy path": 1,
    "duplicate delivery": 1,
    "duplicate delivery, concurrent": 1,
    "out of order": 1,
    "permata reversal": 2,
    "gopay partial then full refund, then replay": 3,
    "gopay refund notifications swapped": 2,
    "card: capture, settlement, refund, bank confirmation": 2,
    "card: capture lost, only settlement arrives": 1,
    "card challenge approved": 1,
    "deny then other method": 1,
    "other method then late deny of the first attempt": 1,
    "double payment": 1,
}


@pytest.fixture
def levers(gateway: MidtransGateway, midtrans_simulator: Simulator) -> Levers:
    """The simulated gateway, forgetful of what other tests told it."""
    levers = Levers(midtrans_simulator)
    levers.reset()
    return levers


def raw_of(name: str) -> bytes:
    return (FOLDER / name).read_bytes()


def prepare(levers: Levers, name: str) -> None:
    """Have the Status API answer as recorded; nobody can be asked about a body without ids."""
    try:
        body = json.loads(raw_of(name))
    except ValueError:
        return
    if isinstance(body, dict):
        levers.answer_about(raw_of(name), FILES[name]["status_api"])


def post(client: FlaskClient, name: str, path: str = PATHS[0]) -> TestResponse:
    headers = {"Content-Type": "application/json", "Accept": "application/json", "User-Agent": "Veritrans"}
    return client.post(path, data=raw_of(name), headers=headers)


def order_before(one: dict[str, Any], customer: Person, clock: FrozenClock) -> None:
    """The order as it stands before the file arrives."""
    state, context = TopUpState(one["order_state_before"]), one["context"]
    said = json.loads(raw_of(one["file"])).get("transaction_id", "nobody")
    put_topup(
        customer.id,
        at=clock.now(),
        state=state,
        amount=one["order_amount_idr"],
        order_id=one["order_id"],
        paid_by=context.get("paid_transaction_id", said),
        taken_back=context.get("already_reversed_idr"),
    )


def standing(app: Flask, customer: Person) -> tuple[list[str], int, int]:
    """States of all orders, balance, ledger rows. A second payment is no order; it is looked at apart."""
    with app.app_context():
        states = [
            state.value for state in session().scalars(select(TopUp.state).where(TopUp.second_of.is_(None)))
        ]
        wallet = session().get_one(Wallet, customer.id)
        rows = session().scalar(select(func.count()).select_from(LedgerEntry)) or 0
        assert_wallets_add_up()
        return states, wallet.balance, rows


def count(app: Flask, query: Any) -> int:
    with app.app_context():
        return session().scalar(select(func.count()).select_from(query.subquery())) or 0


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("name", FILES)
def test_recorded_notification_has_the_recorded_effect(
    name: str,
    path: str,
    app: Flask,
    client: FlaskClient,
    customer: Person,
    administrator: Person,
    clock: FrozenClock,
    levers: Levers,
) -> None:
    one = FILES[name]
    is_ours = one["order_known"] and one["order_id"]
    if is_ours:
        with app.app_context():
            order_before(one, customer, clock)
    _, balance, rows = standing(app, customer)
    prepare(levers, name)

    answer = post(client, name, path)

    states, new_balance, new_rows = standing(app, customer)
    detail = one["expected_detail"]
    assert answer.status_code == one["suggested_http_response"], answer.get_json()
    assert answer.get_json()["success"] is (answer.status_code == 200)
    assert states == ([one["expected_order_state"]] if is_ours else [])
    assert new_balance - balance == one["credit_delta_idr"]
    assert new_rows - rows == (1 if one["expected_effect"] in ("credit", "reverse") else 0)
    kept = select(GatewayNotice.verdict).where(GatewayNotice.verdict == detail)
    assert count(app, kept) == (0 if detail.startswith("reject_") else 1)
    receipts = select(Notification).where(Notification.kind == MessageKind.TOPUP_RECEIPT)
    assert count(app, receipts) == (1 if one["expected_effect"] == "credit" else 0)
    calls = detail in ("chargeback",) or (detail.startswith("hold_") and detail != "hold_inconsistent")
    reviews = select(AuditEntry).where(AuditEntry.action == Action.TOPUP_NEEDS_REVIEW)
    alerts = select(Notification).where(Notification.kind == MessageKind.STAFF_ALERT)
    assert (count(app, reviews), count(app, alerts)) == ((1, 1) if calls else (0, 0))
    held = select(TopUp.id).where(TopUp.second_of.is_not(None), TopUp.state == TopUpState.REVIEW)
    assert count(app, held) == (1 if detail == "hold_double_payment" else 0)


@pytest.mark.parametrize("sequence", INDEX["sequences"], ids=lambda sequence: sequence["name"])
def test_recorded_sequence_ends_as_recorded(
    sequence: dict[str, Any],
    app: Flask,
    client: FlaskClient,
    customer: Person,
    clock: FrozenClock,
    levers: Levers,
    at_once: Callable[..., list[Any]],
) -> None:
    first = FILES[sequence["files"][0]]
    with app.app_context():
        put_topup(customer.id, at=clock.now(), amount=first["order_amount_idr"], order_id=first["order_id"])
    _, balance, rows = standing(app, customer)

    if sequence.get("concurrent"):
        for name in sequence["files"]:
            prepare(levers, name)
        answers = at_once(
            len(sequence["files"]), lambda index: post(app.test_client(), sequence["files"][index])
        )
    else:
        answers = []
        for name in sequence["files"]:
            prepare(levers, name)
            answers.append(post(client, name))

    states, new_balance, new_rows = standing(app, customer)
    assert [answer.status_code for answer in answers] == [200] * len(sequence["files"])
    assert states == [sequence["final"]]
    assert new_balance - balance == sequence["total_credit_idr"]
    assert new_rows - rows == ENTRIES[sequence["name"]]


def test_replay_covers_all_that_was_recorded() -> None:
    recorded = {path.name for path in FOLDER.glob("*.json")} - {"index.json"}

    assert set(FILES) == recorded
    assert len(FILES) == 82
    assert set(ENTRIES) == {sequence["name"] for sequence in INDEX["sequences"]}
