"""The vault: streams go in encrypted and measured, and come out whole or not at all.

Not for knowing why something is kept or for how long (`keeping`). Nothing is held whole in memory or on our disk.
"""

import hashlib
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Protocol

from minispod.backups.errors import BackupBroken
from minispod.backups.sealing import BackupKeys
from minispod.kernel.object_store import NoSuchStoredObject, ObjectStore

_PROBE = "probes/vault"


class Part(Protocol):
    """What must be known of a stored file to get it back; a BackupPart is one, and so is a KeptPart."""

    @property
    def key(self) -> str:
        """Where it lies in the store."""
        ...

    @property
    def size(self) -> int:
        """Bytes in the store."""
        ...

    @property
    def plain_size(self) -> int:
        """Bytes before encryption."""
        ...

    @property
    def plain_sha256(self) -> str:
        """SHA-256 before encryption, in hex."""
        ...

    @property
    def recipient(self) -> str:
        """The public key it is encrypted to."""
        ...


@dataclass(frozen=True, slots=True)
class KeptPart:
    """A stream that lies in the store; what the fields mean: `Part`."""

    key: str
    size: int
    plain_size: int
    plain_sha256: str
    recipient: str


class Vault:
    """An object store behind encryption."""

    def __init__(self, store: ObjectStore, keys: BackupKeys) -> None:
        self._store = store
        self._keys = keys

    def keep(self, key: str, chunks: Iterable[bytes]) -> KeptPart:
        """Store `chunks` encrypted under `key`, all or nothing; what `chunks` raises comes out here.

        Raises ObjectStoreUnavailable. A repeat replaces what was there.
        """
        plain = _Measure()
        with closing(self._keys.seal(plain.of(chunks))) as sealed:
            size = self._store.put(key, sealed)
        return KeptPart(key, size, plain.size, plain.sha256, self._keys.recipient)

    def fetch(self, part: Part) -> Iterator[bytes]:
        """The plain content in chunks; it is right only if the iteration ends without a refusal.

        Raises BackupKeyLost at once, BackupBroken (damaged, shortened, exchanged, missing) at the latest instead of
        the end, and ObjectStoreUnavailable at any time.
        """
        stored = _Measure()
        return self._checked(part, stored, self._keys.open(stored.of(self._stored(part)), part.recipient))

    def require(self) -> None:
        """Raise ObjectStoreUnavailable unless the store takes something now: nothing is stopped for a silent one."""
        self._store.put(_PROBE, [b"taken"])

    def delete(self, key: str) -> None:
        """Remove it; harmless when it is not there. Raises ObjectStoreUnavailable."""
        self._store.delete(key)

    def _stored(self, part: Part) -> Iterator[bytes]:
        try:
            yield from self._store.get(part.key)
        except NoSuchStoredObject:
            raise BackupBroken("This backup is damaged: a file of it is missing in the file store.") from None

    def _checked(
        self, part: Part, stored: "_Measure", opened: Generator[bytes, None, None]
    ) -> Iterator[bytes]:
        plain = _Measure()
        with closing(opened):
            yield from plain.of(opened)
        if (stored.size, plain.size, plain.sha256) != (part.size, part.plain_size, part.plain_sha256):
            raise BackupBroken("This backup is damaged: a file of it is not the one that was stored.")


class _Measure:
    """Counts and hashes what passes."""

    def __init__(self) -> None:
        self.size = 0
        self._hash = hashlib.sha256()

    @property
    def sha256(self) -> str:
        """The hash of everything so far, in hex."""
        return self._hash.hexdigest()

    def of(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """The same chunks."""
        passing = iter(chunks)
        try:
            for chunk in passing:
                self.size += len(chunk)
                self._hash.update(chunk)
                yield chunk
        finally:
            close = getattr(passing, "close", None)
            if close is not None:
                close()
