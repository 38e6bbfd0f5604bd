"""What an answer of the gateway means for an order: the table of verdicts. Pure; no database, no clock.

The Status API is believed, never the notice alone: its signature covers neither status nor currency. A notice
can only make us look, and hold. Invariants: an order is credited at most once, by one transaction; only that
transaction can take the credit back; no verdict loses money that the gateway says arrived.
"""

from collections.abc import Callable, Mapping

from minispod.payments.cases import Case, Detail, Effect, Verdict
from minispod.payments.states import TopUpState


def judge(case: Case) -> Verdict:
    """Decide what the gateway's answer means for the order."""
    if not case.status.found:
        return _not_found(case)
    if case.transaction_id is None or _is_about_another(case):
        return _hold(case, Detail.HOLD_INCONSISTENT)
    rule = _RULES.get(case.status.transaction_status or "")
    return rule(case) if rule else _hold(case, Detail.HOLD_UNKNOWN_STATUS)


def _is_about_another(case: Case) -> bool:
    return case.is_of_another_order or _is_about_another_attempt(case)


def _is_about_another_attempt(case: Case) -> bool:
    return case.announced is not None and case.announced.transaction_id != case.transaction_id


def _not_found(case: Case) -> Verdict:
    """The gateway knows nothing: no method was picked yet, which is final once the page has closed."""
    if case.announced is not None:
        return _hold(case, Detail.HOLD_INCONSISTENT)
    if case.order.state is not TopUpState.PENDING:
        return _nothing(case, Detail.UNCHANGED)
    if case.at >= case.order.expires_at:
        return Verdict(Effect.FAIL, Detail.EXPIRED, TopUpState.EXPIRED)
    return _nothing(case, Detail.NOT_STARTED)


def _money_in(case: Case) -> Verdict:
    order = case.order
    # Channels without fraud screening send none; absence counts as accepted.
    fraud = (case.status.fraud_status or "accept").lower()
    if case.is_returned:
        return _nothing(case, Detail.RETURNED)
    if order.state.is_credited:
        if not case.is_of_payer and fraud == "accept":
            return _hold(case, Detail.HOLD_DOUBLE_PAYMENT)
        return _nothing(
            case, Detail.ALREADY_CREDITED if order.state is TopUpState.PAID else Detail.LATE_IGNORED
        )
    if fraud != "accept":
        return _review(case, Detail.HOLD_CHALLENGE if fraud == "challenge" else Detail.HOLD_FRAUD)
    if order.is_second and not case.is_accepted:
        return _review(case, Detail.HOLD_DOUBLE_PAYMENT)
    return _mismatch(case) or _credit(case)


def _credit(case: Case) -> Verdict:
    is_late = case.order.state in (TopUpState.EXPIRED, TopUpState.CANCELLED)
    return Verdict(Effect.CREDIT, Detail.PAID_LATE if is_late else Detail.PAID, TopUpState.PAID)


def _mismatch(case: Case) -> Verdict | None:
    """A verdict that keeps the money untouched when amount, currency or merchant do not fit."""
    status, announced = case.status, case.announced
    if status.gross_amount is None:
        return _hold(case, Detail.HOLD_INCONSISTENT)
    claims = (status, announced) if announced else (status,)
    if not case.is_accepted and any(claim.gross_amount != case.order.payable for claim in claims):
        return _review(case, Detail.HOLD_AMOUNT)
    if any(claim.currency not in (None, "IDR") for claim in claims):
        return _review(case, Detail.HOLD_CURRENCY)
    if case.merchant_id and any(claim.merchant_id not in (None, case.merchant_id) for claim in claims):
        return _review(case, Detail.HOLD_MERCHANT)
    return None


def _waiting(case: Case) -> Verdict:
    if case.order.state.is_credited:
        return _nothing(case, Detail.LATE_IGNORED)
    has_ended = case.order.state in (TopUpState.FAILED, TopUpState.EXPIRED)
    # Only another attempt can reopen; an old look at the attempt that ended cannot.
    if has_ended and case.transaction_id != case.order.transaction_id:
        return Verdict(Effect.NOTHING, Detail.REOPENED, TopUpState.PENDING)
    return _nothing(case, Detail.PENDING_RECORDED)


def _authorized(case: Case) -> Verdict:
    if case.order.state.is_credited:
        return _nothing(case, Detail.LATE_IGNORED)
    return _hold(case, Detail.HOLD_AUTHORIZE)


_ENDINGS: Mapping[str, tuple[Effect, Detail, TopUpState]] = {
    "deny": (Effect.FAIL, Detail.DENIED, TopUpState.FAILED),
    "failure": (Effect.FAIL, Detail.FAILURE, TopUpState.FAILED),
    "expire": (Effect.FAIL, Detail.EXPIRED, TopUpState.EXPIRED),
    "cancel": (Effect.CANCEL, Detail.CANCELLED, TopUpState.CANCELLED),
}
_UNDOINGS: Mapping[str, Detail] = {"deny": Detail.BANK_REVERSAL, "cancel": Detail.VOID}


