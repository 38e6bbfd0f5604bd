"""What administrators see of a database: port, certificate, its page, and the connection strings on demand."""

import uuid
from collections.abc import Callable

import pytest
from flask import Flask

from minispod.instances.states import InstanceStatus
from minispod.kernel.clock import FrozenClock
from minispod.settings import Settings
from tests.admin.conftest import Browser
from tests.plugins.app import Person, PortsNow
from tests.plugins.shop import Shop


@pytest.fixture
def sales(app: Flask, settings: Settings, ports: PortsNow, clock: FrozenClock) -> Shop:
    """The shop's acts; `shop` is a small shop here that has been opened."""
    return Shop(app, settings, ports, clock)


def test_a_database_is_shown_with_port_certificate_and_page(
    browser: Browser,
    customer: Person,
    plan_id: Callable[..., uuid.UUID],
    sales: Shop,
) -> None:
    mine = sales.order(customer, plan_id("postgresql"))
    sales.put(mine, status=InstanceStatus.RUNNING)
    instance = sales.look(mine)[1]
    page = f"/admin/instances/{instance.id}"

    text = browser.shown(page)

    assert f"<dd>{instance.tcp_port}</dd>" in text
    assert instance.certificate_ends_at is not None
    assert str(instance.certificate_ends_at.year) in text
    assert f'href="{instance.public_url}"' in text
    assert "postgresql://" not in text

    shown = browser.post(f"{page}/access", page).text
    assert f"@{instance.host}:{instance.tcp_port}/myapp?sslmode=require" in shown
    assert f"@{instance.name}.{instance.namespace}.svc:5432/myapp" in shown
    assert "PRIVATE KEY" not in shown


def test_one_that_is_not_exposed_says_so(
    browser: Browser, customer: Person, plan_id: Callable[..., uuid.UUID], sales: Shop
) -> None:
    mine = sales.order(customer, plan_id("redis"))
    sales.put(mine, tcp_port=None)

    text = browser.shown(f"/admin/instances/{sales.look(mine)[1].id}")

    assert "own instances only" in text


def test_the_sealed_certificate_is_in_no_raw_table(
    browser: Browser, customer: Person, plan_id: Callable[..., uuid.UUID], sales: Shop
) -> None:
    instance = sales.look(sales.order(customer, plan_id("redis")))[1]

    text = browser.shown(f"/admin/tables/instances/details/?id={instance.id}")

    assert instance.name in text
    assert (instance.sealed_certificate or "")[:20] not in text
