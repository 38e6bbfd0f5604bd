"""Recorded exchanges of the wallet: figures, statement, filters, refused top-ups."""

import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import pytest
from flask import Flask

from minispod.kernel.clock import FrozenClock
from minispod.payments.states import TopUpState
from tests.contracts.wire.conftest import Replay
from tests.factories.payments import put_topup
from tests.plugins.app import Person

PlanFinder = Callable[..., uuid.UUID]


@pytest.fixture
def failed_topup(app: Flask, customer: Person, clock: FrozenClock) -> uuid.UUID:
    """A top-up of the customer that the gateway refused."""
    with app.app_context():
        return put_topup(customer.id, at=clock.now(), state=TopUpState.FAILED, amount=50_000).id


def test_figures(replay: Replay, person: Callable[..., Person]) -> None:
    wallet = replay("wallet__info", person())["data"]["wallet"]

    assert (wallet["creditBalance"], wallet["recentTransactions"]) == (0, [])


def test_figures_after_a_purchase(replay: Replay, customer: Person, plan_id: PlanFinder) -> None:
    replay("subscriptions__create_ok", customer, plan_id())

    wallet = replay("wallet__info_after_purchases", customer)["data"]["wallet"]

    figures = [wallet[key] for key in ("creditBalance", "monthlySpending", "netBalance")]
    assert figures == [450_000, 50_000, 450_000]


def test_ways_to_pay(replay: Replay, customer: Person) -> None:
    methods = replay("wallet__payment_methods", customer)["data"]["paymentMethods"]

    assert [each["type"] for each in methods] == ["BANK_TRANSFER", "E_WALLET", "CREDIT_CARD", "QRIS"]


def test_statement_of_a_newcomer(replay: Replay, person: Callable[..., Person]) -> None:
    data = replay("wallet__transactions_empty", person())["data"]

    assert (data["transactions"], data["totalPages"]) == ([], data["pagination"]["totalPages"])


def test_statement_with_a_failed_topup(replay: Replay, customer: Person, failed_topup: uuid.UUID) -> None:
    newest = replay("wallet__transactions_after_failed_topup", customer)["data"]["transactions"][0]

    assert (newest["id"], newest["status"], newest["amount"]) == (str(failed_topup), "FAILED", 50_000)
    [only] = replay("wallet__transactions_filter", customer)["data"]["transactions"]
    assert only == newest


def test_statement_with_purchases(
    replay: Replay,
    customer: Person,
    plan_id: PlanFinder,
    advance: Callable[..., datetime],
    headers_now: Callable[[Person], dict[str, str]],
) -> None:
    bought = replay("subscriptions__create_ok", customer, plan_id())["data"]["subscription"]

    first = replay("wallet__transactions_after_purchases", customer)["data"]["transactions"][0]
    assert first["subscriptionId"] == bought["id"]
    assert first["subscription"]["service"]["name"] == "N8N Automation"

    advance(days=31)
    later = replace(customer, headers=headers_now(customer))
    data = replay("wallet__transactions_after_renewal", later)["data"]
    assert [each["type"] for each in data["transactions"]] == ["SUBSCRIPTION"] * 2 + ["ADMIN_ADJUSTMENT"]


def test_filters(replay: Replay, customer: Person) -> None:
    assert "type" in replay("wallet__transactions_bad_filter", customer)["errors"]
    assert "limit" in replay("wallet__transactions_limit_too_big", customer)["errors"]
    for name in ("wallet__transactions_coupon_filter", "wallet__transactions_refunded_filter"):
        assert replay(name, customer)["data"]["transactions"] == []


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("wallet__topup_above_maximum", "payments.topup_too_large"),
        ("wallet__topup_below_minimum", "payments.topup_too_small"),
        ("wallet__topup_bad_method", "request.invalid"),
        ("wallet__topup_fraction", "request.invalid"),
        ("wallet__topup_frontend_body", "payments.gateway_unavailable"),
        ("wallet__topup_midtrans_unreachable", "payments.gateway_unavailable"),
    ],
)
def test_topups_that_are_refused(replay: Replay, customer: Person, name: str, code: str) -> None:
    assert replay(name, customer)["code"] == code


def test_one_transaction(
    replay: Replay, customer: Person, person: Callable[..., Person], failed_topup: uuid.UUID
) -> None:
    shown = replay("wallet__transaction_get_by_id_frontend_path", customer, failed_topup)["data"]
    assert shown["transaction"]["id"] == str(failed_topup)
    status = replay("wallet__transaction_status_failed", customer, failed_topup)["data"]["transaction"]
    assert status["status"] == "FAILED"
    refusal = replay("wallet__transaction_cancel_failed_one", customer, failed_topup)
    assert refusal["code"] == "payments.topup_not_pending"
    for name, who, ids in (
        ("wallet__transaction_status_404", customer, ()),
        ("wallet__transaction_status_of_other_user", person(), (failed_topup,)),
    ):
        assert replay(name, who, *ids)["code"] == "payments.no_such_transaction"
