"""One top-up: our view beside the gateway's, its history, and the acts of a person about it.

Each act that needs the gateway's word has three steps (house, 5): claim, ask with no transaction open, settle.
"""

import re
import uuid
from typing import Any

from flask import request, url_for
from werkzeug.wrappers import Response

from minispod.admin import guard, pages
from minispod.admin.door import door
from minispod.admin.languages import gettext as _
from minispod.admin.languages import said as spoken
from minispod.admin.wording import words
from minispod.insights import movements
from minispod.insights.topup_history import history_of
from minispod.kernel.errors import RuleBroken
from minispod.kernel.faultpoints import Step
from minispod.kernel.ids import parse_id
from minispod.kernel.unit_of_work import release_connection, unit_of_work
from minispod.payments import notices, polling, refunding, reviewing, settling
from minispod.payments.cases import Effect, Verdict
from minispod.payments.gateway import GatewayRejected, GatewayStatus, GatewayUnavailable
from minispod.payments.polling import Look
from minispod.ports import current_ports, current_settings

# With or without marks between the thousands; never a fraction.
_AMOUNT = re.compile(r"[0-9]{1,12}|[0-9]{1,3}(?:[.,][0-9]{3}){1,3}")


class AmountUnreadable(RuleBroken):
    """What was typed is no whole amount of rupiah."""

    code = "admin.amount_unreadable"
    default_message = "Please write the amount in whole rupiah, in digits."


@door.get("/money/topups/<topup_id>")
def topup(topup_id: str) -> Any:
    """Show one top-up with everything that is written about it."""
    found = movements.get_topup(parse_id(topup_id), actor=guard.actor())
    return pages.page_or_fragment(
        "admin/money/topup.html",
        "admin/money/topup.html",
        topup=found.topup,
        customer=found.customer,
        wallet=found.wallet,
        history=history_of(found.topup),
    )


@door.get("/money/topups/<topup_id>/gateway")
def topup_at_gateway(topup_id: str) -> Any:
    """The gateway's own view at this moment, and what settling would make of it; changes nothing."""
    found = movements.get_topup(parse_id(topup_id), actor=guard.actor()).topup
    status, silence = _asked(polling.look_at(found))
    at = current_ports().clock.now()
    preview = settling.preview(found, status, merchant_id=_merchant_id(), at=at) if status else None
    facts = {"topup": found, "status": status, "silence": silence, "preview": preview, "at": at}
    return pages.page_or_fragment("admin/money/at_gateway.html", "admin/money/_at_gateway.html", **facts)


@door.post("/money/topups/<topup_id>/ask")
def ask_gateway(topup_id: str) -> Response:
    """Ask the gateway now and apply its answer, as the schedule does."""
    ports, id_ = current_ports(), parse_id(topup_id)
    with unit_of_work(ports.courier, Step.CLAIM_ASK):
        look = polling.claim_now(id_, actor=guard.actor(), at=ports.clock.now())
    status = _ask(look)
    with unit_of_work(ports.courier, Step.SETTLE_ASK):
        verdict = settling.settle(
            look.order_id, status, merchant_id=_merchant_id(), actor=guard.actor(), at=ports.clock.now()
        )
    return _told(id_, status, verdict)


@door.post("/money/topups/<topup_id>/notices/<notice_id>/replay")
def replay_notice(topup_id: str, notice_id: str) -> Response:
    """Settle a stored notice once more, in the same way as when it came; harmless when repeated."""
    ports, id_ = current_ports(), parse_id(topup_id)
    with unit_of_work(ports.courier, Step.REPLAY_NOTICE):
        kept = notices.replay(parse_id(notice_id), topup_id=id_, actor=guard.actor(), at=ports.clock.now())
    release_connection()
    status = ports.gateway.status(kept.transaction_id)
    with unit_of_work(ports.courier, Step.SETTLE_NOTICE):
        verdict = settling.settle_notice(
            kept, status, merchant_id=_merchant_id(), actor=guard.actor(), at=ports.clock.now()
        )
    return _told(id_, status, verdict)


