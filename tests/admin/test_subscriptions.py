"""One subscription on its page, and what staff do with its money there."""

import re
import uuid
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select

from minispod.catalog.models import Plan
from minispod.instances.models import Instance
from minispod.instances.states import InstanceStatus
from minispod.kernel.actor import Actor, ActorKind
from minispod.kernel.database import session
from minispod.kernel.unit_of_work import unit_of_work
from minispod.rules import business_rules
from minispod.settings import Settings
from minispod.subscriptions import cancellation
from minispod.subscriptions.models import Period, PlanChange, Refund, Subscription
from minispod.wallet.models import Wallet
from tests.admin.conftest import Browser
from tests.admin.shop import Shop
from tests.plugins.app import START

REASON = "an outage of three hours"
HOSTILE = """<script>alert("x")</script> and more"""


@pytest.fixture
def page(app: Flask, shop: Shop) -> str:
    """The address of the shop's subscription, whose instance runs; the wallet holds 550,000."""
    with app.app_context(), unit_of_work():
        instance = session().get_one(Instance, shop.instance.id)
        instance.status = InstanceStatus.RUNNING
        instance.first_ran_at = instance.created_at
    return f"/admin/subscriptions/{shop.subscription.id}"


def _balance(app: Flask, shop: Shop) -> int:
    with app.app_context():
        return session().get_one(Wallet, shop.customer.id).balance


def _key(text: str) -> str:
    found = re.search(r'name="key" value="(\w+)"', text)
    assert found
    return found[1]


def test_it_is_shown_with_everything_that_hangs_on_it(browser: Browser, shop: Shop, page: str) -> None:
    text = browser.shown(page)

    for expected in (
        "N8N Automation Basic",
        shop.instance.name,
        shop.customer.email,
        "Rp\u00a050,000",
        "TXMP-",
        "The plan was never changed.",
        "Nothing was given back.",
        "Subscription: ordered",
        "Pro: costs Rp\u00a0100,000",
        "Free: gives back up to Rp\u00a050,000",
    ):
        assert expected in text, expected
    assert "<script>" not in text


def test_lists_lead_to_it(browser: Browser, shop: Shop, page: str) -> None:
    for path in ("/admin/subscriptions", f"/admin/customers/{shop.customer.id}", "/admin/audit"):
        assert f'href="{page}"' in browser.shown(path), path
    assert page in browser.shown(f"/admin/instances/{shop.instance.id}")


@pytest.mark.parametrize("id_", ["nope", "019a0000-0000-7000-8000-000000000009"])
def test_what_does_not_exist_is_not_found(browser: Browser, id_: str) -> None:
    assert browser.get(f"/admin/subscriptions/{id_}").status_code == 404
    for act in ("refund", "cancel", "plan", "extend"):
        form = {"reason": REASON, "amount": "1", "days": "1", "plan": str(uuid.uuid4())}
        assert browser.post(f"/admin/subscriptions/{id_}/{act}", **form).status_code == 404


@pytest.mark.parametrize("act", ["refund", "cancel", "plan", "extend"])
@pytest.mark.parametrize("reason", ["", "too short", "   \x00      ", "x" * 501])
def test_nothing_is_done_without_a_reason(
    browser: Browser,
    app: Flask,
    shop: Shop,
    page: str,
    plan_id: Callable[..., uuid.UUID],
    act: str,
    reason: str,
) -> None:
    form = {"amount": "1000", "days": "7", "plan": str(plan_id("n8n-automation", "PRO")), "refund": "yes"}

    answer = browser.post(f"{page}/{act}", page, reason=reason, **form)

    assert (answer.status_code, answer.location) == (303, page)
    assert "A reason of 10 to 500 letters is needed" in browser.shown(page)
    assert _balance(app, shop) == 550_000
    with app.app_context():
        assert session().get_one(Subscription, shop.subscription.id).is_active


@pytest.mark.parametrize("act", ["refund", "cancel", "plan", "extend"])
def test_nothing_is_done_without_the_token_of_the_page(
    browser: Browser, app: Flask, shop: Shop, page: str, act: str
) -> None:
    answer = browser.client.post(f"{page}/{act}", data={"reason": REASON, "amount": "1000", "days": "7"})

    assert answer.status_code == 400
    assert _balance(app, shop) == 550_000


def test_a_refund_goes_to_the_wallet_once_however_often_the_form_is_sent(
    browser: Browser, app: Flask, shop: Shop, page: str
) -> None:
    key = _key(browser.shown(page))

    for _ in range(2):
        answer = browser.post(f"{page}/refund", page, reason=REASON, amount="10000", key=key)

        assert (answer.status_code, answer.location) == (303, page)
    text = browser.shown(page)
    assert _balance(app, shop) == 560_000
    assert "Rp\u00a010,000 was given back" in text
    assert REASON in text
    assert "Subscription: refunded" in text


