"""The pages speak English and Indonesian: which one is chosen, where it is remembered, how values are written."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from flask import Flask

from minispod.accounts.models import User
from minispod.admin import languages, wording
from minispod.audit.models import AuditEntry
from minispod.kernel.database import session
from tests.admin.conftest import Browser
from tests.factories.statements import asked
from tests.plugins.app import Person

AT = datetime(2026, 9, 3, 3, 4, 5, tzinfo=UTC)


def switch(browser: Browser, wanted: str, came_from: str = "/admin/alerts") -> str:
    answer = browser.post("/admin/language", came_from, language=wanted)
    assert answer.status_code == 303
    return answer.location


def test_english_is_spoken_where_nobody_asks_for_another_language(browser: Browser) -> None:
    page = browser.shown("/admin/alerts")

    assert '<html lang="en">' in page
    assert "Skip to content" in page
    assert "Bahasa Indonesia" in page  # the switch names the other one


def test_before_the_sign_in_the_browser_is_asked(stranger: Callable[[], Browser]) -> None:
    page = stranger().get("/admin/login", Accept_Language="id-ID,id;q=0.9,en;q=0.8").text

    assert '<html lang="id">' in page
    assert "Kata sandi" in page
    assert '<html lang="en">' in stranger().get("/admin/login", Accept_Language="fr").text


def test_the_switch_on_the_sign_in_page_is_remembered_by_the_browser(stranger: Callable[[], Browser]) -> None:
    someone = stranger()
    someone.get("/admin/login?next=/admin/nodes")

    assert switch(someone, "id", "/admin/login?next=/admin/nodes") == "/admin/login?next=/admin/nodes"
    assert "Kata sandi" in someone.shown("/admin/login")
    assert "tidak benar" in someone.post("/admin/login", email="a@b.co", password="wrong").text


def test_the_switch_in_the_frame_is_kept_with_the_account(
    app: Flask, browser: Browser, stranger: Callable[[], Browser], administrator: Person
) -> None:
    assert switch(browser, "id") == "/admin/alerts"

    elsewhere = stranger()
    elsewhere.sign_in(administrator.email)
    assert '<html lang="id">' in elsewhere.get("/admin/alerts", Accept_Language="en").text
    with app.app_context():
        written = session().query(AuditEntry).filter_by(action="account.profile_changed").one()
        assert written.details["changed"] == {"language": ["none", "id"]}
        assert session().get(User, administrator.id).language == "id"


def test_the_account_wins_over_the_browser(browser: Browser, stranger: Callable[[], Browser]) -> None:
    switch(browser, "en")

    assert '<html lang="en">' in browser.get("/admin/alerts", Accept_Language="id").text


def test_choosing_the_same_again_writes_nothing(app: Flask, browser: Browser) -> None:
    switch(browser, "id")
    switch(browser, "id")

    with app.app_context():
        assert session().query(AuditEntry).filter_by(action="account.profile_changed").count() == 1


@pytest.mark.parametrize("wanted", ["", "fr", "ID", "../en"])
def test_an_unknown_language_changes_nothing(browser: Browser, wanted: str) -> None:
    switch(browser, wanted)

    assert '<html lang="en">' in browser.shown("/admin/alerts")


def test_the_switch_asks_for_the_token(browser: Browser) -> None:
    browser.token = "not it"

    assert browser.post("/admin/language", language="id").status_code == 400


def test_an_unknown_cookie_is_no_choice(stranger: Callable[[], Browser]) -> None:
    someone = stranger()
    someone.client.set_cookie(languages.COOKIE, "xx")

    assert '<html lang="en">' in someone.shown("/admin/login")


def test_error_pages_speak_too(browser: Browser) -> None:
    switch(browser, "id")

    page = browser.shown("/admin/nothing-like-this", 404)

    assert '<html lang="id">' in page
    assert "Tidak ada apa-apa di sini" in page


def test_the_language_costs_no_statement(app: Flask, browser: Browser) -> None:
    with app.app_context(), asked() as english:
        browser.shown("/admin/alerts")
    switch(browser, "id")
    with app.app_context(), asked() as indonesian:
        browser.shown("/admin/alerts")

    assert len(indonesian) == len(english)


def test_the_json_api_chooses_no_language(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> str:
        raise AssertionError("the API asked for a language")

    monkeypatch.setattr(languages, "language", refuse)
    monkeypatch.setattr(languages, "_of_browser", refuse)

    assert app.test_client().get("/api/v1/catalog/services").status_code == 200
    assert app.test_client().get("/api/v1/nothing").status_code == 404


WRITTEN = [
    (wording.rupiah, (1_250_000,), "Rp\u00a01,250,000", "Rp\u00a01.250.000"),
    (wording.rupiah, (-500,), "-Rp\u00a0500", "-Rp\u00a0500"),
    (wording.number, (12_345,), "12,345", "12.345"),
    (wording.number, (1.5,), "1.5", "1,5"),
    (wording.number, (None,), "\u2014", "\u2014"),
    (wording.cores, (250,), "0.25", "0,25"),
    (wording.gigabytes, (1536,), "1.5 GB", "1,5 GB"),
    (wording.span, (timedelta(hours=3, minutes=20),), "3 h 20 min", "3 jam 20 mnt"),
    (wording.day, (date(2026, 8, 7),), "07 Aug 2026", "7 Agu 2026"),
    (wording.day, (date(2026, 8, 7), "weekday"), "Fri 07 Aug", "Jum, 7 Agu"),
    (wording.day, (date(2026, 5, 1), "long_month"), "May 2026", "Mei 2026"),
]


@pytest.mark.parametrize(("write", "given", "english", "indonesian"), WRITTEN)
def test_values_are_written_as_the_language_writes_them(
    app: Flask, write: Callable[..., str], given: tuple[object, ...], english: str, indonesian: str
) -> None:
    with app.test_request_context("/admin/"):
        assert write(*given) == english
        languages.speak("id")
        assert write(*given) == indonesian


def test_instants_are_told_in_the_time_zone_of_the_business(app: Flask) -> None:
    with app.test_request_context("/admin/"):
        assert ">03 Sep 2026, 10:04</time>" in wording.moment(AT)
        assert 'title="Thu 03 Sep 2026, 10:04:05 WIB"' in wording.moment(AT)
        languages.speak("id")
        assert ">3 Sep 2026, 10.04</time>" in wording.moment(AT)
        assert 'title="Kamis, 3 September 2026, 10.04.05 WIB"' in wording.moment(AT)
        assert 'datetime="2026-09-03T03:04:05+00:00"' in wording.moment(AT)  # machines read the same
