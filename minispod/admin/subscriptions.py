"""Subscriptions: the list, everything about one, and what staff do with its money: refund, cancel, change, extend.

Each act asks first and needs a reason, which the audit book keeps. A form carries a key, so that sending it twice is
one act.
"""

import uuid
from typing import Any

from flask import request, url_for

from minispod.admin import guard, pages
from minispod.admin.door import door
from minispod.admin.languages import gettext as _
from minispod.admin.languages import ngettext
from minispod.admin.wording import rupiah
from minispod.insights import promises
from minispod.kernel.errors import RuleBroken
from minispod.kernel.faultpoints import Step
from minispod.kernel.ids import parse_id
from minispod.kernel.unit_of_work import unit_of_work
from minispod.ports import current_ports, current_settings
from minispod.rules import business_rules
from minispod.subscriptions import cancellation, changing, queries, stewardship
from minispod.subscriptions.states import SubscriptionStatus

_USED = (SubscriptionStatus.ACTIVE, SubscriptionStatus.EXPIRED, SubscriptionStatus.CANCELLED)
_SHORTEST_REASON, _LONGEST_REASON = 10, 500
_MOST_RUPIAH = 10_000_000
_MOST_DAYS = 365
_LONGEST_KEY = 80


class BadForm(RuleBroken):
    """A form was filled in with something that cannot be meant."""

    code = "admin.bad_form"
    default_message = "The form is not complete. Nothing was done."


@door.get("/subscriptions")
def subscriptions_list() -> Any:
    """List subscriptions."""
    search, status = pages.search_text(), pages.chosen(SubscriptionStatus, "status")
    found = queries.list_all(pages.page_request(), search=search, status=status)
    return pages.page_or_fragment(
        "admin/subscriptions/page.html",
        "admin/subscriptions/_list.html",
        found=found,
        search=search,
        status=status,
        statuses=_USED,
    )


@door.get("/subscriptions/<subscription_id>")
def subscription(subscription_id: str) -> Any:
    """Show everything about one subscription."""
    at = current_ports().clock.now()
    rules = business_rules(current_settings())
    file = promises.get_file(parse_id(subscription_id), rules=rules, actor=guard.actor(), at=at)
    return pages.page_or_fragment(
        "admin/subscriptions/one.html",
        "admin/subscriptions/one.html",
        file=file,
        key=uuid.uuid4().hex,
        at=at,
    )


@door.post("/subscriptions/<subscription_id>/refund")
def refund_subscription(subscription_id: str) -> Any:
    """Give back a part of what it cost."""
    ports, id_ = current_ports(), parse_id(subscription_id)
    with unit_of_work(ports.courier, Step.REFUND_CHARGE):
        done = stewardship.refund(
            id_,
            _number("amount", _MOST_RUPIAH),
            reason=given_reason(),
            request_key=_key(),
            rules=business_rules(current_settings()),
            actor=guard.actor(),
            at=ports.clock.now(),
        )
    return _told(id_, _("%(amount)s was given back to the customer's wallet.", amount=rupiah(done.amount)))


@door.post("/subscriptions/<subscription_id>/cancel")
def cancel_subscription(subscription_id: str) -> Any:
    """End it now and delete the instance; on wish, what is not used goes back."""
    ports, id_ = current_ports(), parse_id(subscription_id)
    with unit_of_work(ports.courier, Step.CANCEL_SUBSCRIPTION):
        _cancelled, refunded = cancellation.force_cancel(
            id_,
            reason=given_reason(),
            with_refund=_is_ticked("refund"),
            rules=business_rules(current_settings()),
            actor=guard.actor(),
            at=ports.clock.now(),
        )
    back = (
        _("%(refunded)s was given back.", refunded=rupiah(refunded))
        if refunded
        else _("Nothing was given back.")
    )
    return _told(
        id_, _("The subscription is cancelled and its instance is being deleted. %(back)s", back=back)
    )


@door.post("/subscriptions/<subscription_id>/plan")
def change_plan(subscription_id: str) -> Any:
    """Move it up or down; the difference is charged or credited unless it is waived."""
    ports, id_ = current_ports(), parse_id(subscription_id)
    with unit_of_work(ports.courier, Step.CHANGE_PLAN):
        change = changing.change_for_customer(
            id_,
            parse_id(request.form.get("plan", "")),
            reason=given_reason(),
            is_waived=_is_ticked("waive"),
            request_key=_key(),
            rules=business_rules(current_settings()),
            actor=guard.actor(),
            at=ports.clock.now(),
        ).change
    money = _("No money was moved.")
    if change.charged:
        money = _("%(charged)s was charged.", charged=rupiah(change.charged))
    elif change.credited:
        money = _("%(credited)s was given back.", credited=rupiah(change.credited))
    return _told(id_, _("The plan is changed and the instance follows. %(money)s", money=money))


@door.post("/subscriptions/<subscription_id>/extend")
def extend_subscription(subscription_id: str) -> Any:
    """Let the running period end later, for nothing."""
    ports, id_ = current_ports(), parse_id(subscription_id)
    days = _number("days", _MOST_DAYS)
    with unit_of_work(ports.courier):
        stewardship.extend(
            id_,
            days,
            reason=given_reason(),
            rules=business_rules(current_settings()),
            actor=guard.actor(),
            at=ports.clock.now(),
        )
    return _told(id_, ngettext("The period ends %(n)s day later.", "The period ends %(n)s days later.", days))


def _told(subscription_id: uuid.UUID, message: str) -> Any:
    return pages.told(message, url_for("panel.subscription", subscription_id=subscription_id))


def given_reason() -> str:
    """The reason of a form, on one line; refuses BadForm when it is too short or too long."""
    text = " ".join(request.form.get("reason", "").replace("\x00", "").split())
    if not _SHORTEST_REASON <= len(text) <= _LONGEST_REASON:
        raise BadForm(
            f"A reason of {_SHORTEST_REASON} to {_LONGEST_REASON} letters is needed. Nothing was done."
        )
    return text


def _number(name: str, most: int) -> int:
    text = request.form.get(name, "").strip()
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= len(str(most)) else 0
    if not 1 <= number <= most:
        raise BadForm(
            f"The amount must be a whole number from 1 to {most}. Nothing was done."
            if name == "amount"
            else f"The days must be a whole number from 1 to {most}. Nothing was done."
        )
    return number


def _is_ticked(name: str) -> bool:
    return request.form.get(name) == "yes"


def _key() -> str | None:
    """The key of the form; one that is missing or odd is none."""
    key = request.form.get("key", "")
    return key if key.isascii() and key.isalnum() and len(key) <= _LONGEST_KEY else None