@pytest.mark.parametrize("amount", ["", "0", "-5", "1.5", "1e3", "10000001", "99999999999999", "x"])
def test_an_amount_that_is_none_is_said_in_a_sentence(
    browser: Browser, app: Flask, shop: Shop, page: str, amount: str
) -> None:
    browser.post(f"{page}/refund", page, reason=REASON, amount=amount)

    assert "must be a whole number" in browser.shown(page)
    assert _balance(app, shop) == 550_000


def test_more_than_was_paid_is_said_in_a_sentence(
    browser: Browser, app: Flask, shop: Shop, page: str
) -> None:
    browser.post(f"{page}/refund", page, reason=REASON, amount="50001")

    assert "The refund exceeds what was paid" in browser.shown(page)
    assert _balance(app, shop) == 550_000


def test_the_plan_is_changed_and_charged(
    browser: Browser, app: Flask, shop: Shop, page: str, plan_id: Callable[..., uuid.UUID]
) -> None:
    pro, key = plan_id("n8n-automation", "PRO"), _key(browser.shown(page))

    for _ in range(2):
        browser.post(f"{page}/plan", page, reason=REASON, plan=str(pro), key=key)
    text = browser.shown(page)

    assert "Rp\u00a0100,000 was charged." in text
    assert "30 of 30" in text
    assert "A change of plan is under way" in text
    assert _balance(app, shop) == 450_000


def test_the_plan_is_changed_for_nothing(
    browser: Browser, app: Flask, shop: Shop, page: str, plan_id: Callable[..., uuid.UUID]
) -> None:
    browser.post(f"{page}/plan", page, reason=REASON, plan=str(plan_id("n8n-automation", "PRO")), waive="yes")

    assert "No money was moved." in browser.shown(page)
    assert _balance(app, shop) == 550_000
    with app.app_context():
        assert session().scalars(select(PlanChange.is_waived)).one() is True


def test_a_downgrade_says_what_was_given_back(
    browser: Browser, app: Flask, shop: Shop, page: str, plan_id: Callable[..., uuid.UUID]
) -> None:
    browser.post(f"{page}/plan", page, reason=REASON, plan=str(plan_id("n8n-automation", "FREE")))

    assert "Rp\u00a050,000 was given back." in browser.shown(page)
    assert _balance(app, shop) == 600_000


def test_a_plan_without_a_slot_cannot_be_chosen(
    browser: Browser, app: Flask, page: str, plan_id: Callable[..., uuid.UUID]
) -> None:
    with app.app_context(), unit_of_work():
        session().get_one(Plan, plan_id("n8n-automation", "PRO")).total_quota = 0

    assert re.search(r"disabled>Pro: This plan is sold out", browser.shown(page))


def test_the_period_is_extended(browser: Browser, app: Flask, shop: Shop, page: str) -> None:
    before = shop.subscription.ends_at

    browser.post(f"{page}/extend", page, reason=REASON, days="7")

    assert "The period ends 7 days later." in browser.shown(page)
    with app.app_context():
        assert (session().scalars(select(Period.ends_at)).one() - before).days == 7


@pytest.mark.parametrize(("ticked", "back"), [({"refund": "yes"}, 50_000), ({}, 0)])
def test_it_is_cancelled_with_or_without_a_refund(
    browser: Browser, app: Flask, shop: Shop, page: str, ticked: dict[str, str], back: int
) -> None:
    browser.post(f"{page}/cancel", page, reason=REASON, **ticked)
    text = browser.shown(page)

    assert "The subscription is cancelled" in text
    assert f'action="{page}/cancel"' not in text
    assert f'action="{page}/extend"' not in text
    assert _balance(app, shop) == 550_000 + back
    with app.app_context():
        assert len(session().scalars(select(Refund)).all()) == bool(back)


def test_what_a_customer_said_on_leaving_is_shown(
    browser: Browser, app: Flask, settings: Settings, shop: Shop, page: str
) -> None:
    with app.app_context(), unit_of_work():
        owner = Actor(ActorKind.CUSTOMER, shop.customer.id, "Siti Rahma")
        rules = business_rules(settings)
        cancellation.cancel(shop.subscription.id, why="too <dear>", rules=rules, actor=owner, at=START)

    assert "why too &lt;dear&gt;" in browser.shown(page)


def test_hostile_reasons_are_shown_as_text(browser: Browser, shop: Shop, page: str) -> None:
    browser.post(f"{page}/refund", page, reason=HOSTILE, amount="10")

    for path in (page, "/admin/audit", "/admin/money", "/admin/tables/refunds/"):
        assert "<script>alert" not in browser.shown(path), path
    assert "&lt;script&gt;alert" in browser.shown(page)
