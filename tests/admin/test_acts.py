"""What administrators do: control instances, see credentials and logs, block and unblock. Real cluster protocol."""

from collections.abc import Callable

import pytest
from flask import Flask

from minispod.accounts import stewardship
from minispod.audit import trail
from minispod.instances.models import Instance
from minispod.instances.states import InstanceStatus, Wanted
from minispod.integrations.kubernetes.adapter import KubernetesCluster
from minispod.kernel.actor import Role
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.kernel.paging import PageRequest
from minispod.kernel.unit_of_work import unit_of_work
from tests.admin.conftest import Browser
from tests.admin.shop import Shop
from tests.factories.logs import WritingCluster
from tests.plugins.app import PASSWORD, Person, PortsNow


@pytest.fixture
def running(app: Flask, shop: Shop) -> str:
    """The address of the shop's instance, which runs."""
    _put(app, shop, InstanceStatus.RUNNING)
    return f"/admin/instances/{shop.instance.id}"


def _put(app: Flask, shop: Shop, status: InstanceStatus) -> None:
    with app.app_context(), unit_of_work():
        instance = session().get_one(Instance, shop.instance.id)
        instance.status = status
        instance.wanted = Wanted.RUNNING if status is InstanceStatus.RUNNING else instance.wanted
        instance.first_ran_at = instance.created_at


def _instance(app: Flask, shop: Shop) -> Instance:
    with app.app_context():
        return session().get_one(Instance, shop.instance.id)


@pytest.mark.parametrize(
    ("before", "act", "after", "wanted"),
    [
        (InstanceStatus.RUNNING, "stop", InstanceStatus.STOPPING, Wanted.STOPPED),
        (InstanceStatus.STOPPED, "start", InstanceStatus.STARTING, Wanted.RUNNING),
        (InstanceStatus.RUNNING, "restart", InstanceStatus.RESTARTING, Wanted.RUNNING),
        (InstanceStatus.ERROR, "retry", InstanceStatus.PENDING, Wanted.RUNNING),
    ],
)
def test_a_control_records_the_wish_and_says_so(
    browser: Browser,
    shop: Shop,
    app: Flask,
    before: InstanceStatus,
    act: str,
    after: InstanceStatus,
    wanted: Wanted,
) -> None:
    _put(app, shop, before)
    page = f"/admin/instances/{shop.instance.id}"
    assert f'action="{page}/{act}"' in browser.shown(page)

    answer = browser.post(f"{page}/{act}", page)

    instance = _instance(app, shop)
    assert (answer.status_code, answer.location) == (303, page)
    assert (instance.status, instance.wanted) == (after, wanted)
    assert f'<p class="message good">{instance.name} is' in browser.shown(page)


@pytest.mark.parametrize("act", ["start", "retry"])
def test_a_control_that_makes_no_sense_is_said_in_a_sentence(
    browser: Browser, shop: Shop, app: Flask, running: str, act: str
) -> None:
    before = _instance(app, shop).generation

    answer = browser.post(f"{running}/{act}", running)

    assert (answer.status_code, answer.location) == (303, running)
    assert '<p class="message bad">' in browser.shown(running)
    assert _instance(app, shop).generation == before


def test_a_control_leads_back_to_our_own_pages_only(browser: Browser, running: str) -> None:
    answer = browser.client.post(
        f"{running}/stop",
        data={"csrf_token": browser.token},
        headers={"Referer": "https://evil.example/admin/"},
    )

    assert (answer.status_code, answer.location) == (303, "/admin/")


def test_an_instance_is_shown_with_its_facts_and_its_history(
    browser: Browser, shop: Shop, running: str
) -> None:
    browser.post(f"{running}/restart", running)

    text = browser.shown(running)

    for expected in (shop.instance.name, shop.instance.host, shop.instance.namespace, "N8N Automation Basic"):
        assert expected in text
    assert "Instance: controlled" in text
    assert "act restart" in text
    assert "by Ayu Admin" in text


def test_a_page_follows_an_instance_that_is_on_its_way(browser: Browser, running: str) -> None:
    assert 'hx-trigger="every 10s"' in browser.shown(running)

    browser.post(f"{running}/stop", running)

    assert 'hx-trigger="every 2s"' in browser.shown(running)


def test_only_a_running_web_application_can_be_opened(
    browser: Browser, shop: Shop, app: Flask, running: str
) -> None:
    assert f'href="{shop.instance.public_url}"' in browser.shown(running)

    _put(app, shop, InstanceStatus.STOPPED)

    assert f'href="{shop.instance.public_url}"' not in browser.shown(running)


