"""Settling with the ledger, the audit book and the mails: what one answer of the gateway changes."""

from collections.abc import Sequence
from itertools import permutations

import pytest
from sqlalchemy import select

from minispod.accounts.models import User
from minispod.audit.models import AuditEntry
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.kernel.outbox import OutboxRow
from minispod.kernel.tasks import Task
from minispod.kernel.unit_of_work import unit_of_work
from minispod.notifications.messages import MessageKind
from minispod.notifications.models import Notification
from minispod.payments import settling
from minispod.payments.cases import Verdict
from minispod.payments.errors import NoSuchTransaction
from minispod.payments.gateway import GatewayStatus
from minispod.payments.models import TopUp
from minispod.payments.states import TopUpState
from minispod.wallet import ledger
from minispod.wallet.errors import WalletInDebt
from minispod.wallet.models import EntryKind, EntryType, LedgerEntry, Wallet
from tests.factories.payments import PAYER, TESTER, put_topup
from tests.plugins.app import MERCHANT, Person
from tests.proofs import assert_wallets_add_up

pytestmark = pytest.mark.usefixtures("context")

STEPS = (("settlement", None), ("partial_refund", 30_000), ("partial_refund", 60_000), ("refund", 100_000))


def say(
    topup: TopUp, clock: FrozenClock, status: str, refund_amount: int | None = None, payer: str = PAYER
) -> Verdict:
    answer = GatewayStatus(
        found=True,
        transaction_id=payer,
        transaction_status=status,
        gross_amount=topup.amount,
        currency="IDR",
        merchant_id=MERCHANT,
        refund_amount=refund_amount,
        payment_type="bank_transfer",
    )
    with unit_of_work():
        return settling.settle(topup.order_id, answer, merchant_id=MERCHANT, actor=TESTER, at=clock.now())


def entries(kind: EntryKind) -> Sequence[LedgerEntry]:
    return session().scalars(select(LedgerEntry).where(LedgerEntry.kind == kind)).all()


def balance() -> int:
    return session().scalars(select(Wallet.balance)).one()


def spend(customer: Person, amount: int, clock: FrozenClock) -> None:
    posting = ledger.Posting(EntryType.SUBSCRIPTION, EntryKind.PERIOD, f"spent-{amount}", "A month")
    with unit_of_work():
        ledger.debit(customer.id, amount, posting, actor=TESTER, at=clock.now())


@pytest.mark.parametrize("order", list(permutations(STEPS)), ids=str)
def test_refunds_end_right_in_whatever_order_they_are_announced(
    order: tuple[tuple[str, int | None], ...], customer: Person, clock: FrozenClock
) -> None:
    topup = put_topup(customer.id, at=clock.now())

    for status, amount in order + order:
        say(topup, clock, status, amount)

    assert balance() == 500_000
    assert topup.state is TopUpState.REFUNDED
    assert len(entries(EntryKind.TOPUP)) == 1
    assert sum(entry.amount for entry in entries(EntryKind.TOPUP_REVERSAL)) == 100_000
    assert_wallets_add_up()


def test_credit_wakes_what_waits_for_money_and_sends_one_receipt(
    customer: Person, clock: FrozenClock
) -> None:
    topup = put_topup(customer.id, at=clock.now())
    with unit_of_work():
        for row in session().scalars(select(OutboxRow)):
            session().delete(row)

    say(topup, clock, "settlement")
    say(topup, clock, "settlement")

    tasks = session().scalars(select(OutboxRow.task)).all()
    assert sorted(tasks) == [Task.CREDIT_ARRIVED, Task.DELIVER_MESSAGE, Task.ISSUE_PAPERS]
    mail = session().scalars(select(Notification).where(Notification.kind == MessageKind.TOPUP_RECEIPT)).one()
    assert mail.dedupe_key == f"topup:{topup.id}"
    assert mail.facts["amount"] == 100_000
    assert mail.facts["balance"] == 600_000
    entry = entries(EntryKind.TOPUP)[0]
    assert (entry.id, entry.number) == (topup.id, topup.number)


def test_chargeback_of_spent_credit_becomes_debt_and_blocks_spending(
    customer: Person, administrator: Person, clock: FrozenClock
) -> None:
    topup = put_topup(customer.id, at=clock.now(), state=TopUpState.PAID)
    spend(customer, 550_000, clock)

    say(topup, clock, "chargeback")

    wallet = session().get_one(Wallet, customer.id)
    assert (wallet.balance, wallet.gateway_debt) == (-50_000, 50_000)
    with pytest.raises(WalletInDebt):
        spend(customer, 1, clock)
    alert = session().scalars(select(Notification).where(Notification.kind == MessageKind.STAFF_ALERT)).one()
    assert (alert.user_id, alert.facts["reason"]) == (administrator.id, "chargeback")
    [letter] = letters_about_reversals()
    assert (letter.user_id, letter.facts["amount"], letter.facts["owed"]) == (customer.id, 100_000, 50_000)


def letters_about_reversals() -> Sequence[Notification]:
    wanted = select(Notification).where(Notification.kind == MessageKind.TOPUP_TAKEN_BACK)
    return session().scalars(wanted.order_by(Notification.created_at, Notification.id)).all()


