"""Every mail that can be written: both languages, realistic facts, missing ones and hostile ones.

Rendered by the job's own `letters.write`, with undefined names refused: a template that asks for a fact nobody
gives fails here and not in front of a customer.
"""

import ast
import re
import uuid
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from jinja2 import StrictUndefined

from minispod.alerts import telling
from minispod.alerts.kinds import Rule
from minispod.alerts.models import Alert
from minispod.jobs import letters
from minispod.notifications.mailer import Mail
from minispod.notifications.messages import MessageKind
from minispod.notifications.post import Letter, Recipient
from minispod.notifications.samples import ALERT, DOMAIN, SAMPLES, SUBSCRIPTION
from minispod.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = ROOT / "templates"
LANGUAGES = ("en", "id")
HOSTILE = "<script>alert('x')</script>\r\nBcc: everybody@example.com \"><img src=x onerror=1> {{ 7*7 }}"


@pytest.fixture(scope="module", autouse=True)
def post_office() -> Iterator[None]:
    app = Flask("letters", template_folder=str(TEMPLATES))
    app.jinja_env.undefined = StrictUndefined
    app.extensions["minispod.settings"] = Settings(
        database_url="postgresql://nobody@127.0.0.1:1/none",
        redis_url="redis://127.0.0.1:1/0",
        frontend_url="http://localhost:3100",
        public_url="http://localhost:5000",
    )
    with app.app_context():
        yield


def written(kind: MessageKind, facts: dict[str, Any], language: str, name: str = "Siti Rahayu") -> Mail:
    recipient = Recipient(name, "siti@example.com", None, language)
    return letters.write(Letter(uuid.UUID(int=7), kind, recipient, facts), facts)


def every_shape() -> list[Any]:
    return [
        pytest.param(kind, facts, language, id=f"{kind.value}-{number}-{language}")
        for number, (kind, facts) in enumerate(SAMPLES)
        for language in LANGUAGES
    ]


def test_every_kind_is_tried() -> None:
    assert {kind for kind, _ in SAMPLES} == set(MessageKind)


def test_every_kind_has_its_own_texts_in_both_languages() -> None:
    wanted = {
        f"{kind.value}/{name}"
        for kind in MessageKind
        for name in (
            "subject.txt",
            "subject.id.txt",
            "body.txt",
            "body.id.txt",
            "body.html",
            "body.id.html",
        )
    }
    folder = TEMPLATES / "email"
    found = {str(path.relative_to(folder)) for path in folder.glob("*/*")}

    assert found == wanted


@pytest.mark.parametrize(("kind", "facts", "language"), every_shape())
def test_a_mail_greets_reads_well_and_is_whole(
    kind: MessageKind, facts: dict[str, Any], language: str
) -> None:
    mail = written(kind, facts, language)

    assert 8 <= len(mail.subject) <= 110
    assert mail.text.startswith("Halo Siti" if language == "id" else "Hello Siti")
    assert "\n\n\n" not in mail.text
    assert not any(
        leftover in mail.text + mail.html + mail.subject for leftover in ("{{", "{%", "None", "&amp;lt")
    )
    assert not any(line != line.rstrip() for line in mail.text.splitlines())
    assert [line for line in mail.text.splitlines() if len(line) > 80 and "http" not in line] == []
    assert f'<html lang="{language}">' in mail.html
    assert problems_of(mail.html) == []


@pytest.mark.parametrize(("kind", "facts", "language"), every_shape())
def test_what_others_wrote_stays_text(kind: MessageKind, facts: dict[str, Any], language: str) -> None:
    hostile = {
        key: HOSTILE if isinstance(value, str) and key != "instance_id" else value
        for key, value in facts.items()
    }

    mail = written(kind, hostile, language, name=HOSTILE)

    assert "\n" not in mail.subject
    assert "\r" not in mail.subject
    assert "<script" not in mail.html
    assert "<img" not in mail.html
    assert "49" not in mail.text
    assert problems_of(mail.html) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_link_that_is_no_web_address_is_left_out(language: str) -> None:
    mail = written(MessageKind.REVIVED, {**SUBSCRIPTION, "url": "javascript:alert(1)"}, language)

    assert "javascript:" not in mail.html


def test_amounts_and_days_are_written_as_people_write_them() -> None:
    receipt = dict(SAMPLES[1][1])

    english = written(MessageKind.TOPUP_RECEIPT, receipt, "en")
    indonesian = written(MessageKind.TOPUP_RECEIPT, receipt, "id")

    assert "Rp 1.250.000" in english.subject
    assert "Rp 4.440" in english.text
    assert "Rp 4.440" in indonesian.text
    assert "31 January 2026, 10:15 WIB" in english.text
    assert "bank transfer" in english.text
    assert "31 Januari 2026 pukul 10.15 WIB" in indonesian.text
    assert "transfer bank" in indonesian.text


def test_a_language_without_texts_is_answered_in_english() -> None:
    assert written(MessageKind.WELCOME, {"url": "http://localhost:3100"}, "fr").text.startswith("Hello Siti")


def test_secrets_are_shown_as_they_are() -> None:
    mail = written(MessageKind.INSTANCE_READY, {**SUBSCRIPTION, "access": "password s3cret&<more>"}, "en")

    assert "password s3cret&<more>" in mail.text
    assert "password s3cret&amp;&lt;more&gt;" in mail.html


