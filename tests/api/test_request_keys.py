"""One Idempotency-Key is one act, and its answer is given again, byte for byte, at all four doors that take one."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.kernel.kept_answers import KeptAnswer
from minispod.wallet.models import LedgerEntry
from tests.factories.coupons import put_coupon
from tests.plugins.app import START, Person, PortsNow, refused
from tests.plugins.shop import Shop

pytestmark = pytest.mark.usefixtures("gateway")
PlanFinder = Callable[..., uuid.UUID]
AtOnce = Callable[[int, Callable[[int], Any]], list[Any]]


class Door:
    """One of the four doors, with a body that works, another that would too, and one that is refused."""

    def __init__(self, method: str, path: str, body: Any, other: Any, bad: Any) -> None:
        self.method, self.path, self.body, self.other, self.bad = method, path, body, other, bad


@pytest.fixture(params=["order", "upgrade", "topup", "redeem"])
def door(
    request: pytest.FixtureRequest, app: Flask, shop: Shop, customer: Person, plan_id: PlanFinder
) -> Door:
    def order() -> Door:
        bodies = {"planId": str(plan_id())}, {"planId": str(plan_id("ghost-blog"))}, {"planId": "none"}
        return Door("POST", "/api/subscriptions", *bodies)

    def upgrade() -> Door:
        mine = shop.order(customer, plan_id())
        shop.runs(mine)
        plans = plan_id("n8n-automation", "PRO"), uuid.uuid4(), plan_id()
        bodies = [{"newPlanId": str(each)} for each in plans]
        return Door("PUT", f"/api/subscriptions/{mine}/upgrade", *bodies)

    def topup() -> Door:
        bodies = [{"amount": amount, "paymentMethod": "QRIS"} for amount in (50_000, 60_000, 1)]
        return Door("POST", "/api/wallet/topup", *bodies)

    def redeem() -> Door:
        with app.app_context():
            put_coupon("GIFT", at=START, max_uses_per_user=50)
            put_coupon("MORE", at=START)
        return Door("POST", "/api/wallet/redeem-coupon", *({"couponCode": c} for c in ("GIFT", "MORE", "NO")))

    made: dict[str, Callable[[], Door]] = {
        "order": order,
        "upgrade": upgrade,
        "topup": topup,
        "redeem": redeem,
    }
    return made[request.param]()


@pytest.fixture
def send(app: Flask, customer: Person, door: Door) -> Callable[..., TestResponse]:
    def act(
        body: Any, key: str | None = "one click", who: Person = customer, prefix: str = ""
    ) -> TestResponse:
        headers = who.headers | ({"Idempotency-Key": key.replace(" ", "-")} if key else {})
        path = door.path.replace("/api/", prefix) if prefix else door.path
        return app.test_client().open(path, method=door.method, json=body, headers=headers)

    return act


def rows(app: Flask) -> tuple[int, int]:
    with app.app_context():
        counted = [
            session().scalar(select(func.count()).select_from(each)) for each in (LedgerEntry, KeptAnswer)
        ]
        return counted[0] or 0, counted[1] or 0


def test_the_same_request_gets_the_first_answer_again(
    app: Flask, door: Door, clock: FrozenClock, send: Callable[..., TestResponse]
) -> None:
    first, before = send(door.body), rows(app)
    clock.advance(minutes=30)

    again = send(door.body, prefix="/api/v1/")

    assert first.status_code in {200, 201}, first.get_json()
    assert "Idempotent-Replayed" not in first.headers
    assert (again.status_code, again.data, again.mimetype) == (first.status_code, first.data, first.mimetype)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.headers["X-Request-ID"] != first.headers["X-Request-ID"]
    assert rows(app) == before


def test_another_request_under_the_key_is_refused(
    app: Flask, door: Door, send: Callable[..., TestResponse]
) -> None:
    assert send(door.body).status_code in {200, 201}
    before = rows(app)

    refused(send(door.other), 409, "kept_answers.key_reused")

    assert rows(app) == before


def test_what_was_refused_keeps_no_key(app: Flask, door: Door, send: Callable[..., TestResponse]) -> None:
    assert send(door.bad).status_code in {400, 404}
    assert rows(app)[1] == 0

    assert send(door.body).status_code in {200, 201}


def test_twins_are_one_act(
    app: Flask, door: Door, at_once: AtOnce, send: Callable[..., TestResponse]
) -> None:
    answers = at_once(8, lambda _: send(door.body))

    done = [each for each in answers if each.status_code != 409]
    assert len({each.data for each in done}) == 1
    assert {each.status_code for each in done} <= {200, 201}
    assert [each.headers.get("Idempotent-Replayed") for each in done].count(None) == 1
    if not door.path.endswith("topup"):  # there the gateway is asked in between: 409 until it has answered
        assert len(done) == 8
    assert send(door.body).data == done[0].data


def test_a_crash_before_the_commit_leaves_neither_act_nor_key(
    app: Flask, door: Door, send: Callable[..., TestResponse], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = rows(app)
    with monkeypatch.context() as broken:
        broken.setattr("minispod.kernel.kept_answers.keep", crash)
        assert send(door.body).status_code == 500

    if not door.path.endswith("topup"):
        assert rows(app) == before
    answer = send(door.body)
    if answer.status_code == 409:  # the page of the top-up may still be opening, for all we know
        refused(answer, 409, "payments.checkout_in_progress")
    else:
        assert answer.status_code in {200, 201}


def crash(*_: object) -> None:
    raise RuntimeError("a fault of ours")


def test_keys_are_of_one_person(
    app: Flask, door: Door, person: Callable[..., Person], send: Callable[..., TestResponse]
) -> None:
    assert send(door.body).status_code in {200, 201}

    other = send(door.body, who=person(credit=500_000))

    assert "Idempotent-Replayed" not in other.headers
    assert other.status_code in {200, 201, 404}  # another's subscription is not there


def test_answers_are_kept_for_a_day_and_the_act_is_not_done_again_then_either(
    app: Flask,
    door: Door,
    clock: FrozenClock,
    tick: Callable[[str], None],
    headers_now: Callable[[Person], dict[str, str]],
    customer: Person,
    send: Callable[..., TestResponse],
) -> None:
    send(door.body)
    clock.advance(hours=23)
    tick("clean-up")
    assert rows(app)[1] == 1
    clock.advance(hours=2)
    tick("clean-up")
    entries, keys = rows(app)
    assert keys == 0

    late = app.test_client().open(
        door.path,
        method=door.method,
        json=door.body,
        headers=headers_now(customer) | {"Idempotency-Key": "one-click"},
    )

    assert late.status_code in {200, 201}
    assert rows(app)[0] == entries


def test_a_top_up_whose_gateway_was_silent_is_carried_on_under_its_key(
    client: FlaskClient, customer: Person, ports: PortsNow, clock: FrozenClock, app: Flask
) -> None:
    from minispod.integrations.midtrans import MidtransGateway

    working = ports.gateway
    ports.change(
        gateway=MidtransGateway(
            server_key="x", snap_base_url="http://127.0.0.1:1", core_base_url="http://127.0.0.1:1"
        )
    )
    body = {"amount": 50_000, "paymentMethod": "QRIS"}
    headers = customer.headers | {"Idempotency-Key": "one-click"}
    assert client.post("/api/wallet/topup", json=body, headers=headers).status_code == 503
    ports.change(gateway=working)
    clock.advance(seconds=timedelta(minutes=2).total_seconds())

    done, again = (client.post("/api/wallet/topup", json=body, headers=headers) for _ in range(2))

    assert (done.status_code, again.data) == (201, done.data)
    assert again.headers["Idempotent-Replayed"] == "true"