def test_a_letter_tells_of_each_step_in_which_a_payment_is_taken_back(
    customer: Person, clock: FrozenClock
) -> None:
    topup = put_topup(customer.id, at=clock.now())

    for status, amount in (*STEPS, *STEPS):
        say(topup, clock, status, amount)

    letters = letters_about_reversals()
    assert [(each.facts["amount"], each.facts["balance"], each.facts["owed"]) for each in letters] == [
        (30_000, 570_000, None),
        (30_000, 540_000, None),
        (40_000, 500_000, None),
    ]
    by_amount = {
        (each.amount, each.balance_after): [str(each.id)] for each in entries(EntryKind.TOPUP_REVERSAL)
    }
    assert all(each.entry_ids == by_amount[each.facts["amount"], each.facts["balance"]] for each in letters)


def test_nobody_writes_to_an_account_that_was_deleted(customer: Person, clock: FrozenClock) -> None:
    """The address of one is nobody's: its mails would be tried, and counted as failures."""
    topup = put_topup(customer.id, at=clock.now())
    with unit_of_work():
        session().get_one(User, customer.id).deleted_at = clock.now()

    for status, amount in STEPS:
        say(topup, clock, status, amount)

    assert sum(entry.amount for entry in entries(EntryKind.TOPUP_REVERSAL)) == 100_000
    told = session().scalars(select(Notification.kind).where(Notification.user_id == customer.id)).all()
    assert {MessageKind.TOPUP_RECEIPT, MessageKind.TOPUP_TAKEN_BACK}.isdisjoint(told), told


def test_part_of_a_payment_that_was_refunded_before_we_heard_of_it_stays_with_the_customer(
    customer: Person, clock: FrozenClock
) -> None:
    topup = put_topup(customer.id, at=clock.now())

    say(topup, clock, "partial_refund", 40_000)

    assert (topup.state, balance()) == (TopUpState.PARTIALLY_REFUNDED, 560_000)
    assert (len(entries(EntryKind.TOPUP)), len(entries(EntryKind.TOPUP_REVERSAL))) == (1, 1)


def test_second_payment_of_one_order_calls_each_administrator_once(
    customer: Person, administrator: Person, clock: FrozenClock
) -> None:
    topup = put_topup(customer.id, at=clock.now(), state=TopUpState.PAID)

    for _ in range(3):
        verdict = say(topup, clock, "settlement", payer="tx-another-1")

    assert verdict.detail == "hold_double_payment"
    assert session().get_one(Wallet, customer.id).balance == 600_000
    alerts = session().scalars(select(Notification).where(Notification.kind == MessageKind.STAFF_ALERT)).all()
    assert len(alerts) == 1


def test_review_names_its_reason_until_it_is_over(customer: Person, clock: FrozenClock) -> None:
    topup = put_topup(customer.id, at=clock.now(), amount=90_000)
    odd = GatewayStatus(
        found=True, transaction_id=PAYER, transaction_status="settlement", gross_amount=100_000
    )
    for _ in range(3):
        with unit_of_work():
            settling.settle(topup.order_id, odd, merchant_id=MERCHANT, actor=TESTER, at=clock.now())
    reviews = session().scalars(select(AuditEntry).where(AuditEntry.action == "topup.needs_review")).all()
    assert len(reviews) == 1
    assert (topup.state, topup.review_reason) == (TopUpState.REVIEW, "hold_amount_mismatch")

    say(topup, clock, "settlement")

    assert (topup.state, topup.review_reason, balance()) == (TopUpState.PAID, None, 590_000)


def test_every_change_of_state_is_in_the_audit_book(customer: Person, clock: FrozenClock) -> None:
    topup = put_topup(customer.id, at=clock.now())

    for status in ("pending", "expire", "settlement", "settlement", "deny"):
        say(topup, clock, status)

    changes = [
        (line.details["before"], line.details["after"], line.details["reason"])
        for line in session().scalars(
            select(AuditEntry).where(AuditEntry.action == "topup.changed").order_by(AuditEntry.id)
        )
    ]
    assert changes == [
        ("PENDING", "EXPIRED", "expired"),
        ("EXPIRED", "PAID", "paid_late"),
        ("PAID", "REVERSED", "bank_reversal_after_settlement"),
    ]


def test_unknown_order_is_not_found(clock: FrozenClock) -> None:
    with pytest.raises(NoSuchTransaction), unit_of_work():
        settling.settle(
            "TOPUP-NONE", GatewayStatus(found=False), merchant_id=MERCHANT, actor=TESTER, at=clock.now()
        )


def test_a_paid_topup_keeps_the_attempt_that_paid_it(customer: Person, clock: FrozenClock) -> None:
    topup = put_topup(customer.id, at=clock.now(), state=TopUpState.PAID, transaction_id=PAYER)

    say(topup, clock, "expire", payer="tx-of-another-attempt")

    kept = session().get_one(TopUp, topup.id, populate_existing=True)
    assert (kept.transaction_id, kept.gateway_state, kept.payment_type) == (PAYER, "settlement", None)
