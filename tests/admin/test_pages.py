"""The pages show what is there, safely, whole or as the part htmx asked for."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask

from minispod.cluster import monitoring
from minispod.instances.models import Instance
from minispod.instances.states import InstanceStatus
from minispod.kernel import outbox, pulse
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.kernel.tasks import Task
from minispod.kernel.unit_of_work import unit_of_work
from minispod.notifications.models import DeliveryState, Notification
from minispod.payments.models import TopUp
from tests.admin.conftest import Browser
from tests.admin.shop import Shop
from tests.factories.nodes import worker
from tests.plugins.app import Person

HOSTILE = """<script>alert("x")</script>'"&<b>"""

LISTS = {
    "/admin/customers": "customer",
    "/admin/instances": "instance",
    "/admin/backups": "instance",
    "/admin/domains": "domain",
    "/admin/subscriptions": "subscription",
    "/admin/money": "entry",
    "/admin/money/topups": "top-up",
    "/admin/coupons": "coupon",
    "/admin/messages": "message",
    "/admin/audit": "line",
}


@pytest.mark.parametrize(
    "path", [*LISTS, "/admin/", "/admin/money/proof", "/admin/nodes", "/admin/work", "/admin/tables/"]
)
def test_an_empty_shop_has_pages_that_say_so(browser: Browser, path: str) -> None:
    text = browser.shown(path)

    assert "<title>" in text
    assert 'aria-current="page"' in text


def test_the_lists_show_what_was_ordered_and_paid(browser: Browser, shop: Shop) -> None:
    instance = shop.instance

    assert shop.customer.email in browser.shown("/admin/customers")
    assert instance.name in browser.shown("/admin/instances")
    assert "N8N Automation" in browser.shown("/admin/subscriptions")
    assert shop.topup.custom_id in browser.shown("/admin/money")
    assert shop.topup.order_id in browser.shown("/admin/money/topups")
    assert "Welcome" in browser.shown("/admin/messages")
    assert "Subscription: ordered" in browser.shown("/admin/audit")


def test_one_customer_is_shown_with_everything(browser: Browser, shop: Shop) -> None:
    text = browser.shown(f"/admin/customers/{shop.customer.id}")

    for expected in (
        shop.customer.email,
        shop.instance.name,
        shop.topup.custom_id,
        "N8N Automation Basic",
        "Welcome",
        "Rp\u00a0550,000",
        "Account: registered",
    ):
        assert expected in text


def test_one_top_up_is_shown_with_the_notices_about_it(browser: Browser, shop: Shop) -> None:
    text = browser.shown(f"/admin/money/topups/{shop.topup.id}")

    assert shop.topup.order_id in text
    assert "Settlement" in text
    assert "hold amount mismatch" not in text


@pytest.mark.parametrize(
    "path",
    [
        "/admin/customers/{}",
        "/admin/instances/{}",
        "/admin/instances/{}/logs",
        "/admin/money/topups/{}",
        "/admin/coupons/{}",
        "/admin/coupons/{}/edit",
        "/admin/nodes/{}",
        "/admin/tables/users/details/?id={}",
    ],
)
@pytest.mark.parametrize("id_", ["not-an-id", "01a1f922-b4b6-77d2-9267-754f21fb013a"])
def test_what_does_not_exist_is_not_found(browser: Browser, path: str, id_: str) -> None:
    answer = browser.get(path.format(id_))

    assert answer.status_code in (302, 404)
    assert answer.status_code == 404 or "/admin/tables/" in answer.location


def test_hostile_names_are_shown_as_text_everywhere(
    browser: Browser, shop: Shop, app: Flask, clock: FrozenClock, person: Callable[..., Person]
) -> None:
    evil = person(name=HOSTILE, credit=100_000)
    with app.app_context(), unit_of_work():
        topup = session().get(TopUp, shop.topup.id)
        assert topup is not None
        topup.payment_type = HOSTILE
        session().flush()  # the top-up is locked before the instance
        instance = session().get(Instance, shop.instance.id)
        assert instance is not None
        instance.last_error = instance.health_status = HOSTILE
        instance.status = InstanceStatus.ERROR
        instance.user_id = evil.id
        message = session().query(Notification).first()
        assert message is not None
        message.to_name = message.last_error = HOSTILE
        message.state = DeliveryState.FAILED
        outbox.later(Task.CREDIT_ARRIVED, key=str(evil.id), at=clock.now(), user_id=str(evil.id))

    paths = [
        *LISTS,
        "/admin/",
        "/admin/work",
        f"/admin/customers/{evil.id}",
        f"/admin/instances/{shop.instance.id}",
        f"/admin/money/topups/{shop.topup.id}",
        "/admin/customers?q=" + "%3Cscript%3Ealert(1)%3C/script%3E",
        "/admin/tables/users/",
    ]
    pages = {path: browser.shown(path) for path in paths}

    assert [path for path, text in pages.items() if "<script>alert" in text] == []
    assert sum("&lt;script&gt;alert" in text for text in pages.values()) >= 8


