"""Coupons on the pages: issued, changed, switched and deleted, with their uses; each act in the book."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from minispod.audit.models import AuditEntry
from minispod.catalog.models import Service
from minispod.kernel.database import session
from minispod.kernel.unit_of_work import unit_of_work
from minispod.promotions import redeeming
from minispod.promotions.models import Coupon
from minispod.promotions.states import CouponStatus, CouponType, DiscountType
from tests.admin.conftest import Browser
from tests.factories.coupons import put_coupon
from tests.plugins.app import START, Person

NEW = "/admin/coupons/new"
HOSTILE = "<script>alert(1)</script>"
# As a browser sends the untouched form for a credit coupon.
FORM = {
    "code": "lebaran",
    "name": "Lebaran",
    "description": "",
    "type": "CREDIT_TOPUP",
    "credit_amount": "10.000",
    "discount_type": "",
    "discount_percent": "",
    "service_id": "",
    "plan_type": "",
    "max_uses": "",
    "max_uses_per_user": "1",
    "valid_from": "",
    "valid_until": "",
}


@pytest.fixture
def issued(app: Flask) -> Callable[..., str]:
    """Issue a coupon and return the address of its page."""

    def put(code: str, type_: CouponType = CouponType.CREDIT_TOPUP, **terms: Any) -> str:
        with app.app_context():
            return f"/admin/coupons/{put_coupon(code, type_, at=START, **terms).id}"

    return put


def found(app: Flask, code: str) -> Coupon | None:
    with app.app_context():
        return session().scalar(select(Coupon).where(Coupon.code == code))


def use(app: Flask, code: str, who: Person) -> None:
    with app.app_context(), unit_of_work():
        redeeming.redeem_credit(code, user_id=who.id, actor=who.actor, at=START)


def sent(text: str) -> dict[str, str]:
    """The fields of the form on a page as a browser would send them untouched."""
    fields = dict(re.findall(r'<input type="(?!hidden)[^"]+" name="([^"]+)" value="([^"]*)"', text))
    for name, options in re.findall(r'<select name="([^"]+)">(.*?)</select>', text, re.DOTALL):
        chosen = re.search(r'value="([^"]*)" selected', options)
        fields[name] = chosen[1] if chosen else re.findall(r'value="([^"]*)"', options)[0]
    return fields


def test_a_coupon_is_issued(browser: Browser, app: Flask, administrator: Person) -> None:
    assert "Issue a coupon" in browser.shown("/admin/coupons")
    assert sent(browser.shown(NEW))["max_uses_per_user"] == "1"

    answer = browser.post(NEW, NEW, **FORM)

    coupon = found(app, "LEBARAN")
    assert coupon is not None
    assert (answer.status_code, answer.location) == (303, f"/admin/coupons/{coupon.id}")
    assert (coupon.credit_amount, coupon.max_uses, coupon.created_by) == (10_000, None, administrator.id)
    assert (coupon.valid_from, coupon.valid_until) == (START, None)
    assert "is issued" in browser.shown("/admin/coupons")
    assert "LEBARAN" in browser.shown("/admin/coupons?q=leb&status=ACTIVE")
    assert "No coupon matches" in browser.shown("/admin/coupons?status=EXPIRED")
    assert f'href="/admin/coupons/{coupon.id}">LEBARAN</a>' in browser.shown("/admin/audit")


def test_times_are_those_of_the_business(browser: Browser, app: Flask, catalog: None) -> None:
    with app.app_context():
        ghost = session().scalars(select(Service.id).where(Service.slug == "ghost-blog")).one()
    browser.shown(NEW)
    terms = {"type": "FREE_SERVICE", "credit_amount": "", "service_id": str(ghost), "max_uses": "20"}

    browser.post(NEW, NEW, **{**FORM, **terms, "valid_until": "2027-01-01T06:59:59"})

    coupon = found(app, "LEBARAN")
    assert coupon is not None
    assert coupon.valid_until == datetime.fromisoformat("2026-12-31T23:59:59Z")
    assert (coupon.service_id, coupon.max_uses) == (ghost, 20)
    page = browser.shown(f"/admin/coupons/{coupon.id}")
    assert "Ghost" in page
    assert 'value="2027-01-01T06:59:59"' in browser.shown(f"/admin/coupons/{coupon.id}/edit")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"code": "a b"}, "3 to 50 letters"),
        ({"name": " "}, "A name has"),
        ({"credit_amount": "10.5"}, "Credit amount: this cannot be read"),
        ({"credit_amount": "-5"}, "cannot be read"),
        ({"credit_amount": "999"}, "between 1,000 and 10,000,000"),
        ({"credit_amount": ""}, "Credit amount is required"),
        ({"valid_until": "soon"}, "Valid until: this cannot be read"),
        ({"valid_until": "0001-01-01T00:00"}, "cannot be read"),
        ({"valid_until": "9999-12-31T23:59"}, "between the years"),
        ({"valid_until": "2020-01-01T00:00"}, "must come after"),
        ({"type": "SOMETHING"}, "Type: this cannot be read"),
        ({"type": "SUBSCRIPTION_DISCOUNT"}, "needs its type"),
        ({"type": "FREE_SERVICE", "service_id": "01a1f922-b4b6-77d2-9267-754f21fb013a"}, "Service not found"),
        ({"type": "FREE_SERVICE", "service_id": "x"}, "Nothing was found"),
        ({"max_uses": "0"}, "number of uses"),
    ],
)
def test_what_makes_no_coupon_is_said_above_the_form(
    browser: Browser, app: Flask, fields: dict[str, str], said: str
) -> None:
    browser.shown(NEW)

    answer = browser.post(NEW, NEW, **{**FORM, "description": HOSTILE, **fields})

    assert answer.status_code == 400
    assert 'role="alert"' in answer.text
    assert said in answer.text
    assert HOSTILE not in answer.text
    assert sent(answer.text)["max_uses"] == fields.get("max_uses", "")
    assert found(app, "LEBARAN") is None


def test_a_code_is_issued_once(browser: Browser, issued: Callable[..., str]) -> None:
    issued("LEBARAN")
    browser.shown(NEW)

    assert "Coupon code already exists" in browser.post(NEW, NEW, **FORM).text


def test_an_untouched_form_changes_nothing(browser: Browser, app: Flask, issued: Callable[..., str]) -> None:
    start = START + timedelta(seconds=7, microseconds=12)
    page = issued(
        "SAVE",
        CouponType.SUBSCRIPTION_DISCOUNT,
        discount_type=DiscountType.FIXED_AMOUNT,
        credit_amount=30_000,
        discount_percent=None,
        max_uses=7,
        valid_from=start,
        valid_until=start + timedelta(days=1),
    )

    answer = browser.post(f"{page}/edit", f"{page}/edit", **sent(browser.shown(f"{page}/edit")))

    assert (answer.status_code, answer.location) == (303, page)
    with app.app_context():
        line = session().scalars(select(AuditEntry).where(AuditEntry.action == "coupon.changed")).one()
    assert line.details["changed"] == {}


def test_terms_are_changed(browser: Browser, app: Flask, issued: Callable[..., str]) -> None:
    page = issued("GIFT", max_uses=5, valid_until=START + timedelta(days=1))
    fields = sent(browser.shown(f"{page}/edit"))

    browser.post(
        f"{page}/edit",
        page,
        **{**fields, "name": "More", "credit_amount": "60,000", "max_uses": "", "valid_until": ""},
    )

    coupon = found(app, "GIFT")
    assert coupon is not None
    assert (coupon.name, coupon.credit_amount, coupon.max_uses, coupon.valid_until) == (
        "More",
        60_000,
        None,
        None,
    )
    refused = browser.post(f"{page}/edit", page, **{**fields, "max_uses": "many"})
    assert (refused.status_code, sent(refused.text)["max_uses"]) == (400, "many")


def test_a_coupon_is_switched_off_and_on_after_a_question(
    browser: Browser, app: Flask, issued: Callable[..., str]
) -> None:
    page = issued("GIFT")
    assert "Disable GIFT?" in browser.shown(page)

    browser.post(f"{page}/disable", page)

    coupon = found(app, "GIFT")
    assert coupon is not None
    assert coupon.status is CouponStatus.DISABLED
    assert "Enable GIFT?" in browser.shown(page)
    browser.post(f"{page}/enable", page)
    coupon = found(app, "GIFT")
    assert coupon is not None
    assert coupon.status is CouponStatus.ACTIVE


def test_a_coupon_shows_its_uses_and_then_stays(
    browser: Browser, app: Flask, customer: Person, issued: Callable[..., str]
) -> None:
    page = issued("GIFT", max_uses=1)
    assert "Delete GIFT?" in browser.shown(page)
    use(app, "GIFT", customer)

    text = browser.shown(page)

    assert customer.email in text
    assert "TXMP-" in text
    assert "Used up" in text
    assert "Delete GIFT?" not in text
    assert customer.email in browser.fragment(page).text
    browser.post(f"{page}/delete", page)
    assert "Consider disabling it instead" in browser.shown(page)
    assert found(app, "GIFT") is not None


def test_an_unused_coupon_is_deleted(browser: Browser, app: Flask, issued: Callable[..., str]) -> None:
    page = issued("GIFT")
    browser.shown(page)

    answer = browser.post(f"{page}/delete", page)

    assert (answer.status_code, answer.location) == (303, "/admin/coupons")
    assert found(app, "GIFT") is None
    assert "is deleted" in browser.shown("/admin/coupons")


def test_hostile_words_are_shown_as_text(browser: Browser, issued: Callable[..., str]) -> None:
    page = issued("GIFT", name=HOSTILE, description='"><b>')

    for path in ("/admin/coupons", page, f"{page}/edit", "/admin/tables/coupons/"):
        text = browser.shown(path)
        assert HOSTILE not in text
        assert '"><b>' not in text


@pytest.mark.parametrize("act", ["edit", "disable", "enable", "delete"])
def test_an_unknown_coupon_is_not_found(browser: Browser, act: str) -> None:
    page = "/admin/coupons/01a1f922-b4b6-77d2-9267-754f21fb013a"

    assert browser.post(f"{page}/{act}", page).status_code == 404


def test_strangers_get_no_coupons(stranger: Callable[[], Browser]) -> None:
    assert stranger().get("/admin/coupons").status_code in (302, 303, 401)