def test_the_shapes_tried_here_are_those_the_acts_hand_over() -> None:
    """Read from the source: a fact that an act stops giving, or gives under another name, fails here."""
    given = facts_given()
    tried = {kind: {frozenset(facts) for shape, facts in SAMPLES if shape is kind} for kind in given}
    tried[MessageKind.INSTANCE_READY] = {facts - {"access"} for facts in tried[MessageKind.INSTANCE_READY]}
    for kind in (MessageKind.VERIFY_EMAIL, MessageKind.RESET_PASSWORD):
        tried[kind] = {facts - {"url"} for facts in tried[kind]}

    assert set(MessageKind) - set(given) == set()
    assert tried == given


def facts_given() -> dict[MessageKind, set[frozenset[str]]]:
    """Names of the facts of each kind, by the calls of `tell_customer`, `tell_owner`, `post.queue` and `_tell`."""
    found: dict[MessageKind, set[frozenset[str]]] = {}
    packages = (
        "accounts",
        "backups",
        "instances",
        "onboarding",
        "operations",
        "payments",
        "proof",
        "tickets",
        "subscriptions",
        "wallet",
    )
    for file in (file for package in packages for file in (ROOT / "minispod" / package).rglob("*.py")):
        tree = ast.parse(file.read_text())
        named = {
            target.id: node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Attribute):
                kind = getattr(MessageKind, node.args[0].attr, None)
                facts = facts_of(node, named)
                if kind is not None and facts is not None:
                    found.setdefault(kind, set()).add(facts)
    for kind, facts in facts_of_alerts():
        found.setdefault(kind, set()).add(facts)
    return found


def facts_of_alerts() -> Iterator[tuple[MessageKind, frozenset[str]]]:
    """What the alert book hands over: of one alert, of several, and of the proof with what it found."""
    tree = ast.parse((ROOT / "minispod" / "proof" / "alerting.py").read_text())
    proof = next(node for node in ast.walk(tree) if isinstance(node, ast.Dict))
    proven = {ast.literal_eval(key): "" for key in proof.keys if key is not None}
    one, two = (an_alert(Rule.NODE_DOWN, {}) for _ in range(2))
    for raised in ([one], [one, two], [an_alert(Rule.PROOF_DIFFERS, proven)]):
        kind, facts = telling.letter(raised, [])
        yield kind, frozenset(facts)


def an_alert(rule: Rule, facts: dict[str, Any]) -> Alert:
    return Alert(id=uuid.uuid4(), rule=rule, severity=rule.nature.severity, subject_name="x", facts=facts)


def test_a_mail_that_waited_since_before_there_was_a_book_reads_well_too() -> None:
    old = {"subject": ALERT["subject"], "sentence": ALERT["sentence"]}

    mail = written(MessageKind.STAFF_ALERT, old, "id")

    assert ALERT["subject"] in mail.subject
    assert ALERT["sentence"].split()[-1] in mail.text
    assert "/admin/alerts" in mail.text


def facts_of(call: ast.Call, named: dict[str, ast.expr]) -> frozenset[str] | None:
    given = {each.arg: each.value for each in call.keywords if each.arg}
    if ast.unparse(call.func) == "tell_customer":
        return frozenset(SUBSCRIPTION) | (set(given) - {"event", "at", "zone", "entry_ids"})
    if ast.unparse(call.func) == "tell_owner":
        return frozenset(DOMAIN) | (set(given) - {"event"})
    facts = given.get("facts")
    if isinstance(facts, ast.Name):
        facts = named.get(facts.id)
    if ast.unparse(call.func) in ("post.queue", "_tell") and isinstance(facts, ast.Dict):
        return frozenset(ast.literal_eval(key) for key in facts.keys if key is not None)
    return None


def test_the_facts_of_a_domain_are_those_tried_here() -> None:
    tree = ast.parse((ROOT / "minispod" / "instances" / "domains" / "telling.py").read_text())
    facts = next(node for node in ast.walk(tree) if isinstance(node, ast.Dict))

    assert {ast.literal_eval(key) for key in facts.keys if key is not None} == set(DOMAIN)


def test_the_facts_of_a_subscription_are_those_tried_here() -> None:
    tree = ast.parse((ROOT / "minispod" / "subscriptions" / "telling.py").read_text())
    returned = [node.value for node in ast.walk(tree) if isinstance(node, ast.Return)]
    facts = next(value for value in returned if isinstance(value, ast.Dict))

    assert {ast.literal_eval(key) for key in facts.keys if key is not None} == set(SUBSCRIPTION)


class _Tags(HTMLParser):
    """Checks that what is opened is closed, in order, and that no script or handler came in."""

    VOID = frozenset({"meta", "br", "img"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.problems: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.VOID:
            self.open.append(tag)
        self.problems += [f"{tag} has {name}" for name, _ in attrs if name.startswith("on")]
        self.problems += [f"{tag} is not for mails"] if tag in ("script", "img", "iframe", "form") else []

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.problems.append(f"</{tag}> closes something else")


def problems_of(html: str) -> list[str]:
    parser = _Tags()
    parser.feed(re.sub(r"<!doctype html>", "", html))
    parser.close()
    return parser.problems + [f"{tag} stays open" for tag in parser.open]
