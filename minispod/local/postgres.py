"""A real PostgreSQL for one machine: own data directory, loopback only, password only, no Unix socket.

Not for production. The invariant: one postmaster per data directory, and it shuts down when its parent dies.
"""

import os
import shutil
import signal
import subprocess
from collections.abc import Set
from pathlib import Path

import psycopg2

from minispod.local import binaries, places, processes, servers
from minispod.local.processes import Account, Program
from minispod.local.refusals import CannotStart
from minispod.local.servers import Server, ServerPlan

SUPERUSER = "minispod"
DATABASE = "minispod"
# A clean slate: PGDATA, PGPORT and friends of the person at the keyboard must not leak in.
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"}
SETTINGS = {
    "listen_addresses": places.LOOPBACK,
    "unix_socket_directories": "",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "password_encryption": "scram-sha-256",
    # Our statements take milliseconds: compiling one takes longer than it saves.
    "jit": "off",
}
# Data of a test are worth nothing after it: never wait for the disk.
FORGETFUL = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off"}


def start_postgres(state_dir: Path, *, durable: bool) -> Server:
    """A PostgreSQL that answers; its data stay in the state directory (or its stand-in) for next time."""
    log = state_dir.with_name(f"{state_dir.name}.log")
    places.make_passable(log.parent)
    return servers.start(lambda: plan_postgres(state_dir, durable=durable), log=log)


def plan_postgres(state_dir: Path, *, durable: bool, avoid: Set[int] = frozenset()) -> ServerPlan:
    """Prepare the data directory and say how to run PostgreSQL on it."""
    account = places.unprivileged_account()
    home = places.home_for(state_dir, account)
    data = home / "data"
    found = binaries.postgres_binaries(account, major=_major_of(data))
    password = places.remembered_secret(home / "password")
    if _major_of(data) is None:
        _create_cluster(found.directory, data, password, account)
    _clear_stale_lock(data)
    port = places.remembered_port(home / "port", avoid=avoid)
    settings = SETTINGS | {"port": str(port)} | ({} if durable else FORGETFUL)
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    return ServerPlan(
        name="PostgreSQL",
        url=f"postgresql://{SUPERUSER}:{password}@{places.LOOPBACK}:{port}/{DATABASE}",
        program=Program(
            argv=(str(found.directory / "postgres"), "-D", str(data), *options),
            env=ENVIRONMENT,
            account=account,
            stop_signal=signal.SIGINT,  # "fast": ends sessions, writes all, exits
        ),
        answers=lambda: _answers(port, password),
        remarks=()
        if home == state_dir
        else (f"PostgreSQL keeps its data in {home}, for its user cannot enter {state_dir}.",),
    )


def _major_of(data: Path) -> int | None:
    """The version that wrote the data, None while there are none."""
    marker = data / "PG_VERSION"
    return int(marker.read_text().strip()) if marker.exists() else None


def _create_cluster(bin_dir: Path, data: Path, password: str, account: Account | None) -> None:
    """Run initdb beside the final place, so that an interrupted attempt is never taken for data."""
    draft, password_file = data.with_name("data.new"), data.with_name("initial-password")
    shutil.rmtree(draft, ignore_errors=True)
    places.write_private(password_file, password)
    if account is not None:
        os.chown(password_file, account.uid, account.gid)
    argv: list[str | Path] = [
        bin_dir / "initdb",
        "-D",
        draft,
        "-U",
        SUPERUSER,
        "-A",
        "scram-sha-256",
        "--pwfile",
        password_file,
    ]
    argv += ["--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync", "--no-instructions"]
    try:
        done = subprocess.run(
            argv,
            env=ENVIRONMENT,
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )
    finally:
        password_file.unlink(missing_ok=True)
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise CannotStart(f"initdb could not create a database in {data}: {reason}")
    draft.rename(data)


def _clear_stale_lock(data: Path) -> None:
    """Remove the lock of a postmaster that is gone, even if another program has its number by now."""
    lock = data / "postmaster.pid"
    try:
        pid = int(lock.read_text().split()[0])
    except (FileNotFoundError, ValueError, IndexError):
        return
    command = processes.command_of(pid) or ""
    if "postgres" in command and str(data) in command:
        raise CannotStart(f"A PostgreSQL (process {pid}) already runs on {data}; stop it first.")
    lock.unlink(missing_ok=True)


def _answers(port: int, password: str) -> bool:
    """Whether it lets us in; the program's own database is made on the way."""
    try:
        connection = psycopg2.connect(
            host=places.LOOPBACK,
            port=port,
            user=SUPERUSER,
            password=password,
            dbname="postgres",
            connect_timeout=2,
        )
    except psycopg2.OperationalError:
        return False
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,))
            if cursor.fetchone() is None:
                cursor.execute(f"CREATE DATABASE {DATABASE}")
    finally:
        connection.close()
    return True
