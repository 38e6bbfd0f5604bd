"""Databases ordered at the same moment, with real threads and real commits: no port twice, none lost."""

import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from flask import Flask
from sqlalchemy import func, select

from minispod.instances.models import CertificateAuthority, Instance
from minispod.kernel.database import session
from minispod.kernel.errors import Refusal
from minispod.kernel.unit_of_work import unit_of_work
from minispod.rules import business_rules
from minispod.subscriptions import ordering
from minispod.wallet.models import LedgerEntry
from tests.plugins.app import Person
from tests.plugins.shop import Shop

CROWD = 12
AtOnce = Callable[[int, Callable[[int], Any]], list[Any]]


def _order(shop: Shop, owner: Person, plan: uuid.UUID, ports: range) -> str:
    rules = business_rules(shop.settings)
    tcp = replace(rules.addresses.tcp, ports=ports)
    with shop.app.app_context(), unit_of_work():
        ordering.place_order(
            plan,
            user_id=owner.id,
            rules=replace(rules, addresses=replace(rules.addresses, tcp=tcp)),
            sealer=shop.ports.sealer,
            actor=owner.actor,
            at=shop.clock.now(),
        )
    return "ordered"


def test_a_crowd_takes_every_port_of_the_range_once(
    app: Flask,
    shop: Shop,
    person: Callable[..., Person],
    plan_id: Callable[..., uuid.UUID],
    at_once: AtOnce,
) -> None:
    owners = [person(credit=500_000) for _ in range(CROWD)]
    ports = range(31000, 31000 + CROWD - 3)
    plan = plan_id("redis")

    results = at_once(CROWD, lambda number: _order(shop, owners[number], plan, ports))

    tally = Counter(each.code if isinstance(each, Refusal) else str(each) for each in results)
    assert tally == {"ordered": len(ports), "instances.no_port_left": 3}
    with app.app_context():
        assert sorted(session().scalars(select(Instance.tcp_port))) == list(ports)
        # An opening entry each, and one charge for each port.
        assert session().scalar(select(func.count()).select_from(LedgerEntry)) == CROWD + len(ports)
        assert session().scalar(select(func.count()).select_from(CertificateAuthority)) == 1
