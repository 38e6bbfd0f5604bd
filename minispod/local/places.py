"""Where local servers keep their files, and as whom they run.

PostgreSQL refuses to run as root, so root hands its servers to `nobody`. The invariant: no directory that we did not
create changes its mode or owner. A state directory that `nobody` cannot reach (a home of mode 700) is replaced by a
private place of its own under /var/lib instead.
"""

import hashlib
import os
import pwd
import secrets
import shutil
import socket
import stat
from collections.abc import Set
from pathlib import Path

from minispod.local.processes import Account
from minispod.local.refusals import CannotStart

FALLBACK = Path("/var/lib/minispod-local")
LOOPBACK = "127.0.0.1"
LOOPBACK_6 = "::1"


def unprivileged_account() -> Account | None:
    """Whom servers run as: `nobody` when we are root, ourselves (None) otherwise."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:
        raise CannotStart(
            "PostgreSQL does not run as root and this system has no user 'nobody'; use an ordinary user."
        ) from None
    return Account(entry.pw_uid, entry.pw_gid)


def can_enter(directory: Path, account: Account | None) -> bool:
    """Whether the account may pass through the directory and all above it."""
    if account is None:
        return True
    directory = directory.resolve()
    return all(_may_execute(each, account) for each in (directory, *directory.parents) if each.exists())


def home_for(wanted: Path, account: Account | None) -> Path:
    """A private directory of the account: the wanted one, or a stable stand-in where that cannot be reached."""
    place = wanted if can_enter(wanted.parent, account) else stand_in_for(wanted)
    try:
        make_passable(place.parent)
        place.mkdir(mode=0o700, exist_ok=True)
        if account is not None:
            os.chown(place, account.uid, account.gid)
    except OSError as error:
        raise CannotStart(f"Cannot use {place} for server files: {error.strerror}.") from error
    return place


def make_passable(directory: Path) -> None:
    """Make the directory and what is missing above it; servers of another user may pass, whatever the umask."""
    missing = [each for each in (directory, *directory.parents) if not each.exists()]
    for each in reversed(missing):
        each.mkdir(exist_ok=True)
        each.chmod(0o711 if os.geteuid() == 0 else 0o700)


def stand_in_for(wanted: Path) -> Path:
    """The same answer for the same state directory, so that data survive a restart."""
    mark = hashlib.sha256(str(wanted.resolve()).encode()).hexdigest()[:12]
    return FALLBACK / f"{wanted.name}-{mark}"


def readable_copy(parts: tuple[Path, ...], root: Path, label: str) -> Path:
    """Copy parts of a directory tree to a place that everybody may read, once; the layout below root is kept."""
    target = FALLBACK / label
    if target.is_dir():
        return target
    draft = target.with_name(f"{label}.{secrets.token_hex(4)}")
    try:
        make_passable(FALLBACK)
        for part in parts:
            shutil.copytree(part, draft / part.relative_to(root), symlinks=True)
        for path in (draft, *draft.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & stat.S_IXUSR else 0o644)
        draft.rename(target)
    except OSError as error:
        shutil.rmtree(draft, ignore_errors=True)
        if not target.is_dir():  # somebody else may have been quicker
            raise CannotStart(f"Cannot copy the server binaries to {target}: {error.strerror}.") from error
    return target


def write_private(path: Path, text: str) -> None:
    """Replace the file at once, readable by us alone."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    draft.replace(path)


def remembered_secret(path: Path) -> str:
    """The secret kept in the file; made on first use."""
    if not path.exists():
        write_private(path, secrets.token_hex(24))
    return path.read_text(encoding="utf-8").strip()


def remembered_port(path: Path, *, first_choice: int | None = None, avoid: Set[int] = frozenset()) -> int:
    """The port of last time if it is free, else the first choice, else any free one; remembered for next time."""
    choices = [first_choice]
    if path.exists() and (text := path.read_text(encoding="utf-8").strip()).isdigit():
        choices.insert(0, int(text))
    fitting = (each for each in choices if each is not None and each not in avoid and is_free(each))
    port = next(fitting, None) or free_port()
    write_private(path, f"{port}\n")
    return port


def free_port() -> int:
    """A loopback port that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def has_ipv6() -> bool:
    """Whether this machine has a loopback address of IPv6; `localhost` may mean that one first."""
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind((LOOPBACK_6, 0))
    except OSError:
        return False
    return True


def is_free(port: int, address: str = LOOPBACK) -> bool:
    """Whether a server could listen on this loopback port right now."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as probe:
        # As servers do: what merely lingers in TIME_WAIT does not count as taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
        return True


def _may_execute(directory: Path, account: Account) -> bool:
    facts = directory.stat()
    if facts.st_uid == account.uid:
        return bool(facts.st_mode & stat.S_IXUSR)
    if facts.st_gid == account.gid:
        return bool(facts.st_mode & stat.S_IXGRP)
    return bool(facts.st_mode & stat.S_IXOTH)