def _ended(case: Case) -> Verdict:
    """An attempt ended without money; the one that had paid takes its money along."""
    status = case.status.transaction_status or ""
    if case.order.state.is_credited:
        if not case.is_of_payer:
            return _nothing(case, Detail.LATE_IGNORED)
        undoing = _UNDOINGS.get(status)
        if undoing is None:
            return _hold(case, Detail.HOLD_INCONSISTENT)
        return _reverse(case, undoing, TopUpState.REVERSED, case.order.amount)
    if not case.order.state.is_open:
        return _nothing(case, Detail.UNCHANGED)
    if case.is_of_other_attempt:
        return _nothing(case, Detail.LATE_IGNORED)
    return Verdict(*_ENDINGS[status])


def _given_back(case: Case) -> Verdict:
    """Refunds and chargebacks; their amount is the sum so far, not the latest step."""
    order = case.order
    if case.is_returned:
        return _nothing(case, Detail.RETURNED)
    if not order.state.is_credited:
        if order.is_second and not case.is_accepted and _total_given_back(case) != order.amount:
            return _review(case, Detail.HOLD_DOUBLE_PAYMENT)
        # The payment itself was never heard of: credit it first, so that a part that stays is not lost.
        return _mismatch(case) or _credited_first(case)
    if not case.is_of_payer:
        if (case.status.transaction_status or "").startswith("partial_"):
            # Of a second payment that was never heard of while it was whole, a part is still there.
            return _hold(case, Detail.HOLD_DOUBLE_PAYMENT)
        return _nothing(case, Detail.LATE_IGNORED)
    if order.reversed_amount == order.amount:
        return _nothing(case, Detail.ALREADY_REVERSED)
    total = _total_given_back(case)
    if total is None:
        return _hold(case, Detail.HOLD_REFUND_AMOUNT)
    is_whole = total == order.amount
    if (case.status.transaction_status or "").endswith("chargeback"):
        detail = Detail.CHARGEBACK if is_whole else Detail.PARTIAL_CHARGEBACK
        state = TopUpState.CHARGEBACK if is_whole else TopUpState.PARTIALLY_REFUNDED
        return _reverse(case, detail, state, total, needs_person=True)
    detail = Detail.REFUND_FULL if is_whole else Detail.PARTIAL_REFUND
    state = TopUpState.REFUNDED if is_whole else TopUpState.PARTIALLY_REFUNDED
    return _reverse(case, detail, state, total)


def _credited_first(case: Case) -> Verdict:
    verdict = _credit(case)
    return Verdict(verdict.effect, verdict.detail, verdict.state, look_again=True)


def _total_given_back(case: Case) -> int | None:
    """The credit given back so far; None where it cannot be known. A chargeback takes the whole, whatever was
    refunded before. The fee is given back last, and is no credit.
    """
    status, given = case.status.transaction_status, case.status.refund_amount
    if status == "chargeback" or (status == "refund" and given is None):
        return case.order.amount
    return min(given, case.order.amount) if given is not None and 0 < given <= case.order.payable else None


def _reverse(
    case: Case, detail: Detail, state: TopUpState, total: int, *, needs_person: bool = False
) -> Verdict:
    if total <= case.order.reversed_amount:
        return _nothing(case, Detail.ALREADY_REVERSED)
    return Verdict(Effect.REVERSE, detail, state, reversed_total=total, needs_person=needs_person)


def _review(case: Case, detail: Detail) -> Verdict:
    return Verdict(Effect.NOTHING, detail, TopUpState.REVIEW, needs_person=True)


def _hold(case: Case, detail: Detail) -> Verdict:
    # A contradiction is mostly a moment's: the next look resolves it, nobody needs to be called.
    needs_person = detail is not Detail.HOLD_INCONSISTENT
    return Verdict(
        Effect.NOTHING, detail, case.order.state, case.order.reversed_amount, needs_person=needs_person
    )


def _nothing(case: Case, detail: Detail) -> Verdict:
    """Nothing changes; a notice that claimed otherwise is called late, or a contradiction."""
    if case.is_contradicted and case.announced is not None:
        if case.order.state.is_credited or case.announced.transaction_status in ("pending", "authorize"):
            detail = Detail.LATE_IGNORED
        else:
            return _hold(case, Detail.HOLD_INCONSISTENT)
    return Verdict(Effect.NOTHING, detail, case.order.state, case.order.reversed_amount)


_RULES: Mapping[str, Callable[[Case], Verdict]] = {
    "settlement": _money_in,
    "capture": _money_in,
    "pending": _waiting,
    "authorize": _authorized,
    "deny": _ended,
    "failure": _ended,
    "expire": _ended,
    "cancel": _ended,
    "refund": _given_back,
    "partial_refund": _given_back,
    "chargeback": _given_back,
    "partial_chargeback": _given_back,
}
