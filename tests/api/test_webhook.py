"""The gateway's webhook: what it answers, what it keeps, and that trouble of ours never loses a payment."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from minispod.accounts.registration import open_account
from minispod.app import create_app
from minispod.integrations.midtrans import MidtransGateway
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import db, session
from minispod.kernel.unit_of_work import unit_of_work
from minispod.payments.models import GatewayNotice, TopUp
from minispod.payments.states import TopUpState
from minispod.settings import Settings
from minispod.wallet import ledger
from minispod.wallet.models import Wallet
from tests.factories.payments import TESTER, Levers, put_topup
from tests.plugins.app import Person, PortsNow
from tests.plugins.simulators import Simulator

FOLDER = Path(__file__).parents[1] / "fixtures" / "midtrans" / "notifications"
SETTLEMENT = (FOLDER / "bank_transfer_bca_settlement.json").read_bytes()
ORDER = json.loads(SETTLEMENT)["order_id"]
PATH = "/api/wallet/webhook/midtrans"


@pytest.fixture
def levers(gateway: MidtransGateway, midtrans_simulator: Simulator) -> Levers:
    levers = Levers(midtrans_simulator)
    levers.reset()
    levers.answer_about(SETTLEMENT, "mirror")
    return levers


@pytest.fixture
def topup(app: Flask, customer: Person, clock: FrozenClock) -> TopUp:
    with app.app_context():
        return put_topup(customer.id, at=clock.now(), order_id=ORDER)


def post(client: FlaskClient, raw: bytes = SETTLEMENT) -> TestResponse:
    return client.post(PATH, data=raw, content_type="application/json")


def state_and_balance(app: Flask) -> tuple[TopUpState, int]:
    with app.app_context():
        return (
            session().scalars(select(TopUp.state)).one(),
            session().scalars(select(Wallet.balance)).one(),
        )


def notice(app: Flask) -> GatewayNotice:
    with app.app_context():
        return session().scalars(select(GatewayNotice)).one()


def changed(**fields: Any) -> bytes:
    """The settlement with fields changed that the signature does not cover."""
    return json.dumps(json.loads(SETTLEMENT) | fields).encode()


def test_answer_is_the_plain_one_of_the_contract(client: FlaskClient, topup: TopUp, levers: Levers) -> None:
    answer = post(client)

    assert answer.status_code == 200
    assert answer.get_json() == {"success": True, "message": "Notification processed"}


def test_silent_gateway_leaves_the_settling_to_a_job(
    app: Flask,
    client: FlaskClient,
    topup: TopUp,
    levers: Levers,
    run_jobs: Callable[[], int],
    advance: Callable[..., Any],
) -> None:
    levers.silent()

    answer = post(client)
    run_jobs()

    assert answer.status_code == 200
    assert state_and_balance(app) == (TopUpState.PENDING, 500_000)
    assert notice(app).settled_at is None

    levers.lift()
    advance(minutes=5)

    assert state_and_balance(app) == (TopUpState.PAID, 600_000)
    assert notice(app).verdict == "paid"


def test_gateway_that_contradicts_its_own_notice_is_asked_again_within_minutes(
    app: Flask,
    client: FlaskClient,
    topup: TopUp,
    levers: Levers,
    clock: FrozenClock,
    tick: Callable[[str], None],
    run_jobs: Callable[[], int],
) -> None:
    clock.advance(minutes=31)  # the next look would be half an hour away
    levers.answer_about(SETTLEMENT, {"status_code": "201", "transaction_status": "pending"})

    assert post(client).status_code == 200
    assert state_and_balance(app) == (TopUpState.PENDING, 500_000)
    assert notice(app).verdict == "hold_inconsistent"

    levers.answer_about(SETTLEMENT, "mirror")
    clock.advance(seconds=61)
    tick("poll-topups")
    run_jobs()

    assert state_and_balance(app) == (TopUpState.PAID, 600_000)


def test_notice_whose_settling_was_interrupted_is_found_by_the_sweep(
    app: Flask,
    client: FlaskClient,
    levers: Levers,
    clock: FrozenClock,
    tick: Callable[[str], None],
    run_jobs: Callable[[], int],
) -> None:
    # The account has no wallet yet: settling breaks after the notice was stored.
    with app.app_context(), unit_of_work():
        user = open_account(
            name="Budi",
            email="budi@example.com",
            password="correct horse",
            bcrypt_rounds=4,
            actor=TESTER,
            at=clock.now(),
        )
    with app.app_context():
        put_topup(user.id, at=clock.now(), order_id=ORDER, next_poll_at=None)

    answer = post(client)
    with app.app_context(), unit_of_work():
        ledger.open_wallet(user.id, at=clock.now())
    assert state_and_balance(app) == (TopUpState.PENDING, 0)
    clock.advance(minutes=2)
    tick("poll-topups")
    run_jobs()

    assert answer.status_code == 200
    assert state_and_balance(app) == (TopUpState.PAID, 100_000)


def test_dead_database_is_the_one_reason_for_503(
    settings: Settings, ports: PortsNow, app: Flask, levers: Levers
) -> None:
    nowhere = Settings(
        **{
            name: value
            for group in Settings.__slots__
            for name, value in getattr(settings, group).model_dump().items()
        }
        | {"database_url": "postgresql://nobody@127.0.0.1:1/nothing"}
    )
    blind = create_app(nowhere, replace(app.extensions["minispod.ports"]))

    answer = post(blind.test_client())

    assert answer.status_code == 503
    assert answer.get_json()["code"] == "unavailable"
    with blind.app_context():
        db.engine.dispose()


def test_forged_and_malformed_bodies_are_refused_even_with_a_dead_database(
    client: FlaskClient, topup: TopUp, app: Flask
) -> None:
    forged = post(client, changed(signature_key="f" * 128))
    malformed = post(client, b"order_id=1")

    assert (forged.status_code, forged.get_json()["code"]) == (403, "payments.notice_forged")
    assert (malformed.status_code, malformed.get_json()["code"]) == (400, "payments.notice_malformed")
    assert state_and_balance(app) == (TopUpState.PENDING, 500_000)


def test_oversized_body_is_refused_unread(client: FlaskClient, topup: TopUp, levers: Levers) -> None:
    filler = "x" * 70_000

    assert post(client, changed(filler=filler)).status_code == 413
    assert post(client, changed(filler=filler[:60_000])).status_code == 200


def test_same_bytes_are_one_notice_however_often_they_come(
    app: Flask, client: FlaskClient, topup: TopUp, levers: Levers
) -> None:
    for _ in range(3):
        assert post(client).status_code == 200

    assert notice(app).deliveries == 3
    assert state_and_balance(app) == (TopUpState.PAID, 600_000)


def test_no_personal_data_and_no_signature_are_kept(
    app: Flask, client: FlaskClient, topup: TopUp, levers: Levers
) -> None:
    raw = changed(customer_details={"email": "budi@example.com"}, payer_phone_number="+62812", odd={"a": [1]})

    assert post(client, raw).status_code == 200

    kept = json.dumps(notice(app).facts)
    assert "settlement_time" in kept
    for word in ("budi", "62812", "signature", "odd", "customer"):
        assert word not in kept


@pytest.mark.parametrize("text", ["a\u0000b", "\ud800", "x" * 5_000, "<script>alert(1)</script>"])
def test_hostile_text_in_unsigned_fields_is_survived(
    text: str, app: Flask, client: FlaskClient, topup: TopUp, levers: Levers
) -> None:
    raw = changed(transaction_status=text, currency=text, merchant_id=text, bank=text, status_message=text)

    answer = post(client, raw)

    assert answer.status_code == 200
    # Currency and merchant are claimed by the notice only, yet nothing is credited while they do not fit.
    assert state_and_balance(app) == (TopUpState.REVIEW, 500_000)


def test_webhook_takes_no_token_and_no_other_method(client: FlaskClient) -> None:
    assert client.get(PATH).status_code == 405
    assert client.post(PATH + "/", data=b"").status_code == 400
