"""Coupons over the API: what the front end really sends, who may do what, and where guessing ends."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from minispod.kernel.clock import FrozenClock
from minispod.promotions.states import CouponStatus, CouponType, DiscountType
from tests.factories.coupons import put_coupon
from tests.plugins.app import START, Person, data_of, refused

PlanFinder = Callable[..., uuid.UUID]
ADMIN = "/api/v1/admin/coupons"
# As the dialog of the front end sends it (contract, J2).
FORM: dict[str, Any] = {
    "name": "Lebaran",
    "description": "",
    "type": "CREDIT_TOPUP",
    "validFrom": "",
    "validUntil": "",
    "code": "lebaran",
    "creditAmount": 10_000,
}


@pytest.fixture
def issued(app: Flask) -> Callable[..., str]:
    """Issue a coupon and return its id."""

    def put(code: str, type_: CouponType = CouponType.CREDIT_TOPUP, **terms: Any) -> str:
        with app.app_context():
            return str(put_coupon(code, type_, at=START, **terms).id)

    return put


def create(client: FlaskClient, who: Person, **fields: Any) -> Any:
    return data_of(client.post(ADMIN, json={**FORM, **fields}, headers=who.headers), 201)["coupon"]


def test_the_form_of_the_front_end_makes_a_coupon(client: FlaskClient, administrator: Person) -> None:
    made = create(client, administrator)

    assert (made["code"], made["description"], made["status"]) == ("LEBARAN", None, "ACTIVE")
    assert (made["maxUses"], made["maxUsesPerUser"], made["validUntil"]) == (None, 1, None)
    assert made["validFrom"] == "2026-11-20T03:00:00.000Z"
    free = create(
        client, administrator, code="FREE1", type="FREE_SERVICE", creditAmount=None, discountType=""
    )
    assert (free["serviceId"], free["service"], free["creditAmount"]) == (None, None, None)
    fixed = {
        "type": "SUBSCRIPTION_DISCOUNT",
        "discountType": "FIXED_AMOUNT",
        "maxUses": 0,
        "maxUsesPerUser": 0,
    }
    made = create(client, administrator, code="MINUS10K", **fixed)
    assert (made["creditAmount"], made["maxUses"], made["maxUsesPerUser"]) == (10_000, None, 1)


def test_the_form_of_the_front_end_changes_a_coupon(
    client: FlaskClient, administrator: Person, clock: FrozenClock
) -> None:
    made = create(client, administrator, validUntil="2027-01-01T00:00:00.000Z", maxUses=5, status="INACTIVE")
    assert made["status"] == "DISABLED"
    form = {**FORM, "creditAmount": 25_000, "maxUses": 7, "maxUsesPerUser": 3}
    clock.advance(minutes=1)

    response = client.put(f"{ADMIN}/{made['id']}", json=form, headers=administrator.headers)

    changed = data_of(response)["coupon"]
    assert (changed["creditAmount"], changed["maxUses"], changed["maxUsesPerUser"]) == (25_000, 7, 3)
    assert (changed["validFrom"], changed["validUntil"]) == (made["validFrom"], None)
    response = client.put(
        f"{ADMIN}/{made['id']}", json={"status": "ACTIVE", "maxUses": None}, headers=administrator.headers
    )
    changed = data_of(response)["coupon"]
    assert (changed["status"], changed["maxUses"], changed["creditAmount"]) == ("ACTIVE", None, 25_000)


@pytest.mark.parametrize("sent", [{}, {"maxUses": None}, {"maxUses": ""}, {"maxUses": 0}])
def test_the_whole_form_without_a_limit_clears_it(
    client: FlaskClient, administrator: Person, sent: dict[str, Any]
) -> None:
    made = create(client, administrator, maxUses=5)

    response = client.put(f"{ADMIN}/{made['id']}", json={**FORM, **sent}, headers=administrator.headers)

    assert data_of(response)["coupon"]["maxUses"] is None


_WITHOUT_DATES = {"name": "Lebaran", "description": "", "type": "CREDIT_TOPUP", "creditAmount": 10_000}


@pytest.mark.parametrize(
    "part",
    [
        {"status": "DISABLED"},
        {"name": "Idul Fitri"},
        {"type": "CREDIT_TOPUP"},
        _WITHOUT_DATES,
        {**_WITHOUT_DATES, "validFrom": ""},
        {**_WITHOUT_DATES, "validUntil": "2027-01-01T00:00:00.000Z"},
    ],
)
def test_a_part_of_the_form_keeps_the_limit(
    client: FlaskClient, administrator: Person, part: dict[str, Any]
) -> None:
    made = create(client, administrator, maxUses=5)

    response = client.put(f"{ADMIN}/{made['id']}", json=part, headers=administrator.headers)

    assert data_of(response)["coupon"]["maxUses"] == 5


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"creditAmount": "many"}, "request.invalid"),
        ({"creditAmount": 10**30}, "promotions.bad_terms"),
        ({"maxUses": -1}, "promotions.bad_terms"),
        ({"maxUses": 10**30}, "promotions.bad_terms"),
        ({"validUntil": "9999-12-31T23:59:59Z"}, "promotions.bad_terms"),
        ({"validUntil": "soon"}, "request.invalid"),
        ({"status": "USED_UP"}, "promotions.bad_terms"),
        ({"status": "SOME"}, "request.invalid"),
        ({"type": ""}, "request.invalid"),
        ({"code": "ß" * 3}, "request.invalid"),
        ({"code": "GIFT\n"}, None),
        ({"name": "\x00"}, "request.invalid"),
        ({"name": None}, "request.invalid"),
    ],
)
def test_forms_that_make_no_coupon(
    client: FlaskClient, administrator: Person, fields: dict[str, Any], code: str | None
) -> None:
    response = client.post(ADMIN, json={**FORM, **fields}, headers=administrator.headers)

    if code is None:
        assert data_of(response, 201)["coupon"]["code"] == "GIFT"
    else:
        assert set(fields) == set(refused(response, 400, code)["errors"])


def test_ids_that_name_nothing(client: FlaskClient, administrator: Person) -> None:
    def send(method: str, path: str, **body: Any) -> int:
        response = client.open(f"{ADMIN}{path}", method=method, json=body, headers=administrator.headers)
        return response.status_code

    nobody = str(uuid.uuid4())
    for id_ in ("x", nobody):
        assert {send(method, f"/{id_}") for method in ("GET", "PUT", "DELETE")} == {404}
        assert send("POST", "", **{**FORM, "type": "FREE_SERVICE", "serviceId": id_}) == 404
    assert send("PUT", "/bulk-status", couponIds=["x"], status="ACTIVE") == 404
    assert send("PUT", "/bulk-status", couponIds=[nobody], status="ACTIVE") == 200
    assert send("PUT", "/bulk-status", couponIds=[], status="ACTIVE") == 400
    assert send("PUT", "/bulk-status", couponIds=[nobody], status="") == 400


def test_only_administrators_keep_coupons(
    client: FlaskClient, customer: Person, issued: Callable[..., str]
) -> None:
    gift = issued("GIFT")

    for method, path in (
        ("GET", ""),
        ("POST", ""),
        ("GET", "/statistics"),
        ("PUT", "/bulk-status"),
        ("GET", f"/{gift}"),
        ("PUT", f"/{gift}"),
        ("DELETE", f"/{gift}"),
    ):
        response = client.open(f"{ADMIN}{path}", method=method, json={}, headers=customer.headers)
        refused(response, 403, "accounts.staff_only")


def test_lists_are_searched_and_filtered_by_what_a_coupon_has_come_to(
    client: FlaskClient, administrator: Person, customer: Person, issued: Callable[..., str]
) -> None:
    issued("GIFT", max_uses=1)
    issued("OVER", valid_until=START)
    issued("OFF1", CouponType.FREE_SERVICE, status=CouponStatus.DISABLED)
    client.post("/api/wallet/redeem-coupon", json={"couponCode": "GIFT"}, headers=customer.headers)

    def codes(query: str) -> list[str]:
        listed = data_of(client.get(f"{ADMIN}?{query}", headers=administrator.headers))["coupons"]
        return [each["code"] for each in listed]

    assert codes("") == ["OFF1", "OVER", "GIFT"]
    assert (codes("status=INACTIVE"), codes("status=EXPIRED")) == (["OFF1"], ["OVER"])
    assert (codes("status=USED_UP"), codes("search=gi"), codes("type=FREE_SERVICE")) == (
        ["GIFT"],
        ["GIFT"],
        ["OFF1"],
    )
    assert codes(f"serviceId={uuid.uuid4()}&type=&status=") == []


@pytest.mark.parametrize("period", ["week", "month", "year"])
def test_figures_of_a_period(
    client: FlaskClient, administrator: Person, customer: Person, issued: Callable[..., str], period: str
) -> None:
    issued("GIFT")
    client.post("/api/wallet/redeem-coupon", json={"couponCode": "GIFT"}, headers=customer.headers)

    figures = data_of(client.get(f"{ADMIN}/statistics?period={period}", headers=administrator.headers))

    starts = {"week": "2026-11-15", "month": "2026-10-31", "year": "2025-12-31"}
    assert figures["statistics"]["startDate"] == f"{starts[period]}T17:00:00.000Z"
    assert figures["statistics"]["overview"]["periodRedemptions"] == 1


def test_a_customer_sees_own_redemptions_only(
    client: FlaskClient, customer: Person, person: Callable[..., Person], issued: Callable[..., str]
) -> None:
    issued("GIFT")
    issued("HELLO", CouponType.WELCOME_BONUS)
    client.post("/api/wallet/redeem-coupon", json={"couponCode": "GIFT"}, headers=customer.headers)

    def history(who: Person, query: str = "") -> list[str]:
        found = data_of(client.get(f"/api/wallet/coupon-history{query}", headers=who.headers))
        return [each["coupon"]["code"] for each in found["redemptions"]]

    assert (history(customer), history(person())) == (["GIFT"], [])
    assert (history(customer, "?type=CREDIT_TOPUP"), history(customer, "?type=FREE_SERVICE")) == (
        ["GIFT"],
        [],
    )


def test_the_same_key_redeems_once(client: FlaskClient, customer: Person, issued: Callable[..., str]) -> None:
    issued("TWICE", max_uses_per_user=2)
    headers = {**customer.headers, "Idempotency-Key": "abc"}

    first, again = (
        data_of(client.post("/api/wallet/redeem-coupon", json={"couponCode": "TWICE"}, headers=headers))
        for _ in range(2)
    )

    assert first == again
    assert first["redemption"]["newBalance"] == 550_000


@pytest.mark.parametrize(
    ("type_", "terms", "price", "value", "words"),
    [
        (CouponType.CREDIT_TOPUP, {}, None, 50_000, "50,000 IDR credit"),
        (CouponType.SUBSCRIPTION_DISCOUNT, {}, None, 0, "20% discount"),
        (CouponType.FREE_SERVICE, {}, None, 0, "First month free"),
        (CouponType.FREE_SERVICE, {}, 75_000, 75_000, "First month free (75,000 IDR)"),
        (
            CouponType.SUBSCRIPTION_DISCOUNT,
            {"discount_type": DiscountType.FIXED_AMOUNT, "credit_amount": 30_000},
            20_000,
            20_000,
            "30,000 IDR discount",
        ),
    ],
)
def test_what_a_coupon_is_worth_is_said_in_words(
    client: FlaskClient,
    customer: Person,
    issued: Callable[..., str],
    type_: CouponType,
    terms: dict[str, Any],
    price: int | None,
    value: int,
    words: str,
) -> None:
    issued("GIFT", type_, **terms)
    body = {"couponCode": "gift", "subscriptionAmount": price, "serviceId": ""}

    found = data_of(client.post("/api/wallet/validate-coupon", json=body, headers=customer.headers))

    shown = found["validation"]["coupon"]
    assert (shown["potentialValue"], shown["valueDescription"]) == (value, words)


def test_a_look_says_why_it_would_be_refused(
    client: FlaskClient, customer: Person, person: Callable[..., Person], issued: Callable[..., str]
) -> None:
    issued("GIFT")
    issued("FULL", max_uses=1)
    client.post("/api/wallet/redeem-coupon", json={"couponCode": "FULL"}, headers=person().headers)
    issued("OVER", valid_until=START)
    issued("HELLO", CouponType.WELCOME_BONUS)
    issued("LATER", valid_from=START + timedelta(days=1))
    client.post("/api/wallet/redeem-coupon", json={"couponCode": "GIFT"}, headers=customer.headers)

    def look(code: str) -> str:
        body = {"couponCode": code}
        found = data_of(client.post("/api/wallet/validate-coupon", json=body, headers=customer.headers))
        assert (found["validation"]["valid"], found["validation"]["coupon"]) == (False, None)
        return str(found["validation"]["error"])

    assert look("GIFT") == "You have already redeemed this coupon"
    assert look("FULL") == "This coupon has been used up"
    assert look("OVER") == "This coupon has expired"
    assert look("LATER") == "This coupon is not valid yet"
    assert "new accounts" in look("HELLO")
    for malformed in ("", "a b", "x", "gi'ft", "\u00df" * 3, "A" * 600):
        assert look(malformed) == "Invalid coupon code"


@pytest.mark.parametrize(
    "service_id", ["x", "n8n-automation", "0" * 200, "01a2a000-0000-7000-8000-000000000000"]
)
def test_a_look_for_a_service_that_nobody_has_says_so(
    client: FlaskClient, customer: Person, issued: Callable[..., str], service_id: str
) -> None:
    issued("SAVE20", CouponType.SUBSCRIPTION_DISCOUNT)
    body = {"couponCode": "SAVE20", "serviceId": service_id}

    found = data_of(client.post("/api/wallet/validate-coupon", json=body, headers=customer.headers))

    assert found["validation"] == {"valid": False, "error": "Service not found", "coupon": None}


def test_an_order_is_repeated_with_its_discount(
    client: FlaskClient, customer: Person, plan_id: PlanFinder, issued: Callable[..., str]
) -> None:
    issued("SAVE20", CouponType.SUBSCRIPTION_DISCOUNT)
    headers = {**customer.headers, "Idempotency-Key": "abc"}
    body = {"planId": str(plan_id()), "couponCode": " save20 "}

    first = data_of(client.post("/api/subscriptions", json=body, headers=headers), 201)
    again = data_of(client.post("/api/subscriptions", json=body, headers=headers), 201)

    assert first["discount"] == again["discount"]
    assert (again["finalAmount"], again["originalAmount"], again["discountAmount"]) == (
        40_000,
        50_000,
        10_000,
    )