def test_credentials_are_shown_once_and_the_showing_is_in_the_book(
    browser: Browser, shop: Shop, app: Flask, running: str, ports: PortsNow
) -> None:
    secrets = ports.sealer.open(_instance(app, shop).sealed_secrets)
    assert secrets
    assert not any(value in browser.shown(running) for value in secrets.values())

    answer = browser.post(f"{running}/access", running)

    assert answer.status_code == 200
    assert all(value in answer.text for value in secrets.values())
    assert answer.headers["Cache-Control"] == "no-store"
    assert browser.get(f"{running}/access").status_code == 405
    with app.app_context():
        newest = trail.search(PageRequest(1, 1)).items[0]
    assert (newest.action, newest.actor_name) == ("instance.credentials_shown", "Ayu Admin")
    assert not any(value in str(newest.details) for value in secrets.values())


def test_logs_come_from_the_cluster(
    browser: Browser,
    shop: Shop,
    running: str,
    cluster: KubernetesCluster,
    run_jobs: Callable[..., int],
    app: Flask,
) -> None:
    _put(app, shop, InstanceStatus.PENDING)
    run_jobs()

    answer = browser.fragment(f"{running}/logs")

    assert answer.status_code == 200
    assert answer.text.strip().startswith('<div id="logs"')
    assert "<html" in browser.shown(f"{running}/logs")


def test_a_silent_cluster_is_said_where_the_log_would_be(browser: Browser, running: str) -> None:
    answer = browser.fragment(f"{running}/logs")

    assert answer.status_code == 200
    assert "does not answer" in answer.text
    assert browser.get(running).status_code == 200


def test_what_an_application_logs_is_shown_as_text(browser: Browser, running: str, ports: PortsNow) -> None:
    hostile = ("<script>alert(1)</script>", "</pre><b>", "\x1b[31mred\x1b[0m")
    ports.change(cluster=WritingCluster(*hostile))

    shown = browser.fragment(f"{running}/logs").text

    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown
    assert "&lt;/pre&gt;&lt;b&gt;" in shown


def test_a_blocked_customer_cannot_sign_in_and_can_again_when_unblocked(
    browser: Browser, shop: Shop, app: Flask, running: str
) -> None:
    page = f"/admin/customers/{shop.customer.id}"
    login = {"email": shop.customer.email, "password": PASSWORD}

    blocked = browser.post(f"{page}/block", page)
    refused = app.test_client().post("/api/v1/auth/login", json=login)
    told = browser.shown(page)
    browser.post(f"{page}/unblock", page)
    let_in = app.test_client().post("/api/v1/auth/login", json=login)

    assert (blocked.status_code, blocked.location) == (303, page)
    assert refused.status_code == 401
    assert "Blocked" in told
    assert "keep running" in told
    assert let_in.status_code == 200
    assert _instance(app, shop).status is InstanceStatus.RUNNING


def test_the_last_administrator_cannot_lock_everybody_out(
    browser: Browser, administrator: Person, person: Callable[..., Person]
) -> None:
    page = f"/admin/customers/{administrator.id}"

    browser.post(f"{page}/block", page)

    assert "The last active administrator must stay." in browser.shown(page)
    person(role=Role.ADMINISTRATOR)
    browser.post(f"{page}/block", page)
    assert "Another administrator has to do this to your own account." in browser.shown(page)
    assert browser.get("/admin/").status_code == 200


def test_a_customer_is_deleted_from_the_page_with_the_credit_that_was_shown(
    browser: Browser, app: Flask, person: Callable[..., Person]
) -> None:
    leaving = person(credit=20_000, name="Dewi Lestari")
    page = f"/admin/customers/{leaving.id}"
    assert "The credit of Rp\u00a020,000 is lost with the account." in browser.shown(page)

    for said in ({}, {"forfeit": "19999"}, {"forfeit": "all"}):
        browser.post(f"{page}/delete", page, **said)
        assert "still has Rp 20,000 of credit" in browser.shown(page)
    answer = browser.post(f"{page}/delete", page, forfeit="20000")

    assert (answer.status_code, answer.location) == (303, "/admin/customers")
    assert "Dewi Lestari" not in browser.shown("/admin/customers")


def test_an_administrator_whom_another_one_blocks_is_out_at_once(
    app: Flask, browser: Browser, administrator: Person, person: Callable[..., Person], clock: FrozenClock
) -> None:
    other = person(role=Role.ADMINISTRATOR)
    assert browser.get("/admin/").status_code == 200

    with app.app_context(), unit_of_work():
        stewardship.block(administrator.id, actor=other.actor, at=clock.now())

    assert browser.get("/admin/").status_code == 303


@pytest.mark.parametrize("act", ["block", "unblock"])
def test_an_unknown_customer_is_not_found(browser: Browser, act: str) -> None:
    assert browser.post(f"/admin/customers/01a1f922-b4b6-77d2-9267-754f21fb013a/{act}").status_code == 404
