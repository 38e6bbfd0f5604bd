"""The list of mutants is sound; whether tests notice them is asked by `make mutants`."""

from tests.mutants.mutants import all_mutants


def test_every_mutant_has_a_name_of_its_own() -> None:
    names = [each.name for each in all_mutants()]

    assert len(names) == len(set(names))
