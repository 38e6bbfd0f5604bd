"""The catalogue on the pages: services, plans with prices and slots, categories, recipes; changed by the domain."""

import re
import uuid
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from minispod.audit.models import AuditEntry
from minispod.catalog.models import Category, Plan, Service
from minispod.catalog.recipes import all_recipes, shelf
from minispod.catalog.recipes.shelf import RECIPE_FILES
from minispod.kernel.database import session
from minispod.kernel.unit_of_work import unit_of_work
from minispod.notifications.models import Notification
from minispod.subscriptions.models import Subscription
from tests.admin.conftest import Browser
from tests.admin.shop import Shop
from tests.factories.statements import asked

CATALOGUE = "/admin/catalogue"
FORM = re.compile(r'<form method="post" class="stacked".*?</form>', re.DOTALL)


@pytest.fixture
def plan(app: Flask, plan_id: Callable[..., uuid.UUID]) -> str:
    """The page of n8n Basic."""
    return f"{CATALOGUE}/plans/{plan_id('n8n-automation', 'BASIC')}"


@pytest.fixture
def service(app: Flask, plan_id: Callable[..., uuid.UUID]) -> str:
    """The page of n8n."""
    return f"{CATALOGUE}/services/{_service_id(app, 'n8n-automation')}"


def _service_id(app: Flask, slug: str) -> uuid.UUID:
    with app.app_context():
        return session().scalars(select(Service.id).where(Service.slug == slug)).one()


def row(app: Flask, page: str) -> Any:
    """The plan, service or category whose page it is."""
    model = {"plans": Plan, "services": Service, "categories": Category}[page.split("/")[3]]
    with app.app_context():
        found = session().get_one(model, uuid.UUID(page.split("/")[4]))
        session().expunge_all()
        return found


def actions(app: Flask, *kinds: str) -> list[str]:
    with app.app_context():
        wanted = select(AuditEntry.action).where(
            AuditEntry.subject_kind.in_(kinds), AuditEntry.actor_kind == "staff"
        )
        return list(session().scalars(wanted.order_by(AuditEntry.id)))


def fields_of(text: str) -> dict[str, str]:
    """The fields of the form on a page as a browser would send them untouched."""
    form = FORM.search(text)
    assert form is not None
    fields = dict(
        re.findall(r'<input (?!type="(?:hidden|checkbox)")[^>]*name="([^"]+)"[^>]* value="([^"]*)"', form[0])
    )
    fields |= dict(re.findall(r'<textarea [^>]*name="([^"]+)"[^>]*>([^<]*)</textarea>', form[0]))
    for name in re.findall(r'<input type="checkbox" name="([^"]+)" value="yes" checked', form[0]):
        fields[name] = "yes"
    for name, options in re.findall(r'<select [^>]*name="([^"]+)"[^>]*>(.*?)</select>', form[0], re.DOTALL):
        chosen = re.search(r'value="([^"]*)" selected', options)
        fields[name] = chosen[1] if chosen else re.findall(r'value="([^"]*)"', options)[0]
    return fields


def test_the_list_shows_prices_stock_and_orders(
    browser: Browser, app: Flask, shop: Shop, plan: str, service: str
) -> None:
    text = browser.shown(CATALOGUE)

    assert f'href="{plan}"' in text
    assert '<td data-label="Orders" class="number">1</td>' in text
    assert "Rp\u00a050,000" in text
    assert "No service matches" in browser.shown(f"{CATALOGUE}?state=withdrawn")
    assert plan in browser.shown(f"{CATALOGUE}?q=n8n&sort=-updatedAt&state=offered")
    category = row(app, f"{CATALOGUE}/categories/{row(app, service).category_id}")
    assert plan in browser.shown(f"{CATALOGUE}?category={category.slug}")
    assert "No service matches" in browser.shown(f"{CATALOGUE}?category=nonsense")
    assert "<html" not in browser.fragment(f"{CATALOGUE}?q=n8n").text


