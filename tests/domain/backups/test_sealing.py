"""Streams through encryption: what goes wrong on one side comes out on the other, and nothing is left behind."""

import os
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pyrage
import pytest
from pyrage import x25519

from minispod.backups.errors import BackupBroken, BackupKeyLost
from minispod.backups.sealing import BackupKeys

KEY, OLD_KEY = str(x25519.Identity.generate()), str(x25519.Identity.generate())
MB = 1024 * 1024


@pytest.fixture
def keys() -> BackupKeys:
    return BackupKeys([KEY, OLD_KEY])


def _open_files() -> set[str]:
    return {path.name for path in Path("/proc/self/fd").iterdir()}


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """No thread and no descriptor outlives its stream."""
    before = set(threading.enumerate()), _open_files()
    yield
    assert (set(threading.enumerate()), _open_files()) == before


class Watched:
    """A source that knows how far it was read and whether it was closed."""

    def __init__(self, chunks: int, *, breaks: BaseException | None = None) -> None:
        self.left, self.breaks, self.is_closed = chunks, breaks, False
        self.taken = 0

    def __iter__(self) -> Iterator[bytes]:
        try:
            for _ in range(self.left):
                self.taken += 1
                yield os.urandom(MB)
            if self.breaks is not None:
                raise self.breaks
        finally:
            self.is_closed = True


@pytest.mark.parametrize("sizes", [[], [0], [1], [0, 5, 0, 0, 7], [65536], [65536, 65537, 1], [3 * MB] * 3])
def test_what_is_sealed_opens_again(keys: BackupKeys, sizes: list[int]) -> None:
    chunks = [os.urandom(size) for size in sizes]

    sealed = b"".join(keys.seal(iter(chunks)))

    assert b"".join(keys.open([sealed], keys.recipient)) == b"".join(chunks)
    assert pyrage.decrypt(sealed, [x25519.Identity.from_str(KEY)]) == b"".join(chunks), "as the age tool does"


def test_an_older_key_opens_what_it_sealed(keys: BackupKeys) -> None:
    old = BackupKeys([OLD_KEY])

    assert b"".join(keys.open(old.seal([b"x"]), old.recipient)) == b"x"
    with pytest.raises(BackupKeyLost) as lost:
        old.open(keys.seal([b"x"]), keys.recipient)
    assert lost.value.details == {"recipient": keys.recipient}


def test_keys_do_not_show_themselves(keys: BackupKeys) -> None:
    assert "AGE-SECRET" not in repr(keys) + str(keys) + keys.recipient


class PodDied(Exception):
    """Nothing any library knows."""


@pytest.mark.parametrize("before", [0, 1, 30])
@pytest.mark.parametrize("kind", [PodDied, OSError, KeyboardInterrupt])
def test_what_the_source_raises_comes_out(keys: BackupKeys, before: int, kind: type[BaseException]) -> None:
    accident = kind("the very one")
    source = Watched(before, breaks=accident)

    with pytest.raises(kind) as raised:
        list(keys.seal(source))

    assert raised.value is accident
    assert source.is_closed


@pytest.mark.parametrize("kind", [PodDied, OSError])
def test_what_the_store_raises_in_the_middle_is_no_damage(keys: BackupKeys, kind: type[Exception]) -> None:
    def dying() -> Iterator[bytes]:
        sealed = b"".join(keys.seal([os.urandom(MB)]))
        yield sealed[: MB // 2]
        raise kind("the store died")

    with pytest.raises(kind, match="the store died"):
        list(keys.open(dying(), keys.recipient))


@pytest.mark.parametrize("taken", [0, 1, 3])
def test_a_reader_who_stops_early_ends_it(keys: BackupKeys, taken: int) -> None:
    source = Watched(1000)

    with closing(keys.seal(source)) as sealed:
        for _ in range(taken):
            next(sealed)

    assert source.taken < 20, "it did not run far ahead"
    assert source.is_closed or not taken


def test_a_reader_who_fails_ends_it(keys: BackupKeys) -> None:
    source = Watched(1000)

    def read() -> None:
        for _ in keys.seal(source):
            raise PodDied

    with pytest.raises(PodDied):
        read()

    assert source.is_closed


def test_a_reader_who_forgets_it_ends_it(keys: BackupKeys) -> None:
    sealed = keys.seal(Watched(1000))
    next(sealed)
    del sealed


def test_a_slow_reader_makes_the_source_wait(keys: BackupKeys) -> None:
    source = Watched(1000)

    with closing(keys.seal(source)) as sealed:
        next(sealed)
        for _ in range(100):  # as long as nobody takes anything, nothing more is taken from the source
            before = source.taken
            threading.Event().wait(0.01)
            if source.taken == before and before > 0:
                break

    assert source.taken <= 3


def test_a_source_that_cannot_be_closed_is_told(keys: BackupKeys) -> None:
    class Stubborn:
        def __iter__(self) -> "Stubborn":
            return self

        def __next__(self) -> bytes:
            raise StopIteration

        def close(self) -> None:
            raise PodDied

    with pytest.raises(PodDied):
        list(keys.seal(Stubborn()))


def _damaged(sealed: bytes, at: int) -> bytes:
    return sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :]


def test_a_damaged_byte_is_noticed_wherever_it_is(keys: BackupKeys) -> None:
    sealed = b"".join(keys.seal([os.urandom(150_000)]))
    header = sealed.index(b"\n---") + 48
    places = [*range(header + 40), *range(header, len(sealed), 4099), len(sealed) - 17, len(sealed) - 1]

    unnoticed = []
    for place in places:
        try:
            list(keys.open([_damaged(sealed, place)], keys.recipient))
        except BackupBroken:
            continue
        unnoticed.append(place)

    assert unnoticed == []


@pytest.mark.parametrize("kept", [0, 1, 20, 100, 200, 250, 65_000, 66_000, 131_500, -1])
def test_what_is_cut_off_is_noticed(keys: BackupKeys, kept: int) -> None:
    sealed = b"".join(keys.seal([os.urandom(150_000)]))

    with pytest.raises(BackupBroken):
        list(keys.open([sealed[:kept]], keys.recipient))


def test_what_is_added_is_noticed(keys: BackupKeys) -> None:
    sealed = b"".join(keys.seal([b"x"]))

    for more in (b"\0", sealed):
        with pytest.raises(BackupBroken):
            list(keys.open([sealed, more], keys.recipient))
