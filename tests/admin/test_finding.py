"""The search for everything: what it understands, why, where it leads, and what it costs."""

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import text

from minispod.accounts import directory
from minispod.insights import finding
from minispod.insights.finding import Kind, Why
from minispod.instances.domains.models import CustomDomain
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.kernel.unit_of_work import unit_of_work
from minispod.papers.models import Paper
from tests.admin.conftest import Browser
from tests.admin.shop import Shop
from tests.factories.statements import asked
from tests.factories.tickets import open_ticket
from tests.plugins.app import Person


@pytest.fixture
def furnished(app: Flask, shop: Shop, clock: FrozenClock, run_jobs: Callable[[], int]) -> dict[str, str]:
    """What there is to be found, by what people call it."""
    at = clock.now()
    with app.app_context():
        with unit_of_work():
            directory.change_profile(
                shop.customer.id, {"phone": "081234567890"}, actor=shop.customer.actor, at=at
            )
            session().add(
                CustomDomain(
                    instance_id=shop.instance.id,
                    host="toko.siti.example",
                    token="t",
                    status_changed_at=at,
                    waiting_since=at,
                    created_at=at,
                    updated_at=at,
                )
            )
        run_jobs()  # papers get their numbers
        paper = session().query(Paper.number).filter(Paper.number.is_not(None)).first()
    ticket = open_ticket(app.test_client(), shop.customer)
    assert paper is not None
    return {
        "name": "siti rah",
        "mail": shop.customer.email,
        "phone": "+62 812-3456-7890",
        "part of a phone": "3456789",
        "transaction": shop.topup.custom_id,
        "bare number": str(shop.topup.number),
        "order": shop.topup.order_id,
        "payment": str(shop.topup.transaction_id),
        "paper": str(paper[0]).lower(),
        "subscription": str(shop.subscription.id),
        "instance": str(shop.instance.id),
        "customer": str(shop.customer.id),
        "instance's name": shop.instance.name,
        "host": f"https://{shop.instance.host}/wp-admin",
        "own domain": "toko.siti",
        "ticket": ticket["ticketNumber"],
    }


@pytest.mark.parametrize(
    ("what", "kind", "why"),
    [
        ("name", Kind.CUSTOMER, Why.NAME),
        ("mail", Kind.CUSTOMER, Why.EMAIL),
        ("phone", Kind.CUSTOMER, Why.PHONE),
        ("part of a phone", Kind.CUSTOMER, Why.PHONE),
        ("transaction", Kind.TOPUP, Why.NUMBER),
        ("bare number", Kind.TOPUP, Why.NUMBER),
        ("order", Kind.TOPUP, Why.ORDER),
        ("payment", Kind.TOPUP, Why.PAYMENT),
        ("paper", Kind.PAPER, Why.NUMBER),
        ("subscription", Kind.SUBSCRIPTION, Why.ID),
        ("instance", Kind.INSTANCE, Why.ID),
        ("customer", Kind.CUSTOMER, Why.ID),
        ("instance's name", Kind.INSTANCE, Why.NAME),
        ("host", Kind.INSTANCE, Why.HOST),
        ("own domain", Kind.INSTANCE, Why.DOMAIN),
        ("ticket", Kind.TICKET, Why.NUMBER),
    ],
)
def test_everything_is_found_by_what_people_have_in_hand(
    app: Flask, furnished: dict[str, str], what: str, kind: Kind, why: Why
) -> None:
    with app.app_context():
        found = finding.find(furnished[what])

    assert (kind, why) in {(hit.kind, hit.why) for hit in found.hits}
    assert not found.is_cut


@pytest.mark.parametrize(
    ("what", "leads_to"),
    [
        ("mail", "/admin/customers/{customer}"),
        ("phone", "/admin/customers/{customer}"),
        ("order", "/admin/money/topups/{topup}"),
        ("payment", "/admin/money/topups/{topup}"),
        ("transaction", "/admin/money/topups/{topup}"),
        ("subscription", "/admin/subscriptions/{subscription}"),
        ("instance's name", "/admin/instances/{instance}"),
        ("host", "/admin/instances/{instance}"),
        ("ticket", "/admin/customers/{customer}/tickets"),
    ],
)
def test_what_can_only_mean_one_thing_is_opened_at_once(
    browser: Browser, shop: Shop, furnished: dict[str, str], what: str, leads_to: str
) -> None:
    answer = browser.client.get("/admin/search", query_string={"q": furnished[what]})

    ids = {
        "customer": shop.customer.id,
        "topup": shop.topup.id,
        "subscription": shop.subscription.id,
        "instance": shop.instance.id,
    }
    assert (answer.status_code, answer.location) == (303, leads_to.format(**ids))
    assert browser.get(answer.location).status_code == 200


