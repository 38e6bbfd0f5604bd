"""`flask backups`: what operators list, fetch, verify and prune, also with the ordinary age format."""

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask
from pyrage import x25519

from minispod.backups.models import Backup
from minispod.backups.sealing import BackupKeys
from minispod.backups.vault import Vault
from minispod.instances.models import Instance
from minispod.kernel.ids import new_id
from tests.plugins.app import PortsNow
from tests.plugins.keeper import Keeper

MakeInstance = Callable[..., Instance]
pytestmark = pytest.mark.usefixtures("catalog")
CONTENT = bytes(range(256)) * 1000


@pytest.fixture
def run(app: Flask) -> Callable[..., Result]:
    def call(*words: str) -> Result:
        with app.app_context():
            return app.test_cli_runner().invoke(args=["backups", *words])

    return call


Run = Callable[..., Result]


@pytest.fixture
def mine(keeper: Keeper, make_instance: MakeInstance) -> Backup:
    """A backup with one file of CONTENT."""
    return keeper.take(make_instance(), content=CONTENT)


def _damage(files: Path) -> None:
    (file,) = (path for path in files.rglob("*.age"))
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)


def test_everything_is_listed_with_its_files_and_keys(
    keeper: Keeper, make_instance: MakeInstance, mine: Backup, run: Run
) -> None:
    other = make_instance("redis")
    keeper.take_failing(other, sentence="The pod died.")

    every, one = run("list"), run("list", "--instance", other.name)
    newest = run("list", "--newest", "1")

    assert (every.exit_code, one.exit_code) == (0, 0), every.output
    for expected in (str(mine.id), "done", "256,000 bytes", "age1", "failed", "The pod died.", "2 of 2."):
        assert expected in every.output, expected
    assert str(mine.id) not in one.output
    assert "1 of 1." in one.output
    assert "1 of 2." in newest.output


def test_a_file_comes_out_as_the_application_wrote_it(mine: Backup, run: Run) -> None:
    fetched = run("fetch", str(mine.id), "data")

    assert fetched.exit_code == 0
    assert fetched.stdout_bytes == CONTENT


@pytest.mark.parametrize(
    ("id_", "part", "sentence"),
    [
        ("mine", "nothing", "This backup has no file nothing."),
        ("other", "data", "There is no such backup"),
        ("no-id", "data", "Nothing was found under this id."),
    ],
)
def test_what_is_not_there_is_told(mine: Backup, run: Run, id_: str, part: str, sentence: str) -> None:
    fetched = run("fetch", {"mine": str(mine.id), "other": str(new_id())}.get(id_, id_), part)

    assert fetched.exit_code == 1
    assert sentence in fetched.stderr
    assert fetched.stdout_bytes == b""


def test_whole_is_told_apart_from_damaged(mine: Backup, run: Run, tmp_path: Path) -> None:
    whole = run("verify", str(mine.id))
    _damage(tmp_path / "files")
    damaged, fetched = run("verify", str(mine.id)), run("fetch", str(mine.id), "data")

    assert (whole.exit_code, whole.output) == (0, "data: whole, 256,000 bytes\n")
    assert damaged.exit_code == 1
    assert "data: This backup is damaged" in damaged.output
    assert "cannot be restored" in damaged.output
    assert fetched.exit_code == 1
    assert "damaged" in fetched.stderr


def test_a_lost_key_is_told(mine: Backup, keeper: Keeper, ports: PortsNow, run: Run) -> None:
    ports.change(vault=Vault(keeper.store, BackupKeys([str(x25519.Identity.generate())])))

    verified = run("verify", str(mine.id))

    assert verified.exit_code == 1
    assert "the key it was encrypted to is not configured" in verified.output


def test_a_failed_backup_is_none(keeper: Keeper, make_instance: MakeInstance, run: Run) -> None:
    failed = keeper.take_failing(make_instance())

    verified = run("verify", str(failed.id))

    assert verified.exit_code == 1
    assert "cannot be restored" in verified.output


def test_pruning_removes_what_is_over_and_stray(
    keeper: Keeper, make_instance: MakeInstance, run: Run, tmp_path: Path
) -> None:
    mine = make_instance()
    old, new = keeper.take(mine, ago=timedelta(days=40)), keeper.take(mine)
    keeper.store.put(f"backups/{mine.id}/{new.id}/left.age", [b"x"])
    then = keeper.shop.clock.now().timestamp() - 2 * 86_400
    for path in (tmp_path / "files").rglob("*.age"):
        os.utime(path, (then, then))

    pruned = run("prune")
    again = run("prune")

    assert pruned.output == "1 backups and 1 stray files removed.\n"
    assert again.output == "0 backups and 0 stray files removed.\n"
    assert keeper.stored() == [f"backups/{mine.id}/{new.id}/data.age"]
    assert "removed on" in run("verify", str(old.id)).output
