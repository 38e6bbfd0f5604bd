"""What the port for files promises holds for a directory and for a real S3-compatible server alike."""

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from minispod.integrations.object_store import BucketStore, DirectoryStore
from minispod.kernel.object_store import NoSuchStoredObject, ObjectStore, ObjectStoreUnavailable
from minispod.kernel.unit_of_work import UnitOfWorkMisuse, unit_of_work

MB = 1024 * 1024


@pytest.fixture(params=["directory", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    """An empty store of either kind."""
    if request.param == "directory":
        return DirectoryStore(tmp_path / "files")
    make: Callable[[], BucketStore] = request.getfixturevalue("bucket_store")
    return make()


def _keys(store: ObjectStore, prefix: str = "backups") -> list[str]:
    return [each.key for each in store.list(prefix)]


@pytest.mark.parametrize("size", [0, 1, 5 * MB, 20 * MB + 1])
def test_what_was_put_comes_back(store: ObjectStore, size: int) -> None:
    content = os.urandom(size)
    chunks = [content[start : start + 300_000] for start in range(0, size, 300_000)]

    assert store.put("backups/a/one.age", iter(chunks)) == size

    assert b"".join(store.get("backups/a/one.age")) == content
    (found,) = store.list("backups")
    assert (found.key, found.size) == ("backups/a/one.age", size)
    assert abs(datetime.now(UTC) - found.changed_at) < timedelta(minutes=5)


def test_a_second_put_replaces_the_first(store: ObjectStore) -> None:
    store.put("backups/a", [b"long content of before"])
    store.put("backups/a", [b"new"])

    assert b"".join(store.get("backups/a")) == b"new"
    assert _keys(store) == ["backups/a"]


@pytest.mark.parametrize("before", [0, 1, 40], ids=["at once", "early", "after parts were sent"])
def test_when_the_chunks_break_off_nothing_is_stored(store: ObjectStore, before: int) -> None:
    class Broken(OSError):
        pass

    def chunks() -> Iterator[bytes]:
        for _ in range(before):
            yield os.urandom(MB)
        raise Broken("the pod died")

    with pytest.raises(Broken, match="the pod died"):
        store.put("backups/a", chunks())

    assert _keys(store) == []
    with pytest.raises(NoSuchStoredObject):
        list(store.get("backups/a"))


def test_when_a_second_put_breaks_off_the_first_stays(store: ObjectStore) -> None:
    def chunks() -> Iterator[bytes]:
        yield b"half"
        raise ValueError

    store.put("backups/a", [b"whole"])
    with pytest.raises(ValueError):  # noqa: PT011 - the very one from above
        store.put("backups/a", chunks())

    assert b"".join(store.get("backups/a")) == b"whole"
    assert _keys(store) == ["backups/a"]


def test_what_is_not_there_is_no_such_object(store: ObjectStore) -> None:
    store.put("backups/a/b", [b"x"])

    for key in ("backups/a/c", "backups/a", "backups/a/b/c"):
        with pytest.raises(NoSuchStoredObject):
            list(store.get(key))


def test_deleting_twice_does_no_harm(store: ObjectStore) -> None:
    store.put("backups/a/b", [b"x"])
    store.put("backups/a/c", [b"y"])

    for _ in range(2):
        store.delete("backups/a/b")
    assert _keys(store) == ["backups/a/c"]
    store.delete("backups/a/c")
    store.put("backups/a/b", [b"again"])

    assert _keys(store) == ["backups/a/b"]


def test_a_list_has_what_is_below_and_nothing_beside(store: ObjectStore) -> None:
    for key in ("backups/a/2", "backups/a/1", "backups/ab/1", "papers/1"):
        store.put(key, [b"x"])

    assert _keys(store) == ["backups/a/1", "backups/a/2", "backups/ab/1"]
    assert _keys(store, "backups/a") == ["backups/a/1", "backups/a/2"]
    assert _keys(store, "nothing") == []


@pytest.mark.parametrize(
    "key", ["", "/etc/passwd", "../x", "a/../../x", "a//b", "a/", ".", "a\x00b", "A", "a b", "ä", "a\n"]
)
def test_only_keys_are_keys(store: ObjectStore, key: str) -> None:
    for act in (lambda: store.put(key, [b"x"]), lambda: list(store.get(key)), lambda: store.delete(key)):
        with pytest.raises(ValueError, match="not a key"):
            act()


def test_a_replaced_object_is_not_read_half_old_half_new(store: ObjectStore) -> None:
    store.put("backups/a", [b"a" * 20 * MB])
    reading = store.get("backups/a")
    first = next(iter(reading))
    store.put("backups/a", [b"b" * 20 * MB])

    # Either the content of before to its end, or a refusal.
    with suppress(ObjectStoreUnavailable):
        assert set(first + b"".join(reading)) == {ord("a")}


def test_no_store_is_asked_inside_a_unit_of_work(store: ObjectStore, context: None) -> None:
    acts: list[Callable[[], object]] = [
        lambda: store.put("a", [b"x"]),
        lambda: store.get("a"),
        lambda: store.delete("a"),
        lambda: store.list("a"),
    ]
    for act in acts:
        with pytest.raises(UnitOfWorkMisuse), unit_of_work():
            act()
