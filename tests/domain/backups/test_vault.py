"""What goes into the vault comes out whole or is refused, from a directory and from an S3 server."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pyrage import x25519

from minispod.backups.errors import BackupBroken, BackupKeyLost
from minispod.backups.sealing import BackupKeys
from minispod.backups.vault import KeptPart, Vault
from minispod.integrations.object_store import BucketStore, DirectoryStore
from minispod.kernel.object_store import ObjectStore, ObjectStoreUnavailable
from minispod.kernel.unit_of_work import UnitOfWorkMisuse, refuse_inside_unit_of_work, unit_of_work
from tests.plugins.s3 import S3Server

KEY, OTHER = str(x25519.Identity.generate()), str(x25519.Identity.generate())
MB = 1024 * 1024
CONTENT = os.urandom(3 * MB + 12_345)


def _count(what: str) -> int:
    return len(list(Path(f"/proc/self/{what}").iterdir()))


@pytest.fixture(params=["directory", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    if request.param == "directory":
        return DirectoryStore(tmp_path / "files")
    make: Callable[[], BucketStore] = request.getfixturevalue("bucket_store")
    return make()


@pytest.fixture
def vault(store: ObjectStore) -> Vault:
    return Vault(store, BackupKeys([KEY]))


@pytest.fixture
def part(vault: Vault) -> KeptPart:
    """A part with CONTENT."""
    return vault.keep("backups/a", (CONTENT[at : at + 50_000] for at in range(0, len(CONTENT), 50_000)))


def _rewrite(store: ObjectStore, key: str, change: Callable[[bytes], bytes]) -> None:
    store.put(key, [change(b"".join(store.get(key)))])


def test_it_comes_back_as_it_went_in(store: ObjectStore, vault: Vault, part: KeptPart) -> None:
    assert b"".join(vault.fetch(part)) == CONTENT
    assert (part.plain_size, part.plain_sha256) == (len(CONTENT), hashlib.sha256(CONTENT).hexdigest())
    (stored,) = store.list("backups")
    assert (stored.key, stored.size) == (part.key, part.size)
    assert CONTENT[1000:1100] not in b"".join(store.get(part.key))


def test_nothing_at_all_is_a_content_too(vault: Vault) -> None:
    part = vault.keep("backups/empty", [])

    assert (part.plain_size, list(vault.fetch(part))) == (0, [])


def test_after_a_rotation_old_parts_open_and_new_ones_have_the_new_key(
    store: ObjectStore, part: KeptPart
) -> None:
    rotated = Vault(store, BackupKeys([OTHER, KEY]))
    newer = rotated.keep("backups/b", [b"new"])

    assert b"".join(rotated.fetch(part)) == CONTENT
    assert part.recipient != newer.recipient
    with pytest.raises(BackupKeyLost):
        Vault(store, BackupKeys([KEY])).fetch(newer)


def test_a_lost_key_is_told_before_the_store_is_asked(store: ObjectStore, part: KeptPart) -> None:
    store.delete(part.key)

    with pytest.raises(BackupKeyLost):
        Vault(store, BackupKeys([OTHER])).fetch(part)


@pytest.mark.parametrize("at", [5, 60, 150, 300, MB, -1], ids=str)
def test_a_damaged_byte_is_noticed(store: ObjectStore, vault: Vault, part: KeptPart, at: int) -> None:
    def damage(content: bytes) -> bytes:
        place = at % len(content)
        return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]

    _rewrite(store, part.key, damage)

    with pytest.raises(BackupBroken, match="damaged"):
        list(vault.fetch(part))


@pytest.mark.parametrize("kept", [0, 100, MB])
def test_a_shortened_object_is_noticed(store: ObjectStore, vault: Vault, part: KeptPart, kept: int) -> None:
    _rewrite(store, part.key, lambda content: content[:kept])

    with pytest.raises(BackupBroken, match="damaged"):
        list(vault.fetch(part))


def test_another_part_of_ours_in_its_place_is_noticed(
    store: ObjectStore, vault: Vault, part: KeptPart
) -> None:
    vault.keep("backups/b", [CONTENT[:-1], b"?"])
    _rewrite(store, part.key, lambda content: b"".join(store.get("backups/b")))

    with pytest.raises(BackupBroken, match="not the one that was stored"):
        list(vault.fetch(part))


@pytest.mark.parametrize("changed", [{"size": 1}, {"plain_size": 1}, {"plain_sha256": "0" * 64}], ids=str)
def test_a_row_that_says_something_else_is_noticed(
    vault: Vault, part: KeptPart, changed: dict[str, object]
) -> None:
    with pytest.raises(BackupBroken, match="not the one that was stored"):
        list(vault.fetch(replace(part, **changed)))  # type: ignore[arg-type]


def test_a_missing_object_is_a_broken_backup(vault: Vault, part: KeptPart) -> None:
    vault.delete(part.key)
    vault.delete(part.key)

    with pytest.raises(BackupBroken, match="missing in the file store"):
        list(vault.fetch(part))


def test_a_reader_who_stops_in_the_middle_leaves_no_thread_and_no_file_open(
    vault: Vault, part: KeptPart
) -> None:
    list(vault.fetch(part))  # connections of the store's library are made once
    before = _count("task"), _count("fd")

    for _ in range(20):
        reading = vault.fetch(part)
        next(iter(reading))
        del reading

    after = _count("task"), _count("fd")
    assert after[0] <= before[0] + 2
    assert after[1] <= before[1] + 2


def test_the_source_knows_that_a_unit_of_work_is_open(context: None) -> None:
    def asking() -> Iterator[bytes]:
        refuse_inside_unit_of_work()
        yield b"x"

    with pytest.raises(UnitOfWorkMisuse), unit_of_work():
        list(BackupKeys([KEY]).seal(asking()))


class DyingStore:
    """Takes and gives so many chunks and then fails, as a server that goes away."""

    def __init__(self, real: ObjectStore, chunks: int) -> None:
        self._real, self._chunks = real, chunks

    def put(self, key: str, chunks: Iterator[bytes]) -> int:
        for _, _ in zip(range(self._chunks), chunks, strict=False):
            pass
        raise ObjectStoreUnavailable

    def get(self, key: str) -> Iterator[bytes]:
        content = b"".join(self._real.get(key))
        for number in range(self._chunks):
            yield content[number * 1000 : (number + 1) * 1000]
        raise ObjectStoreUnavailable


@pytest.mark.parametrize("chunks", [0, 1, 10])
def test_a_store_that_dies_in_the_middle_is_unavailable_and_not_damage(
    store: ObjectStore, vault: Vault, part: KeptPart, chunks: int
) -> None:
    dying = Vault(DyingStore(store, chunks), BackupKeys([KEY]))  # type: ignore[arg-type]

    with pytest.raises(ObjectStoreUnavailable):
        list(dying.fetch(part))
    with pytest.raises(ObjectStoreUnavailable):
        dying.keep("backups/b", (os.urandom(MB) for _ in range(100)))


_LARGE = """
import os, resource, sys
from pathlib import Path
from pyrage import x25519
from minispod.backups.sealing import BackupKeys
from minispod.backups.vault import Vault
from minispod.integrations.object_store import BucketStore, DirectoryStore

if sys.argv[1] == "directory":
    store = DirectoryStore(Path(sys.argv[2]))
else:
    store = BucketStore(sys.argv[3], endpoint=sys.argv[2], region="us-east-1", key="KEY", secret="s")
vault = Vault(store, BackupKeys([str(x25519.Identity.generate())]))
list(vault.fetch(vault.keep("warm", [b"x"])))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
block = os.urandom(1 << 20)
part = vault.keep("large", (block for _ in range(100)))
assert sum(map(len, vault.fetch(part))) == part.plain_size == 100 << 20
vault.delete("large")
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.parametrize("kind", ["directory", "s3"])
def test_a_large_stream_needs_little_memory(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str
) -> None:
    """100 MB through the vault and back in a process of its own, which measures itself."""
    where = [str(tmp_path / "files")]
    if kind == "s3":
        server: S3Server = request.getfixturevalue("s3_server")
        where = [server.url, server.make_bucket()]

    grown = subprocess.run(
        [sys.executable, "-c", _LARGE, kind, *where], capture_output=True, text=True, check=True
    )

    assert int(grown.stdout) < 80 * 1024, "kilobytes more than before"
