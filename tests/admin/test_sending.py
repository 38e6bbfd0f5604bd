"""Pages and files travel compressed where that gives nothing away; files are kept while they are the same."""

import gzip
import re
from pathlib import Path

import brotli
import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.admin.conftest import Browser

_CSS = re.compile(r'href="(/static/css/admin\.css[^"]*)"')
SMALLER = {"Accept-Encoding": "gzip, deflate, br, zstd"}


@pytest.mark.parametrize("asked_by", ["same-origin", "none"])
def test_a_page_that_we_asked_for_travels_compressed(browser: Browser, asked_by: str) -> None:
    answer = browser.client.get("/admin/customers", headers=SMALLER | {"Sec-Fetch-Site": asked_by})

    assert (answer.status_code, answer.headers["Content-Encoding"]) == (200, "br")
    assert "Accept-Encoding" in answer.headers["Vary"]
    assert b"<h1>Customers" in brotli.decompress(answer.get_data())
    assert len(answer.get_data()) * 2 < len(brotli.decompress(answer.get_data()))


@pytest.mark.parametrize("asked_by", ["same-site", "cross-site", None])
def test_what_another_page_makes_the_browser_ask_for_has_its_own_length(
    browser: Browser, asked_by: str | None
) -> None:
    said = {"Sec-Fetch-Site": asked_by} if asked_by else {}

    answer = browser.client.get("/admin/customers", headers=SMALLER | said)

    assert (answer.status_code, "Content-Encoding" in answer.headers) == (200, False)
    assert "<h1>Customers" in answer.text


def test_a_browser_that_cannot_unpack_gets_the_page_as_it_is(browser: Browser) -> None:
    answer = browser.client.get("/admin/customers", headers={"Sec-Fetch-Site": "same-origin"})

    assert ("Content-Encoding" in answer.headers, "<h1>Customers" in answer.text) == (False, True)


def test_what_is_nothing_or_no_page_is_left_alone(browser: Browser) -> None:
    ours = SMALLER | {"Sec-Fetch-Site": "same-origin"}
    fragment = browser.client.get("/admin/", headers=ours | {"HX-Request": "true"})
    seen = re.search(r'"seen": "([0-9a-f]+)"', brotli.decompress(fragment.get_data()).decode())
    assert seen is not None

    same = browser.client.get(f"/admin/?seen={seen[1]}", headers=ours | {"HX-Request": "true"})
    file = browser.client.get("/admin/revenue/months.csv", headers=ours)

    assert (same.status_code, same.get_data(), "Content-Encoding" in same.headers) == (204, b"", False)
    assert (file.mimetype, "Content-Encoding" in file.headers) == ("text/csv", False)


def test_a_file_is_kept_under_the_mark_of_its_content(app: Flask, client: FlaskClient) -> None:
    found = _CSS.search(client.get("/admin/login").text)
    assert found is not None
    assert "?v=" in found[1]

    kept = client.get(found[1], headers={"Accept-Encoding": "gzip"})
    content = (Path(str(app.static_folder)) / "css" / "admin.css").read_bytes()

    assert gzip.decompress(kept.get_data()) == content
    assert kept.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    asked_again = {"Accept-Encoding": "gzip", "If-None-Match": kept.headers["ETag"]}
    assert client.get(found[1], headers=asked_again).status_code == 304
    for other in ("/static/css/admin.css", "/static/css/admin.css?v=an-older-one"):
        assert "immutable" not in client.get(other).headers["Cache-Control"]
    assert client.get("/static/css/nothing.css?v=None").status_code == 404
