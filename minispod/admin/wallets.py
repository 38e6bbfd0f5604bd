"""Wallets: one customer's wallet with its entries, corrections in two steps, and their second confirmation."""

import re
import uuid
from typing import Any

from flask import make_response, render_template, request, url_for

from minispod.accounts import directory, staff_sessions
from minispod.accounts.models import User
from minispod.admin import guard, pages
from minispod.admin.door import door
from minispod.admin.languages import N_, grouped, said
from minispod.admin.languages import gettext as _
from minispod.admin.payments import entries_as_csv, entries_wanted
from minispod.admin.wording import rupiah
from minispod.insights import adjustments, movements
from minispod.kernel.errors import RuleBroken
from minispod.kernel.faultpoints import Step
from minispod.kernel.ids import parse_id
from minispod.kernel.paging import PageRequest
from minispod.kernel.unit_of_work import unit_of_work
from minispod.ports import current_ports, current_settings
from minispod.rules import adjustment_rules
from minispod.wallet import adjusting, statements
from minispod.wallet.adjusting import Correction
from minispod.wallet.models import EntryType
from minispod.wallet.states import AdjustmentState

# Digits, or groups of three as people in Indonesia or abroad write them; a fraction is no amount.
_AMOUNT = re.compile(r"(?:Rp)?\s*(\d{1,12}|\d{1,3}(?:[.,\s]\d{3}){1,3})")
_FEW = PageRequest(1, 5)
_LONGEST_FIELD = 500
_KEY = re.compile(r"[0-9a-f]{32}")


@door.get("/customers/<user_id>/wallet")
def wallet(user_id: str) -> Any:
    """Show one wallet with the entries that the filters choose."""
    user = directory.get_user(parse_id(user_id))
    wanted = entries_wanted(user.id)
    window = movements.list_movements(pages.window_request(), wanted)
    return pages.page_or_fragment(
        "admin/wallets/one.html",
        "admin/wallets/_entries.html",
        user=user,
        wallet=statements.get_wallet(user.id, actor=guard.actor()),
        found=window.page,
        is_exact=window.is_exact,
        wanted=wanted,
        choices=EntryType,
        adjustments=adjustments.list_adjustments(_FEW, user_id=user.id),
    )


@door.get("/customers/<user_id>/wallet/ledger.csv")
def export_wallet(user_id: str) -> Any:
    """Download one customer's entries, with the same filters."""
    user = directory.get_user(parse_id(user_id))
    return entries_as_csv(entries_wanted(user.id), "wallet")


@door.get("/customers/<user_id>/wallet/adjust")
def adjust_form(user_id: str) -> Any:
    """Ask what shall be corrected, and why."""
    return _form(directory.get_user(parse_id(user_id)), {})


@door.post("/customers/<user_id>/wallet/adjust/check")
def check_adjustment(user_id: str) -> Any:
    """Show what the correction would do; nothing is done yet."""
    user = directory.get_user(parse_id(user_id))
    ports = current_ports()
    change = _correction(user.id)
    if change is None:
        return _form(
            user,
            _given(),
            _("The amount must be a whole number of rupiah, such as %(amount)s.", amount=grouped(25_000)),
        )
    try:
        foresight = adjusting.foresee(
            change,
            rules=adjustment_rules(current_settings()),
            actor=guard.actor(),
            at=ports.clock.now(),
        )
    except RuleBroken as refusal:
        return _form(user, _given(), said(refusal.message))
    return render_template(
        "admin/wallets/check.html",
        user=user,
        change=change,
        foresight=foresight,
        given=_given(),
        request_key=uuid.uuid4().hex,
    )


@door.post("/customers/<user_id>/wallet/adjust")
def adjust(user_id: str) -> Any:
    """Make the correction that was shown, once however often the form is sent."""
    user = directory.get_user(parse_id(user_id))
    ports = current_ports()
    change, key = _correction(user.id), request.form.get("request_key", "")
    if change is None or not _KEY.fullmatch(key):
        return _form(user, _given(), _("Please check the correction once more."))
    try:
        with unit_of_work(ports.courier, Step.ADJUST):
            made = adjusting.request(
                change,
                request_key=key,
                rules=adjustment_rules(current_settings()),
                actor=guard.actor(),
                at=ports.clock.now(),
            )
    except RuleBroken as refusal:
        return _form(user, _given(), said(refusal.message))
    if made.state is AdjustmentState.PENDING:
        told = _("A second confirmation is needed. The adjustment waits for it; nothing has moved yet.")
        return pages.told(told, url_for("panel.adjustment", adjustment_id=made.id), "warn")
    told = N_("%(size)s was added to the wallet of %(name)s.")
    if made.delta < 0:
        told = N_("%(size)s was deducted from the wallet of %(name)s.")
    return pages.told(
        _(told, size=rupiah(abs(made.delta)), name=user.name),
        url_for("panel.wallet", user_id=user.id),
    )


