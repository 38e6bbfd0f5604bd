"""The one way in which the gateway's word changes a top-up: webhook, poll, sweep and staff all come here.

Lock order (docs/adr/0005): top-up, then wallet. What an answer means is decided in `verdicts`; here it is
carried out once, under the lock, with the ledger, the audit entry, the receipt and the alert in one commit.
"""

import uuid
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import bindparam, select

from minispod.accounts import directory
from minispod.audit import trail
from minispod.kernel.actor import Actor
from minispod.kernel.database import session
from minispod.kernel.inserting import in_one_message
from minispod.kernel.money import Rupiah
from minispod.notifications import post
from minispod.notifications.messages import MessageKind
from minispod.papers.opening import open_paper
from minispod.payments import alerting, looks, notices, second_payments, timetable
from minispod.payments.cases import Announced, Case, Detail, Effect, Order, Verdict
from minispod.payments.errors import NoSuchTransaction
from minispod.payments.gateway import GatewayStatus
from minispod.payments.models import TopUp
from minispod.payments.notices import KeptNotice
from minispod.payments.states import TAKEN_BACK, TOPUP_LIFECYCLE, TopUpState
from minispod.payments.verdicts import judge
from minispod.wallet import ledger
from minispod.wallet.models import EntryKind, EntryType, LedgerEntry

log = structlog.get_logger(__name__)

_TYPE_LENGTH = 40
_OF_ORDER = (
    select(TopUp)
    .where(TopUp.order_id == bindparam("asked_for"))
    .with_for_update(key_share=True)
    .execution_options(populate_existing=True)
)


def settle_notice(
    kept: KeptNotice, status: GatewayStatus, *, merchant_id: str, actor: Actor, at: datetime
) -> Verdict:
    """Settle the order a stored notice is about, and write down what was made of the notice."""
    verdict = settle(
        kept.order_id, status, merchant_id=merchant_id, announced=kept.announced, actor=actor, at=at
    )
    notices.settle(kept.id, verdict.detail, at=at)
    return verdict


def settle(
    order_id: str,
    status: GatewayStatus,
    *,
    merchant_id: str,
    actor: Actor,
    at: datetime,
    announced: Announced | None = None,
    is_accepted: bool = False,
) -> Verdict:
    """Apply what the gateway says about an order; locks the top-up, then the wallet. Harmless when repeated.

    With `is_accepted` a person has decided that what is held is good: what came in is credited.
    """
    topup = _meant(order_id, status, announced)
    balance = None
    with in_one_message():
        while True:
            case = Case(_order(topup), status, merchant_id, at, announced, is_accepted)
            verdict = judge(case)
            credited = _apply(topup, case, verdict, actor=actor, at=at)
            balance = balance if credited is None else credited
            # At most twice: a credited order is never told to look again.
            if not verdict.look_again:
                break
        if announced is None:
            looks.note(topup.id, status, verdict.detail, actor=actor, at=at)
        if balance is not None and topup.state not in TAKEN_BACK:
            _send_receipt(topup, balance - topup.reversed_amount, at=at)
    return verdict


def preview(topup: TopUp, status: GatewayStatus, *, merchant_id: str, at: datetime) -> Verdict:
    """What settling would make of an answer; changes nothing."""
    return judge(Case(_order(topup), status, merchant_id, at))


def _meant(order_id: str, status: GatewayStatus, announced: Announced | None) -> TopUp:
    """The locked top-up an answer is about: the order's own, or that of a second payment of it."""
    topup = _locked(order_id)
    transaction_id = status.transaction_id or (announced.transaction_id if announced else None)
    return second_payments.find(topup, transaction_id) or topup


def _locked(order_id: str) -> TopUp:
    topup = session().scalar(_OF_ORDER, {"asked_for": order_id})
    if topup is None:
        raise NoSuchTransaction()
    return topup


