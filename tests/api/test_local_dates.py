"""Dates in sentences are days of the shop's zone, not of UTC."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime

from flask.testing import FlaskClient

from minispod.kernel.clock import FrozenClock
from tests.plugins.app import Person, data_of
from tests.plugins.shop import Shop


def test_a_period_that_ends_after_midnight_in_jakarta_ends_on_that_day(
    client: FlaskClient,
    shop: Shop,
    clock: FrozenClock,
    person: Callable[..., Person],
    plan_id: Callable[..., uuid.UUID],
) -> None:
    clock.set(datetime(2026, 11, 19, 18, 0, tzinfo=UTC))
    owner = person(credit=50_000)
    mine = shop.order(owner, plan_id())

    answer = client.put(
        f"/api/subscriptions/{mine}/auto-renew", json={"autoRenew": False}, headers=owner.headers
    )

    assert data_of(answer)["message"].startswith("It ends on 2026-12-20 ")
