"""Run the money tests against every mutant and say which test killed it: `make mutants`, `ARGS="--only lock"`.

Exit status 1 when one survives. Each worker has a copy of the program in a directory of its own; the checkout is not
touched.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

from tests.mutants.schema import SchemaMutant, schema_mutants
from tests.mutants.source import ROOT, SourceMutant, source_mutants
from tests.plugins.databases import MUTATION

# Those that fail fastest come first.
TESTS = (
    "tests/unit/test_verdicts.py",
    "tests/domain",
    "tests/api",
    "tests/concurrency",
    "tests/scenarios/test_calendar.py",
    "tests/scenarios/test_midtrans_replay.py",
    "tests/scenarios/test_random_histories.py",
    "tests/crashes",
)
PARTS = ("minispod", "templates", "static", "migrations", "tests", "pyproject.toml", "wsgi.py")
LONGEST_SECONDS = 900
_PASSED, _FAILED = 0, 1


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one mutant."""

    name: str
    verdict: str
    killer: str
    seconds: float


def main() -> int:
    """Run what was asked for; 1 when a mutant survived or could not be judged."""
    wanted = _arguments()
    mutants = [each for each in (*schema_mutants(), *source_mutants()) if wanted.only in each.name]
    if wanted.list:
        print("\n".join(each.name for each in mutants))
        return 0
    print(f"{len(mutants)} mutants, {wanted.jobs} at a time")
    rooms: SimpleQueue[Path] = SimpleQueue()
    with tempfile.TemporaryDirectory(prefix="minispod-mutants-") as place:
        for number in range(wanted.jobs):
            rooms.put(_copy(Path(place) / str(number)))
        with ThreadPoolExecutor(wanted.jobs) as pool:
            outcomes = list(pool.map(lambda each: _judge(each, rooms), mutants))
    alive = [each for each in outcomes if each.verdict != "killed"]
    print(f"\n{len(outcomes) - len(alive)} of {len(outcomes)} mutants were killed.")
    for each in alive:
        print(f"{each.verdict}: {each.name}")
    return 1 if alive else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument("--only", default="", help="only mutants whose name has this in it")
    parser.add_argument("--jobs", type=int, default=2, help="how many at a time")
    parser.add_argument("--list", action="store_true", help="name them and stop")
    return parser.parse_args()


def _copy(room: Path) -> Path:
    room.mkdir()
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, room / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, room / part)
    return room


def _judge(mutant: SourceMutant | SchemaMutant, rooms: "SimpleQueue[Path]") -> Outcome:
    room, began = rooms.get(), time.monotonic()
    try:
        if isinstance(mutant, SchemaMutant):
            verdict, killer = _test(room, {MUTATION: mutant.statement})
        else:
            original = (room / mutant.path).read_text()
            (room / mutant.path).write_text(mutant.text)
            try:
                verdict, killer = _test(room, {})
            finally:
                (room / mutant.path).write_text(original)
    finally:
        rooms.put(room)
    outcome = Outcome(mutant.name, verdict, killer, time.monotonic() - began)
    print(
        f"{outcome.verdict:9} {outcome.seconds:5.0f} s  {outcome.name}\n{'':19}{outcome.killer}", flush=True
    )
    return outcome


def _test(room: Path, environment: dict[str, str]) -> tuple[str, str]:
    """Verdict and killer."""
    tests = [each for each in TESTS if (room / each).exists()]
    command = [sys.executable, "-m", "pytest", "-x", "-q", "--tb=no", "-p", "no:cacheprovider", *tests]
    try:
        done = subprocess.run(
            command,
            cwd=room,
            env=os.environ | environment,
            capture_output=True,
            text=True,
            timeout=LONGEST_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return "hung", f"no answer within {LONGEST_SECONDS} s"
    if done.returncode == _PASSED:
        return "SURVIVED", "no test noticed"
    if done.returncode != _FAILED:
        return "unjudged", (done.stdout + done.stderr)[-300:]
    failed = [line for line in done.stdout.splitlines() if line.startswith(("FAILED ", "ERROR "))]
    return "killed", failed[0].split(" - ")[0] if failed else "?"


if __name__ == "__main__":
    sys.exit(main())
