"""Whatever an address or a header says: a page or a refusal, never a crash, never another site."""

import re
from urllib.parse import quote

import pytest
from flask import Flask

from tests.admin.conftest import Browser
from tests.admin.shop import Shop
from tests.admin.test_gate import SOME_ID, rules_of

ODD = ("a\x00b", "//[", "9" * 400, "-1", "0", "\udcff")
NAMES = ("q", "page", "sort", "id", "url", "next", "endpoint", "_external", "_scheme", "_method", "user_id")
ORIGINS = (
    "http://[",
    "//[",
    "\xff",
    "http://localhost:99999999/",
    "http://localhost/admin/%00",
    "http://localhost",
)
# One table stands for all of its kind of key.
TABLES = ("/users/", "/pulses/", "/cluster_state/")


def _written(text: str) -> str:
    return quote(text.encode("utf-8", "surrogatepass"), safe="")


def _pages(app: Flask, shop: Shop) -> list[tuple[str, str]]:
    """Each page's rule, and an address under which it shows something."""
    found = []
    for rule, path in rules_of(app, "GET"):
        is_another_table = "/tables/" in rule.rule and not any(table in rule.rule for table in TABLES)
        if "static" in rule.rule or "favicon" in rule.rule or is_another_table:
            continue
        name = shop.customer.id if "customers" in path else shop.instance.id
        found.append((rule.rule, path.replace(SOME_ID, "worker-1" if "nodes" in path else str(name))))
    return found


@pytest.mark.parametrize("name", NAMES)
def test_odd_questions_get_an_answer(
    browser: Browser, app: Flask, shop: Shop, nodes_seen: None, name: str
) -> None:
    asked = [f"{path}?{name}={_written(odd)}" for _, path in _pages(app, shop) for odd in ODD]

    answers = {address: browser.client.get(address) for address in asked}

    assert len(answers) > 200
    assert [address for address, answer in answers.items() if answer.status_code >= 500] == []
    assert [
        address for address, answer in answers.items() if not (answer.location or "/").startswith("/")
    ] == []


def test_odd_names_in_the_path_get_an_answer(browser: Browser, app: Flask, shop: Shop) -> None:
    rules = [rule for rule, _ in _pages(app, shop) if "<" in rule]
    asked = [re.sub(r"<[^>]*>", _written(odd), rule) for rule in rules for odd in ODD]

    assert [address for address in asked if browser.client.get(address).status_code >= 500] == []


@pytest.mark.parametrize("header", ["Referer", "Origin"])
def test_odd_origins_get_an_answer(browser: Browser, app: Flask, header: str) -> None:
    crashed = []
    for rule, path in rules_of(app, "POST"):
        if rule.endpoint == "panel.sign_out":
            continue
        for origin in ORIGINS:
            answer = browser.client.post(path, data={"csrf_token": browser.token}, headers={header: origin})
            if answer.status_code >= 500:
                crashed.append((path, origin))

    assert crashed == []


def test_a_list_keeps_its_own_address_whatever_is_asked(browser: Browser, shop: Shop) -> None:
    shown = browser.shown("/admin/nodes") + browser.shown(
        "/admin/customers?endpoint=panel.audit_list&_external=1&_scheme=x&q=a"
    )

    assert "http://localhost/admin/customers" not in shown
