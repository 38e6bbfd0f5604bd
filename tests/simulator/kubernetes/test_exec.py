"""Commands in simulated containers as the official client sees them, and what a restart keeps of them."""

from pathlib import Path

import pytest
import yaml
from kubernetes import client
from kubernetes.client.exceptions import ApiException
from kubernetes.stream import stream

from tests.contracts.kubernetes.manifests import claim, container, pod
from tests.contracts.kubernetes.target import Room, Target, new_room
from tests.simulator.kubernetes.conftest import launch


def run(target: Target, namespace: str, name: str, *command: str) -> tuple[str, dict[str, object]]:
    """Output and status of a command, by the official client's own means."""
    core = client.CoreV1Api(target.api)
    session = stream(
        core.connect_get_namespaced_pod_exec,
        name,
        namespace,
        command=list(command),
        stdout=True,
        stderr=True,
        stdin=False,
        tty=False,
        _preload_content=False,
    )
    session.run_forever(timeout=10)
    output = session.read_stdout() or ""
    session.sock.shutdown()  # close() leaves the socket open when the server has closed first
    return output, yaml.safe_load(session.read_channel(3))


@pytest.fixture
def shell(target: Target, room: Room) -> Room:
    """A namespace with a pod called shell that has a volume at /data."""
    make_shell(target, room)
    return room


def make_shell(target: Target, room: Room) -> None:
    """Create the pod and wait until it runs."""
    target.create(f"{room.core}/persistentvolumeclaims", claim("data"))
    volume = {"name": "data", "persistentVolumeClaim": {"claimName": "data"}}
    main = container(command=["sh", "-c", "while :; do sleep 9; done"])
    main["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]
    target.create(f"{room.core}/pods", pod("shell", main, volumes=[volume]))
    target.eventually(lambda: target.get(f"{room.core}/pods/shell")["status"].get("phase") == "Running")


def test_the_official_client_reads_output_and_status(target: Target, shell: Room) -> None:
    output, status = run(target, shell.name, "shell", "echo", "hello", "there")

    assert output == "hello there\n"
    assert status["status"] == "Success"


def test_a_failure_has_the_fields_of_a_real_one(target: Target, shell: Room) -> None:
    _, status = run(target, shell.name, "shell", "cat", "/data/nothing")

    assert status["reason"] == "NonZeroExitCode"
    assert status["details"] == {"causes": [{"reason": "ExitCode", "message": "1"}]}


@pytest.mark.parametrize(
    ("name", "status", "words"), [("nobody", 404, "not found"), ("shell", 500, "container not found")]
)
def test_what_cannot_be_entered_says_why(
    target: Target, shell: Room, name: str, status: int, words: str
) -> None:
    target.create(
        f"{shell.core}/pods", pod("ended", container(command=["sh", "-c", "exit 0"]), restartPolicy="Never")
    )
    target.eventually(lambda: target.get(f"{shell.core}/pods/ended")["status"].get("phase") == "Succeeded")

    with pytest.raises(ApiException) as refusal:
        run(target, shell.name, "ended" if status == 500 else name, "true")

    assert str(status) in str(refusal.value.reason)
    assert words in str(refusal.value.reason)


def test_plain_http_is_told_to_upgrade(target: Target, shell: Room) -> None:
    answer = target.ask("GET", f"{shell.core}/pods/shell/exec", query={"command": "true"})

    assert answer.status == 400


def test_data_of_volumes_survive_a_restart_of_the_simulator(tmp_path: Path) -> None:
    state = str(tmp_path / "state.json")
    first = launch(tmp_path, "--state", state, "--speed", "20")
    room = new_room(first.target)
    make_shell(first.target, room)
    run(first.target, room.name, "shell", "sh", "-c", "echo kept > /data/file")
    first.stop()

    second = launch(tmp_path, "--state", state, "--speed", "20")

    def ask() -> bool:
        return second.target.get(f"{room.core}/pods/shell")["status"].get("phase") == "Running"

    second.target.eventually(ask)
    output, _ = run(second.target, room.name, "shell", "cat", "/data/file")
    second.stop()
    assert output == "kept\n"
