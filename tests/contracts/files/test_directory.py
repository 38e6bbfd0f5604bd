"""A directory of files: who may read it, and what a full disk or a killed process leaves."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from minispod.integrations.object_store import DirectoryStore
from minispod.kernel.object_store import ObjectStoreUnavailable


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "files"


@pytest.fixture
def wide_open() -> Iterator[None]:
    """The most careless umask there is."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("wide_open")
def test_nobody_else_may_read(root: Path) -> None:
    modes = []

    def chunks() -> Iterator[bytes]:
        yield b"x"
        modes.extend(stat.S_IMODE(path.stat().st_mode) for path in root.rglob("*") if path.is_file())

    DirectoryStore(root).put("backups/a/b", chunks())

    assert modes == [0o600], "while it is written"
    assert {stat.S_IMODE(path.stat().st_mode) for path in root.rglob("*") if path.is_file()} == {0o600}
    folders = [root, *(path for path in root.rglob("*") if path.is_dir())]
    assert {stat.S_IMODE(path.stat().st_mode) for path in folders} == {0o700}


def test_a_full_disk_is_an_error_that_leaves_nothing(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = DirectoryStore(root)
    store.put("backups/a", [b"whole"])
    # The kernel's own full disk: the draft is led to it, everything else is real.
    real = os.open
    monkeypatch.setattr(
        os,
        "open",
        lambda path, flags, *mode: (
            real("/dev/full", os.O_WRONLY) if flags & os.O_CREAT else real(path, flags, *mode)
        ),
    )

    with capture_logs() as logged, pytest.raises(ObjectStoreUnavailable):
        store.put("backups/a", iter([b"new content"]))

    assert "No space left on device" in logged[0]["reason"]
    assert [(each.key, each.size) for each in store.list("backups")] == [("backups/a", 5)]
    assert b"".join(store.get("backups/a")) == b"whole"


def test_a_directory_that_cannot_be_used_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    store = DirectoryStore(tmp_path / "file")

    with capture_logs() as logged, pytest.raises(ObjectStoreUnavailable):
        store.put("backups/a", [b"x"])

    assert "FILES_DIRECTORY" in logged[0]["reason"]


def test_what_a_killed_process_left_is_listed_and_can_be_removed(root: Path) -> None:
    store = DirectoryStore(root)
    child = os.fork()
    if child == 0:  # killed in the middle of a put

        def chunks() -> Iterator[bytes]:
            yield b"half"
            os._exit(9)

        store.put("backups/a", chunks())
    os.waitpid(child, 0)

    (left,) = store.list("backups")
    assert left.key.startswith("backups/a.")
    assert left.key.endswith(".part")
    store.delete(left.key)
    assert list(store.list("backups")) == []


def test_empty_directories_go_with_their_last_file(root: Path) -> None:
    store = DirectoryStore(root)
    store.put("backups/a/b/c", [b"x"])
    store.put("backups/d", [b"y"])

    store.delete("backups/a/b/c")

    assert sorted(path.name for path in (root / "backups").iterdir()) == ["d"]
