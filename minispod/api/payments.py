"""Top-ups and the gateway's webhook. Claim, carry out, settle; the gateway is asked between the units of work."""

from typing import Any

import structlog
from flask import Response, g, jsonify, request

from minispod.api import request_keys
from minispod.api.envelope import Door, enveloped, success
from minispod.api.guard import limiter, requires_sign_in, seen
from minispod.api.problems import problem
from minispod.api.schemas.base import RequestKeyHeader
from minispod.api.schemas.payments import (
    NoticeAnswerOut,
    NoticeIn,
    TopUpIn,
    TopUpOut,
    TransactionStatusOut,
)
from minispod.insights import statement
from minispod.kernel.actor import system
from minispod.kernel.errors import Refusal
from minispod.kernel.faultpoints import Step
from minispod.kernel.ids import parse_id
from minispod.kernel.kept_answers import Key
from minispod.kernel.unit_of_work import release_connection, unit_of_work
from minispod.payments import notices, polling, queries, settling, topups
from minispod.payments.errors import TopUpNotPending
from minispod.payments.gateway import GatewayRejected, GatewayStatus, GatewayUnavailable, Notice
from minispod.payments.models import TopUp
from minispod.payments.notices import KeptNotice
from minispod.payments.states import TopUpState
from minispod.ports import current_ports, current_settings
from minispod.rules import topup_rules

door = Door("payments", __name__, url_prefix="/api/v1", description="Top-ups and payment notifications")
log = structlog.get_logger(__name__)

_OPENED = "Top-up transaction created successfully"
# The gateway sends for all our customers from a few addresses, and sends again what was refused.
_NOTICES = limiter.shared_limit("1200 per minute", scope="notices")
_NOTICE_LIMIT = 64 * 1024
_GATEWAY = system("payment gateway")


def _merchant_id() -> str:
    return current_settings().midtrans.midtrans_merchant_id


def _opened(topup: TopUp, key: Key | None) -> Response:
    """The answer, kept in the open unit of work."""
    shown = {
        "transaction_id": topup.id,
        "snap_token": topup.snap_token if topup.can_be_paid else None,
        "redirect_url": topup.redirect_url if topup.can_be_paid else None,
        "amount": topup.amount,
        "fee": topup.fee,
        "payable_amount": topup.payable,
        "payment_method": topup.payment_group.value,
        "expiry_time": statement.gateway_time(topup.expires_at),
    }
    answer = jsonify(enveloped(TopUpOut)().dump(success({"transaction": shown}, _OPENED, 201)))
    answer.status_code = 201
    request_keys.keep(key, answer)
    return answer


@door.post("/wallet/topup")
@requires_sign_in
@limiter.limit("20 per minute")
@door.arguments(RequestKeyHeader, location="headers")
@door.arguments(TopUpIn)
@door.answers(201, TopUpOut, message=_OPENED)
def open_topup(header: dict[str, Any], body: dict[str, Any]) -> Response:
    """Order credit and get the payment page. After a 503 the same request goes on with the same order."""
    ports, key = current_ports(), request_keys.key_of_request(header)
    with unit_of_work(ports.courier, Step.OPEN_TOPUP):
        if (given := request_keys.claimed(key)) is not None:
            return given
        opening = topups.open_topup(
            g.user.id,
            amount=body["amount"],
            group=body["payment_method"],
            rules=topup_rules(current_settings()),
            request_key=header["request_key"],
            actor=g.actor,
            at=ports.clock.now(),
        )
        if opening.request is None:
            return _opened(opening.topup, key)
    release_connection()
    try:
        checkout = topups.carry_out_checkout(opening.request, ports.gateway)
    except (GatewayRejected, GatewayUnavailable) as refusal:
        with unit_of_work(ports.courier, Step.REFUSE_CHECKOUT):
            topups.refuse_checkout(opening.topup.id, refusal, actor=g.actor, at=ports.clock.now())
        raise
    with unit_of_work(ports.courier, Step.ATTACH_CHECKOUT):
        if (given := request_keys.claimed(key)) is not None:  # the key is locked before the top-up
            return given
        topup = topups.attach_checkout(opening.topup.id, checkout, at=ports.clock.now())
        return _opened(topup, key)


