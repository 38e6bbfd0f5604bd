"""Encrypt and decrypt streams with age (X25519), so that a backup can be opened with the ordinary `age` tool too.

Not for knowing what is kept where. The library pushes what it makes into a file; here it comes out as chunks, made by
a thread that never runs far ahead. What goes wrong on one side comes out on the other, and a reader who stops early
ends the thread and closes the source; that takes no longer than the source takes for one more chunk.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextvars import copy_context
from threading import Condition, Thread

import pyrage
from pyrage import x25519

from minispod.backups.errors import BackupBroken, BackupKeyLost

_AHEAD = 8
"""So many blocks (64 KB) are made before somebody takes them."""


class BackupKeys:
    """age identities ("AGE-SECRET-KEY-1..."), the newest first: that one encrypts, all of them decrypt."""

    def __init__(self, keys: Sequence[str]) -> None:
        identities = [x25519.Identity.from_str(key) for key in keys]
        self._identities = {str(identity.to_public()): identity for identity in identities}
        self._newest = identities[0].to_public()

    def __repr__(self) -> str:
        """Keep the keys out of logs."""
        return "BackupKeys(***)"

    @property
    def recipient(self) -> str:
        """The public half ("age1...") of the key that encrypts now."""
        return str(self._newest)

    def seal(self, chunks: Iterable[bytes]) -> Generator[bytes, None, None]:
        """Encrypt `chunks` as one age file."""
        source = _Source(chunks)
        return _pushed(source, lambda sink: pyrage.encrypt_io(source, sink, [self._newest]))

    def open(self, chunks: Iterable[bytes], recipient: str) -> Generator[bytes, None, None]:
        """Decrypt an age file that was encrypted to `recipient`.

        Refused with BackupKeyLost when that key is not configured. What is damaged raises BackupBroken, which may come
        after chunks: only what was read to its end is whole.
        """
        identity = self._identities.get(recipient)
        if identity is None:
            raise BackupKeyLost(recipient=recipient)
        return self._opened(_Source(chunks), identity)

    def _opened(self, source: "_Source", identity: x25519.Identity) -> Generator[bytes, None, None]:
        try:
            yield from _pushed(source, lambda sink: pyrage.decrypt_io(source, sink, [identity]))
        except (pyrage.DecryptError, OSError) as damage:
            if damage is source.error:
                raise
            raise BackupBroken(
                "This backup is damaged: what lies in the file store cannot be decrypted."
            ) from None


def _pushed(source: "_Source", work: Callable[["_Sink"], None]) -> Generator[bytes, None, None]:
    """What `work` writes, in chunks; ends when `work` has ended well, else raises what stopped it."""
    sink = _Sink()
    failed: list[BaseException] = []

    def run() -> None:
        try:
            work(sink)
        except BaseException as error:  # noqa: BLE001 - it comes out on the other side
            failed.append(error)
        finally:
            try:
                source.close()
            except BaseException as error:  # noqa: BLE001 - likewise
                failed.append(error)
            sink.end()

    thread = Thread(target=copy_context().run, args=(run,), name="age", daemon=True)
    thread.start()
    try:
        yield from sink.blocks()
    finally:
        sink.stop()
        thread.join()
    # The library tells another library's story about an exception of the source, and nothing about one of the sink.
    if source.error is not None:
        raise source.error
    if failed:
        raise failed[0]


class _Source:
    """Chunks as a file to read from."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._given = chunks
        self._chunks: Iterator[bytes] | None = None
        self._left = memoryview(b"")
        self.error: BaseException | None = None

    def read(self, size: int) -> bytes:
        """At most `size` bytes; nothing at the end."""
        try:
            if self._chunks is None:
                self._chunks = iter(self._given)
            while not self._left:
                block = next(self._chunks, None)
                if block is None:
                    return b""
                self._left = memoryview(block)
        except BaseException as error:
            self.error = error
            raise
        taken, self._left = self._left[:size], self._left[size:]
        return bytes(taken)

    def close(self) -> None:
        """Let go of what the chunks hold open."""
        close = getattr(self._chunks, "close", None)
        if close is not None:
            close()


class _Stopped(Exception):
    """Nobody reads any more."""


class _Sink:
    """A file to write to whose content somebody else takes out as blocks."""

    def __init__(self) -> None:
        self._blocks: deque[bytes] = deque()
        self._changed = Condition()
        self._is_over = False
        self._is_stopped = False

    def write(self, block: bytes) -> int:
        """Hand over a block; waits while too many were not taken yet."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._blocks) < _AHEAD or self._is_stopped)
            if self._is_stopped:
                raise _Stopped
            self._blocks.append(block)
            self._changed.notify_all()
        return len(block)

    def flush(self) -> None:
        """Nothing is held back."""

    def end(self) -> None:
        """Nothing more will be written."""
        with self._changed:
            self._is_over = True
            self._changed.notify_all()

    def stop(self) -> None:
        """Nothing more will be read."""
        with self._changed:
            self._is_stopped = True
            self._changed.notify_all()

    def blocks(self) -> Iterator[bytes]:
        """The blocks in turn, until the end."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._blocks or self._is_over)
                if not self._blocks:
                    return
                block = self._blocks.popleft()
                self._changed.notify_all()
            yield block
