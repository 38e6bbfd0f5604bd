"""Two want one host at the same moment, with real threads and real commits: one has it, and no limit is passed."""

import uuid
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from minispod.instances.domains import checking
from minispod.instances.domains.checking import Checked, CheckOrder
from minispod.instances.domains.judging import Verdict
from minispod.instances.domains.models import CustomDomain
from minispod.instances.domains.states import HOLDING
from minispod.kernel.actor import system
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.kernel.unit_of_work import unit_of_work
from minispod.rules import domain_rules
from minispod.settings import Settings
from tests.factories.domains import HOST, Site
from tests.plugins.app import Person
from tests.plugins.shop import Shop

AtOnce = Callable[[int, Callable[[int], Any]], list[Any]]
PlanFinder = Callable[..., uuid.UUID]
CROWD = 8


@pytest.fixture
def site(
    client: FlaskClient,
    shop: Shop,
    person: Callable[..., Person],
    plan_id: PlanFinder,
    headers_now: Callable[[Person], dict[str, str]],
) -> Callable[[], Site]:
    """Make a customer with a running application; no jobs run by themselves."""

    def make() -> Site:
        made = Site(client, shop, person(credit=100_000), plan_id(), headers_now, lambda: 0)
        shop.runs(made.id)
        return made

    return make


@pytest.fixture
def settle(app: Flask, settings: Settings, clock: FrozenClock) -> Callable[[CheckOrder], None]:
    """Write that the DNS proves a domain."""

    def write(order: CheckOrder) -> None:
        right = Checked(Verdict((), is_definite=False), None)
        with app.app_context(), unit_of_work():
            checking.settle(order, right, rules=domain_rules(settings), actor=system("tests"), at=clock.now())

    return write


def claimed(app: Flask, domain_id: str) -> CheckOrder:
    with app.app_context():
        order = checking.claim(uuid.UUID(domain_id))
        assert order is not None
        return order


def test_of_many_who_prove_one_host_at_once_one_has_it(
    app: Flask, site: Callable[[], Site], settle: Callable[[CheckOrder], None], at_once: AtOnce
) -> None:
    orders = [claimed(app, site().add()["id"]) for _ in range(CROWD)]

    results = at_once(CROWD, lambda index: settle(orders[index]))

    assert results == [None] * CROWD
    with app.app_context():
        rows = session().scalars(select(CustomDomain).where(CustomDomain.host == HOST)).all()
        assert sum(row.status in HOLDING for row in rows) == 1
        others = [row for row in rows if row.status not in HOLDING]
        assert {row.status.value for row in others} == {"WAITING_FOR_DNS"}
        assert all([each["code"] for each in row.problems] == ["held_by_another"] for row in others)
        assert all(row.next_check_at is not None for row in others)


def test_one_domain_looked_at_twice_at_once_is_proven_once(
    app: Flask, site: Callable[[], Site], settle: Callable[[CheckOrder], None], at_once: AtOnce
) -> None:
    order = claimed(app, site().add()["id"])

    assert at_once(4, lambda _: settle(order)) == [None] * 4

    with app.app_context():
        [row] = session().scalars(select(CustomDomain))
        assert row.status in HOLDING


def test_one_host_added_many_times_at_once_is_added_once(site: Callable[[], Site], at_once: AtOnce) -> None:
    mine = site()
    headers = mine.headers

    def add(_: int) -> int:
        client = mine.client.application.test_client()
        return client.post(mine.path, json={"host": HOST}, headers=headers).status_code

    assert Counter(at_once(CROWD, add)) == {201: 1, 409: CROWD - 1}


def test_no_more_than_the_plan_allows_are_added_at_once(site: Callable[[], Site], at_once: AtOnce) -> None:
    mine = site()
    headers = mine.headers

    def add(index: int) -> int:
        client = mine.client.application.test_client()
        return client.post(mine.path, json={"host": f"h{index}.example.com"}, headers=headers).status_code

    assert Counter(at_once(CROWD, add)) == {201: 3, 400: CROWD - 3}
    assert mine.all()["usedDomains"] == 3


def test_removed_while_it_is_looked_at_it_stays_removed(
    app: Flask, site: Callable[[], Site], settle: Callable[[CheckOrder], None]
) -> None:
    mine = site()
    order = claimed(app, mine.add()["id"])
    assert mine.remove().status_code == 200

    settle(order)
    mine.add()
    settle(order)  # it was proven with the record of before

    assert mine.one()["status"] == "WAITING_FOR_DNS"
    assert mine.one()["checkedAt"] is None
