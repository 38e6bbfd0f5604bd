"""Custom domains as staff see them, and what they do with one."""

import re
import uuid

import pytest
from flask import Flask
from sqlalchemy import select

from minispod.instances.domains.models import CustomDomain
from minispod.instances.domains.states import CertificateStatus, DomainStatus
from minispod.instances.models import Instance
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.kernel.outbox import OutboxRow
from minispod.kernel.unit_of_work import unit_of_work
from minispod.notifications.models import Notification
from minispod.subscriptions import domains
from tests.admin.conftest import Browser
from tests.admin.shop import Shop

HOST = "xn--bcher-kva.example"
REASON = "used for phishing, says its registrar"


@pytest.fixture
def domain(app: Flask, shop: Shop, clock: FrozenClock) -> uuid.UUID:
    """A domain of the shop's customer that is not proven yet."""
    with app.app_context(), unit_of_work():
        added = domains.add(
            shop.subscription.id, HOST, base_domain="x.test", actor=shop.customer.actor, at=clock.now()
        )
        added.problems = [
            {"code": "proof_missing", "name": f"_minispod.{HOST}", "found": "", "wanted": "<b>token</b>"}
        ]
        added.checked_at = clock.now()
        return added.id


def said(browser: Browser, page: str, path: str, **fields: str) -> str:
    """What the page says after a form on it was sent."""
    assert browser.post(path, page, **fields).status_code == 303
    return browser.shown(page)


def row(app: Flask, domain: uuid.UUID) -> CustomDomain:
    with app.app_context():
        return session().get_one(CustomDomain, domain)


def test_the_list_and_the_instance_show_it_with_what_is_wrong(
    browser: Browser, shop: Shop, domain: uuid.UUID
) -> None:
    for path in ("/admin/domains", f"/admin/instances/{shop.instance.id}"):
        text = browser.shown(path)
        for expected in (HOST, "bücher.example", "Waiting for DNS", f"_minispod.{HOST}", "&lt;b&gt;token"):
            assert expected in text, (path, expected)
        assert "<b>token" not in text
    assert f'href="/admin/instances/{shop.instance.id}"' in browser.shown("/admin/domains")


@pytest.mark.parametrize(
    ("query", "is_found"),
    [
        ("q=kva", True),
        ("q=nothing-like-it", False),
        ("status=WAITING_FOR_DNS", True),
        ("status=ACTIVE", False),
        ("status=nonsense", True),
        ("q=%00%25_", False),
    ],
)
def test_the_list_is_searched(
    browser: Browser, shop: Shop, domain: uuid.UUID, query: str, is_found: bool
) -> None:
    assert (HOST in re.sub(r'value="[^"]*"', "", browser.shown(f"/admin/domains?{query}"))) is is_found


def test_a_certificate_in_trouble_is_shown_in_its_issuers_words(
    app: Flask, browser: Browser, shop: Shop, domain: uuid.UUID
) -> None:
    with app.app_context(), unit_of_work():
        found = session().get_one(CustomDomain, domain)
        found.status = DomainStatus.VERIFIED
        found.certificate = CertificateStatus.FAILING
        found.certificate_message = "CAA record <forbids> issuance"

    assert "CAA record &lt;forbids&gt; issuance" in browser.shown("/admin/domains")


def test_staff_have_it_looked_at(
    app: Flask, browser: Browser, shop: Shop, domain: uuid.UUID, clock: FrozenClock
) -> None:
    page = f"/admin/instances/{shop.instance.id}"
    with app.app_context(), unit_of_work():
        session().query(OutboxRow).delete()

    browser.shown(page)
    assert "checked a moment ago" in said(browser, page, f"/admin/domains/{domain}/check")
    clock.advance(seconds=20)
    assert "is being looked at" in said(browser, page, f"/admin/domains/{domain}/check")

    with app.app_context():
        [task] = session().scalars(select(OutboxRow.task))
        assert task == "check_domain"


def test_staff_remove_it_for_a_reason_that_its_owner_reads(
    app: Flask, browser: Browser, shop: Shop, domain: uuid.UUID
) -> None:
    page = f"/admin/instances/{shop.instance.id}"
    browser.shown(page)

    assert "reason of 10" in said(browser, page, f"/admin/domains/{domain}/remove", reason="short")
    assert row(app, domain).status is DomainStatus.WAITING_FOR_DNS
    assert "is removed" in said(browser, page, f"/admin/domains/{domain}/remove", reason=REASON)

    assert row(app, domain).status is DomainStatus.REMOVED
    with app.app_context():
        letter = session().scalars(select(Notification).where(Notification.kind == "domain_ended")).one()
        assert (letter.to_address, letter.facts["how"], letter.facts["reason"]) == (
            shop.customer.email,
            "by_staff",
            REASON,
        )
    assert REASON in browser.shown(page)
    assert browser.post(f"/admin/domains/{domain}/remove", reason=REASON).status_code == 404


def test_the_primary_domain_is_removed_and_the_own_host_is_shown_again(
    app: Flask, browser: Browser, shop: Shop, domain: uuid.UUID
) -> None:
    with app.app_context(), unit_of_work():
        session().get_one(CustomDomain, domain).status = DomainStatus.ACTIVE
        instance = session().get_one(Instance, shop.instance.id)
        own = instance.public_url
        instance.public_url = own.replace(instance.host, HOST)
    assert "Primary" in browser.shown("/admin/domains")

    browser.post(f"/admin/domains/{domain}/remove", reason=REASON)

    with app.app_context():
        assert session().get_one(Instance, shop.instance.id).public_url == own
        tasks = set(session().scalars(select(OutboxRow.task)))
        assert {"publish_domains", "reconcile_instance"} <= tasks


@pytest.mark.parametrize("id_", ["nope", "019a0000-0000-7000-8000-000000000009"])
@pytest.mark.parametrize("act", ["check", "remove"])
def test_what_does_not_exist_is_not_found(browser: Browser, id_: str, act: str) -> None:
    browser.shown("/admin/domains")

    assert browser.post(f"/admin/domains/{id_}/{act}", reason=REASON).status_code == 404