@door.get("/wallet/transactions/<transaction_id>/status")
@requires_sign_in
@door.answers(200, TransactionStatusOut, message="Transaction status retrieved successfully")
def show_status(transaction_id: str) -> dict[str, Any]:
    """Ask the gateway about one's own undecided top-up, apply its answer and show the result."""
    id_ = parse_id(transaction_id)
    topup = queries.find_topup(id_, actor=g.actor)
    is_asked = topup is not None and topup.state.is_open and seen() is None
    said = _ask_and_settle(topup) if topup is not None and is_asked else None
    transaction = statement.get_transaction(id_, actor=g.actor)
    shown = {name: getattr(transaction, name) for name in _SHOWN}
    if said is not None and said.found and transaction.status is TopUpState.PENDING.is_shown_as:
        shown["midtrans_status"] = said
    return {"transaction": shown}


_SHOWN = ("id", "type", "status", "amount", "description", "created_at", "completed_at")


def _ask_and_settle(topup: TopUp) -> GatewayStatus | None:
    """The gateway's word, applied; None when it is silent: our own row is shown then."""
    ports, look = current_ports(), polling.look_at(topup)
    release_connection()
    try:
        status = polling.carry_out(look, ports.gateway)
    except (GatewayRejected, GatewayUnavailable):
        return None
    with unit_of_work(ports.courier, Step.SETTLE_LOOK):
        settling.settle(
            look.order_id, status, merchant_id=_merchant_id(), actor=_GATEWAY, at=ports.clock.now()
        )
    return status


@door.post("/wallet/transactions/<transaction_id>/cancel")
@requires_sign_in
@door.answers(200, message="Transaction cancelled successfully")
def cancel_topup(transaction_id: str) -> None:
    """Call off one's own pending top-up; one that was paid meanwhile stays paid (400)."""
    ports, topup_id = current_ports(), parse_id(transaction_id)
    with unit_of_work(ports.courier, Step.CLAIM_CANCEL):
        look = topups.claim_cancel(topup_id, actor=g.actor)
    release_connection()
    status = topups.carry_out_cancel(look, ports.gateway)
    with unit_of_work(ports.courier, Step.SETTLE_CANCEL):
        topup = topups.settle_cancel(
            topup_id, status, merchant_id=_merchant_id(), actor=g.actor, at=ports.clock.now()
        )
    if topup.state is not TopUpState.CANCELLED:
        raise TopUpNotPending()


@door.post("/wallet/webhook/midtrans")
@_NOTICES
@door.doc(requestBody={"required": True, "content": {"application/json": {"schema": NoticeIn}}})
@door.response(200, NoticeAnswerOut)
def receive_notice() -> Response:
    """Take a notification of the payment gateway."""
    return _receive()


@door.post("/webhooks/midtrans/notification")
@_NOTICES
@door.doc(requestBody={"required": True, "content": {"application/json": {"schema": NoticeIn}}})
@door.response(200, NoticeAnswerOut)
def receive_notice_by_configured_name() -> Response:
    """Take a notification of the payment gateway, as `/wallet/webhook/midtrans` does."""
    return _receive()


def _receive() -> Response:
    """Decision 32: 503 only while the notice could not be stored; once it is, settling is our business."""
    notice = _read()
    ports = current_ports()
    try:
        with unit_of_work(ports.courier, Step.KEEP_NOTICE):
            kept = notices.keep(notice, at=ports.clock.now())
    except Exception as error:  # noqa: BLE001 - whatever it was, the gateway must send it again
        log.error("webhook.not_stored", digest=notice.received_digest, error=type(error).__name__)
        return problem(503, "The notification could not be stored. Please send it again.", "unavailable")
    if kept is None:
        log.warning("webhook.unknown_order", order_id=notice.order_id)
        return jsonify(success=True, message="Notification received; no such order here")
    try:
        message = _settle(kept)
    except Exception as error:  # stored already: the sweep settles it, a repeat from outside would not help
        log.exception("webhook.left_to_sweep", notice_id=str(kept.id), error=type(error).__name__)
        message = "Notification stored"
    return jsonify(success=True, message=message)


def _read() -> Notice:
    request.max_content_length = _NOTICE_LIMIT
    try:
        return current_ports().gateway.read_notice(request.get_data(cache=False))
    except Refusal as refusal:
        log.warning("webhook.refused", code=refusal.code, address=request.remote_addr, **refusal.details)
        raise


def _settle(kept: KeptNotice) -> str:
    ports = current_ports()
    release_connection()
    try:
        status = ports.gateway.status(kept.transaction_id)
    except (GatewayRejected, GatewayUnavailable):
        with unit_of_work(ports.courier, Step.LEAVE_NOTICE):
            notices.leave_to_job(kept.id, at=ports.clock.now())
        return "Notification stored"
    with unit_of_work(ports.courier, Step.SETTLE_NOTICE):
        settling.settle_notice(kept, status, merchant_id=_merchant_id(), actor=_GATEWAY, at=ports.clock.now())
    return "Notification processed"
