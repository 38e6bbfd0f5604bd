"""The script with which a worker joins: what it writes, what cannot slip into it, and which authority it pins."""

import hashlib
import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from cryptography.hazmat.primitives.serialization import Encoding

from minispod.cluster.joining import script, wishes
from minispod.cluster.joining.authority import hash_of
from minispod.cluster.joining.errors import BadChoice
from minispod.cluster.joining.wishes import Wishes
from tests.domain.joining.certificates import ALONE, BROKEN, CHAIN, ROOT

TOKEN = script.token_of("mpod01", "abcdefghijklmnop", "f" * 64)
WISHES = Wishes("worker-3", ("disk=fast", "zone="), ("gpu=yes:NoSchedule",))


def written(version: str | None = "v1.32.4+k3s1", wanted: Wishes = WISHES) -> str:
    return script.write(
        server="https://10.0.0.2:6443", token=TOKEN, join_id="an-id", wishes=wanted, version=version
    )


def test_a_token_has_the_form_that_k3s_reads() -> None:
    assert re.fullmatch(r"K10[0-9a-f]{64}::[a-z0-9]{6}\.[a-z0-9]{16}", TOKEN)


def test_the_configuration_is_what_was_wished() -> None:
    config = written().partition("END_OF_CONFIG'\n")[2].partition("END_OF_CONFIG")[0]

    assert yaml.safe_load(config) == {
        "server": "https://10.0.0.2:6443",
        "token": TOKEN,
        "node-label": ["disk=fast", "zone=", "minispod.com/join=an-id"],
        "node-name": "worker-3",
        "node-taint": ["gpu=yes:NoSchedule"],
    }


@pytest.mark.parametrize("name", ["1e3", "0o17", "null", "12", "on"])
def test_a_name_is_a_text_whoever_reads_it(name: str) -> None:
    # K3s reads other texts as numbers than this program's library does.
    assert f'node-name: "{name}"\n' in written(wanted=Wishes(name))


def _run(tmp_path: Path, text: str) -> subprocess.CompletedProcess[str]:
    """Run it on a machine of this test: its own /etc, a sudo that asks nobody, an installer that tells of itself."""
    tools = tmp_path / "tools"
    tools.mkdir(exist_ok=True)
    curl = (
        '#!/bin/sh\nwhile [ "$1" != -o ]; do shift; done\n'
        'echo \'echo "$INSTALL_K3S_VERSION $INSTALL_K3S_EXEC" > "$INSTALLED"\' > "$2"\n'
    )
    for name, content in {"sudo": '#!/bin/sh\nexec "$@"\n', "curl": curl}.items():
        (tools / name).write_text(content)
        (tools / name).chmod(0o755)
    etc = tmp_path / "etc"
    return subprocess.run(
        ["/bin/sh", "-s"],
        input=text.replace("/etc/rancher", f"{etc}/rancher") + "\necho the session goes on\n",
        env={**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "INSTALLED": str(tmp_path / "installed")},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_it_is_run_and_leaves_the_session_as_it_was(tmp_path: Path) -> None:
    done = _run(tmp_path, written())

    config = tmp_path / "etc/rancher/k3s/config.yaml"
    assert (tmp_path / "installed").read_text() == "v1.32.4+k3s1 agent\n", done.stderr
    assert yaml.safe_load(config.read_text())["token"] == TOKEN
    assert config.stat().st_mode & 0o777 == 0o600
    assert "the session goes on" in done.stdout
    assert TOKEN not in done.stdout + done.stderr


def test_a_machine_that_is_configured_is_left_as_it_is(tmp_path: Path) -> None:
    config = tmp_path / "etc/rancher/k3s/config.yaml"
    config.parent.mkdir(parents=True)
    config.write_text("server: another\n")

    done = _run(tmp_path, written())

    assert config.read_text() == "server: another\n"
    assert not (tmp_path / "installed").exists()
    assert "Nothing was changed" in done.stderr
    assert "the session goes on" in done.stdout


def test_without_a_known_version_the_installer_chooses() -> None:
    assert "INSTALL_K3S_VERSION" not in written(None)


@pytest.mark.parametrize(
    ("versions", "found"),
    [
        (["v1.32.4+k3s1"], "v1.32.4+k3s1"),
        (["v1.32.10+k3s1", "v1.32.9+k3s2"], "v1.32.9+k3s2"),
        (["v1.20.2"], None),
        (["v1.32.4+k3s1; rm -rf /"], None),
        ([], None),
    ],
)
def test_the_oldest_version_of_the_servers_is_installed(versions: list[str], found: str | None) -> None:
    assert script.version_to_install(versions) == found


@pytest.mark.parametrize(
    ("name", "labels", "taints"),
    [
        ("", "", ""),
        ("worker-3", "disk=fast", "gpu=yes:NoSchedule"),
        ("", "example.com/zone=jakarta-1\nempty=", "gpu:NoExecute, spot=:PreferNoSchedule"),
        ("", "topology.kubernetes.io/zone=a,node.kubernetes.io/speed=1", ""),
    ],
)
def test_what_kubernetes_takes_is_taken(name: str, labels: str, taints: str) -> None:
    found = wishes.read(name, labels, taints)

    assert (found.name or "") == name
    assert list(found.labels) == [each.strip() for each in re.split("[\n,]", labels) if each]
    assert list(found.taints) == [each.strip() for each in re.split("[\n,]", taints) if each]


@pytest.mark.parametrize(
    ("name", "labels", "taints"),
    [
        ("Worker", "", ""),
        ("a b", "", ""),
        ("$(reboot)", "", ""),
        ("", "disk", ""),
        ("", "a=b'; reboot; '", ""),
        ("", "a=b\rEND_OF_CONFIG", ""),
        ("", "a=`id`", ""),
        ("", "node-role.kubernetes.io/control-plane=true", ""),
        ("", "x.k8s.io/a=b", ""),
        ("", "", "gpu=yes"),
        ("", "", "gpu=yes:Never"),
        ("", "\n".join(f"a{number}=b" for number in range(21)), ""),
    ],
)
def test_anything_else_is_refused(name: str, labels: str, taints: str) -> None:
    with pytest.raises(BadChoice):
        wishes.read(name, labels, taints)


def test_the_pin_is_reckoned_as_k3s_does() -> None:
    assert hash_of(ALONE) == hashlib.sha256(ALONE).hexdigest()
    assert hash_of(CHAIN) == hashlib.sha256(ROOT.public_bytes(Encoding.DER)).hexdigest()
    assert hash_of(BROKEN) == hashlib.sha256(BROKEN).hexdigest()
