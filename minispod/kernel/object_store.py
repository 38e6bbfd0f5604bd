"""A place for files, as a port: backups now, whatever else must outlive a process later.

Keys are paths of lower-case words with slashes. Every call may raise ObjectStoreUnavailable and is safe to repeat.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Protocol

from minispod.kernel.errors import NotFound, Unavailable


class ObjectStoreUnavailable(Unavailable):
    """The store does not answer, refuses us, or is full."""

    code: ClassVar[str] = "object_store.unavailable"
    default_message = (
        "The file store does not answer at the moment. Nothing is lost; please try again shortly."
    )


class NoSuchStoredObject(NotFound):
    """The store has nothing under this key."""

    code: ClassVar[str] = "object_store.no_such_object"


@dataclass(frozen=True, slots=True)
class StoredObject:
    """What the store says about one object; `size` in bytes."""

    key: str
    size: int
    changed_at: datetime


class ObjectStore(Protocol):
    """A directory or an S3-compatible bucket."""

    def put(self, key: str, chunks: Iterable[bytes]) -> int:
        """Store everything or nothing under `key` (also when `chunks` raises); return the bytes written."""
        ...

    def get(self, key: str) -> Iterator[bytes]:
        """The content in chunks; NoSuchStoredObject."""
        ...

    def delete(self, key: str) -> None:
        """Remove it; harmless when it is not there."""
        ...

    def list(self, prefix: str) -> Sequence[StoredObject]:
        """Everything below a prefix."""
        ...
