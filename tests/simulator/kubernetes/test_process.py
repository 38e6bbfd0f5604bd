"""The process: its files, its end, and what survives it."""

import json
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

from tests.contracts.kubernetes.manifests import claim, config, container, deployment, ingress, service
from tests.contracts.kubernetes.target import Room, new_room
from tests.simulator.kubernetes.conftest import ROOT, launch


def test_its_files_are_private_and_tell_where_it_is(tmp_path: Path) -> None:
    sim = launch(tmp_path, "--state", str(tmp_path / "state.json"), "--lever-token", "open sesame")

    assert set(sim.facts) == {"api", "ingress", "levers", "kubeconfig", "lever_token"}
    assert sim.facts["api"].startswith("https://127.0.0.1:")
    assert sim.facts["levers"].endswith("/sim")
    assert sim.facts["lever_token"] == "open sesame"
    assert sim.stop() == 0
    for name in ("kubeconfig", "ready.json", "state.json"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


def test_the_cluster_survives_a_restart(tmp_path: Path) -> None:
    state = str(tmp_path / "state.json")
    first = launch(tmp_path, "--state", state, "--speed", "20")
    port = first.facts["api"].rsplit(":", 1)[1]
    room = new_room(first.target)
    first.target.create(f"{room.core}/persistentvolumeclaims", claim("data"))
    mounted = container(volumeMounts=[{"name": "data", "mountPath": "/data"}])
    body = deployment("web", mounted)
    body["spec"]["template"]["spec"]["volumes"] = [
        {"name": "data", "persistentVolumeClaim": {"claimName": "data"}}
    ]
    before = room.deploy(body)
    uids = [pod["metadata"]["uid"] for pod in room.pods("web")]
    kubeconfig = (tmp_path / "kubeconfig").read_bytes()
    assert first.stop() == 0

    second = launch(tmp_path, "--state", state, "--speed", "20", "--port", port)
    again = Room(second.target, room.name)
    after = again.rolled_out("web")

    assert (tmp_path / "kubeconfig").read_bytes() == kubeconfig
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert [pod["metadata"]["uid"] for pod in again.pods("web")] == uids
    assert again.pods("web")[0]["status"]["containerStatuses"][0]["restartCount"] == 0
    assert int(after["metadata"]["resourceVersion"]) >= int(before["metadata"]["resourceVersion"])
    second.target.patch(f"{again.apps}/deployments/web/scale", {"spec": {"replicas": 2}})
    assert again.rolled_out("web")["status"]["readyReplicas"] == 2
    assert second.stop() == 0


def test_objects_of_a_file_are_there_from_the_start_and_what_they_became_stays(tmp_path: Path) -> None:
    state, deployed = str(tmp_path / "state.json"), str(ROOT / "deploy" / "join-tokens.yaml")
    place = "/api/v1/namespaces/kube-system/secrets/bootstrap-token-mpod0"
    first = launch(tmp_path, "--state", state, "--plant", deployed)
    first.target.patch(f"{place}1", {"stringData": {"description": "taken"}})
    first.target.delete(f"{place}2")
    assert first.stop() == 0

    second = launch(tmp_path, "--state", state, "--plant", deployed)

    assert "description" in second.target.get(f"{place}1")["data"]
    assert second.target.get(f"{place}2")["type"] == "bootstrap.kubernetes.io/token"
    second.stop()


def test_what_was_written_survives_even_a_kill(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    first = launch(tmp_path, "--state", str(state))
    room = new_room(first.target)
    first.target.create(f"{room.core}/configmaps", config("kept", a="1"))
    first.target.eventually(lambda: state.exists() and '"kept"' in state.read_text(encoding="utf-8"))
    first.stop(signal.SIGKILL)

    second = launch(tmp_path, "--state", str(state))

    assert second.target.get(f"{room.core}/configmaps/kept")["data"] == {"a": "1"}
    second.stop()


def test_a_pod_on_its_way_arrives_after_a_restart(tmp_path: Path) -> None:
    state = str(tmp_path / "state.json")
    first = launch(tmp_path, "--state", state, "--speed", "1")
    room = new_room(first.target)
    first.target.create(f"{room.apps}/deployments", deployment("web"))
    first.target.eventually(lambda: room.pods("web"))
    first.stop()

    second = launch(tmp_path, "--state", state, "--speed", "50")

    Room(second.target, room.name).rolled_out("web")
    second.stop()


def test_an_unreadable_state_is_put_aside(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    state.write_text("not json at all")

    sim = launch(tmp_path, "--state", str(state))

    assert len(sim.target.get("/api/v1/nodes")["items"]) == 3
    assert (tmp_path / "state.json.unreadable").read_text() == "not json at all"
    sim.stop()


def test_it_ends_quickly_even_while_watched(tmp_path: Path) -> None:
    sim = launch(tmp_path)
    headers: dict[str, str] = {}
    sim.target.api.update_params_for_auth(headers, {}, ["BearerToken"], None, None, None)
    watch = sim.target.api.rest_client.pool_manager.request(
        "GET",
        f"{sim.target.api.configuration.host}/api/v1/pods?watch=true",
        headers=headers,
        preload_content=False,
        timeout=20.0,
    )
    start = time.monotonic()

    assert sim.stop() == 0

    assert time.monotonic() - start < 15, "a watch is open for longer"
    watch.close()


def test_it_does_not_outlive_its_parent(tmp_path: Path) -> None:
    code = (
        "import subprocess, sys, time, pathlib\n"
        "ready = pathlib.Path(sys.argv[2])\n"
        "child = subprocess.Popen([sys.executable, '-m', 'minispod.simulator.kubernetes',\n"
        "    '--kubeconfig', sys.argv[1], '--ready-file', sys.argv[2]])\n"
        "while not ready.exists(): time.sleep(0.05)\n"
        "print(child.pid, flush=True)\n"
    )
    files = [str(tmp_path / "kubeconfig"), str(tmp_path / "ready.json")]

    parent = subprocess.run(
        [sys.executable, "-c", code, *files], cwd=ROOT, capture_output=True, text=True, timeout=90, check=True
    )

    process = Path("/proc") / parent.stdout.strip()
    deadline = time.monotonic() + 60
    while process.exists() and "zombie" not in (process / "status").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_taken_port_gets_one_clear_sentence(tmp_path: Path) -> None:
    sim = launch(tmp_path)
    port = sim.facts["api"].rsplit(":", 1)[1]
    command = [sys.executable, "-m", "minispod.simulator.kubernetes", "--kubeconfig", str(tmp_path / "other")]

    second = subprocess.run(
        [*command, "--port", port], cwd=ROOT, capture_output=True, text=True, timeout=90, check=False
    )

    assert second.returncode == 1
    assert second.stderr.startswith("cannot listen: ")
    assert len(second.stderr.splitlines()) == 1
    sim.stop()


def test_idle_it_costs_next_to_nothing(tmp_path: Path) -> None:
    sim = launch(tmp_path, "--state", str(tmp_path / "state.json"), "--speed", "20")
    room = new_room(sim.target)
    sim.target.create(f"{room.core}/services", service("web"))
    sim.target.create(f"{room.networking}/ingresses", ingress("web", "idle.localhost"))
    room.deploy(deployment("web", replicas=5))
    time.sleep(1.5)

    before = _cpu_seconds(sim.process.pid)
    time.sleep(2.0)
    used = _cpu_seconds(sim.process.pid) - before

    assert used / 2.0 < 0.02
    status = Path(f"/proc/{sim.process.pid}/status").read_text()
    resident = int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])
    assert resident < 120 * 1024
    sim.stop()


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def test_the_state_file_is_plain_json(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    sim = launch(tmp_path, "--state", str(state))
    sim.stop()

    content = json.loads(state.read_text())

    assert content["format"] == 1
    assert set(content) == {"format", "identity", "cluster"}
