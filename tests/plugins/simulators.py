"""The simulators as what they are: separate processes that speak the real protocols.

Each is started when the first test asks for it and lives as long as the session (per xdist worker).
"""

import json
import os
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from minispod.local import processes
from minispod.local.processes import Program

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 90.0


@dataclass(frozen=True, slots=True)
class Simulator:
    """A running simulator; `facts` is what it wrote into its ready file (addresses, ports, tokens)."""

    facts: Mapping[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.facts[name]


@pytest.fixture(scope="session")
def kubernetes_simulator(
    tmp_path_factory: pytest.TempPathFactory, nothing_left_behind: None
) -> Iterator[Simulator]:
    """A Kubernetes API (and an HTTP front for its Ingresses) in which time passes quickly."""
    directory = tmp_path_factory.mktemp("kubernetes")
    arguments = (
        "--port",
        "0",
        "--ingress-port",
        "0",
        "--kubeconfig",
        str(directory / "kubeconfig"),
        "--speed",
        "20",
    )
    yield from _run("kubernetes", directory, *arguments)


@pytest.fixture(scope="session")
def midtrans_simulator(
    tmp_path_factory: pytest.TempPathFactory, nothing_left_behind: None
) -> Iterator[Simulator]:
    """A payment gateway."""
    yield from _run("midtrans", tmp_path_factory.mktemp("midtrans"), "--port", "0")


@pytest.fixture(scope="session")
def mailbox_simulator(
    tmp_path_factory: pytest.TempPathFactory, nothing_left_behind: None
) -> Iterator[Simulator]:
    """A mail server that keeps everything it is given."""
    directory = tmp_path_factory.mktemp("mailbox")
    store = directory / "store"
    yield from _run("mailbox", directory, "--smtp-port", "0", "--http-port", "0", "--store", str(store))


@pytest.fixture(scope="session")
def google_simulator(
    tmp_path_factory: pytest.TempPathFactory, nothing_left_behind: None
) -> Iterator[Simulator]:
    """A stand-in for Google's sign-in."""
    yield from _run("google", tmp_path_factory.mktemp("google"), "--port", "0")


def _run(name: str, directory: Path, *arguments: str) -> Iterator[Simulator]:
    ready, log = directory / "ready.json", directory / "log"
    argv = (sys.executable, "-m", f"minispod.simulator.{name}", *arguments, "--ready-file", str(ready))
    program = Program(argv=argv, env=os.environ | {"PYTHONPATH": str(ROOT)}, cwd=ROOT)
    with log.open("wb") as output:
        process = processes.spawn(program, output=output)
    try:
        deadline = time.monotonic() + START_SECONDS
        while (facts := _read(ready)) is None:
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"the {name} simulator did not start:\n{log.read_text()[-2000:]}")
            time.sleep(0.02)
        yield Simulator(facts)
    finally:
        processes.stop(process, program.stop_signal, within_seconds=3)


def _read(ready: Path) -> dict[str, Any] | None:
    """The ready file; None while it is missing or half written."""
    try:
        facts: dict[str, Any] = json.loads(ready.read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    return facts
