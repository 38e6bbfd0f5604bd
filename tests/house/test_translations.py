"""translations/id.po has every text of the administration, and each is translated with its facts (ADR 0047)."""

import re

import pytest
from babel.messages import Message

from tests import messages

_FACT = re.compile(r"%\((\w+)\)s|%%")


@pytest.fixture(scope="module")
def kept() -> list[Message]:
    return [each for each in messages.present() if each.id]


def _key(each: Message) -> tuple[str, str]:
    return each.context or "", each.id if isinstance(each.id, str) else each.id[0]


def test_the_catalogue_has_exactly_the_texts_there_are(kept: list[Message]) -> None:
    gathered = {_key(each) for each in messages.gather() if each.id}
    known = {_key(each) for each in kept}

    assert sorted(gathered - known) == [], "run `make messages` and translate them"
    assert sorted(known - gathered) == [], "run `make messages`"


def test_every_text_is_translated(kept: list[Message]) -> None:
    assert [each.id for each in kept if each.fuzzy or not messages.is_translated(each.string)] == []


def test_translations_have_the_facts_of_their_texts(kept: list[Message]) -> None:
    strange = {}
    for each in kept:
        texts = [each.id] if isinstance(each.id, str) else list(each.id)
        told = [each.string] if isinstance(each.string, str) else list(each.string)
        if any(set(_FACT.findall(text)) != set(_FACT.findall(texts[-1])) for text in told):
            strange[str(each.id)] = told

    assert strange == {}