@pytest.mark.parametrize("path", LISTS)
def test_a_list_answers_htmx_with_the_list_alone(browser: Browser, shop: Shop, path: str) -> None:
    whole, part = browser.get(path), browser.fragment(path)

    assert "<html" in whole.text
    assert "<html" not in part.text
    assert part.text.strip().startswith('<section id="list"')
    assert {"HX-Request", "HX-Boosted"} <= set(whole.vary)


def test_a_boosted_link_and_a_restored_history_get_the_whole_page(browser: Browser) -> None:
    assert "<html" in browser.fragment("/admin/customers", HX_Boosted="true").text
    assert "<html" in browser.fragment("/admin/customers", HX_History_Restore_Request="true").text


def test_lists_are_searched_filtered_and_paged(browser: Browser, person: Callable[..., Person]) -> None:
    for number in range(30):
        person(name=f"Customer {number:02}", email=f"c{number:02}@example.com")

    first, second = browser.shown("/admin/customers"), browser.shown("/admin/customers?page=2")
    found = browser.shown("/admin/customers?q=customer+07")
    staff = browser.shown("/admin/customers?role=ADMINISTRATOR")

    assert "1–25 of 31" in first
    assert 'href="/admin/customers?page=2"' in first
    assert "26–31 of 31" in second
    assert "1–1 of 1" in found
    assert "c07@example.com" in found
    assert "1–1 of 1" in staff


@pytest.mark.parametrize(
    "query", ["page=0", "page=-1", "page=x", "page=99999999999", "page=900", "q=%25", "q=%00", "q=_"]
)
@pytest.mark.parametrize("path", LISTS)
def test_nonsense_in_the_address_never_breaks_a_list(browser: Browser, path: str, query: str) -> None:
    assert (
        browser.get(
            f"{path}?{query}&status=NOPE&state=NOPE&type=NOPE&role=NOPE&action=NOPE&trouble=NOPE"
        ).status_code
        == 200
    )


def test_a_percent_sign_is_searched_for_as_itself(browser: Browser, shop: Shop) -> None:
    for path in (
        "/admin/customers",
        "/admin/instances",
        "/admin/backups",
        "/admin/subscriptions",
        "/admin/money",
        "/admin/messages",
    ):
        assert "0 results" in browser.shown(f"{path}?q=%25"), path


@pytest.mark.parametrize("written", ["TXMP-{}", "txmp-{}", "{}"])
def test_money_is_found_by_its_number(browser: Browser, shop: Shop, written: str) -> None:
    query = written.format(shop.topup.number)

    assert "1–1 of 1" in browser.shown(f"/admin/money?q={query}")
    assert "1–1 of 1" in browser.shown(f"/admin/money/topups?q={query}")


def test_money_is_found_by_order_and_by_customer(browser: Browser, shop: Shop) -> None:
    assert shop.topup.custom_id in browser.shown(f"/admin/money?q={shop.topup.order_id}")
    assert shop.topup.custom_id in browser.shown(f"/admin/money/topups?q={shop.customer.email}")


def test_the_book_is_filtered_by_action_and_thing(browser: Browser, shop: Shop) -> None:
    orders = browser.shown("/admin/audit?action=subscription.ordered")
    about_wallets = browser.shown("/admin/audit?kind=wallet")

    assert "1–1 of 1" in orders
    assert "Wallet: credited" in about_wallets
    assert '<td data-label="Action">Account' not in about_wallets


def test_nodes_are_shown_with_their_history(browser: Browser, nodes_seen: None) -> None:
    assert "worker-1" in browser.shown("/admin/nodes")
    for span in ("6h", "24h", "7d", "nonsense"):
        text = browser.shown(f"/admin/nodes/worker-1?span={span}")
        assert text.count("<chart-plot") == 2
        assert '<td data-label="requested" class="number">25.0 %</td>' in text


