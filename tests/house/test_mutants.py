"""The list of mutants is sound; whether tests notice them is asked by `make mutants`."""

from tests.mutants.harmless import HARMLESS
from tests.mutants.mutants import all_mutants


def test_every_mutant_has_a_name_of_its_own() -> None:
    names = [each.name for each in all_mutants()]

    assert len(names) == len(set(names))


def test_what_is_not_tried_exists_and_has_its_reason() -> None:
    assert HARMLESS.keys() <= {each.name for each in all_mutants()}
    assert all(reason.endswith(".") for reason in HARMLESS.values())
