"""The realtime process as the Procfile starts it: gunicorn, threads, one worker."""

import os
import shlex
import socket
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests
from flask import Flask

from minispod.accounts import directory, tokens
from minispod.local import processes
from minispod.local.processes import Program
from minispod.settings import Settings
from tests.plugins.app import Person
from tests.realtime.conftest import PATIENCE_SECONDS, Bought, Listener

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 90.0


@pytest.fixture
def realtime_process(settings: Settings, tmp_path: Path) -> Iterator[str]:
    """The address of the process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {
        "DATABASE_URL": settings.database.database_url,
        "REDIS_URL": settings.redis.redis_url,
        "JWT_SECRET": settings.tokens.jwt_secret.get_secret_value(),
        "PATH": f"{ROOT / '.venv' / 'bin'}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "MINISPOD_ENV": "test",
        "REALTIME_PORT": str(port),
    }
    with (tmp_path / "log").open("wb") as output:
        command = ("sh", "-c", f"exec {_procfile_line('realtime')}")
        process = processes.spawn(Program(command, environment, ROOT), output=output)
    url = f"http://127.0.0.1:{port}"
    try:
        _await_alive(url, tmp_path / "log")
        yield url
    finally:
        processes.stop(process, Program(command, environment).stop_signal, within_seconds=10)


def test_it_serves_many_listeners_and_still_answers(
    realtime_process: str,
    app: Flask,
    customer: Person,
    buy: Callable[..., Bought],
    settings: Settings,
) -> None:
    bought = buy(customer)
    with app.app_context():
        keys = app.extensions["minispod.ports"].token_keys
        token = tokens.issue_access(directory.get_user(customer.id), keys, datetime.now(UTC))

    listeners = [
        Listener(realtime_process, "/status", {"token": token}, transports=transports)
        for transports in (["websocket"], ["polling"], ["polling", "websocket"]) * 3
    ]

    told = [listener.next("instance-status") for listener in listeners]
    assert {each["subscriptionId"] for each in told} == {str(bought.subscription_id)}
    assert requests.get(f"{realtime_process}/livez", timeout=PATIENCE_SECONDS).status_code == 200
    for listener in listeners:
        listener.leave()


def _procfile_line(name: str) -> str:
    lines = (ROOT / "Procfile").read_text(encoding="utf-8").splitlines()
    command = next(line.partition(":")[2].strip() for line in lines if line.startswith(f"{name}:"))
    assert shlex.split(command)
    return command


def _await_alive(url: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            if requests.get(f"{url}/livez", timeout=2).status_code == 200:
                return
        except requests.RequestException:
            pass
        if time.monotonic() > deadline:
            pytest.fail(f"the realtime process did not start:\n{log.read_text()[-3000:]}")
        time.sleep(0.1)