def test_the_price_for_new_customers_leaves_others_theirs(
    browser: Browser, app: Flask, shop: Shop, plan: str
) -> None:
    paid = shop.subscription.price
    assert f"{paid:,}" in browser.shown(plan)

    answer = browser.post(f"{plan}/price", plan, price="65.000", **{"for": "new"})

    assert answer.location == plan
    assert (row(app, plan).monthly_price, row(app, plan).is_price_for_all) == (65_000, False)
    with app.app_context():
        assert session().get_one(Subscription, shop.subscription.id).price == paid
    assert actions(app, "plan") == ["plan.price_changed", "plan.changed"]
    text = browser.shown(plan)
    assert "existing ones keep theirs" in text
    assert "Rp\u00a065,000" in text


def test_the_price_for_everybody_is_previewed_first(
    browser: Browser, app: Flask, shop: Shop, plan: str, tick: Callable[[str], None]
) -> None:
    browser.shown(plan)
    before = row(app, plan).monthly_price

    preview = browser.post(f"{plan}/price", plan, price="80000", **{"for": "existing"})

    assert preview.location == f"{plan}/price?price=80000"
    text = browser.shown(preview.location)
    assert row(app, plan).monthly_price == before
    assert f'href="/admin/subscriptions/{shop.subscription.id}"' in text
    # It ends in a month, which is more than two weeks away.
    assert shop.subscription.ends_at.isoformat(timespec="seconds") in text
    browser.post(f"{plan}/price", preview.location, price="80000", **{"for": "existing-seen"})
    assert (row(app, plan).monthly_price, row(app, plan).is_price_for_all) == (80_000, True)

    tick("announce-prices")

    with app.app_context():
        told = session().scalars(select(Notification).where(Notification.kind == "price_announced")).one()
        assert told.user_id == shop.customer.id
    assert "Nobody would be told" in browser.shown(preview.location)
    assert "told of Rp\u00a080,000" in browser.shown(plan)


def test_who_would_hear_that_a_rise_does_not_come_is_previewed_too(
    browser: Browser, app: Flask, shop: Shop, plan: str, tick: Callable[[str], None]
) -> None:
    browser.shown(plan)
    paid = shop.subscription.price
    browser.post(f"{plan}/price", plan, price="80000", **{"for": "existing-seen"})
    tick("announce-prices")

    text = browser.shown(f"{plan}/price?price={paid}")

    assert f'href="/admin/subscriptions/{shop.subscription.id}"' in text
    browser.post(f"{plan}/price", plan, price=str(paid), **{"for": "existing-seen"})
    tick("announce-prices")
    with app.app_context():
        mails = session().scalars(select(Notification).where(Notification.kind == "price_announced"))
        assert [bool(each.facts["withdrawn"]) for each in mails] == [False, True]
    assert "Nobody would be told" in browser.shown(f"{plan}/price?price={paid}")


@pytest.mark.parametrize("price", ["", "-1", "1,5", "abc", "999999999"])
def test_a_price_that_is_none_changes_nothing(browser: Browser, app: Flask, plan: str, price: str) -> None:
    browser.shown(plan)
    before = row(app, plan).monthly_price

    browser.post(f"{plan}/price", plan, price=price, **{"for": "new"})

    assert row(app, plan).monthly_price == before
    assert 'class="message bad"' in browser.shown(plan)
    assert actions(app, "plan") == []


def test_slots_are_never_fewer_than_are_taken(browser: Browser, app: Flask, shop: Shop, plan: str) -> None:
    browser.shown(plan)

    browser.post(f"{plan}/slots", plan, slots="0", reason="too many")
    assert "1 subscriptions are active" in browser.shown(plan)
    browser.post(f"{plan}/slots", plan, slots="7", reason="")
    browser.post(f"{plan}/slots", plan, slots="20000", reason="too many")
    assert row(app, plan).total_quota not in (0, 7, 20_000)
    browser.post(f"{plan}/slots", plan, slots="7", reason="another worker")

    assert row(app, plan).total_quota == 7
    assert actions(app, "plan") == ["plan.quota_changed"]


def test_a_plan_is_withdrawn_offered_and_deleted(browser: Browser, app: Flask, shop: Shop, plan: str) -> None:
    browser.shown(plan)
    for _ in range(2):
        browser.post(f"{plan}/withdraw", plan)
    assert row(app, plan).is_active is False
    browser.post(f"{plan}/offer", plan)
    assert row(app, plan).is_active is True

    browser.post(f"{plan}/delete", plan)

    assert row(app, plan) is not None
    assert "Subscriptions refer to this plan" in browser.shown(plan)


