"""A page of many rows asks the database exactly as often as a page of one: lists of staff about money.

Transactions, top-ups, refunds and wallets are tried over many more rows in tests/domain/insights, orphans beside
their own tests.
"""

import uuid
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from minispod.promotions.states import CouponType
from tests.factories.coupons import put_coupon
from tests.factories.statements import asked
from tests.plugins.app import Person, data_of
from tests.plugins.shop import Shop

ROWS = 4


@pytest.fixture
def busy(
    app: Flask,
    shop: Shop,
    client: FlaskClient,
    administrator: Person,
    person: Callable[..., Person],
    plan_id: Callable[..., uuid.UUID],
    run_jobs: Callable[[], int],
    headers_now: Callable[[Person], dict[str, str]],
) -> dict[str, str]:
    """Several customers with a coupon, a correction, papers, and too little credit for the renewal of today."""
    for number in range(ROWS):
        with app.app_context():
            put_coupon(f"GIFT-{number}", CouponType.CREDIT_TOPUP, at=shop.clock.now())
        owner = person(credit=20_000)
        body = {"amount": 30_000, "reason": "goodwill after an outage"}
        answer = client.post(
            f"/api/admin/wallets/users/{owner.id}/add-credit", json=body, headers=administrator.headers
        )
        data_of(answer)
        shop.runs(shop.order(owner, plan_id()))
    run_jobs()
    shop.clock.advance(days=30)
    return headers_now(administrator)


@pytest.mark.parametrize(
    ("path", "rows"),
    [
        ("coupons", "coupons"),
        ("wallets/adjustments", "adjustments"),
        ("billing/invoices", "invoices"),
        ("billing/low-credit", "subscriptions"),
    ],
)
def test_more_rows_are_no_more_questions(
    client: FlaskClient, busy: dict[str, str], path: str, rows: str
) -> None:
    counts = []
    for limit in (1, ROWS):
        with asked() as statements:
            answer = client.get(f"/api/admin/{path}", query_string={"limit": limit}, headers=busy)
        assert len(data_of(answer)[rows]) == limit
        counts.append(len(statements))

    assert counts[0] == counts[1]
