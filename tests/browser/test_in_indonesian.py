"""Every page of the administration in Indonesian: it answers, says which language it is in, and speaks no English."""

import re
from html.parser import HTMLParser

import pytest
from flask import Flask

from tests.admin.conftest import Browser
from tests.browser.rows import ROWS, Row
from tests.browser.test_every_page import _address, _rule
from tests.plugins.scene import Scene

# Words that no English sentence does without and no Indonesian one has.
_ENGLISH = re.compile(
    r"(?<![\w-])(the|of|and|is|are|was|were|not|no(?!\.)|with|for|from|by|to|this|that|it|its|has|have|been|will|be|when|every|all|"
    r"nothing|nobody|more|less|than|since|until|ago|yet|still)(?![\w-])",
    re.IGNORECASE,
)
# Shown by a library's names of columns; for developers only; looked at where nobody has signed in; the settings, which
# are told in the words of the README's table; and mails, which are shown in both languages.
_NOT_OURS = frozenset(
    {
        "table_users.index_view",
        "table_users.details_view",
        "panel.components",
        "panel.settings_page",
        "panel.sign_in",
        "panel.message_kinds",
        "panel.message_kind",
    }
)
OURS = [row for row in ROWS if not row.foreign and row.endpoint not in _NOT_OURS]
# What people wrote in this shop is shown as they wrote it; so is what an API answers to a customer.
_WRITTEN = re.compile(
    r"The rack has no power; back at ten\.|Subscription to N8N Automation Basic$|With a picture|Solved long ago|"
    r"We are looking at it\.|It is still so\.|It runs again|To see what the page shows\.|"
    r"^(Visual workflow|More resources|Automation and|Hello|Since this) .*|"
    r"n8n answers with 502",
    re.DOTALL,
)
_ANSWERS = re.compile(r'<section id="section".*?</section>', re.DOTALL)


class Reader(HTMLParser):
    """The texts of a page, piece by piece, without what is code."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent += tag in ("code", "pre", "script", "style", "kbd")
        self.texts += [
            value for name, value in attrs if name in ("aria-label", "title", "placeholder") and value
        ]

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in ("code", "pre", "script", "style", "kbd")

    def handle_data(self, data: str) -> None:
        if not self._silent and data.strip():
            self.texts.append(data.strip())


@pytest.fixture
def indonesian(app: Flask, ids: dict[str, str], scene: Scene) -> Browser:
    """An administrator who has chosen Indonesian, in the furnished shop."""
    browser = Browser(app.test_client())
    assert browser.sign_in(scene.administrator.email).status_code == 303
    browser.get("/admin/")
    assert browser.post("/admin/language", language="id").status_code == 303
    return browser


@pytest.mark.parametrize("row", OURS, ids=lambda row: row.name)
def test_a_page_speaks_indonesian_only(
    app: Flask, ids: dict[str, str], indonesian: Browser, row: Row
) -> None:
    page = indonesian.get(_address(app, ids, row, _rule(app, row)))
    reader = Reader()
    reader.feed(_ANSWERS.sub("", page.text))

    assert page.status_code == 200
    assert '<html lang="id">' in page.text
    assert [text for text in reader.texts if _ENGLISH.search(_WRITTEN.sub("", text))] == []
