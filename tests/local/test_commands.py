"""The commands that the documentation promises."""

import io
import os
import stat
import subprocess
from pathlib import Path

import pytest

from minispod.local.console import Console

ROOT = Path(__file__).resolve().parents[2]
TARGETS = [
    *("demo", "demo-reset", "story", "test", "test-fast", "test-cluster", "lint", "format", "types"),
    *("contracts", "migrations", "openapi", "histories", "mutants", "bench", "lock", "check"),
    *("check-recipes", "try-recipe", "chromium", "client", "screenshots", "messages"),
]


def make(*arguments: str) -> str:
    """What make says; it must succeed."""
    # Not as a part of the make that may be running these tests.
    env = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    done = subprocess.run(["make", *arguments], cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    return done.stdout


def test_help_is_the_default_and_explains_every_command() -> None:
    explained = {line.split()[1]: line.split(maxsplit=2)[2] for line in make().splitlines()}

    assert set(explained) == {"help", *TARGETS}
    assert all(explained.values())


@pytest.mark.parametrize("target", TARGETS)
def test_every_command_is_there(target: str) -> None:
    assert make("--dry-run", target)


def test_the_check_runs_the_tests_last() -> None:
    lines = make("--dry-run", "check").splitlines()

    assert "pytest" in lines[-1]
    assert [
        word
        for word in ("ruff check", "ruff format --check", "mypy", "lint-imports")
        if word in "\n".join(lines)
    ] == [*("ruff check", "ruff format --check", "mypy", "lint-imports")]


def test_continuous_integration_has_one_entry() -> None:
    script = ROOT / ".ci" / "run"

    assert script.stat().st_mode & stat.S_IXUSR
    subprocess.run(["bash", "-n", script], check=True)


def test_the_procfile_names_the_six_processes() -> None:
    lines = (ROOT / "Procfile").read_text().splitlines()

    assert [line.partition(":")[0] for line in lines] == [
        "web",
        "worker",
        "data",
        "scheduler",
        "realtime",
        "release",
    ]


@pytest.mark.parametrize("lock", ["requirements.txt", "requirements-dev.txt"])
def test_every_locked_dependency_has_a_hash(lock: str) -> None:
    entries = (ROOT / lock).read_text().replace("\\\n", " ").splitlines()

    assert entries
    assert [entry for entry in entries if "==" not in entry or "--hash=sha256:" not in entry] == []


def test_a_terminal_that_went_away_is_no_reason_to_stop() -> None:
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    console = Console(Gone(), {})

    console.say("hello")
    console.line("web", "hello")