def _order(topup: TopUp) -> Order:
    return Order(
        state=topup.state,
        amount=topup.amount,
        expires_at=topup.expires_at,
        reversed_amount=topup.reversed_amount,
        transaction_id=topup.transaction_id,
        paid_transaction_id=topup.paid_transaction_id,
        fee=topup.fee,
        order_id=topup.gateway_order_id,
        is_second=topup.second_of is not None,
        returned_transaction_id=topup.returned_transaction_id,
    )


def _apply(topup: TopUp, case: Case, verdict: Verdict, *, actor: Actor, at: datetime) -> int | None:
    """Do what the verdict says; return the new balance if it was a credit."""
    balance = None
    before, is_known = topup.state, topup.review_reason == verdict.detail.value
    _note_attempt(topup, case, verdict)
    if verdict.effect is Effect.CREDIT:
        entry = _credit(topup, case, actor=actor, at=at)
        move(topup, verdict.state, verdict.detail, actor=actor, at=at)
        open_paper(entry, at=at)
        balance = entry.balance_after
    elif verdict.effect is Effect.REVERSE:
        entry = _take_back(topup, verdict, actor=actor, at=at)
        move(topup, verdict.state, verdict.detail, actor=actor, at=at)
        open_paper(entry, at=at)
        _tell_of_reversal(topup, entry, at=at)
    else:
        move(topup, verdict.state, verdict.detail, actor=actor, at=at)
    if verdict.detail is Detail.HOLD_INCONSISTENT:
        topup.next_poll_at = min(filter(None, (topup.next_poll_at, at + timetable.SOON)))
    if verdict.needs_person and not is_known:
        held = second_payments.hold(topup, case, at=at) if _is_second_payment(topup, verdict) else None
        alerting.call_staff(held or topup, verdict.detail, case.transaction_id, actor=actor, at=at)
    log.info(
        "topup.settled",
        topup_id=str(topup.id),
        verdict=verdict.detail.value,
        before=before.value,
        after=topup.state.value,
        effect=verdict.effect.value,
    )
    return balance


def _is_second_payment(topup: TopUp, verdict: Verdict) -> bool:
    return verdict.detail is Detail.HOLD_DOUBLE_PAYMENT and topup.state.is_credited


def move(topup: TopUp, state: TopUpState, detail: Detail, *, actor: Actor, at: datetime) -> None:
    """Bring a locked top-up into `state`, with its audit entry and its next look at the gateway."""
    before = topup.state
    if state is not before:
        TOPUP_LIFECYCLE.check(before, state)
        topup.state = state
        topup.review_reason = detail.value if state is TopUpState.REVIEW else None
        topup.updated_at = at
        trail.record(
            actor,
            trail.Action.TOPUP_CHANGED,
            at=at,
            subject_kind="topup",
            subject_id=topup.id,
            before=before.value,
            after=state.value,
            reason=detail.value,
        )
    plan_next_look(topup, at=at)


def plan_next_look(topup: TopUp, *, at: datetime) -> None:
    """Write down when to ask the gateway by ourselves."""
    topup.next_poll_at = timetable.next_look(
        topup.state,
        created_at=topup.created_at,
        expires_at=topup.expires_at,
        completed_at=topup.completed_at,
        payment_type=topup.payment_type,
        at=at,
    )


def _note_attempt(topup: TopUp, case: Case, verdict: Verdict) -> None:
    """Remember which attempt is the current one; what is late or contradictory says nothing about that."""
    if topup.state.is_credited or verdict.detail in (Detail.LATE_IGNORED, Detail.HOLD_INCONSISTENT):
        return
    if case.status.found:
        topup.transaction_id = case.transaction_id
        topup.payment_type = (case.status.payment_type or "")[:_TYPE_LENGTH] or topup.payment_type
        topup.gateway_state = (case.status.transaction_status or "")[:_TYPE_LENGTH]