@door.get("/money/adjustments")
def adjustments_list() -> Any:
    """List corrections, the newest first."""
    state = pages.chosen(AdjustmentState, "state")
    return pages.page_or_fragment(
        "admin/wallets/adjustments.html",
        "admin/wallets/_adjustments.html",
        found=adjustments.list_adjustments(pages.page_request(), state=state),
        chosen=state,
        choices=AdjustmentState,
    )


@door.get("/money/adjustments/<adjustment_id>")
def adjustment(adjustment_id: str) -> Any:
    """Show one correction, and approve or decline while it waits."""
    found = adjustments.get_adjustment(parse_id(adjustment_id), actor=guard.actor())
    at, actor = current_ports().clock.now(), guard.actor()
    return pages.page_or_fragment(
        "admin/wallets/adjustment.html",
        "admin/wallets/adjustment.html",
        found=found,
        wallet=statements.get_wallet(found.owner.id, actor=actor),
        is_waiting=adjusting.is_waiting(found.adjustment, at),
        may_approve=adjusting.may_approve(found.adjustment, actor=actor, at=at),
        asks_for_password=adjusting.asks_for_password(found.adjustment, actor=actor),
    )


@door.post("/money/adjustments/<adjustment_id>/approve")
def approve_adjustment(adjustment_id: str) -> Any:
    """Confirm a correction that waits."""
    ports, settings = current_ports(), current_settings()
    password = request.form.get("password")
    if password and settings.operation.rate_limits_enabled:
        staff_sessions.count_try(
            ports.admin_sessions, email=str(guard.actor().user_id), address=request.remote_addr
        )
    with unit_of_work(ports.courier, Step.APPROVE_ADJUSTMENT):
        adjusting.approve(
            parse_id(adjustment_id),
            password=password,
            bcrypt_rounds=settings.tokens.bcrypt_rounds,
            actor=guard.actor(),
            at=ports.clock.now(),
        )
    return pages.told(_("The adjustment was made."), url_for("panel.adjustment", adjustment_id=adjustment_id))


@door.post("/money/adjustments/<adjustment_id>/decline")
def decline_adjustment(adjustment_id: str) -> Any:
    """Call off a correction that waits."""
    ports = current_ports()
    with unit_of_work(ports.courier):
        adjusting.decline(parse_id(adjustment_id), actor=guard.actor(), at=ports.clock.now())
    return pages.told(
        _("The adjustment was declined; nothing moved."),
        url_for("panel.adjustment", adjustment_id=adjustment_id),
    )


def _given() -> dict[str, str]:
    names = ("direction", "amount", "reason", "note", "may_owe")
    return {name: request.form.get(name, "").replace("\x00", "")[:_LONGEST_FIELD] for name in names}


def _correction(user_id: uuid.UUID) -> Correction | None:
    """What the form asks for; None when the amount is none."""
    given = _given()
    read = _AMOUNT.fullmatch(given["amount"].strip())
    if read is None or given["direction"] not in ("add", "deduct"):
        return None
    size = int(re.sub(r"\D", "", read[1]))
    is_deduction = given["direction"] == "deduct"
    return Correction(
        user_id,
        -size if is_deduction else size,
        given["reason"].strip(),
        given["note"].strip() or None,
        may_owe=is_deduction and given["may_owe"] == "yes",
    )


def _form(user: User, given: dict[str, str], problem: str | None = None) -> Any:
    page = render_template(
        "admin/wallets/adjust.html",
        user=user,
        wallet=statements.get_wallet(user.id, actor=guard.actor()),
        given=given,
        problem=problem,
        rules=adjustment_rules(current_settings()),
    )
    return make_response(page, 400 if problem else 200)
