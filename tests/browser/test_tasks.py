"""The ten commonest tasks, each from the first page in at most four steps, and each with the keyboard alone."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Locator, expect
from sqlalchemy import select

from minispod.alerts.models import Alert
from minispod.catalog.models import Plan
from minispod.integrations.midtrans import MidtransGateway
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.payments.models import TopUp
from minispod.payments.states import TopUpState
from minispod.subscriptions.models import Subscription
from minispod.subscriptions.states import EndReason
from tests.browser.chromium import Tab
from tests.browser.hands import Hand, Keys, Pointer
from tests.browser.troubles import WHY, Troubles, fail, make_troubles
from tests.factories.payments import Levers
from tests.plugins.scene import Scene
from tests.plugins.shop import Shop
from tests.plugins.simulators import Simulator

pytestmark = pytest.mark.timeout(300)
MOST_STEPS = 4


@pytest.fixture
def troubles(
    app: Flask,
    scene: Scene,
    shop: Shop,
    gateway: MidtransGateway,
    midtrans_simulator: Simulator,
    clock: FrozenClock,
    ids: dict[str, str],
) -> Troubles:
    """One of each trouble that a morning may bring."""
    levers = Levers(midtrans_simulator)
    levers.reset()
    return make_troubles(app, scene, shop, levers, clock)


@pytest.fixture(params=["pointer", "keyboard"])
def hand(request: pytest.FixtureRequest, troubles: Troubles, tab: Tab) -> Iterator[Hand]:
    """An administrator before the first page; the pointer's steps are counted, and nothing goes wrong on the way."""
    tab.go("/admin/")
    made: Hand = (Pointer if request.param == "pointer" else Keys)(tab)
    yield made
    assert tab.wrongs + tab.forbidden() == []
    assert 1 <= made.steps <= MOST_STEPS


def _section(hand: Hand, name: str) -> Locator:
    return hand.page.get_by_role("navigation", name="Administration").get_by_role(
        "link", name=re.compile(f"^{name}")
    )


def _row(hand: Hand, text: str) -> Locator:
    return hand.page.get_by_role("row").filter(has_text=text).first


def _matter(hand: Hand, heading: str) -> Locator:
    return hand.page.locator("article.matter").filter(
        has=hand.page.get_by_role("heading", name=re.compile(heading))
    )


def _link(inside: Locator, name: str) -> Locator:
    return inside.get_by_role("link", name=name)


def _button(inside: Locator, name: str) -> Locator:
    return inside.get_by_role("button", name=name, exact=True)


def test_a_customer_who_paid_and_has_no_instance(
    hand: Hand, app: Flask, clock: FrozenClock, troubles: Troubles
) -> None:
    failed = _matter(hand, "could not be started")
    expect(failed).to_contain_text(WHY)

    hand.press(_button(failed, "Retry"))
    expect(hand.page.locator("#outcomes")).to_contain_text("is being tried again")
    fail(app, troubles.never_ran, clock)
    hand.page.reload()
    hand.press(_button(failed, "Cancel and refund"))
    asked = failed.get_by_role("dialog")
    hand.write(asked.get_by_label("Reason"), "We cannot get its image to run today.")
    hand.press(_button(asked, "Cancel and refund"))

    expect(hand.page.locator("#outcomes")).to_contain_text("was given back")
    with app.app_context():
        ended = session().get_one(Subscription, troubles.order_of)
        assert ended.end_reason is EndReason.ADMINISTRATOR


def test_who_would_be_hit_by_draining_the_fullest_node(hand: Hand) -> None:
    hand.press(_section(hand, "Nodes"))
    expect(hand.page.get_by_role("heading", name="Nodes", level=1)).to_be_visible()
    hand.press(hand.page.get_by_role("link", name="worker-1", exact=True).first)
    hand.press(hand.page.get_by_role("link", name="Drain…"))

    expect(hand.page.get_by_role("heading", name="Drain worker-1", level=1)).to_be_visible()
    expect(hand.page.get_by_text("Customers touched")).to_be_visible()


