"""One test session in which mutant after mutant is put into the running program: servers are started once.

A test that kills a mutant is run again without it. Does it fail then, too, the session is spoilt (or the test is): it
ends, and the mutant is not judged. `python -m tests.mutants.session FOLDER` takes names of mutants, one per line.
"""

import sys
import time
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.mutants import outcomes
from tests.mutants.mutants import Mutant, all_mutants, key_of
from tests.mutants.outcomes import Outcome, Verdict
from tests.mutants.patching import mutated
from tests.mutants.plan import likely_tests
from tests.mutants.record import TESTS, Record

OPTIONS = ("-q", "--tb=short", "-p", "no:cacheprovider")
SPOILT, BROKEN = 70, 71
"""Exit statuses of a session that could not go on, and of one that could not even begin."""


class Hunt:
    """The plugin: its loop over mutants replaces pytest's loop over tests."""

    def __init__(self, mutants: Sequence[Mutant], folder: Path) -> None:
        self._mutants, self._folder, self._record = mutants, folder, Record(folder)
        self._database_url = ""
        self._has_failed = False
        self.is_spoilt = False

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[Any]) -> Generator[None, Any, Any]:
        """Learn which database the tests of this session use."""
        value = yield
        if fixturedef.argname == "migrated_database_url":
            self._database_url = value
        return value

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """See whether a test failed."""
        self._has_failed = self._has_failed or report.failed

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Meet one mutant after the other with its tests."""
        items = {item.nodeid: item for item in session.items}
        first = next(item for name, item in items.items() if "test_the_database_refuses" in name)
        self.is_spoilt = not self._passes(first)
        for mutant in self._mutants:
            if self.is_spoilt:
                break
            tests = [items[test] for test in likely_tests(mutant, self._record) if test in items]
            self._meet(mutant, tests)
        return True

    def _meet(self, mutant: Mutant, tests: Sequence[pytest.Item]) -> None:
        began = time.monotonic()
        with mutated(mutant, self._database_url):
            killer = next((test for test in tests if not self._passes(test)), None)
        if killer is not None and not self._passes(killer):
            self.is_spoilt = True
            print(f"\nspoilt by {mutant.name}: {killer.nodeid}")
            return
        verdict = Verdict.SURVIVED if killer is None else Verdict.KILLED
        noticed = f"none of {len(tests)} tests" if killer is None else killer.nodeid
        outcome = Outcome(key_of(mutant), mutant.name, verdict, noticed, round(time.monotonic() - began, 1))
        outcomes.add(self._folder, outcome)

    def _passes(self, item: pytest.Item) -> bool:
        self._has_failed = False
        # With the session as the next item all but what lives as long as the session is torn down.
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=item.session)
        return not self._has_failed


def main(folder: Path) -> int:
    """Judge the mutants named on standard input; SPOILT when some are left."""
    names = set(sys.stdin.read().splitlines())
    hunt = Hunt([each for each in all_mutants() if each.name in names], folder)
    status = pytest.main([*OPTIONS, *TESTS], plugins=[hunt])
    if status in (pytest.ExitCode.INTERRUPTED, pytest.ExitCode.USAGE_ERROR):
        return BROKEN
    return SPOILT if hunt.is_spoilt or status == pytest.ExitCode.INTERNAL_ERROR else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
