"""Open a top-up, attach its payment page, call it off. Claim, carry out, settle (house, 5).

The order is committed here before the gateway hears of it, and a checkout whose outcome is unknown keeps the
order open: repeating it with the same order is safe until a method was picked. Lock: the top-up.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import or_, select
from sqlalchemy.exc import IntegrityError

from minispod.accounts import directory
from minispod.accounts.models import User
from minispod.audit import trail
from minispod.kernel.actor import Actor
from minispod.kernel.database import lock, session
from minispod.kernel.ids import new_id, new_ulid
from minispod.kernel.money import Rupiah
from minispod.payments import settling
from minispod.payments.cases import Detail
from minispod.payments.errors import (
    CheckoutInProgress,
    NoSuchTransaction,
    RequestKeyReused,
    TopUpNotPending,
    TopUpTooLarge,
    TopUpTooSmall,
)
from minispod.payments.gateway import (
    Checkout,
    CheckoutRequest,
    GatewayRejected,
    GatewayStatus,
    GatewayUnavailable,
    PaymentGateway,
    PaymentGroup,
)
from minispod.payments.models import TopUp
from minispod.payments.polling import Look, look_at
from minispod.payments.states import TopUpState
from minispod.wallet import ledger

# Longer than the adapter may take, so that nobody opens a second page while the first is being opened.
_CHECKOUT_CLAIM = timedelta(seconds=40)
# Silence that has used up the customer's patience already.
_SLOW = ("timeout", "too_slow")


@dataclass(frozen=True, slots=True)
class TopUpRules:
    """The limits and the fee of a top-up (decision 16), and how long its payment page lives."""

    minimum: int
    maximum: int
    expiry_minutes: int
    finish_url: str
    fee_fixed: int = 0
    fee_basis_points: int = 0

    def fee(self, amount: int) -> int:
        """What the customer pays on top, in rupiah; half a rupiah is rounded up."""
        return self.fee_fixed + (amount * self.fee_basis_points + 5_000) // 10_000


@dataclass(frozen=True, slots=True)
class Opening:
    """A top-up and, unless its page is open already, what to ask the gateway for."""

    topup: TopUp
    request: CheckoutRequest | None


def open_topup(
    user_id: uuid.UUID,
    *,
    amount: int,
    group: PaymentGroup,
    rules: TopUpRules,
    request_key: str | None,
    actor: Actor,
    at: datetime,
) -> Opening:
    """Commit to an order. A repeated `request_key`, or a like order whose page never opened, is continued.

    Refuses TopUpTooSmall, TopUpTooLarge, RequestKeyReused, CheckoutInProgress.
    """
    _check_amount(amount, rules)
    topup = _earlier(user_id, amount, group, request_key, at)
    if topup is None:
        topup, is_new = _insert(user_id, amount, group, rules, request_key, at)
        if is_new:
            _record_opening(topup, actor=actor, at=at)
    if topup.snap_token is not None or topup.state is not TopUpState.PENDING:
        return Opening(topup, None)
    if topup.checkout_until is not None and topup.checkout_until > at:
        raise CheckoutInProgress()
    return Opening(topup, _claim_checkout(topup, rules, at))


def carry_out_checkout(request: CheckoutRequest, gateway: PaymentGateway) -> Checkout:
    """Open the payment page; once more with the same order when the line broke without costing time."""
    try:
        return gateway.open_checkout(request)
    except GatewayUnavailable as refusal:
        if refusal.details.get("reason") in _SLOW:
            raise
    return gateway.open_checkout(request)


def attach_checkout(topup_id: uuid.UUID, checkout: Checkout, *, at: datetime) -> TopUp:
    """Remember where the customer pays."""
    topup = _locked(topup_id)
    topup.snap_token = checkout.token
    topup.redirect_url = checkout.redirect_url
    topup.checkout_until = None
    topup.updated_at = at
    return topup


def refuse_checkout(
    topup_id: uuid.UUID, refusal: GatewayRejected | GatewayUnavailable, *, actor: Actor, at: datetime
) -> None:
    """The page did not open: refused for good is FAILED; without an answer the order can be continued."""
    topup = _locked(topup_id)
    topup.checkout_until = None
    if isinstance(refusal, GatewayRejected) and topup.state is TopUpState.PENDING:
        settling.move(topup, TopUpState.FAILED, Detail.FAILURE, actor=actor, at=at)


def claim_cancel(topup_id: uuid.UUID, *, actor: Actor) -> Look:
    """Check that one's own top-up is still pending; refuses NoSuchTransaction, TopUpNotPending."""
    topup = _own(topup_id, actor)
    if topup.state is not TopUpState.PENDING:
        raise TopUpNotPending()
    return look_at(topup)


def carry_out_cancel(look: Look, gateway: PaymentGateway) -> GatewayStatus:
    """Call the payment off at the gateway; one that can no longer be called off is reported as it is.

    Where no method was picked yet the payment page is closed, so that nobody pays what was called off.
    """
    status = _call_off(look, gateway)
    if status.found or look.checkout_token is None:
        return status
    try:
        gateway.close_checkout(look.checkout_token)
    except GatewayRejected:
        # A method was picked at this very moment, or the page is closed already.
        return _call_off(look, gateway)
    return status