def test_last_months_revenue_as_a_file(hand: Hand, tmp_path: Path) -> None:
    hand.press(_section(hand, "Revenue"))
    with hand.page.expect_download() as coming:
        hand.press(hand.page.get_by_role("link", name="Download the months as CSV"))
    coming.value.save_as(tmp_path / "months.csv")

    lines = (tmp_path / "months.csv").read_text(encoding="utf-8-sig").splitlines()
    assert [line.split(",")[0] for line in lines[-2:]] == ["2026-10", "2026-11"]


def test_what_the_nightly_proof_found(hand: Hand) -> None:
    hand.press(_link(_matter(hand, "The money is not proven"), "Look at each difference"))

    expect(hand.page.get_by_text("Not so:").first).to_be_visible()
    expect(hand.page.get_by_text("What to do.").first).to_be_visible()


def test_a_payment_in_review_is_released(hand: Hand, app: Flask, troubles: Troubles) -> None:
    held = _matter(hand, "held for review")
    hand.press(_link(held, troubles.held_number))
    hand.press(_button(hand.page.locator("main"), "Accept"))
    asked = hand.page.get_by_role("dialog")
    hand.write(asked.get_by_label("Reason"), "The bank confirmed the whole sum by telephone.")
    hand.press(_button(asked, "Accept and credit"))

    expect(hand.page.locator("#outcomes .message")).to_be_visible()
    with app.app_context():
        assert session().get_one(TopUp, troubles.held_id).state is not TopUpState.REVIEW


def test_an_instance_is_restored_from_its_backup(hand: Hand, troubles: Troubles) -> None:
    hand.press(_section(hand, "Backups"))
    hand.press(_link(_row(hand, troubles.copied_name), "Restore…"))
    hand.press(_button(hand.page.get_by_role("row").filter(has_text="On demand").first, "Restore"))
    hand.press(_button(hand.page.get_by_role("dialog"), "Restore them"))

    expect(hand.page.locator("#outcomes .message.good")).to_be_visible()


def test_the_oldest_ticket_is_answered(hand: Hand) -> None:
    waiting = _matter(hand, "waits? for an answer")
    hand.press(waiting.get_by_role("link").first)
    hand.write(hand.page.get_by_role("textbox", name="Answer"), "Please try again now; we have restarted it.")
    hand.press(_button(hand.page.locator("main"), "Send"))

    expect(hand.page.locator("#outcomes .message.good")).to_be_visible()
    expect(hand.page.locator(".conversation .ours").last).to_contain_text("we have restarted it")


def test_a_price_for_new_customers(hand: Hand, app: Flask) -> None:
    hand.press(_section(hand, "Catalogue"))
    hand.press(_row(hand, "N8N Automation").get_by_role("link", name="Basic", exact=True))
    hand.write(hand.page.get_by_label("New price a month"), "65000")
    hand.press(_button(hand.page.locator("main"), "For new customers"))

    expect(hand.page.locator("#outcomes .message.good")).to_be_visible()
    with app.app_context():
        changed = select(Plan.name).where(Plan.monthly_price == 65_000)
        assert session().scalars(changed).all() == ["Basic"]


def test_the_whole_history_of_a_customer(hand: Hand, scene: Scene) -> None:
    hand.stroke("/")
    hand.write(hand.page.get_by_role("searchbox"), scene.customer.email)
    hand.stroke("Enter")
    expect(hand.page.get_by_role("heading", name="Siti Rahma", level=1)).to_be_visible()
    hand.press(_link(hand.page.get_by_role("navigation", name="About Siti Rahma"), "History"))

    expect(hand.page.get_by_text("Subscription: ordered").first).to_be_visible()


def test_an_alert_is_acknowledged(hand: Hand, app: Flask) -> None:
    before = _taken_up(app)
    calling = _matter(hand, "alerts? calls?").get_by_role("listitem").first
    hand.press(_button(calling, "Acknowledge"))

    expect(hand.page.locator("#outcomes .message.good")).to_be_visible()
    assert _taken_up(app) == before + 1


def _taken_up(app: Flask) -> int:
    with app.app_context():
        taken = select(Alert.id).where(Alert.acknowledged_at.is_not(None), Alert.resolved_at.is_(None))
        return len(session().scalars(taken).all())
