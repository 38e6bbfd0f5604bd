"""The first page: what needs a person, with its next step, and figures that are right."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from sqlalchemy import text

from minispod.cluster import monitoring
from minispod.insights import today
from minispod.insights.recurring import RecurringNow
from minispod.insights.workload import late_work
from minispod.instances.models import Instance
from minispod.instances.states import InstanceStatus
from minispod.kernel import outbox, pulse
from minispod.kernel.actor import system
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import lock, session
from minispod.kernel.money import Rupiah
from minispod.kernel.tasks import Task
from minispod.kernel.unit_of_work import unit_of_work
from minispod.notifications.models import DeliveryState, Notification
from minispod.proof import history
from minispod.proof.proving import prove
from minispod.subscriptions.models import Subscription
from minispod.subscriptions.states import SubscriptionStatus
from minispod.wallet import ledger
from minispod.wallet.models import EntryKind, EntryType, Wallet
from tests.admin.conftest import Browser
from tests.admin.shop import TOPPED_UP, Shop, held_topup
from tests.factories.payments import put_topup
from tests.factories.statements import asked
from tests.plugins.app import Person

JAKARTA = ZoneInfo("Asia/Jakarta")
BASIC_PRICE = 50_000


@pytest.fixture
def all_is_well(app: Flask, clock: FrozenClock) -> None:
    """Worker and scheduler live, nothing waits."""
    with app.app_context(), unit_of_work():
        pulse.beat("worker", clock.now())
        pulse.beat("scheduler", clock.now())
        session().execute(text("DELETE FROM outbox"))


def _change(app: Flask, act: Callable[[], object]) -> None:
    with app.app_context(), unit_of_work():
        act()


def test_when_all_is_well_the_page_says_so(browser: Browser, shop: Shop, all_is_well: None) -> None:
    assert "Nothing needs you" in browser.shown("/admin/")


def test_a_failed_instance_is_shown_with_its_reason_and_a_retry(
    browser: Browser, shop: Shop, app: Flask, all_is_well: None, clock: FrozenClock
) -> None:
    def fail() -> None:
        instance = session().get_one(Instance, shop.instance.id)
        instance.status = InstanceStatus.ERROR
        instance.last_error = "The image could not be pulled"
        instance.repair_until = clock.now() + timedelta(hours=20)

    _change(app, fail)

    shown = browser.shown("/admin/")
    assert "1 instance could not be started" in shown
    assert "The image could not be pulled" in shown
    assert "refunded" in shown
    answer = browser.post(f"/admin/instances/{shop.instance.id}/retry")

    assert (answer.status_code, answer.location) == (303, "/admin/")
    after = browser.shown("/admin/")
    assert "is being tried again" in after
    assert "could not be started" not in after
    with app.app_context():
        assert session().get_one(Instance, shop.instance.id).status is InstanceStatus.PENDING


def test_each_kind_of_trouble_is_shown_with_its_next_step(
    browser: Browser, shop: Shop, app: Flask, clock: FrozenClock, nodes_seen: None
) -> None:
    def proven() -> None:
        history.record(prove(clock.now()), cause="night", asked_by="the clock", actor=system("proof"))

    def trouble() -> None:
        held_topup(shop.customer, clock)
        subscription = session().get_one(Subscription, shop.subscription.id)
        subscription.grace_until = clock.now() + timedelta(days=3)
        message = session().query(Notification).first()
        assert message is not None
        message.state = DeliveryState.FAILED
        message.last_error = "550 no such mailbox"
        session().get_one(Wallet, shop.customer.id).balance += 7  # type: ignore[assignment]
        outbox.later(Task.CREDIT_ARRIVED, key="late", at=clock.now() - timedelta(minutes=10), user_id="x")
        monitoring.record_silence(clock.now() - timedelta(minutes=3))

    _change(app, trouble)
    _change(app, proven)

    shown = browser.shown("/admin/")

    for expected in (
        "held for review",
        "hold amount mismatch",
        "for credit",
        "not delivered",
        "550 no such mailbox",
        "The money is not proven",
        "balance is the sum of its ledger",
        "late",
        "The cluster is silent since",
        "node is not ready",
        "Worker and scheduler not heard of",
    ):
        assert expected in shown, expected
    for step in (
        "/admin/money/topups/",
        "/admin/messages?state=FAILED",
        "/admin/nodes/worker-2",
        "/admin/work",
        "/admin/money/proof",
    ):
        assert f'href="{step}' in shown, step


def test_the_page_asks_as_much_however_much_waits(
    browser: Browser, shop: Shop, app: Flask, clock: FrozenClock, nodes_seen: None
) -> None:
    def more() -> None:
        held_topup(shop.customer, clock)

    browser.shown("/admin/")
    with asked("") as quiet:
        browser.shown("/admin/")
    for _ in range(3):
        _change(app, more)
    with asked("") as troubled:
        shown = browser.shown("/admin/")

    assert "held for review" in shown
    assert len(troubled) == len(quiet) <= 34, [statement for statement, _ in troubled]


def test_revenue_counts_charges_less_refunds_and_top_ups_apart(
    app: Flask, clock: FrozenClock, shop: Shop
) -> None:
    with app.app_context():
        with unit_of_work():
            posting = ledger.Posting(EntryType.REFUND, EntryKind.PERIOD_REFUND, "half", "Half of it back")
            ledger.credit(shop.customer.id, 20_000, posting, actor=system("tests"), at=clock.now())
            taken = ledger.Posting(EntryType.REFUND, EntryKind.TOPUP_REVERSAL, "back", "Taken back")
            ledger.take_back(shop.customer.id, 30_000, taken, actor=system("tests"), at=clock.now())

        figures = today.business(zone=JAKARTA, at=clock.now())

    assert figures.today == today.Takings(BASIC_PRICE - 20_000, TOPPED_UP - 30_000)
    assert figures.month == figures.today
    assert (figures.live, figures.monthly_recurring) == (1, BASIC_PRICE)


def test_mrr_and_pending_top_ups_stand_beside_the_takings(
    browser: Browser, app: Flask, clock: FrozenClock, shop: Shop
) -> None:
    with app.app_context():
        put_topup(shop.customer.id, at=clock.now(), amount=70_000)
        put_topup(
            shop.customer.id, at=clock.now(), amount=30_000, expires_at=clock.now() - timedelta(minutes=1)
        )

        figures = today.business(zone=JAKARTA, at=clock.now())

    assert figures.pending == today.PendingTopUps(1, 70_000)
    assert figures.recurring == RecurringNow(BASIC_PRICE, 1, 1, 0)
    shown = browser.shown("/admin/")
    for expected in ("MRR", "1 paid, 0 free", "1 of 1 live ones renew", "Top-ups pending", "Rp\u00a070,000"):
        assert expected in shown, expected


def test_an_opening_credit_is_neither_revenue_nor_a_top_up(
    app: Flask, clock: FrozenClock, customer: Person
) -> None:
    with app.app_context():
        assert today.business(zone=JAKARTA, at=clock.now()).month == today.Takings(0, 0)


def test_the_day_begins_at_midnight_in_jakarta(
    app: Flask, clock: FrozenClock, customer: Person, plan_id: Callable[..., uuid.UUID]
) -> None:
    clock.set(datetime(2026, 11, 20, 16, 59, tzinfo=UTC))

    def charge(reference: str) -> None:
        posting = ledger.Posting(EntryType.SUBSCRIPTION, EntryKind.PERIOD, reference, "A month")
        ledger.debit(customer.id, 10_000, posting, actor=system("tests"), at=clock.now())

    _change(app, lambda: charge("before midnight"))
    clock.advance(minutes=1)
    _change(app, lambda: charge("after midnight"))

    with app.app_context():
        figures = today.business(zone=JAKARTA, at=clock.now())
    assert (figures.today.revenue, figures.month.revenue) == (10_000, 20_000)


def test_work_is_late_when_it_is_overdue_not_while_it_waits_its_turn(app: Flask, clock: FrozenClock) -> None:
    with app.app_context():
        with unit_of_work():
            outbox.later(Task.CREDIT_ARRIVED, key="a", at=clock.now(), delay=timedelta(hours=1), user_id="x")
        assert late_work(clock.now()).total == 0

        assert late_work(clock.advance(hours=2)).total == 1


def test_a_refresh_is_empty_while_nothing_changed_and_comes_when_something_did(
    browser: Browser, shop: Shop, app: Flask, all_is_well: None, clock: FrozenClock
) -> None:
    page = browser.shown("/admin/")
    seen = page.split('"seen": "')[1].split('"')[0]

    same = browser.fragment(f"/admin/?seen={seen}", X_Refresh="auto")
    _change(app, lambda: monitoring.record_silence(clock.now()))
    changed = browser.fragment(f"/admin/?seen={seen}", X_Refresh="auto")

    assert (same.status_code, same.data) == (204, b"")
    assert changed.status_code == 200
    assert changed.text.strip().startswith('<div id="live"')
    assert "<html" not in changed.text
    assert "silent since" in changed.text


def test_what_happened_names_people_and_things(browser: Browser, shop: Shop) -> None:
    shown = browser.shown("/admin/")

    assert "N8N Automation Basic of Siti Rahma" in shown
    assert "charged Rp\u00a050,000" in shown


def test_a_discount_lowers_revenue_and_not_the_recurring_sum(
    app: Flask, clock: FrozenClock, shop: Shop
) -> None:
    def charge() -> None:
        posting = ledger.Posting(
            EntryType.SUBSCRIPTION, EntryKind.PERIOD, "discounted", "A month, half price"
        )
        ledger.debit(shop.customer.id, BASIC_PRICE // 2, posting, actor=system("tests"), at=clock.now())

    _change(app, charge)

    with app.app_context():
        figures = today.business(zone=JAKARTA, at=clock.now())
    assert figures.today.revenue == BASIC_PRICE + BASIC_PRICE // 2
    assert figures.monthly_recurring == BASIC_PRICE


def test_an_upgrade_is_revenue_and_raises_the_recurring_sum(
    app: Flask, clock: FrozenClock, shop: Shop
) -> None:
    def upgrade() -> None:
        subscription = lock(Subscription, shop.subscription.id)
        assert subscription is not None
        posting = ledger.Posting(EntryType.UPGRADE, EntryKind.PERIOD, "upgrade", "The rest of the month")
        ledger.debit(shop.customer.id, 7_000, posting, actor=system("tests"), at=clock.now())
        subscription.price = Rupiah(BASIC_PRICE + 30_000)

    _change(app, upgrade)

    with app.app_context():
        figures = today.business(zone=JAKARTA, at=clock.now())
    assert figures.today.revenue == BASIC_PRICE + 7_000
    assert figures.monthly_recurring == BASIC_PRICE + 30_000


def test_gifts_and_corrections_are_no_revenue(app: Flask, clock: FrozenClock, shop: Shop) -> None:
    def give() -> None:
        for type_, reference in ((EntryType.COUPON_REDEMPTION, "code"), (EntryType.ADMIN_ADJUSTMENT, "gift")):
            posting = ledger.Posting(type_, EntryKind.ADJUSTMENT, reference, reference)
            ledger.credit(shop.customer.id, 25_000, posting, actor=system("tests"), at=clock.now())
        posting = ledger.Posting(EntryType.ADMIN_ADJUSTMENT, EntryKind.ADJUSTMENT, "fee", "Taken by hand")
        ledger.debit(shop.customer.id, 5_000, posting, actor=system("tests"), at=clock.now())

    _change(app, give)

    with app.app_context():
        figures = today.business(zone=JAKARTA, at=clock.now())
    assert figures.today == today.Takings(BASIC_PRICE, TOPPED_UP)


@pytest.mark.parametrize("change", ["no longer renews", "cancelled", "expired"])
def test_only_what_runs_and_renews_is_recurring(
    change: str, app: Flask, clock: FrozenClock, shop: Shop
) -> None:
    def leave() -> None:
        subscription = session().get_one(Subscription, shop.subscription.id)
        if change == "no longer renews":
            subscription.auto_renew = False
        else:
            subscription.status = SubscriptionStatus(change.upper())

    _change(app, leave)

    with app.app_context():
        figures = today.business(zone=JAKARTA, at=clock.now())
    assert (figures.renewing, figures.monthly_recurring) == (0, 0)
    assert figures.live == (1 if change == "no longer renews" else 0)
    assert figures.today.revenue == BASIC_PRICE


def test_yesterdays_and_last_months_charges_are_not_counted(
    app: Flask, clock: FrozenClock, shop: Shop
) -> None:
    clock.advance(days=1)
    with app.app_context():
        next_day = today.business(zone=JAKARTA, at=clock.now())
    clock.set(datetime(2026, 11, 30, 17, 0, tzinfo=UTC))  # midnight in Jakarta, 1 December
    with app.app_context():
        next_month = today.business(zone=JAKARTA, at=clock.now())

    assert (next_day.today.revenue, next_day.month.revenue) == (0, BASIC_PRICE)
    assert (next_month.today.revenue, next_month.month.revenue) == (0, 0)
    assert next_month.monthly_recurring == BASIC_PRICE