def _call_off(look: Look, gateway: PaymentGateway) -> GatewayStatus:
    for payment_id in look.ids:
        try:
            status = gateway.cancel(payment_id)
        except GatewayRejected:
            return gateway.status(payment_id)
        if status.found:
            return status
    return GatewayStatus(found=False)


def settle_cancel(
    topup_id: uuid.UUID, status: GatewayStatus, *, merchant_id: str, actor: Actor, at: datetime
) -> TopUp:
    """Whoever comes first to the locked row wins: the returned top-up may be paid instead of cancelled."""
    topup = _locked(topup_id)
    if status.found:
        settling.settle(topup.order_id, status, merchant_id=merchant_id, actor=actor, at=at)
    elif topup.state is TopUpState.PENDING:
        # No method was picked, so there was nothing to call off at the gateway but the page.
        settling.move(topup, TopUpState.CANCELLED, Detail.CANCELLED, actor=actor, at=at)
    return topup


def _check_amount(amount: int, rules: TopUpRules) -> None:
    if amount < rules.minimum:
        raise TopUpTooSmall(
            f"Minimum top-up amount is Rp {rules.minimum:,}", about="amount", minimum=rules.minimum
        )
    if amount > rules.maximum:
        raise TopUpTooLarge(
            f"Maximum top-up amount is Rp {rules.maximum:,}", about="amount", maximum=rules.maximum
        )


def _earlier(
    user_id: uuid.UUID, amount: int, group: PaymentGroup, request_key: str | None, at: datetime
) -> TopUp | None:
    """The order this wish belongs to already, locked; raise RequestKeyReused when it was another wish."""
    if request_key is None:
        like_it = (
            select(TopUp)
            .where(
                TopUp.user_id == user_id,
                TopUp.amount == amount,
                TopUp.payment_group == group,
                TopUp.state == TopUpState.PENDING,
                TopUp.snap_token.is_(None),
                or_(TopUp.checkout_until.is_(None), TopUp.checkout_until <= at),
                TopUp.expires_at > at,
            )
            .order_by(TopUp.created_at.desc())
            .limit(1)
        )
        return session().scalar(like_it.with_for_update(skip_locked=True))
    same_key = select(TopUp).where(TopUp.user_id == user_id, TopUp.request_key == request_key)
    topup = session().scalar(same_key.with_for_update(), execution_options={"populate_existing": True})
    if topup is not None and (topup.amount, topup.payment_group) != (amount, group):
        raise RequestKeyReused()
    return topup


def _insert(
    user_id: uuid.UUID,
    amount: int,
    group: PaymentGroup,
    rules: TopUpRules,
    request_key: str | None,
    at: datetime,
) -> tuple[TopUp, bool]:
    """A new order; or, of two with one request key that come at once, the other's."""
    topup = TopUp(
        id=new_id(),
        number=ledger.next_number(),
        order_id=f"TOPUP-{new_ulid()}",
        user_id=user_id,
        amount=Rupiah(amount),
        fee=Rupiah(rules.fee(amount)),
        payment_group=group,
        state=TopUpState.PENDING,
        request_key=request_key,
        expires_at=at + timedelta(minutes=rules.expiry_minutes),
        reversed_amount=Rupiah(0),
        polls=0,
        created_at=at,
        updated_at=at,
    )
    settling.plan_next_look(topup, at=at)
    try:
        with session().begin_nested():
            session().add(topup)
            session().flush()  # the unique request key decides now between two that come at once
    except IntegrityError:
        other = _earlier(user_id, amount, group, request_key, at)
        if other is None:
            raise
        return other, False
    return topup, True


def _record_opening(topup: TopUp, *, actor: Actor, at: datetime) -> None:
    trail.record(
        actor,
        trail.Action.TOPUP_OPENED,
        at=at,
        subject_kind="topup",
        subject_id=topup.id,
        amount=int(topup.amount),
        order_id=topup.order_id,
    )


def _claim_checkout(topup: TopUp, rules: TopUpRules, at: datetime) -> CheckoutRequest:
    user: User = directory.get_user(topup.user_id)
    topup.checkout_until = at + _CHECKOUT_CLAIM
    topup.expires_at = at + timedelta(minutes=rules.expiry_minutes)
    settling.plan_next_look(topup, at=at)
    return CheckoutRequest(
        order_id=topup.order_id,
        amount=topup.amount,
        method=topup.payment_group,
        customer_name=user.name,
        customer_email=user.email,
        customer_phone=user.phone,
        expires_in_minutes=rules.expiry_minutes,
        finish_url=rules.finish_url,
        fee=topup.fee,
    )


def _own(topup_id: uuid.UUID, actor: Actor) -> TopUp:
    topup: TopUp | None = lock(TopUp, topup_id)
    if topup is None or not actor.may_see(topup.user_id):
        raise NoSuchTransaction()
    return topup


def _locked(topup_id: uuid.UUID) -> TopUp:
    topup: TopUp | None = lock(TopUp, topup_id)
    if topup is None:
        raise NoSuchTransaction()
    return topup
