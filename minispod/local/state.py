"""The demo's memory, `.demo/`: data of the servers, secrets, ports, logs, and where everything listens just now.

The invariant: one demo per directory. A lock that the kernel releases when its holder dies says so, therefore
nothing has to be cleaned up after a crash.
"""

import contextlib
import fcntl
import json
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping, Set
from pathlib import Path
from typing import IO

from cryptography.fernet import Fernet
from pyrage import x25519

from minispod.local import places
from minispod.local.refusals import CannotStart

# Raised when existing data can no longer be used.
LAYOUT = "1"
DIRECTORY = Path(__file__).resolve().parents[2] / ".demo"
SERVERS = ("postgres", "redis")


class DemoState:
    """The directory while we hold its lock."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.logs = self._subdirectory("logs")
        self.endpoints_file = directory / "endpoints.json"
        self._ports = self._subdirectory("ports")

    def port(self, name: str, *, first_choice: int, avoid: Set[int]) -> int:
        """The port of last time if it is free: addresses are stored in the database."""
        return places.remembered_port(self._ports / name, first_choice=first_choice, avoid=avoid)

    def secrets(self) -> dict[str, str]:
        """The demo's own secrets, made once."""
        file = self.directory / "secrets.json"
        if not file.exists():
            places.write_private(file, json.dumps(_new_secrets(), indent=2) + "\n")
        kept: dict[str, str] = json.loads(file.read_text(encoding="utf-8"))
        return kept

    def publish(self, endpoints: Mapping[str, str]) -> None:
        """Say where everything listens; only while it does."""
        places.write_private(self.endpoints_file, json.dumps(endpoints, indent=2) + "\n")

    def withdraw(self) -> None:
        """Nothing listens any more."""
        self.endpoints_file.unlink(missing_ok=True)

    def _subdirectory(self, name: str) -> Path:
        directory = self.directory / name
        places.make_passable(directory)
        return directory


@contextlib.contextmanager
def held(directory: Path) -> Iterator[DemoState]:
    """Hold the directory; refuses while another demo runs on it or if its data are of another layout."""
    try:
        places.make_passable(directory)
        lock = (directory / "lock").open("a+", encoding="utf-8")
    except OSError as error:
        raise CannotStart(f"Cannot use {directory}: {error.strerror}.") from error
    with lock:
        _take(lock, directory)
        _check_layout(directory)
        state = DemoState(directory)
        state.withdraw()  # of a demo that was killed
        try:
            yield state
        finally:
            state.withdraw()


def wipe(directory: Path) -> bool:
    """Delete all data of the demo; False if there were none. Refuses while a demo runs."""
    if not directory.exists():
        return False
    with (directory / "lock").open("a+", encoding="utf-8") as lock:
        _take(lock, directory)
        for server in SERVERS:
            shutil.rmtree(places.stand_in_for(directory / server), ignore_errors=True)
        shutil.rmtree(directory)
    return True


def _take(lock: IO[str], directory: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        holder = lock.read().strip() or "?"
        raise CannotStart(f"A demo already runs on {directory} (process {holder}); stop it first.") from None
    lock.seek(0)
    lock.truncate()
    lock.write(f"{os.getpid()}\n")
    lock.flush()


def _check_layout(directory: Path) -> None:
    marker = directory / "layout"
    if not marker.exists() and not (directory / "secrets.json").exists():
        places.write_private(marker, f"{LAYOUT}\n")
    elif not marker.exists() or marker.read_text(encoding="utf-8").strip() != LAYOUT:
        raise CannotStart(
            f"The data in {directory} were made by another version of the demo; 'make demo-reset' deletes them."
        )


def _new_secrets() -> dict[str, str]:
    return {
        "SECRET_KEY": secrets.token_urlsafe(48),
        "JWT_SECRET": secrets.token_urlsafe(48),
        "SEALING_KEYS": Fernet.generate_key().decode(),
        "BACKUP_KEYS": str(x25519.Identity.generate()),
        "MIDTRANS_SERVER_KEY": f"SB-Mid-server-{secrets.token_urlsafe(18)}",
        "MIDTRANS_CLIENT_KEY": f"SB-Mid-client-{secrets.token_urlsafe(12)}",
        "MIDTRANS_MERCHANT_ID": f"G{secrets.randbelow(10**9):09d}",
        "LEVER_TOKEN": secrets.token_urlsafe(32),
    }
