"""Run tests in a room, in a forked process that has the libraries loaded already."""

import importlib
import multiprocessing
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection

import pytest

from tests.mutants.plan import Batch
from tests.mutants.rooms import Room

LONGEST_SECONDS = 1200.0
OPTIONS = ("-x", "-q", "--tb=short", "-p", "no:cacheprovider")

_fork = multiprocessing.get_context("fork")


@dataclass(frozen=True, slots=True)
class Ran:
    """What came of a run: the exit status of pytest and the first test that failed."""

    status: int
    failed: str | None


class Watch:
    """A plugin that keeps what is wanted, in that order, and tells what failed first."""

    def __init__(self, wanted: Sequence[str], answer: Connection) -> None:
        self._rank = {test: rank for rank, test in enumerate(wanted)}
        self._answer = answer
        self._failed: str | None = None

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Sort and select; with nothing wanted in particular everything stays as it is."""
        if self._rank:
            items[:] = sorted(
                (each for each in items if each.nodeid in self._rank),
                key=lambda each: self._rank[each.nodeid],
            )

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Remember the first failure."""
        if report.failed and self._failed is None:
            self._failed = report.nodeid

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A mutant that cannot be imported is noticed too."""
        if report.failed and self._failed is None:
            self._failed = report.nodeid

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, exitstatus: int) -> None:
        """Answer when all fixtures are gone; what follows is tidying up that nobody waits for."""
        self._answer.send((int(exitstatus), self._failed))  # no class of ours: those were forgotten


def load_libraries() -> None:
    """Import what the program is built on, so that no run has to."""
    importlib.import_module("minispod.app")


def run(room: Room, batch: Batch, environment: dict[str, str]) -> Ran:
    """Run the batch until the first failure."""
    ours, theirs = _fork.Pipe(duplex=False)
    process = _fork.Process(target=_session, args=(room, batch, environment, theirs))
    process.start()
    theirs.close()
    try:
        return Ran(*ours.recv()) if ours.poll(LONGEST_SECONDS) else Ran(-1, None)
    except EOFError:
        return Ran(-1, None)
    finally:
        process.kill()
        process.join()


def _session(room: Room, batch: Batch, environment: dict[str, str], answer: Connection) -> None:
    output = os.open(room.log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.environ |= room.environment | environment
    os.chdir(room.path)
    _forget_program()
    sys.path[0] = str(room.path)
    sys.dont_write_bytecode = False
    pytest.main([*OPTIONS, *batch.paths], plugins=[Watch(batch.wanted, answer)])


def _forget_program() -> None:
    """Have the program imported anew, from where we are then."""
    for name in [name for name in sys.modules if name.partition(".")[0] in ("minispod", "tests")]:
        del sys.modules[name]
    importlib.invalidate_caches()
