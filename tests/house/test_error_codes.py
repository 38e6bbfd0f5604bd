"""Every refusal has a family that the doors can answer, and a code of its own that clients may rely on."""

import importlib
import pkgutil
import re
from collections import Counter
from collections.abc import Iterator

import pytest

import minispod
from minispod.api import problems
from minispod.kernel import errors
from minispod.kernel.errors import FAMILIES, Refusal

GRAMMAR = re.compile(r"[a-z][a-z_]*\.[a-z][a-z_]*")


@pytest.fixture(scope="module")
def refusals() -> list[type[Refusal]]:
    """All refusals of the program except the families themselves."""
    for module in pkgutil.walk_packages(minispod.__path__, "minispod."):
        if not module.name.startswith(("minispod.simulator", "minispod.local")):
            importlib.import_module(module.name)
    found = [each for each in below(Refusal) if each.__module__ != errors.__name__]
    return sorted(set(found), key=lambda each: each.__qualname__)


def below(family: type[Refusal]) -> Iterator[type[Refusal]]:
    for each in family.__subclasses__():
        yield each
        yield from below(each)


def test_there_are_refusals(refusals: list[type[Refusal]]) -> None:
    assert len(refusals) > 25


def test_every_family_has_one_status() -> None:
    assert set(problems.STATUS_OF_FAMILY) == set(FAMILIES)
    assert len(set(problems.STATUS_OF_FAMILY.values())) == len(FAMILIES)


def test_every_refusal_belongs_to_exactly_one_family(refusals: list[type[Refusal]]) -> None:
    strange = {
        each.__qualname__: [family.__name__ for family in FAMILIES if issubclass(each, family)]
        for each in refusals
        if sum(issubclass(each, family) for family in FAMILIES) != 1
    }

    assert strange == {}


def test_every_refusal_has_a_code_of_its_own(refusals: list[type[Refusal]]) -> None:
    codes = Counter(each.code for each in refusals)

    assert [code for code, number in codes.items() if number > 1] == []
    assert [each.__qualname__ for each in refusals if "code" not in vars(each)] == []


def test_codes_read_package_dot_reason(refusals: list[type[Refusal]]) -> None:
    assert [each.code for each in refusals if not GRAMMAR.fullmatch(each.code)] == []
    # An adapter's refusal speaks in the name of the port it descends from.
    misplaced = {
        each.__qualname__: each.code
        for each in refusals
        if not any(each.code.partition(".")[0] in base.__module__.split(".") for base in each.__mro__)
    }
    assert misplaced == {}


def test_every_refusal_says_a_sentence_to_a_person(refusals: list[type[Refusal]]) -> None:
    for each in refusals:
        sentence = each.default_message
        assert each.__doc__, each
        assert sentence[0].isupper(), sentence
        assert len(sentence) > 8, sentence
        assert sentence != Refusal.default_message, each
