"""Copies of the program where mutants are put in, and a PostgreSQL for all of them."""

import importlib.util
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from minispod.local.postgres import start_postgres
from tests.mutants.schema import SchemaMutant
from tests.mutants.source import ROOT, SourceMutant
from tests.plugins.databases import MIGRATED, MUTATION, create_database, migrate

_DATABASE = "migrated"

PARTS = ("minispod", "templates", "static", "migrations", "tests", "pyproject.toml", "wsgi.py")


@dataclass(frozen=True, slots=True)
class Room:
    """One copy; the tests that run in it make their databases on this PostgreSQL."""

    path: Path
    postgres_url: str

    @property
    def log(self) -> Path:
        """The output of the last run."""
        return self.path / "run.log"

    @property
    def environment(self) -> dict[str, str]:
        """What says to the tests where their databases come from."""
        return {"DATABASE_URL": self.postgres_url, MIGRATED: _DATABASE}

    @contextmanager
    def mutated(self, mutant: SourceMutant | SchemaMutant) -> Iterator[dict[str, str]]:
        """Put the mutant in; gives what else the environment of the tests must say for it."""
        if isinstance(mutant, SchemaMutant):
            yield {MUTATION: mutant.statement}
            return
        file = self.path / mutant.path
        original = file.read_text()
        try:
            self._write(file, mutant.text)
            yield {}
        finally:
            self._write(file, original)

    def _write(self, file: Path, text: str) -> None:
        file.write_text(text)
        Path(importlib.util.cache_from_source(str(file))).unlink(missing_ok=True)


@contextmanager
def rooms(count: int) -> Iterator[list[Room]]:
    """So many rooms, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="minispod-mutants-") as place:
        Path(place).chmod(0o711)  # a PostgreSQL started by root runs as another user
        server = start_postgres(Path(place) / "postgres", durable=False)
        try:
            migrate(create_database(server.url, _DATABASE))
            yield [_copy(Path(place) / f"room-{number}", server.url) for number in range(count)]
        finally:
            server.stop()


def _copy(room: Path, postgres_url: str) -> Room:
    room.mkdir()
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, room / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, room / part)
    return Room(room, postgres_url)