def test_the_nodes_page_says_how_many_more_of_each_plan_fit(
    browser: Browser, shop: Shop, nodes_seen: None, app: Flask, clock: FrozenClock
) -> None:
    text = browser.shown("/admin/nodes")

    # Of 64 GB 36 % stay free; a plan of 1 GB requests 512 MB: 81, and one is there.
    assert '<td data-label="More fit" class="number">80</td>' in text
    assert '<td data-label="Without worker-1" class="number">47</td>' in text
    assert "the others hold everything" in text
    with app.app_context(), unit_of_work():
        monitoring.record_nodes([worker()], clock.advance(minutes=1))
    alone = browser.shown("/admin/nodes")
    assert "512 MB of memory, 0.25 CPU, places for 1 pods would be missing" in " ".join(alone.split())


def test_a_silent_cluster_leaves_the_last_picture_and_says_since_when(
    browser: Browser, nodes_seen: None, app: Flask, clock: FrozenClock
) -> None:
    with app.app_context(), unit_of_work():
        monitoring.record_silence(clock.now() - timedelta(minutes=4))

    text = browser.shown("/admin/nodes")

    assert "unreachable since" in text
    assert "4 min ago" in text
    assert "worker-1" in text
    assert "silent since" in browser.shown("/admin/")


def test_the_jobs_page_shows_the_timetable_and_who_is_silent(
    browser: Browser, app: Flask, clock: FrozenClock
) -> None:
    with app.app_context(), unit_of_work():
        pulse.beat("worker", clock.now())

    text = browser.shown("/admin/work")

    assert "advance-calendar" in text
    assert "never seen" in text
    assert "alive" in text


def test_raw_tables_can_be_read_and_hold_no_secrets(browser: Browser, shop: Shop, app: Flask) -> None:
    index = browser.shown("/admin/tables/")
    tables = sorted(
        {line.split('"')[0] for line in index.split('href="/admin/tables/')[1:] if "/" in line.split('"')[0]}
    )
    assert len(tables) > 12

    with app.app_context():
        instance = session().get(Instance, shop.instance.id)
        assert instance is not None
        sealed = instance.sealed_secrets
    pages = [browser.shown(f"/admin/tables/{name}") for name in tables]
    details = browser.shown(f"/admin/tables/instances/details/?id={shop.instance.id}")

    text = " ".join([*pages, details])
    assert "$2b$" not in text
    assert sealed[:20] not in text
    assert shop.instance.name in text


@pytest.mark.parametrize(
    "path", ["/admin/tables/users/new/", "/admin/tables/users/edit/?id=1", "/admin/tables/users/export/csv/"]
)
def test_raw_tables_cannot_be_written_or_taken_away(browser: Browser, path: str) -> None:
    assert browser.get(path).status_code in (302, 404)


@pytest.mark.parametrize("act", ["delete", "action", "ajax/update"])
def test_raw_tables_refuse_posts(browser: Browser, shop: Shop, act: str, app: Flask) -> None:
    browser.post(
        f"/admin/tables/users/{act}/", id=str(shop.customer.id), action="delete", rowid=str(shop.customer.id)
    )

    assert shop.customer.email in browser.shown("/admin/customers")


def test_an_odd_query_does_not_break_a_raw_table(browser: Browser) -> None:
    for query in (
        "flt0_0=x",
        "sort=99",
        "sort=x",
        "page=x",
        "page=-1",
        "page=" + "9" * 25,
        "sort=-1",
        "page_size=100000",
        "search=x",
    ):
        assert browser.get(f"/admin/tables/users/?{query}").status_code in (200, 302), query


def test_error_pages_are_pages(browser: Browser, app: Flask) -> None:
    missing = browser.get("/admin/nope")
    wrong_method = browser.client.post("/", data={})

    assert "Nothing here" in missing.text
    assert missing.content_type.startswith("text/html")
    assert wrong_method.status_code == 405
    assert "GET" in wrong_method.headers["Allow"]


def test_the_bare_address_leads_to_the_pages(app: Flask) -> None:
    answer = app.test_client().get("/")

    assert (answer.status_code, answer.location) == (302, "/admin/")