@door.post("/money/topups/<topup_id>/accept")
def accept_topup(topup_id: str) -> Response:
    """Credit what came in of a held top-up, after asking the gateway again."""
    ports, id_ = current_ports(), parse_id(topup_id)
    reason = reviewing.given_reason(request.form.get("reason", ""))
    with unit_of_work(ports.courier, Step.CLAIM_REVIEW):
        look = reviewing.claim(id_, actor=guard.actor())
    status = _ask(look)
    with unit_of_work(ports.courier, Step.ACCEPT_TOPUP):
        verdict = reviewing.accept(
            id_,
            status,
            reason=reason,
            merchant_id=_merchant_id(),
            actor=guard.actor(),
            at=ports.clock.now(),
        )
    return _told(id_, status, verdict)


@door.post("/money/topups/<topup_id>/close")
def close_topup(topup_id: str) -> Response:
    """End a held top-up without credit, after asking the gateway again."""
    ports, id_ = current_ports(), parse_id(topup_id)
    reason = reviewing.given_reason(request.form.get("reason", ""))
    with unit_of_work(ports.courier, Step.CLAIM_REVIEW):
        look = reviewing.claim(id_, actor=guard.actor())
    status = _ask(look)
    with unit_of_work(ports.courier, Step.CLOSE_TOPUP):
        closed = reviewing.close(
            id_,
            status,
            reason=reason,
            is_returned=request.form.get("returned") == "yes",
            merchant_id=_merchant_id(),
            actor=guard.actor(),
            at=ports.clock.now(),
        )
    return pages.told(
        _("%(custom_id)s is closed. Nothing was credited.", custom_id=closed.custom_id), _page(id_)
    )


@door.post("/money/topups/<topup_id>/refund")
def refund_topup(topup_id: str) -> Response:
    """Order a refund; a worker carries it out and the page shows what became of it."""
    ports, id_ = current_ports(), parse_id(topup_id)
    with unit_of_work(ports.courier, Step.ORDER_REFUND):
        refunding.ask(
            id_,
            amount=_amount(request.form.get("amount", "")),
            reason=request.form.get("reason", ""),
            actor=guard.actor(),
            at=ports.clock.now(),
        )
    return pages.told(_("The gateway is being asked to give the money back. Reload in a moment."), _page(id_))


def _merchant_id() -> str:
    return current_settings().midtrans.midtrans_merchant_id


def _ask(look: Look) -> GatewayStatus:
    release_connection()
    return polling.carry_out(look, current_ports().gateway)


def _asked(look: Look) -> tuple[GatewayStatus | None, str | None]:
    """The gateway's answer, or the sentence why there is none."""
    try:
        return _ask(look), None
    except (GatewayRejected, GatewayUnavailable) as refusal:
        return None, spoken(refusal.message)


def _amount(text: str) -> int | None:
    """A typed amount: "30.000" and "30,000" are thirty thousand; nothing is all that is left."""
    if not text.strip():
        return None
    if not _AMOUNT.fullmatch(text.strip()):
        raise AmountUnreadable()
    return int(re.sub(r"\D", "", text))


def _told(topup_id: uuid.UUID, status: GatewayStatus, verdict: Verdict) -> Response:
    said = status.transaction_status or _("nothing: it knows no payment of this order")
    made = words(verdict.detail).lower()
    tone = "warn" if verdict.is_hold else "good"
    change = _("Nothing was changed") if verdict.effect is Effect.NOTHING else _("Applied")
    return pages.told(
        _("The gateway says %(said)s. %(change)s: %(made)s.", said=said, change=change, made=made),
        _page(topup_id),
        tone,
    )


def _page(topup_id: uuid.UUID) -> str:
    return url_for("panel.topup", topup_id=topup_id)
