"""Which tests are likely to notice a mutant, the likeliest and cheapest first."""

from collections.abc import Iterable

from tests.mutants.mutants import Mutant
from tests.mutants.record import Record
from tests.mutants.schema import SchemaMutant
from tests.mutants.source import SourceMutant

# It has a row for each protection, named like it.
_ROW = "tests/domain/books/test_the_database_refuses.py::test_a_row_that_would_disagree_is_refused"
_BOOKS = ("tests/domain/books/", "tests/domain/wallet/", "tests/domain/papers/")
_LONG_SECONDS = 1.0
_MOST = 60
"""How many tests a mutant meets before it has to meet all."""


def likely_tests(mutant: Mutant, record: Record) -> list[str]:
    """The tests that most likely notice: of a source mutant, tests that run its lines."""
    if isinstance(mutant, SchemaMutant):
        return [f"{_ROW}[{mutant.name.split()[1]}]", *_cheapest(record, _BOOKS)]
    telling = record.runs(mutant.refusals)

    def unlikely(test: str) -> tuple[bool, bool, bool, bool, float]:
        return test not in telling, *_unlikely_by_name(mutant, test), record.seconds.get(test, _LONG_SECONDS)

    return sorted(record.runs(mutant.lines), key=unlikely)[:_MOST]


def _unlikely_by_name(mutant: SourceMutant, test: str) -> tuple[bool, bool, bool]:
    """Locks are missed where several act at once, all else by the tests of the same act."""
    is_rivalry = test.startswith("tests/concurrency")
    is_far = mutant.path.stem not in test, mutant.path.parent.name not in test
    return mutant.name.startswith("lock ") and not is_rivalry, *is_far


def _cheapest(record: Record, folders: Iterable[str]) -> list[str]:
    chosen = [test for test in record.seconds if test.startswith(tuple(folders))]
    return sorted(chosen, key=lambda test: record.seconds[test])
