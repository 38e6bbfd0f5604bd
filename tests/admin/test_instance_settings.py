"""Environment and credentials on the pages: set, taken out, shown once, and changed."""

import uuid
from collections.abc import Callable

import pytest
from cryptography.fernet import Fernet
from flask import Flask

from minispod.instances.states import InstanceStatus
from minispod.kernel.database import session
from minispod.kernel.sealed import Sealer
from minispod.kernel.unit_of_work import unit_of_work
from tests.admin.conftest import Browser
from tests.admin.shop import Shop
from tests.plugins.app import PortsNow


@pytest.fixture
def settle(app: Flask, shop: Shop) -> Callable[[], str]:
    """Have the instance run; returns the path of its settings."""

    def go() -> str:
        with app.app_context(), unit_of_work():
            row = session().get_one(type(shop.instance), shop.instance.id)
            row.status, row.first_ran_at = InstanceStatus.RUNNING, row.created_at
        return f"/admin/instances/{shop.instance.id}/settings"

    return go


def test_a_value_is_set_shown_once_and_taken_out(
    browser: Browser, shop: Shop, settle: Callable[[], str]
) -> None:
    path = settle()
    instance = f"/admin/instances/{shop.instance.id}"
    assert "GENERIC_TIMEZONE" in browser.shown(path)

    browser.post(f"{instance}/environment", path, name="MY_TOKEN", value="very-own-token")

    text = browser.shown(path)
    assert "MY_TOKEN" in text
    assert "very-own-token" not in text
    assert "Restarting" in text
    shown = browser.post(f"{instance}/environment/show", path)
    assert "very-own-token" in shown.text
    settle()
    browser.post(f"{instance}/environment", path, name="MY_TOKEN", remove="yes")
    settle()
    assert "Before it, MY_TOKEN was set" in browser.shown(path)
    browser.post(f"{instance}/environment/revert", path)
    assert "very-own-token" in browser.post(f"{instance}/environment/show", path).text
    assert "very-own-token" not in browser.shown("/admin/audit")


def test_what_is_refused_is_said_in_place(browser: Browser, shop: Shop, settle: Callable[[], str]) -> None:
    path = settle()

    browser.post(f"/admin/instances/{shop.instance.id}/environment", path, name="WEBHOOK_URL", value="x")

    assert "is set by the platform" in browser.shown(path)


def test_a_credential_that_belongs_to_data_has_no_button(
    browser: Browser, shop: Shop, settle: Callable[[], str]
) -> None:
    path = settle()

    text = browser.shown(path)

    assert "Belongs to data that were written with it" in text
    assert "rotate" not in text
    browser.post(f"/admin/instances/{shop.instance.id}/credentials/N8N_ENCRYPTION_KEY/rotate", path)
    assert "cannot be changed here" in browser.shown(path)


@pytest.mark.parametrize("act", ["access", "environment/show"])
def test_a_lost_key_is_told_to_staff_in_clear_words(
    browser: Browser, shop: Shop, settle: Callable[[], str], ports: PortsNow, act: str
) -> None:
    path = settle()
    browser.post(f"/admin/instances/{shop.instance.id}/environment", path, name="A", value="1")
    settle()
    ports.change(sealer=Sealer([Fernet.generate_key().decode()]))

    browser.post(f"/admin/instances/{shop.instance.id}/{act}", path)

    text = browser.shown(path)
    assert "None of the keys in SEALING_KEYS opens" in text
    assert "nothing is overwritten" in text


def test_an_unknown_instance_is_not_found(browser: Browser) -> None:
    browser.shown(f"/admin/instances/{uuid.uuid4()}/settings", 404)