@pytest.mark.parametrize("what", ["name", "part of a phone", "own domain"])
def test_what_is_found_in_part_is_listed_with_its_reason(
    browser: Browser, shop: Shop, furnished: dict[str, str], what: str
) -> None:
    answer = browser.client.get("/admin/search", query_string={"q": furnished[what]})

    assert answer.status_code == 200
    assert "in part" in answer.text
    assert f'href="/admin/customers/{shop.customer.id}"' in answer.text


def test_what_may_mean_two_things_leads_nowhere_by_itself(
    app: Flask, browser: Browser, shop: Shop, furnished: dict[str, str]
) -> None:
    with app.app_context(), unit_of_work():
        session().execute(text("UPDATE tickets SET number = :number"), {"number": shop.topup.number})

    shown = browser.shown(f"/admin/search?q={shop.topup.number}")

    assert shop.topup.custom_id in shown
    assert f"#{shop.topup.number:03d}" in shown


@pytest.mark.parametrize(
    "odd", ["%", "\\", "' OR 1=1 --", "#", "TXMP-", "9" * 18, "<b>", "://", "#99999999999999999", "   ", "ab"]
)
def test_odd_texts_find_nothing_and_break_nothing(
    browser: Browser, furnished: dict[str, str], odd: str
) -> None:
    answer = browser.client.get("/admin/search", query_string={"q": odd})

    assert answer.status_code == 200
    assert "<b>" not in answer.text


def test_deleted_customers_are_not_found_by_what_they_were(
    app: Flask, browser: Browser, person: Callable[..., Person]
) -> None:
    gone = person(name="Wayan Gone", email="wayan@example.com")
    with app.app_context(), unit_of_work():
        session().execute(text("UPDATE users SET deleted_at = now() WHERE id = :id"), {"id": gone.id})

    assert "Nothing was found" in browser.shown("/admin/search?q=wayan")


def test_many_are_cut_and_the_statements_stay_as_many(
    app: Flask, shop: Shop, person: Callable[..., Person]
) -> None:
    counts = []
    for number in (1, 25):
        for _ in range(number):
            person(name="Ketut Sama")
        with app.app_context(), asked() as statements:
            found = finding.find("ketut sama")
        counts.append(len(statements))

    assert counts[0] == counts[1] <= 8
    assert found.is_cut
    assert len(found.hits) == 20


def test_a_fragment_leads_nowhere(browser: Browser, shop: Shop) -> None:
    answer = browser.fragment(f"/admin/search?q={shop.topup.order_id}")

    assert answer.status_code == 200
    assert shop.topup.custom_id in answer.text
    assert "<html" not in answer.text


@pytest.mark.parametrize(
    "words", ["siti rah", "example.com", "wp.siti", "081234567", "TXMP-77", "#77", "INV-2026-1"]
)
def test_no_large_table_is_read_whole(app: Flask, shop: Shop, clock: FrozenClock, words: str) -> None:
    """With sequential reads made dear, a plan that still has one has no index to go by."""
    with app.app_context():
        has_trigrams = session().scalar(
            text("SELECT EXISTS (SELECT FROM pg_opclass WHERE opcname = 'gin_trgm_ops')")
        )
        with asked() as statements:
            finding.find(words)
        session().execute(text("SET LOCAL enable_seqscan = off"))
        plans = [
            "\n".join(
                row[0] for row in session().connection().exec_driver_sql(f"EXPLAIN {statement}", values).all()
            )
            for statement, values in statements
        ]
        session().rollback()

    large = ("ledger_entries", "topups", "papers", "tickets", "subscriptions", "gateway_notices")
    if has_trigrams:
        large += ("users", "instances", "custom_domains")
    wrong = [plan for plan in plans if any(f"Seq Scan on {table}" in plan for table in large)]
    assert wrong == []
