"""The page of one customer: what needs doing at its top, each with its next step; its views; and what it costs."""

import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import text

from minispod.alerts import book
from minispod.alerts.judging import Finding
from minispod.alerts.kinds import Rule
from minispod.instances.models import Instance
from minispod.instances.states import InstanceStatus, Wanted
from minispod.kernel.actor import Role
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.kernel.unit_of_work import unit_of_work
from minispod.payments.states import TopUpState
from minispod.subscriptions.models import Subscription
from minispod.subscriptions.states import SubscriptionStatus
from minispod.wallet import adjusting
from minispod.wallet.adjusting import AdjustmentRules, Correction
from tests.admin.conftest import Browser
from tests.admin.shop import Shop, held_topup
from tests.factories.statements import asked
from tests.factories.tickets import open_ticket
from tests.plugins.app import Person

_CALM = "Nothing waits for you about this customer."


@pytest.fixture
def page(shop: Shop) -> str:
    """The address of the customer's page."""
    return f"/admin/customers/{shop.customer.id}"


def _change(app: Flask, act: Callable[[], object]) -> None:
    with app.app_context(), unit_of_work():
        act()


def _fail(shop: Shop, clock: FrozenClock) -> None:
    row = session().get_one(Instance, shop.instance.id)
    row.status, row.last_error = InstanceStatus.ERROR, "The image could not be pulled."
    row.repair_until = clock.now() + timedelta(hours=24)


def _hold(shop: Shop, clock: FrozenClock, colleague: Person) -> None:
    held_topup(shop.customer, clock)


def _owe(shop: Shop, clock: FrozenClock, colleague: Person) -> None:
    owes = "UPDATE wallets SET balance = -25000, gateway_debt = 25000 WHERE user_id = :who"
    session().execute(text(owes), {"who": shop.customer.id})


def _adjust(shop: Shop, clock: FrozenClock, colleague: Person) -> None:
    adjusting.request(
        Correction(shop.customer.id, 15_000, "Goodwill after an outage"),
        request_key=uuid.uuid4().hex,
        rules=AdjustmentRules(confirm_above=1_000, expires_after=timedelta(hours=72)),
        actor=colleague.actor,
        at=clock.now(),
    )


def _open_topup(shop: Shop, clock: FrozenClock, colleague: Person) -> None:
    held_topup(shop.customer, clock).state = TopUpState.PENDING


def _run_out(shop: Shop, clock: FrozenClock, colleague: Person) -> None:
    session().get_one(Subscription, shop.subscription.id).grace_until = clock.now() + timedelta(days=3)


def _expire(shop: Shop, clock: FrozenClock, colleague: Person) -> None:
    row = session().get_one(Subscription, shop.subscription.id)
    row.status, row.retention_until = SubscriptionStatus.EXPIRED, clock.now() + timedelta(days=30)


def _lose_letters(shop: Shop, clock: FrozenClock, colleague: Person) -> None:
    lost = "UPDATE notifications SET state = 'FAILED', last_error = 'no such box' WHERE user_id = :who"
    session().execute(text(lost), {"who": shop.customer.id})


def _delete(shop: Shop, clock: FrozenClock, colleague: Person) -> None:
    row = session().get_one(Instance, shop.instance.id)
    row.wanted, row.awaits_last_backup = Wanted.ABSENT, True


def _alarm(shop: Shop, clock: FrozenClock, colleague: Person) -> None:
    subject = "instance", str(shop.instance.id), shop.instance.name
    book.raise_one(Finding(Rule.VOLUME_FULL, *subject, {"percent": 93, "of_mb": 9}), at=clock.now())


_TROUBLES: dict[str, Callable[[Shop, FrozenClock, Person], None]] = {
    "held": _hold,
    "owes": _owe,
    "adjustment": _adjust,
    "unpaid": _open_topup,
    "grace": _run_out,
    "expired": _expire,
    "letter": _lose_letters,
    "deletion": _delete,
    "alert": _alarm,
}


def test_a_calm_customer_needs_nobody(browser: Browser, page: str) -> None:
    assert _CALM in browser.shown(page)


