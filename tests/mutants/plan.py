"""Which tests a mutant meets, in which order: the likeliest and cheapest first, in the end all of them."""

from collections.abc import Iterator
from dataclasses import dataclass

from tests.mutants.record import LAST_TESTS, TESTS, Record
from tests.mutants.schema import SchemaMutant
from tests.mutants.source import SourceMutant

# It has a row for each protection, named like it.
_BOOKS = "tests/domain/books/test_the_database_refuses.py"
_ROW = "test_a_row_that_would_disagree_is_refused"
_FIRST = 12
_UNKNOWN_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Batch:
    """Tests to run at once: those wanted of some paths, or all of them."""

    paths: tuple[str, ...]
    wanted: tuple[str, ...] = ()


EVERYTHING = Batch((*TESTS, *LAST_TESTS))


def plan_for(mutant: SourceMutant | SchemaMutant, record: Record) -> Iterator[Batch]:
    """The batches before everything is run, likeliest first."""
    if isinstance(mutant, SchemaMutant):
        yield Batch((_BOOKS,), (f"{_BOOKS}::{_ROW}[{mutant.name.split()[1]}]",))
        yield Batch(("tests/domain/wallet", "tests/domain/papers", "tests/domain/proof"))
        return
    telling = record.runs(mutant.path, mutant.refusals)
    is_lock = mutant.name.startswith("lock ")

    def unlikely(test: str) -> tuple[bool, bool, bool, float]:
        is_kin = mutant.path.stem in test or mutant.path.parent.name in test
        is_rival = test.startswith("tests/concurrency")
        return (
            test not in telling,
            is_lock and not is_rival,
            not is_kin,
            record.seconds.get(test, _UNKNOWN_SECONDS),
        )

    tests = sorted(record.runs(mutant.path, mutant.lines), key=unlikely)
    for some in filter(None, (tests[:_FIRST], tests[_FIRST:])):
        yield Batch(tuple(dict.fromkeys(test.partition("::")[0] for test in some)), tuple(some))
