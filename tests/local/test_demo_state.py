"""The demo's memory: what survives, who may read it, and what a killed demo leaves behind."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from pyrage import x25519

from minispod.local import places, state
from minispod.local.table import lay_out
from minispod.local.wishes import Cluster, Wishes


def test_secrets_are_made_once_and_readable_by_us_alone(tmp_path: Path) -> None:
    with state.held(tmp_path / "demo") as first:
        secrets = first.secrets()
    with state.held(tmp_path / "demo") as second:
        assert second.secrets() == secrets

    assert (tmp_path / "demo" / "secrets.json").stat().st_mode & 0o777 == 0o600
    assert secrets["MIDTRANS_SERVER_KEY"].startswith("SB-Mid-server-")
    Fernet(secrets["SEALING_KEYS"])
    assert x25519.Identity.from_str(secrets["BACKUP_KEYS"])


def test_endpoints_are_there_only_while_the_demo_runs(tmp_path: Path) -> None:
    with state.held(tmp_path / "demo") as held:
        held.publish({"web": "http://localhost:5000"})
        assert json.loads(held.endpoints_file.read_text()) == {"web": "http://localhost:5000"}
        assert held.endpoints_file.stat().st_mode & 0o777 == 0o600

    assert not held.endpoints_file.exists()


def test_what_a_killed_demo_left_behind_does_not_matter(tmp_path: Path) -> None:
    directory = tmp_path / "demo"
    with state.held(directory):
        pass
    (directory / "lock").write_text(f"{os.getpid()}\n")
    (directory / "endpoints.json").write_text("{}")

    with state.held(directory) as held:
        assert not held.endpoints_file.exists()


@pytest.fixture
def wishes() -> Wishes:
    """Servers of one's own, so that laying out starts nothing."""
    return Wishes(
        port=places.free_port(),
        base_domain="shop.example",
        database_url="postgresql://somebody@db/x",
        redis_url="redis://cache/0",
    )


def test_the_table_names_everything_and_keeps_its_addresses(tmp_path: Path, wishes: Wishes) -> None:
    with state.held(tmp_path / "demo") as held:
        table = lay_out(wishes, held)
        again = lay_out(wishes, held)

    assert again.endpoints == table.endpoints
    assert list(table.endpoints) == [
        *("web", "admin", "kubeconfig", "kubernetes", "midtrans", "mailbox", "google", "ingress"),
        *("zone", "database_url", "redis_url"),
    ]
    assert [part.name for part in table.parts] == [
        *("midtrans", "mailbox", "names", "google", "kubernetes"),
        *("migrate", "seed", "web", "worker", "provisioner", "porter", "scheduler", "residents"),
    ]


def test_workers_can_be_asked_in_only_where_the_cluster_is_simulated(
    tmp_path: Path, wishes: Wishes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def server_of(wishes: Wishes) -> str | None:
        [web] = [part for part in lay_out(wishes, held).parts if part.name == "web"]
        return web.program.env.get("K3S_SERVER_URL")

    monkeypatch.delenv("K3S_SERVER_URL", raising=False)
    real = replace(wishes, cluster=Cluster(tmp_path / "kubeconfig", "https://10.0.0.2:6443"))
    with state.held(tmp_path / "demo") as held:
        [cluster] = [part for part in lay_out(wishes, held).parts if part.name == "kubernetes"]
        planted = cluster.program.argv[cluster.program.argv.index("--plant") + 1]
        assert Path(planted).name == "join-tokens.yaml"
        assert Path(planted).is_file()
        # An address of RFC 5737: it is nobody's.
        assert server_of(wishes) == "https://192.0.2.10:6443"
        assert server_of(real) is None
        monkeypatch.setenv("K3S_SERVER_URL", "https://10.9.8.7:6443")
        assert server_of(wishes) == server_of(real) == "https://10.9.8.7:6443"


def test_nothing_secret_is_on_a_command_line(tmp_path: Path, wishes: Wishes) -> None:
    with state.held(tmp_path / "demo") as held:
        secrets = held.secrets().values()
        lines = [" ".join(part.program.argv) for part in lay_out(wishes, held).parts]

    assert not [line for line in lines for secret in secrets if secret in line]


def test_a_front_end_on_any_port_of_this_machine_may_call(
    tmp_path: Path, wishes: Wishes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def allowed() -> str:
        [web] = [part for part in lay_out(wishes, held).parts if part.name == "web"]
        return web.program.env["CORS_ORIGINS"]

    with state.held(tmp_path / "demo") as held:
        assert "http://localhost:*" in allowed().split(",")
        monkeypatch.setenv("CORS_ORIGINS", "https://shop.example")
        assert allowed() == "https://shop.example"


def test_the_web_process_listens_wherever_localhost_may_lead(tmp_path: Path, wishes: Wishes) -> None:
    with state.held(tmp_path / "demo") as held:
        [web] = [part for part in lay_out(wishes, held).parts if part.name == "web"]

    bound = {each for each in web.program.argv if each.endswith(f":{wishes.port}")}
    assert f"127.0.0.1:{wishes.port}" in bound
    assert (f"[::1]:{wishes.port}" in bound) is places.has_ipv6()


def test_two_roles_never_share_a_port_even_if_the_person_takes_one_of_ours(
    tmp_path: Path, wishes: Wishes
) -> None:
    with state.held(tmp_path / "demo") as held:
        first = lay_out(wishes, held).endpoints
        taken = int(first["midtrans"].rpartition(":")[2])
        second = lay_out(
            Wishes(taken, "shop.example", None, None, "postgresql://x@db/x", "redis://r/0"), held
        ).endpoints

    ports = [
        second[name].rpartition(":")[2] for name in ("web", "kubernetes", "midtrans", "mailbox", "ingress")
    ]
    assert len(set(ports)) == len(ports)
