"""Every page of the administration in a browser, in both sizes and both themes."""

from collections.abc import Iterator

import pytest
from flask import Flask, url_for
from werkzeug.routing import Rule

from tests.browser import gallery
from tests.browser.chromium import NARROW, WIDE, Tab
from tests.browser.rows import NO_PAGES, ROWS, Row

# A browser on a busy machine is slow.
pytestmark = pytest.mark.timeout(300)
_LOOKS = (
    ("1440-light", WIDE, "light"),
    ("1440-dark", WIDE, "dark"),
    ("360-dark", NARROW, "dark"),
    ("360-light", NARROW, "light"),
)


def test_every_address_has_its_row(app: Flask) -> None:
    answering = {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/admin") and "GET" in (rule.methods or set())
    }
    # The tables are all made by one class: the one of users stands for them.
    answering = {each for each in answering if not each.startswith("table_")}
    listed = {row.endpoint for row in ROWS if not row.endpoint.startswith("table_")}

    assert answering == listed | NO_PAGES
    assert not listed & NO_PAGES


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_page_is_whole(tab: Tab, app: Flask, ids: dict[str, str], row: Row) -> None:
    rule = _rule(app, row)
    path = _address(app, ids, row, rule)

    answer = tab.go(path)
    found = [f"answer: {answer.status}"] if answer.status != 200 else []
    for name, size, theme in _LOOKS:
        tab.page.set_viewport_size(size)
        tab.page.emulate_media(color_scheme=theme)
        found += [f"{name}: {each}" for each in _looked_at(tab, row, size, name)]
        tab.page.screenshot(path=gallery.SHOTS / f"{row.name}-{name}.png", full_page=True)
    gallery.note(row, tab.page.title().removesuffix(" · MinisPod"), rule.rule)

    assert found + tab.forbidden() + tab.wrongs == []


def _looked_at(tab: Tab, row: Row, size: dict[str, int], name: str) -> Iterator[str]:
    if row.foreign:
        return
    if size == NARROW:
        yield from tab.too_wide()
    if name in ("1440-light", "360-dark"):
        yield from tab.against_access()


def _address(app: Flask, ids: dict[str, str], row: Row, rule: Rule) -> str:
    with app.test_request_context():
        given = {name: ids[name] for name in rule.arguments - row.pick.keys() - (rule.defaults or {}).keys()}
        query = {name: ids[each] for name, each in row.query.items()}
        return url_for(row.endpoint, **given, **row.pick, **query)


def _rule(app: Flask, row: Row) -> Rule:
    rules = [rule for rule in app.url_map.iter_rules() if rule.endpoint == row.endpoint]
    return min(rules, key=lambda rule: len(rule.arguments))
