"""The embedded Redis: real starts, real restarts, real kills."""

import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import redis

from minispod.local.redis import start_redis
from tests.local.conftest import is_gone, wait_until


def open_client(url: str) -> redis.Redis:
    """A client that gives up quickly."""
    return redis.Redis.from_url(url, socket_timeout=2, decode_responses=True)


@pytest.mark.usefixtures("wheel_only")
def test_the_redis_of_the_wheel_keeps_its_data_and_address_even_after_a_kill(open_dir: Path) -> None:
    first = start_redis(open_dir / "redis", durable=True)
    with open_client(first.url) as client:
        client.set("word", "kept")
    first.process.kill()
    first.process.wait()

    second = start_redis(open_dir / "redis", durable=True)
    try:
        assert second.url == first.url
        with open_client(second.url) as client:
            assert client.get("word") == "kept"
    finally:
        second.stop()


def test_only_the_right_password_on_loopback_gets_in(open_dir: Path) -> None:
    server = start_redis(open_dir / "redis", durable=False)
    try:
        wrong = server.url.replace("redis://:", "redis://:x")
        with open_client(wrong) as client, pytest.raises(redis.AuthenticationError):
            client.ping()
        with open_client(server.url) as client:
            assert client.config_get("bind") == {"bind": "127.0.0.1"}
            assert client.config_get("save") == {"save": ""}
            assert client.config_get("appendonly") == {"appendonly": "no"}
        assert server.url.split(":")[2].split("@")[0] not in " ".join(server.plan.program.argv)
    finally:
        server.stop()


def test_two_at_once_do_not_meet(open_dir: Path) -> None:
    one, two = start_redis(open_dir / "one", durable=False), start_redis(open_dir / "two", durable=False)
    try:
        with open_client(one.url) as client:
            client.set("mine", "1")
        with open_client(two.url) as client:
            assert client.get("mine") is None
    finally:
        one.stop()
        two.stop()


def test_killing_the_parent_leaves_no_redis(
    open_dir: Path, run_python: Callable[..., subprocess.Popen[str]]
) -> None:
    parent = run_python(
        """
import sys, time; from pathlib import Path
from minispod.local.redis import start_redis
print(start_redis(Path(sys.argv[1]), durable=True).process.pid, flush=True)
time.sleep(60)
""",
        open_dir / "redis",
    )
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())

    parent.send_signal(signal.SIGKILL)

    assert wait_until(lambda: is_gone(pid))