def test_a_plan_is_edited_and_only_what_changed(browser: Browser, app: Flask, plan: str) -> None:
    edit = f"{plan}/edit"
    sent = fields_of(browser.shown(edit))
    before = row(app, plan)

    assert browser.post(edit, edit, **sent).location == plan
    untouched = row(app, plan)
    assert (untouched.features, untouched.memory_mb) == (before.features, before.memory_mb)
    browser.post(edit, edit, **{**sent, "memory_mb": "2048", "features": "One\n\n Two ", "plan_type": "MAX"})

    after = row(app, plan)
    assert (after.memory_mb, after.features, after.plan_type) == (2048, ["One", "Two"], before.plan_type)
    with app.app_context():
        line = session().scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
        assert line is not None
        assert set(line.details["changed"]) == {"memory_mb", "features"}


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("memory_mb", "64", "Memory mb must be 128 to 32,768."),
        ("name", "x", "Name must have 2 to 100 characters."),
        ("name", " ", "Name is needed."),
        ("cpu_milli", "a lot", "write a whole number"),
        ("features", "\n".join("x" * 201 for _ in range(2)), "50 lines of 200 characters"),
    ],
)
def test_a_plan_that_cannot_be_is_said_above_the_form(
    browser: Browser, app: Flask, plan: str, name: str, text: str, told: str
) -> None:
    edit = f"{plan}/edit"
    sent = fields_of(browser.shown(edit))

    refused = browser.post(edit, edit, **{**sent, name: text, "description": "Kept as it was typed."})

    assert refused.status_code == 400
    assert told in refused.text
    assert "Kept as it was typed." in refused.text
    assert actions(app, "plan") == []


def test_a_plan_is_added(browser: Browser, app: Flask, service: str) -> None:
    new = f"{service}/plans/new"
    sent = fields_of(browser.shown(new))
    assert sent["plan_type"] not in {"BASIC", "PRO"}
    terms = {"name": "Largest", "plan_type": "MAX", "monthly_price": "900.000", "memory_mb": "8192"}

    answer = browser.post(new, new, **{**sent, **terms})

    made = row(app, answer.location)
    assert (made.name, made.monthly_price, made.is_active) == ("Largest", 900_000, True)
    again = browser.post(new, new, **{**sent, **terms})
    assert again.status_code == 400
    assert "already exists" in again.text


def test_a_service_is_added_offered_and_deleted(browser: Browser, app: Flask, catalog: None) -> None:
    new = f"{CATALOGUE}/services/new"
    sent = fields_of(browser.shown(new))
    terms = {"name": "Nothing yet", "slug": "nothing-yet", "tags": "One\nTWO", "is_featured": "yes"}

    refused = browser.post(new, new, **{**sent, **terms})
    assert refused.status_code == 400  # without a recipe it needs an image, which the form does not ask for
    free = "gitea"
    browser.post(f"{CATALOGUE}/services/{_service_id(app, free)}/delete")  # nobody has bought it
    page = browser.post(new, new, **{**sent, **terms, "slug": free}).location

    made = row(app, page)
    assert (made.is_active, made.is_public, made.is_featured, made.tags) == (
        False,
        True,
        True,
        ["one", "two"],
    )
    browser.shown(page)
    browser.post(f"{page}/offer", page)
    assert row(app, page).is_active is True
    browser.post(f"{page}/withdraw", page)
    assert browser.post(f"{page}/delete", page).location == CATALOGUE
    assert browser.get(page).status_code == 404


def test_a_service_is_edited(browser: Browser, app: Flask, shop: Shop, service: str) -> None:
    edit = f"{service}/edit"
    sent = fields_of(browser.shown(edit))

    bad = browser.post(edit, edit, **{**sent, "icon": "javascript:alert(1)"})
    slug = browser.post(edit, edit, **{**sent, "slug": "another"})
    browser.post(edit, edit, **{**sent, "name": "n8n, new"})

    assert "must be an address with http or https" in bad.text
    assert slug.status_code == 400
    assert (row(app, service).name, row(app, service).slug) == ("n8n, new", "n8n-automation")
    browser.post(f"{service}/delete", service)
    assert row(app, service).name == "n8n, new"


