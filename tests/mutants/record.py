"""Which test runs which line, and how long it takes: recorded once, so that a mutant meets the right tests first.

Only an order of tests follows from it: a mutant that survives those that run its lines meets all others too.
"""

import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

from coverage import CoverageData

from tests.mutants.source import Lines

# Everything that moves money, or looks at it.
TESTS = (
    "tests/unit",
    "tests/domain",
    "tests/api",
    "tests/admin",
    "tests/jobs",
    "tests/concurrency",
    "tests/scenarios/test_calendar.py",
    "tests/scenarios/test_midtrans_replay.py",
    "tests/scenarios/test_topup_refunds.py",
    "tests/scenarios/test_topups_in_trouble.py",
)
# They run in processes of their own or by chance, and are not recorded.
LAST_TESTS = (
    "tests/concurrency/test_mixed_operations.py",
    "tests/scenarios/test_random_histories.py",
    "tests/scenarios/test_histories_at_once.py",
    "tests/crashes",
)

_COVERAGE, _SECONDS = "coverage", "seconds.json"


class Record:
    """What a recording in a folder says."""

    def __init__(self, folder: Path) -> None:
        self._data = CoverageData(str(folder / _COVERAGE))
        self._data.read()
        self._files = {file.rpartition("/minispod/")[2]: file for file in self._data.measured_files()}
        self.seconds: dict[str, float] = json.loads((folder / _SECONDS).read_text())

    def runs(self, lines: Lines) -> set[str]:
        """The tests that run any of these lines."""
        file = self._files.get(lines.path.relative_to("minispod").as_posix())
        if file is None:
            return set()
        by_line = self._data.contexts_by_lineno(file)
        found = {context for line in lines.numbers for context in by_line.get(line, ())}
        return {test for context in found if (test := context.rpartition("|")[0])}


def make_record(room: Path, folder: Path) -> None:
    """Run the money tests on the program as it is; raise SystemExit when they fail."""
    report = folder / "report.xml"
    options = ["--cov=minispod", "--cov-context=test", "--cov-report=", f"--junitxml={report}"]
    ignored = [f"--ignore={each}" for each in LAST_TESTS]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options, *ignored, *TESTS],
        cwd=room,
        env=os.environ | {"COVERAGE_FILE": str(folder / _COVERAGE)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"The money tests fail on the program as it is:\n{done.stdout[-3000:]}")
    cases = ET.parse(report).iter("testcase")
    seconds = {_test(case): float(case.get("time", 0)) for case in cases}
    (folder / _SECONDS).write_text(json.dumps(seconds, indent=0))


def has_record(folder: Path) -> bool:
    """Whether there is one."""
    return (folder / _SECONDS).exists()


def _test(case: ET.Element) -> str:
    """The test's name as pytest takes it: file, classes, function."""
    parts = case.get("classname", "").split(".")
    file = next(place for place, part in enumerate(parts, start=1) if part.startswith("test_"))
    return "::".join(["/".join(parts[:file]) + ".py", *parts[file:], case.get("name", "")])
