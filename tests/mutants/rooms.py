"""Copies of the program in which mutants are judged; the checkout is not touched."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.mutants.mutants import Mutant
from tests.mutants.outcomes import Verdict
from tests.mutants.record import LAST_TESTS, TESTS
from tests.mutants.schema import SchemaMutant
from tests.mutants.source import ROOT
from tests.plugins.databases import MUTATION

PARTS = ("minispod", "templates", "static", "migrations", "tests", "docs", "pyproject.toml", "wsgi.py")
LONGEST_SECONDS = 3600
_VERDICTS = {0: Verdict.SURVIVED, 1: Verdict.KILLED, 2: Verdict.KILLED}


@contextmanager
def rooms(count: int) -> Iterator[list[Path]]:
    """So many copies, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="minispod-mutants-") as place:
        yield [_copy(Path(place) / f"room-{number}") for number in range(count)]


def judge_together(room: Path, mutants: Sequence[Mutant], folder: Path) -> int:
    """Judge mutants in one session by the tests likely to notice; its exit status."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.mutants.session", str(folder)],
        cwd=room,
        input="\n".join(each.name for each in mutants),
        stdout=(folder / f"{room.name}.log").open("w"),
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode


def judge_alone(room: Path, mutant: Mutant) -> tuple[Verdict, str]:
    """Judge one mutant by all tests of money, those in processes of their own and those by chance included."""
    if isinstance(mutant, SchemaMutant):
        return _run_all(room, {MUTATION: mutant.statement})
    file = room / mutant.path
    original = file.read_text()
    file.write_text(mutant.text)
    try:
        return _run_all(room, {})
    finally:
        file.write_text(original)


def _run_all(room: Path, environment: dict[str, str]) -> tuple[Verdict, str]:
    try:
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "pytest",
                "-x",
                "-q",
                "--tb=no",
                "-p",
                "no:cacheprovider",
                *TESTS,
                *LAST_TESTS,
            ],
            cwd=room,
            env=os.environ | environment,
            capture_output=True,
            text=True,
            timeout=LONGEST_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Verdict.UNJUDGED, f"no end within {LONGEST_SECONDS} s"
    failed = [line for line in done.stdout.splitlines() if line.startswith(("FAILED ", "ERROR "))]
    verdict = _VERDICTS.get(done.returncode, Verdict.UNJUDGED)
    noticed = "none of all tests of money" if verdict is Verdict.SURVIVED else done.stdout[-300:]
    return verdict, failed[0].split(" ")[1] if failed else noticed


def _copy(room: Path) -> Path:
    room.mkdir()
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, room / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, room / part)
    return room
