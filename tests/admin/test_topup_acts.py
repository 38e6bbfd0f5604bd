"""One top-up in the administration: both views side by side, its history, and the acts of a person about it."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from minispod.integrations.midtrans import MidtransGateway
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.kernel.unit_of_work import unit_of_work
from minispod.payments.gateway import PaymentGroup
from minispod.payments.models import GatewayNotice, TopUp, TopUpRefund
from minispod.payments.states import RefundState, TopUpState
from minispod.wallet import ledger
from minispod.wallet.models import EntryKind, EntryType, Wallet
from tests.admin.conftest import Browser
from tests.admin.shop import Shop
from tests.factories.payments import TESTER, Levers, put_topup
from tests.plugins.app import Person, data_of
from tests.plugins.simulators import Simulator
from tests.proofs import assert_wallets_add_up


@pytest.fixture
def levers(gateway: MidtransGateway, midtrans_simulator: Simulator) -> Levers:
    levers = Levers(midtrans_simulator)
    levers.reset()
    return levers


class Case:
    """A top-up of 100,000 at the simulated gateway, and how it stands."""

    def __init__(self, app: Flask, customer: Person, levers: Levers) -> None:
        self.app, self.customer, self.levers = app, customer, levers
        body = {"amount": 100_000, "paymentMethod": "QRIS"}
        opened = data_of(
            app.test_client().post("/api/wallet/topup", json=body, headers=customer.headers), 201
        )["transaction"]
        self.id = opened["transactionId"]
        self.payment = levers.choose(opened["snapToken"])
        self.path = f"/admin/money/topups/{self.id}"

    def held(self) -> "Case":
        """Paid with another sum, as far as the gateway could tell at first."""
        self.levers.event(self.payment, "pay")
        self.levers.fault("wrong_amount", amount=90_000)
        return self.looked()

    def looked(self) -> "Case":
        path = f"/api/wallet/transactions/{self.id}/status"
        assert self.app.test_client().get(path, headers=self.customer.headers).status_code == 200
        return self

    def standing(self) -> tuple[TopUpState, int]:
        with self.app.app_context():
            topup = session().get_one(TopUp, uuid.UUID(self.id))
            assert_wallets_add_up()
            return topup.state, session().get_one(Wallet, self.customer.id).balance


@pytest.fixture
def case(app: Flask, customer: Person, levers: Levers) -> Case:
    return Case(app, customer, levers)


def test_both_views_stand_side_by_side(browser: Browser, case: Case) -> None:
    case.levers.event(case.payment, "pay")

    page, gateway = browser.shown(case.path), browser.shown(f"{case.path}/gateway")

    assert "Our view" in page
    assert f'hx-get="{case.path}/gateway"' in page
    assert "Settlement" in gateway
    assert case.payment in gateway
    assert "ask the gateway to apply it" in gateway
    # Looking changes nothing.
    assert case.standing() == (TopUpState.PENDING, 500_000)


def test_a_silent_gateway_leaves_our_own_view(browser: Browser, case: Case) -> None:
    case.levers.silent()

    assert case.customer.email in browser.shown(case.path)
    gateway = browser.shown(f"{case.path}/gateway")
    assert "does not answer" in gateway
    assert "Below is what we know ourselves" in gateway


def test_asking_now_applies_the_answer(browser: Browser, case: Case) -> None:
    case.levers.event(case.payment, "pay")

    answer = browser.post(f"{case.path}/ask", case.path)

    assert answer.status_code == 303
    assert "The gateway says settlement. Applied: paid." in browser.shown(case.path)
    assert case.standing() == (TopUpState.PAID, 600_000)
    assert "Ayu Admin" in browser.shown(case.path)


def test_asking_a_silent_gateway_is_said_in_a_sentence(browser: Browser, case: Case) -> None:
    case.levers.silent()

    for act, form in (("ask", {}), ("accept", {"reason": "because"})):
        browser.post(f"{case.path}/{act}", case.path, **form)
        shown = browser.shown(case.path)
        assert "does not answer" in shown or "not held for review" in shown
    assert case.standing() == (TopUpState.PENDING, 500_000)


def test_a_held_top_up_is_accepted_once(browser: Browser, case: Case) -> None:
    case.held()
    page = browser.shown(case.path)
    for word in ("hold amount mismatch", "Accept and credit", "Close without credit?", "goes back whole"):
        assert word in page

    for _ in range(2):
        browser.post(f"{case.path}/accept", case.path, reason="The statement of the bank shows it")

    assert case.standing() == (TopUpState.PAID, 600_000)
    page = browser.shown(case.path)
    assert "not held for review any more" in page
    assert "The statement of the bank shows it" in page


def test_a_decision_without_a_reason_is_not_taken(browser: Browser, case: Case) -> None:
    case.held()

    for act in ("accept", "close", "refund"):
        browser.post(f"{case.path}/{act}", case.path, reason=" ")
        assert "Please give a reason." in browser.shown(case.path)

    assert case.standing() == (TopUpState.REVIEW, 500_000)


def test_money_that_is_there_is_closed_only_when_it_was_returned(browser: Browser, case: Case) -> None:
    case.held()

    browser.post(f"{case.path}/close", case.path, reason="Not ours")
    assert "The gateway says the money arrived" in browser.shown(case.path)
    assert case.standing() == (TopUpState.REVIEW, 500_000)

    browser.post(f"{case.path}/close", case.path, reason="Sent back by transfer", returned="yes")
    assert "is closed. Nothing was credited." in browser.shown(case.path)
    assert case.standing() == (TopUpState.FAILED, 500_000)


@pytest.mark.parametrize(("typed", "balance"), [("30.000", 570_000), ("30000", 570_000), ("", 500_000)])
def test_a_refund_is_asked_for_and_its_outcome_shown(
    browser: Browser, case: Case, run_jobs: Callable[[], int], typed: str, balance: int
) -> None:
    case.levers.event(case.payment, "pay")
    case.looked()

    browser.post(f"{case.path}/refund", case.path, amount=typed, reason="The customer wants it back")
    browser.post(f"{case.path}/refund", case.path, amount=typed, reason="The customer wants it back")
    assert "under way already" in browser.shown(case.path)
    run_jobs()

    page = browser.shown(case.path)
    assert "Refunds asked for" in page
    assert "Done" in page
    assert "The customer wants it back" in page
    assert case.standing()[1] == balance


@pytest.mark.parametrize("typed", ["-1", "1,5", "all", "١٠٠", "9" * 20, "0", "100.001"])
def test_an_odd_amount_is_said_in_a_sentence(browser: Browser, case: Case, typed: str) -> None:
    case.levers.event(case.payment, "pay")
    case.looked()

    assert browser.post(f"{case.path}/refund", case.path, amount=typed, reason="because").status_code == 303

    page = browser.shown(case.path)
    assert "whole rupiah" in page or "part of what is left" in page
    with case.app.app_context():
        assert session().scalars(select(TopUpRefund)).all() == []


def notice_of(case: Case) -> GatewayNotice:
    with case.app.app_context():
        return session().scalars(select(GatewayNotice).order_by(GatewayNotice.received_at)).all()[-1]


def put_notice(case: Case, clock: FrozenClock, **fields: Any) -> GatewayNotice:
    with case.app.app_context(), unit_of_work():
        topup = session().get_one(TopUp, uuid.UUID(case.id))
        values = {
            "digest": uuid.uuid4().hex,
            "order_id": topup.order_id,
            "transaction_id": case.payment,
            "transaction_status": "settlement",
            "gross_amount": 100_000,
            "facts": {"issuer": "<b>dana</b>", "status_message": "midtrans payment notification"},
            "received_at": clock.now(),
            "deliveries": 3,
        }
        notice = GatewayNotice(**values | fields)
        session().add(notice)
        return notice


def test_a_stored_notice_is_shown_with_its_fields_and_replayed_without_harm(
    browser: Browser, case: Case, clock: FrozenClock
) -> None:
    case.levers.event(case.payment, "pay")
    notice = put_notice(case, clock)
    page = browser.shown(case.path)
    for word in ("Notice received", "3 times", "signature good", "status_message", "&lt;b&gt;dana&lt;/b&gt;"):
        assert word in page

    for _ in range(3):
        browser.post(f"{case.path}/notices/{notice.id}/replay", case.path)

    assert case.standing() == (TopUpState.PAID, 600_000)
    assert notice_of(case).verdict == "already_credited"
    assert "Topup: notice replayed" in browser.shown(case.path)


def test_a_replay_while_the_gateway_is_silent_changes_nothing(
    browser: Browser, case: Case, clock: FrozenClock
) -> None:
    notice = put_notice(case, clock)
    case.levers.silent()

    browser.post(f"{case.path}/notices/{notice.id}/replay", case.path)

    assert "does not answer" in browser.shown(case.path)
    assert notice_of(case).settled_at is None


def test_a_notice_of_another_order_is_not_replayed_here(
    browser: Browser, case: Case, clock: FrozenClock
) -> None:
    foreign = put_notice(case, clock, order_id="TOPUP-00000000000000000000000000")

    assert browser.post(f"{case.path}/notices/{foreign.id}/replay", case.path).status_code == 404


def test_a_second_payment_is_found_on_both_pages_and_on_today(
    browser: Browser, case: Case, app: Flask, clock: FrozenClock
) -> None:
    with app.app_context():
        first = put_topup(case.customer.id, at=clock.now(), state=TopUpState.PAID)
        second = put_topup(
            case.customer.id,
            at=clock.now(),
            state=TopUpState.REVIEW,
            second_of=first.id,
            order_id=f"{first.order_id}-2",
            transaction_id="tx-that-came-too-02",
            review_reason="hold_double_payment",
        )

    assert str(second.id) in browser.shown(f"/admin/money/topups/{first.id}")
    assert str(first.id) in browser.shown(f"/admin/money/topups/{second.id}")
    today = browser.shown("/admin/")
    assert "hold double payment" in today
    assert f"/admin/money/topups/{second.id}" in today


def test_debt_is_on_today_and_on_the_top_up(
    browser: Browser, app: Flask, clock: FrozenClock, customer: Person
) -> None:
    with app.app_context():
        with unit_of_work():
            spent = ledger.Posting(EntryType.SUBSCRIPTION, EntryKind.PERIOD, "spent", "A month")
            ledger.debit(customer.id, 500_000, spent, actor=TESTER, at=clock.now())
        topup = put_topup(customer.id, at=clock.now(), state=TopUpState.PAID)
        with unit_of_work():
            rest = ledger.Posting(EntryType.SUBSCRIPTION, EntryKind.PERIOD, "more", "A month")
            ledger.debit(customer.id, 100_000, rest, actor=TESTER, at=clock.now())
        with unit_of_work():
            row = session().get_one(TopUp, topup.id)
            row.state, row.reversed_amount = TopUpState.CHARGEBACK, row.amount
            session().flush()  # the top-up is locked before the wallet
            back = ledger.Posting(EntryType.REFUND, EntryKind.TOPUP_REVERSAL, f"{row.id}:100000", "back")
            ledger.take_back(customer.id, 100_000, back, actor=TESTER, at=clock.now())

    today, page = browser.shown("/admin/"), browser.shown(f"/admin/money/topups/{topup.id}")

    assert "1 customer owes" in today
    assert "owes Rp\u00a0100,000" in today
    assert f"/admin/money/topups/{topup.id}" in today
    assert "blocked until it is settled" in page


def test_a_refused_refund_is_on_today(
    browser: Browser, app: Flask, clock: FrozenClock, customer: Person
) -> None:
    with app.app_context():
        topup = put_topup(customer.id, at=clock.now(), state=TopUpState.PAID)
        with unit_of_work():
            session().add(
                TopUpRefund(
                    topup_id=topup.id,
                    transaction_id="tx-1",
                    refund_key="RF-1",
                    taken_back_before=0,
                    reason="asked",
                    asked_by="Ayu",
                    state=RefundState.REFUSED,
                    refusal="412",
                    asked_at=clock.now(),
                    settled_at=clock.now(),
                )
            )

    today = browser.shown("/admin/")

    assert "1 refund is not done" in today
    assert "the gateway refused: 412" in today


def test_one_box_finds_money_by_any_id(browser: Browser, shop: Shop, app: Flask, clock: FrozenClock) -> None:
    with app.app_context():
        pending = put_topup(
            shop.customer.id,
            at=clock.now(),
            transaction_id="tx-pending-0001",
            payment_group=PaymentGroup.E_WALLET,
        )
        charge = (
            session().scalars(select(ledger.LedgerEntry).where(ledger.LedgerEntry.kind == "period")).one()
        )

    for query in (
        pending.custom_id,
        pending.order_id,
        "tx-pending-0001",
        str(pending.id),
        shop.customer.email,
        str(shop.customer.id),
    ):
        assert pending.custom_id in browser.shown(f"/admin/money?q={query}"), query
    for query in (shop.topup.transaction_id, str(shop.topup.id), shop.topup.custom_id):
        assert f"/admin/money/topups/{shop.topup.id}" in browser.shown(f"/admin/money?q={query}"), query
    for query in (str(charge.id), str(shop.subscription.id), charge.custom_id):
        page = browser.shown(f"/admin/money?q={query}")
        assert charge.custom_id in page, query
        assert "1–1 of 1" in page, query
    part = browser.fragment(f"/admin/money?q={pending.custom_id}").text
    assert 'id="found-topups"' in part
    assert 'hx-swap-oob="true"' in part


def test_an_attempt_that_failed_is_found_by_its_notice(
    browser: Browser, case: Case, clock: FrozenClock
) -> None:
    put_notice(case, clock, transaction_id="tx-denied-0001", transaction_status="deny")

    assert case.path in browser.shown("/admin/money?q=tx-denied-0001")
