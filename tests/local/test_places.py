"""Where servers keep their files: nobody else's directory is ever changed."""

import os
import subprocess
from pathlib import Path

import pytest

from minispod.local import binaries, places
from minispod.local.processes import Account

SOMEBODY_ELSE = Account(uid=os.geteuid() + 4321, gid=os.getegid() + 4321)


@pytest.fixture
def closed_home(open_dir: Path) -> Path:
    """A home directory of mode 700, as root's often is."""
    home = open_dir / "home"
    home.mkdir(0o700)
    return home


def test_a_closed_home_keeps_its_mode_and_gets_a_stable_stand_in(
    open_dir: Path, closed_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "FALLBACK", open_dir / "fallback")
    account = Account(os.geteuid(), os.getegid()) if os.geteuid() else SOMEBODY_ELSE
    wanted = closed_home / "project" / ".demo" / "postgres"
    wanted.parent.mkdir(parents=True)

    # The owner of the home may pass; another user may not.
    assert places.can_enter(wanted.parent, Account(os.geteuid(), os.getegid()))
    assert not places.can_enter(wanted.parent, SOMEBODY_ELSE)
    places.home_for(wanted, account)

    stand_in = places.stand_in_for(wanted)
    assert stand_in.parent == open_dir / "fallback"
    assert stand_in == places.stand_in_for(wanted)
    assert stand_in != places.stand_in_for(wanted.with_name("redis"))
    assert stand_in.exists() == (os.geteuid() == 0)
    assert closed_home.stat().st_mode & 0o777 == 0o700


def test_binaries_that_others_cannot_reach_are_copied_with_their_libraries(
    open_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "FALLBACK", open_dir / "fallback")
    monkeypatch.setattr(places, "can_enter", lambda directory, account: False)
    monkeypatch.setattr(binaries, "SYSTEM_POSTGRES", open_dir / "nothing")

    found = binaries.postgres_binaries(SOMEBODY_ELSE)

    assert found.directory.is_relative_to(open_dir / "fallback")
    user = SOMEBODY_ELSE.uid if os.geteuid() == 0 else None
    answer = subprocess.run(
        [found.directory / "initdb", "--version"], capture_output=True, text=True, check=True, user=user
    )
    assert answer.stdout.startswith("initdb (PostgreSQL)")


def test_a_remembered_port_is_kept_while_it_is_free(tmp_path: Path) -> None:
    port = places.remembered_port(tmp_path / "port")

    assert places.remembered_port(tmp_path / "port", first_choice=places.free_port()) == port


def test_secrets_are_made_once_and_readable_by_us_alone(tmp_path: Path) -> None:
    secret = places.remembered_secret(tmp_path / "password")

    assert places.remembered_secret(tmp_path / "password") == secret
    assert len(secret) >= 32
    assert (tmp_path / "password").stat().st_mode & 0o777 == 0o600