def test_a_failed_instance_says_why_and_leads_to_retry_and_refund(
    app: Flask, browser: Browser, shop: Shop, page: str, clock: FrozenClock
) -> None:
    _change(app, lambda: _fail(shop, clock))

    shown = browser.shown(page)

    assert _CALM not in shown
    assert "The image could not be pulled." in shown
    assert f'action="/admin/instances/{shop.instance.id}/retry"' in shown
    assert f'href="/admin/subscriptions/{shop.subscription.id}">Refund or cancel' in shown
    browser.post(f"/admin/instances/{shop.instance.id}/retry", page)
    again = browser.shown(page)
    assert "is being tried again" in again
    assert "could not be started" not in again


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("held", "is held for review"),
        ("unpaid", "is not paid yet"),
        ("owes", "The wallet owes Rp\u00a025,000"),
        ("adjustment", "A second confirmation is waited for"),
        ("grace", "waits for Rp\u00a050,000"),
        ("expired", "has expired"),
        ("ticket", "Ticket #001: Cannot open it"),
        ("letter", "Letters did not reach this customer"),
        ("deletion", "The deletion of"),
        ("alert", "is nearly full"),
    ],
)
def test_what_waits_is_at_the_top(
    app: Flask,
    browser: Browser,
    shop: Shop,
    page: str,
    person: Callable[..., Person],
    clock: FrozenClock,
    what: str,
    expected: str,
) -> None:
    colleague = person(role=Role.ADMINISTRATOR)
    if what == "ticket":
        open_ticket(app.test_client(), shop.customer)
    else:
        _change(app, lambda: _TROUBLES[what](shop, clock, colleague))

    shown = browser.shown(page)

    top = shown[shown.index("Needs you now") : shown.index('id="account-title"')]
    assert expected in top
    assert (_CALM in top) == (what == "unpaid")
    others = browser.shown(f"/admin/customers/{colleague.id}")
    assert _CALM in others


@pytest.mark.parametrize("choice", ["leave", "stop", "cancel", "nonsense"])
def test_blocking_shows_what_it_does_and_the_applications_follow_the_choice(
    app: Flask, browser: Browser, shop: Shop, page: str, run_jobs: Callable[[], int], choice: str
) -> None:
    shown = browser.shown(page)
    assert "What this customer has at the moment, Rp\u00a050,000 a month in all:" in shown

    browser.post(f"{page}/block", page, applications=choice)
    run_jobs()

    with app.app_context():
        status = session().get_one(Subscription, shop.subscription.id).status
        wanted = session().get_one(Instance, shop.instance.id).wanted
    stays = ("ACTIVE", "RUNNING")
    expected = {"stop": ("ACTIVE", "STOPPED"), "cancel": ("CANCELLED", "ABSENT")}
    assert (status, wanted) == expected.get(choice, stays)
    assert "The account is blocked" in browser.shown(page)


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ("tickets", "Cannot open it"),
        ("messages", "Welcome"),
        ("alerts", "No alert was ever about this customer."),
        ("history", "Subscription: ordered"),
    ],
)
def test_each_view_shows_the_whole_as_page_and_as_part(
    app: Flask, browser: Browser, shop: Shop, page: str, part: str, expected: str
) -> None:
    open_ticket(app.test_client(), shop.customer)

    whole, fragment = browser.shown(f"{page}/{part}"), browser.fragment(f"{page}/{part}").text

    assert expected in whole
    assert expected in fragment
    assert shop.customer.email in whole
    assert "<html" not in fragment


def test_the_history_has_what_was_done_to_what_the_customer_has(
    app: Flask, browser: Browser, shop: Shop, page: str, person: Callable[..., Person], clock: FrozenClock
) -> None:
    _change(app, lambda: _fail(shop, clock))
    browser.post(f"/admin/instances/{shop.instance.id}/retry", page)
    other = person(name="Somebody Else")

    assert "Instance: retried" in browser.shown(f"{page}/history")
    assert "Instance: retried" not in browser.shown(f"/admin/customers/{other.id}/history")


@pytest.mark.parametrize("part", ["", "/tickets", "/messages", "/alerts", "/history"])
def test_the_number_of_statements_does_not_grow(
    app: Flask, browser: Browser, shop: Shop, page: str, clock: FrozenClock, part: str
) -> None:
    def count() -> int:
        browser.get(page + part)
        with asked() as statements:
            browser.shown(page + part)
        return len(statements)

    def more() -> None:
        for _ in range(6):
            held_topup(shop.customer, clock)

    _change(app, lambda: (_fail(shop, clock), held_topup(shop.customer, clock)))
    open_ticket(app.test_client(), shop.customer)
    few = count()
    _change(app, more)
    for _ in range(6):
        open_ticket(app.test_client(), shop.customer)

    assert count() <= few <= 30


def test_the_page_follows_by_itself(
    app: Flask, browser: Browser, shop: Shop, page: str, clock: FrozenClock
) -> None:
    first = browser.fragment(page)
    seen = first.text.split('"seen": "')[1][:16]
    assert browser.fragment(f"{page}?seen={seen}", X_Refresh="auto").status_code == 204

    _change(app, lambda: _fail(shop, clock))

    changed = browser.fragment(f"{page}?seen={seen}", X_Refresh="auto")
    assert changed.status_code == 200
    assert "could not be started" in changed.text