def _credit(topup: TopUp, case: Case, *, actor: Actor, at: datetime) -> LedgerEntry:
    """Write the credit and return its entry. State and payer change together, before the next flush."""
    _fit_to_payment(topup, case, actor=actor, at=at)
    posting = ledger.Posting(
        type=EntryType.TOP_UP,
        kind=EntryKind.TOPUP,
        reference=str(topup.id),
        description=topup.description,
        payment_method=topup.payment_method,
        details={
            "orderId": topup.order_id,
            "transactionId": case.transaction_id,
            **({"fee": int(topup.fee)} if topup.fee else {}),
        },
        # The customer has seen this id and number since the top-up was pending.
        entry_id=topup.id,
        number=topup.number,
    )
    entry = ledger.credit(topup.user_id, topup.amount, posting, actor=actor, at=at)
    topup.paid_transaction_id = case.transaction_id
    topup.completed_at = at
    return entry


def _fit_to_payment(topup: TopUp, case: Case, *, actor: Actor, at: datetime) -> None:
    """Let a top-up be worth what came in: only a person's decision lets another sum pass."""
    received = case.status.gross_amount
    if received is None or received == topup.payable:
        return
    asked, fee = topup.amount, min(topup.fee, received - 1)
    topup.amount, topup.fee = Rupiah(received - fee), Rupiah(fee)
    trail.record(
        actor,
        trail.Action.TOPUP_AMOUNT_CORRECTED,
        at=at,
        subject_kind="topup",
        subject_id=topup.id,
        asked=int(asked),
        amount=int(topup.amount),
    )


def _take_back(topup: TopUp, verdict: Verdict, *, actor: Actor, at: datetime) -> LedgerEntry:
    posting = ledger.Posting(
        type=EntryType.REFUND,
        kind=EntryKind.TOPUP_REVERSAL,
        # The sum so far names the step: the same refund announced twice is the same entry.
        reference=f"{topup.id}:{verdict.reversed_total}",
        description=f"Payment taken back: {topup.description} ({topup.custom_id})",
        payment_method=topup.payment_method,
        details={"topupId": str(topup.id), "reason": verdict.detail.value},
    )
    entry = ledger.take_back(
        topup.user_id, verdict.reversed_total - topup.reversed_amount, posting, actor=actor, at=at
    )
    topup.reversed_amount = Rupiah(verdict.reversed_total)
    topup.updated_at = at
    return entry


def _send_receipt(topup: TopUp, balance: int, *, at: datetime) -> None:
    _tell(
        MessageKind.TOPUP_RECEIPT,
        topup,
        f"topup:{topup.id}",
        topup.id,
        at=at,
        facts={
            "number": topup.custom_id,
            "amount": int(topup.amount),
            "fee": int(topup.fee),
            "balance": int(balance),
            "payment_type": topup.payment_type,
            "paid_at": at.isoformat(),
        },
    )


def _tell_of_reversal(topup: TopUp, entry: LedgerEntry, *, at: datetime) -> None:
    owed = ledger.hold(topup.user_id).gateway_debt
    _tell(
        MessageKind.TOPUP_TAKEN_BACK,
        topup,
        f"topup:{entry.reference}:taken-back",
        entry.id,
        at=at,
        facts={
            "number": topup.custom_id,
            "amount": int(entry.amount),
            "balance": int(entry.balance_after),
            "owed": int(owed) if owed else None,
            "taken_at": at.isoformat(),
        },
    )


def _tell(
    kind: MessageKind, topup: TopUp, key: str, entry_id: uuid.UUID, *, facts: dict[str, Any], at: datetime
) -> None:
    """Write to the owner, with the paper of the entry; an account that was deleted has no address."""
    user = directory.get_user(topup.user_id)
    if user.deleted_at is None:
        recipient = post.Recipient(user.name, user.email, user.id)
        post.queue(kind, recipient, dedupe_key=key, at=at, facts=facts, entry_ids=[entry_id])
