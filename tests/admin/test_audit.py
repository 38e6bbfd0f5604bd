"""The audit book on its page: filtered by who, what, about what and when; things by name, differences as they read."""

import re
import uuid
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from minispod.admin.wording import facts
from minispod.alerts.models import Alert
from minispod.audit import trail
from minispod.audit.trail import Action
from minispod.insights.activity import named
from minispod.kernel.actor import system
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.kernel.paging import PageRequest
from minispod.kernel.unit_of_work import unit_of_work
from tests.admin.conftest import Browser
from tests.admin.shop import Shop
from tests.browser.furniture import put_alerts
from tests.factories.statements import asked
from tests.factories.tickets import open_ticket
from tests.plugins.app import Person

AUDIT = "/admin/audit"


def actions(text: str) -> list[str]:
    return re.findall(r'<td data-label="Action" class="name">([^<]+)</td>', text)


def test_lines_are_found_by_who_and_when(
    browser: Browser, app: Flask, shop: Shop, clock: FrozenClock, administrator: Person
) -> None:
    clock.advance(days=2)
    browser.sign_in(administrator.email)
    browser.shown("/admin/coupons/new")
    tomorrow = (clock.now() + timedelta(days=1)).date()

    assert actions(browser.shown(f"{AUDIT}?since={tomorrow}")) == []
    assert "Subscription: ordered" in actions(browser.shown(f"{AUDIT}?who=customer"))
    assert "Subscription: ordered" not in actions(browser.shown(f"{AUDIT}?who=staff"))
    recent = actions(browser.shown(f"{AUDIT}?since={clock.now().date()}"))
    old = actions(browser.shown(f"{AUDIT}?until={(clock.now() - timedelta(days=1)).date()}"))
    assert set(recent) == {"Account: signed in"}
    assert "Subscription: ordered" in old
    assert actions(browser.shown(f"{AUDIT}?who=nonsense&since=nonsense")) == recent + old


def test_things_are_named_and_linked(
    browser: Browser, app: Flask, shop: Shop, client: FlaskClient, clock: FrozenClock, administrator: Person
) -> None:
    ticket = open_ticket(client, shop.customer, "It is slow")
    with app.app_context(), unit_of_work():
        put_alerts(str(shop.instance.id), actor=administrator.actor, at=clock.now())
        for kind, id_ in (
            ("node", "worker-1"),
            ("plan", shop.subscription.plan_id),
            ("service", uuid.uuid4()),
        ):
            trail.record(
                administrator.actor, Action.PLAN_CHANGED, at=clock.now(), subject_kind=kind, subject_id=id_
            )
    with app.app_context():
        alert_id = session().scalars(select(Alert.id).where(Alert.acknowledged_at.is_not(None))).first()

    text = browser.shown(AUDIT)

    for page in (
        f"tickets/{ticket['id']}",
        f"alerts/{alert_id}",
        f"catalogue/plans/{shop.subscription.plan_id}",
        "nodes/worker-1",
        f"subscriptions/{shop.subscription.id}",
    ):
        assert f'href="/admin/{page}"' in text, page
    assert "Node worker-2 does not answer" in text
    assert "Service …" in text  # one that is gone


def test_every_kind_of_subject_has_a_page_or_a_reason(
    app: Flask, browser: Browser, clock: FrozenClock
) -> None:
    with app.app_context(), unit_of_work():
        for kind in trail.SUBJECT_KINDS:
            trail.record(
                system("test"),
                Action.PROOF_REQUESTED,
                at=clock.now(),
                subject_kind=kind,
                subject_id=uuid.uuid4(),
            )

    for kind in trail.SUBJECT_KINDS:
        assert len(actions(browser.shown(f"{AUDIT}?kind={kind}&action=proof.requested"))) == 1


@pytest.mark.parametrize(
    ("details", "told"),
    [
        ({"price": [50_000, 65_000]}, "price Rp\u00a050,000 → Rp\u00a065,000"),
        (
            {"changed": {"memory_mb": ["1024", "2048"], "is_active": ["True", "False"]}},
            "changed memory mb 1024 → 2048; is active yes → no",
        ),
        (
            {"changed": {"monthly_price": ["50000", "65000"]}},
            "changed monthly price Rp\u00a050,000 → Rp\u00a065,000",
        ),
        ({"changed": ["LOW", "HIGH"]}, "changed LOW → HIGH"),
        ({"changed": {"description": [None, "New"]}}, "changed description nothing → New"),
        ({"numbers": [1, 2, 3]}, "numbers 1, 2, 3"),
    ],
)
def test_differences_read(app: Flask, details: dict[str, Any], told: str) -> None:
    with app.app_context():
        assert facts(details) == told


def test_naming_asks_once_for_each_kind_of_thing(app: Flask, shop: Shop, clock: FrozenClock) -> None:
    def ask() -> int:
        with app.app_context():
            lines = trail.search(PageRequest(1, 50), subject_kind="subscription").items
            with asked() as sent:
                assert all(each.thing for each in named(lines))
            return len(sent)

    one = ask()
    with app.app_context(), unit_of_work():
        for _ in range(10):
            trail.record(
                shop.customer.actor,
                Action.SUBSCRIPTION_RENEWED,
                at=clock.now(),
                subject_kind="subscription",
                subject_id=shop.subscription.id,
            )

    assert ask() == one == 1
