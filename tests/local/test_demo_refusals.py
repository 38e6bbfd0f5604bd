"""What can stand in the way of `make demo`: one clear sentence, exit status 2, no traceback."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from minispod.local import places, state

ROOT = Path(__file__).resolve().parents[2]


def run(module: str, directory: Path, **environment: str) -> tuple[int, str, str]:
    """Run one of the commands; its status, what it said, and what it complained about."""
    env = {
        name: value
        for name, value in os.environ.items()
        if name not in {"KUBECONFIG", "DATABASE_URL", "REDIS_URL"}
    }
    done = subprocess.run(
        [sys.executable, "-m", f"minispod.local.{module}", "--state", directory],
        env=env | {"PYTHONPATH": str(ROOT)} | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    return done.returncode, done.stdout, done.stderr


def refusal(directory: Path, **environment: str) -> str:
    """The one sentence that the demo refuses with."""
    environment.setdefault("PORT", str(places.free_port()))
    status, said, complaint = run("demo", directory, **environment)
    assert (status, said) == (2, "")
    assert complaint.count("\n") == 1, complaint
    return complaint.strip()


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Path:
    return tmp_path / "kubeconfig"


def write_kubeconfig(path: Path, port: int) -> None:
    """A well-formed kubeconfig (JSON is YAML) of a cluster on this port."""
    cluster = {"name": "c", "cluster": {"server": f"http://127.0.0.1:{port}"}}
    context = {"name": "x", "context": {"cluster": "c", "user": "u"}}
    users = [{"name": "u", "user": {"token": "t"}}]
    config = {"clusters": [cluster], "contexts": [context], "users": users, "current-context": "x"}
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "Config"} | config))


@pytest.fixture
def silent_port() -> Iterator[int]:
    """Somebody who takes calls and never answers."""
    with socket.create_server((places.LOOPBACK, 0)) as server:
        yield server.getsockname()[1]


def test_a_taken_port(tmp_path: Path, silent_port: int) -> None:
    sentence = refusal(tmp_path / "demo", PORT=str(silent_port))

    assert (
        sentence == f"Port {silent_port} is taken by another program; try PORT={silent_port + 1} make demo."
    )
    assert not (tmp_path / "demo").exists()


@pytest.mark.parametrize("text", ["0", "70000", "http", "-1", ""])
def test_a_port_that_is_none(tmp_path: Path, text: str) -> None:
    assert refusal(tmp_path / "demo", PORT=text) == f"PORT must be a number from 1 to 65535, not {text!r}."


def test_a_domain_that_is_none(tmp_path: Path) -> None:
    assert refusal(tmp_path / "demo", BASE_DOMAIN="http://shop").startswith("BASE_DOMAIN must be a host name")


def test_a_kubeconfig_that_is_not_there(tmp_path: Path, kubeconfig: Path) -> None:
    sentence = refusal(tmp_path / "demo", KUBECONFIG=str(kubeconfig))

    assert sentence == f"KUBECONFIG names {kubeconfig}, which is not a file."


@pytest.mark.parametrize("text", ["{not: [yaml", "", "just words", "apiVersion: v1\nkind: Config\n"])
def test_a_kubeconfig_that_is_none(tmp_path: Path, kubeconfig: Path, text: str) -> None:
    kubeconfig.write_text(text)

    assert refusal(tmp_path / "demo", KUBECONFIG=str(kubeconfig)).startswith(
        f"KUBECONFIG names {kubeconfig}, which cannot be used: "
    )


def test_a_cluster_that_is_down(tmp_path: Path, kubeconfig: Path) -> None:
    port = places.free_port()
    write_kubeconfig(kubeconfig, port)

    sentence = refusal(tmp_path / "demo", KUBECONFIG=str(kubeconfig))

    assert sentence == f"The cluster of KUBECONFIG at http://127.0.0.1:{port} does not answer."


def test_a_cluster_that_never_answers(tmp_path: Path, kubeconfig: Path, silent_port: int) -> None:
    write_kubeconfig(kubeconfig, silent_port)

    assert refusal(tmp_path / "demo", KUBECONFIG=str(kubeconfig)).endswith("does not answer.")


def test_a_database_or_redis_of_ones_own_that_is_down(tmp_path: Path) -> None:
    port = places.free_port()

    assert refusal(tmp_path / "demo", DATABASE_URL=f"postgresql://x:y@127.0.0.1:{port}/z").startswith(
        "The server of DATABASE_URL does not let us in: "
    )
    assert refusal(tmp_path / "demo", REDIS_URL=f"redis://127.0.0.1:{port}/0").startswith(
        "The server of REDIS_URL does not let us in: "
    )


def test_a_demo_that_runs_already_and_is_not_reset_under_its_feet(tmp_path: Path) -> None:
    directory = tmp_path / "demo"
    with state.held(directory):
        sentence = refusal(directory)
        assert sentence == f"A demo already runs on {directory} (process {os.getpid()}); stop it first."
        assert run("reset", directory) == (2, "", sentence + "\n")
        assert directory.exists()


def test_data_of_another_version(tmp_path: Path) -> None:
    directory = tmp_path / "demo"
    directory.mkdir()
    (directory / "layout").write_text("0\n")

    assert refusal(directory).endswith(
        "were made by another version of the demo; 'make demo-reset' deletes them."
    )
    assert run("reset", directory) == (0, f"Deleted {directory}.\n", "")
    assert not directory.exists()
    assert run("reset", directory) == (0, f"There was nothing to delete in {directory}.\n", "")