def test_categories(browser: Browser, app: Flask, catalog: None) -> None:
    listing, new = f"{CATALOGUE}/categories", f"{CATALOGUE}/categories/new"
    browser.shown(new)

    browser.post(new, new, name="Games", slug="games", description="", parent_id="", sort_order="")
    with app.app_context():
        page = f"{listing}/{session().scalars(select(Category.id).where(Category.slug == 'games')).one()}"
    assert "Games" in browser.shown(listing)
    assert "No category matches" in browser.shown(f"{listing}?q=nonsense")
    assert browser.post(new, new, name="Games", slug="games").status_code == 400
    assert browser.post(page, page, name="Games", slug="Not a slug").status_code == 400
    browser.post(page, page, name="Play", slug="games", description="For fun", sort_order="9")
    assert (row(app, page).name, row(app, page).description, row(app, page).sort_order) == (
        "Play",
        "For fun",
        9,
    )
    browser.post(f"{page}/delete", listing)

    assert browser.get(page).status_code == 404
    assert actions(app, "category") == ["category.created", "category.changed", "category.deleted"]


def test_recipes_show_their_file_and_what_runs_by_them(browser: Browser, shop: Shop) -> None:
    listing = browser.shown(f"{CATALOGUE}/recipes")
    one = browser.shown(f"{CATALOGUE}/recipes/n8n-automation")

    assert listing.count('<span class="badge good">Sound</span>') == len(all_recipes())
    assert "The file is sound, and it is what runs." in one
    assert '<span class="line" id="line-1">' in one
    assert f'href="/admin/instances?status={shop.instance.status}&amp;q=n8n-automation">1</a>' in one
    assert browser.get(f"{CATALOGUE}/recipes/nonsense").status_code == 404
    assert browser.get(f"{CATALOGUE}/recipes/..%2F..%2Fmodels").status_code == 404


def test_what_is_wrong_with_a_recipe_is_told_by_line(
    browser: Browser, catalog: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (RECIPE_FILES / "redis.yaml").read_text(encoding="utf-8")
    (tmp_path / "redis.yaml").write_text(text + "nonsense: 1\n", encoding="utf-8")
    monkeypatch.setattr(shelf, "RECIPE_FILES", tmp_path)

    one = browser.shown(f"{CATALOGUE}/recipes/redis")
    other = browser.shown(f"{CATALOGUE}/recipes/gitea")
    (tmp_path / "redis.yaml").write_text(text.replace("title: ", "title: New "), encoding="utf-8")
    (tmp_path / "ghost-blog.yaml").write_bytes(b"\xff\xfe\x00")

    line = len(text.splitlines()) + 1
    assert f'href="#line-{line}">{line}</a>' in one
    assert "is not a known field" in one
    assert "is gone; what runs was read before" in other
    assert "cannot be read as text" in browser.shown(f"{CATALOGUE}/recipes/ghost-blog")
    assert "holds from the next start on" in browser.shown(f"{CATALOGUE}/recipes/redis")


def test_pages_ask_as_much_however_much_there_is(
    browser: Browser, app: Flask, shop: Shop, plan: str, service: str
) -> None:
    paths = (
        CATALOGUE,
        service,
        plan,
        f"{plan}/price?price=1",
        f"{CATALOGUE}/categories",
        f"{CATALOGUE}/recipes",
    )

    def count() -> list[int]:
        found = []
        for path in paths:
            browser.shown(path)
            with asked() as sent:
                browser.shown(path)
            found.append(len(sent))
        return found

    before = count()
    new = f"{service}/plans/new"
    for tier in ("FREE", "ENTERPRISE", "MAX"):
        browser.post(new, new, **{**fields_of(browser.shown(new)), "name": tier, "plan_type": tier})
    form = f"{CATALOGUE}/categories/new"
    for number in range(5):
        browser.post(form, form, name=f"Shelf {number}", slug=f"shelf-{number}")

    assert count() == before


def test_a_renewal_that_comes_too_soon_keeps_its_price(
    browser: Browser, app: Flask, shop: Shop, plan: str
) -> None:
    soon = shop.subscription.anchor_at + timedelta(days=5)
    with app.app_context(), unit_of_work():
        session().get_one(Subscription, shop.subscription.id).ends_at = soon

    text = browser.shown(f"{plan}/price?price=80000")

    assert f'href="/admin/subscriptions/{shop.subscription.id}"' in text
    assert soon.isoformat(timespec="seconds") not in text
