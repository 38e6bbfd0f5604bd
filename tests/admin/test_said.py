"""Sentences of the domain in the page's language: known word by word, or by their pattern with the facts in place."""

import pytest
from flask import Flask

from minispod.admin import languages, wording
from minispod.admin.alerts import words_of
from minispod.alerts.kinds import Rule, Severity
from minispod.alerts.models import Alert
from minispod.kernel.clock import FrozenClock
from tests.admin.conftest import Browser
from tests.plugins.app import Person

SAID = [
    ("Instance not found", "Instance not found", "Instans tidak ditemukan"),
    (
        "There is no node called worker-9.",
        "There is no node called worker-9.",
        "Tidak ada node bernama worker-9.",
    ),
    (
        "This customer still has Rp 20.000 of credit, which is lost with the account. Pay it back first, or deactivate "
        "the customer before you delete the account.",
        "This customer still has Rp 20,000 of credit, which is lost with the account. Pay it back first, or deactivate "
        "the customer before you delete the account.",
        "Pelanggan ini masih punya saldo Rp 20.000, yang hilang bersama akunnya. Kembalikan dahulu, atau nonaktifkan "
        "pelanggan sebelum Anda menghapus akunnya.",
    ),
    # A sentence within a sentence is said too.
    ("Unhealthy: not ready", "Unhealthy: not ready", "Tidak sehat: tidak siap"),
    (
        "85 % of CPU and 40 % of memory are requested: below the band of 50 to 70 %, there is room to sell.",
        "85 % of CPU and 40 % of memory are requested: below the band of 50 to 70 %, there is room to sell.",
        "85 % CPU dan 40 % memori diminta: di bawah kisaran 50 sampai 70 %, masih ada ruang untuk dijual.",
    ),
    # What nobody has translated stays as it was said.
    (
        "dial tcp 10.0.0.1:6443: no route",
        "dial tcp 10.0.0.1:6443: no route",
        "dial tcp 10.0.0.1:6443: no route",
    ),
    ("", "", ""),
    (None, "", ""),
]


@pytest.mark.parametrize(("sentence", "english", "indonesian"), SAID)
def test_a_sentence_is_said_in_the_language_of_the_page(
    app: Flask, sentence: str | None, english: str, indonesian: str
) -> None:
    with app.test_request_context("/admin/"):
        assert languages.said(sentence) == english
        languages.speak("id")
        assert languages.said(sentence) == indonesian


def test_a_refusal_is_told_in_the_language_of_who_asked(browser: Browser) -> None:
    browser.post("/admin/language", language="id")

    page = browser.shown("/admin/alerts/not-an-id", 404)

    assert "Tidak ada yang ditemukan dengan ID ini." in page


def test_facts_of_the_audit_book_have_words(app: Flask) -> None:
    facts = {
        "reason": "on_demand",
        "changed": {"language": ["none", "id"]},
        "charged": 50_000,
        "host": "a.example.com",
    }

    with app.test_request_context("/admin/"):
        english = wording.facts(facts)
        languages.speak("id")
        indonesian = wording.facts(facts)

    assert (
        english
        == "reason on_demand, changed language none \u2192 id, charged Rp\u00a050,000, host a.example.com"
    )
    assert indonesian == (
        "alasan atas permintaan, diubah bahasa tidak ada \u2192 id, ditagih Rp\u00a050.000, host a.example.com"
    )


def test_alerts_are_in_the_one_language_and_in_the_time_zone_of_the_business(
    app: Flask, clock: FrozenClock
) -> None:
    row = Alert(
        rule=Rule.NODE_DOWN,
        severity=Severity.CRITICAL,
        subject_kind="node",
        subject_id="worker-2",
        subject_name="worker-2",
        facts={"since": "2026-09-03T03:04:05+00:00", "movable": 1, "bound": 2, "bare": 0},
        opened_at=clock.now(),
        last_seen_at=clock.now(),
    )

    with app.test_request_context("/admin/"):
        english = words_of(row)
        languages.speak("id")
        indonesian = words_of(row)

    assert english.title == "Node worker-2 does not answer"
    assert english.sentence.startswith(
        "Since 03 Sep 2026, 10:04. Instances that the cluster starts on other nodes: 1."
    )
    assert indonesian.title == "Node worker-2 tidak menjawab"
    assert indonesian.sentence.startswith(
        "Sejak 3 Sep 2026, 10.04. Instans yang dimulai klaster di node lain: 1."
    )


def test_markup_goes_only_through_facts(app: Flask) -> None:
    with app.test_request_context("/admin/"):
        told = languages.gettext("by %(name)s", name=wording.moment(None))
        assert told == "by &mdash;"
        assert hasattr(told, "__html__")
        assert not hasattr(
            languages.gettext("by %(name)s", name="<b>"), "__html__"
        )  # the page escapes it whole


def test_mails_to_staff_are_in_the_language_they_chose(
    app: Flask, browser: Browser, administrator: Person
) -> None:
    from minispod.alerts import telling
    from minispod.kernel.database import session
    from minispod.kernel.unit_of_work import unit_of_work
    from minispod.notifications.models import Notification

    browser.post("/admin/language", language="id")
    with app.app_context(), unit_of_work():
        telling.announce([], [], at=app.extensions["minispod.ports"].clock.now())

    with app.app_context():
        kept = session().query(Notification).filter_by(user_id=administrator.id, kind="staff_alert").one()
        assert kept.language == "id"
