"""kubectl, where it is installed, gets along with the simulator; elsewhere its requests are made by hand."""

import json
import shutil
import subprocess
from pathlib import Path

import yaml

from tests.contracts.kubernetes.manifests import (
    MISSING,
    Json,
    claim,
    config,
    container,
    deployment,
    ingress,
    service,
)
from tests.contracts.kubernetes.target import Room, Target
from tests.simulator.kubernetes.conftest import Running

KUBECTL = shutil.which("kubectl")
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"


class Kubectl:
    """kubectl in a namespace, with a home of its own."""

    def __init__(self, sim: Running, room: Room, home: Path) -> None:
        self._base = [str(KUBECTL), "--kubeconfig", sim.facts["kubeconfig"], "-n", room.name]
        self._home = home

    def __call__(self, *words: str, stdin: str = "", well: bool = True) -> str:
        """What it prints; it must end well unless told otherwise."""
        environment = {"HOME": str(self._home), "PATH": "/usr/bin:/bin"}
        done = subprocess.run(
            [*self._base, *words],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            env=environment,
            check=False,
        )
        assert (done.returncode == 0) is well, done.stderr
        return done.stdout + ("" if well else done.stderr)


def by_hand(target: Target, room: Room) -> None:
    """The requests that kubectl lives on, for machines without it."""
    room.deploy(deployment("web"))
    for path in ("/api", "/apis", "/api/v1", "/apis/apps/v1", "/openapi/v3", "/openapi/v3/apis/apps/v1"):
        assert target.get(path)
    operations = target.get("/openapi/v3/apis/apps/v1")["paths"]
    patch = operations["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]["patch"]
    assert "fieldValidation" in [parameter["name"] for parameter in patch["parameters"]]
    headers = {"Accept": TABLE}
    target.api.update_params_for_auth(headers, {}, ["BearerToken"], None, None, None)
    url = f"{target.api.configuration.host}{room.core}/pods"
    table = json.loads(target.api.rest_client.pool_manager.request("GET", url, headers=headers).data)
    assert table["kind"] == "Table"
    titles = [column["name"] for column in table["columnDefinitions"]]
    assert titles[:5] == ["Name", "Ready", "Status", "Restarts", "Age"]
    assert table["rows"][0]["cells"][1:4] == ["1/1", "Running", "0"]


def everything(name: str) -> str:
    """An application as a file of manifests."""
    mounted = container(
        volumeMounts=[{"name": "data", "mountPath": "/data"}], ports=[{"containerPort": 8080}]
    )
    body = deployment(name, mounted)
    volume: Json = {"name": "data", "persistentVolumeClaim": {"claimName": name}}
    body["spec"]["template"]["spec"]["volumes"] = [volume]
    objects = [config(name, a="1"), claim(name), service(name), ingress(name, f"{name}.localhost"), body]
    return yaml.safe_dump_all(objects)


def test_apply_get_describe_logs_scale_delete(
    sim: Running, room: Room, target: Target, tmp_path: Path
) -> None:
    if KUBECTL is None:
        by_hand(target, room)
        return
    kubectl = Kubectl(sim, room, tmp_path)

    first = kubectl("apply", "-f", "-", stdin=everything("web"))
    again = kubectl("apply", "-f", "-", stdin=everything("web"))
    kubectl("rollout", "status", "deployment/web", "--timeout", "20s")

    assert "deployment.apps/web created" in first
    assert {line.rsplit(" ", 1)[1] for line in again.splitlines()} == {"unchanged"}
    pods = kubectl("get", "pods")
    assert pods.split("\n")[0].split() == ["NAME", "READY", "STATUS", "RESTARTS", "AGE"]
    assert pods.split("\n")[1].split()[1:4] == ["1/1", "Running", "0"]
    described = kubectl("describe", "pod", "-l", "app=web")
    assert "Successfully assigned" in described
    assert "Started container web" in described
    assert "Normal" in kubectl("get", "events")
    assert len(kubectl("logs", "deployment/web", "--tail", "2").splitlines()) == 2
    kubectl("scale", "deployment/web", "--replicas", "2")
    kubectl("rollout", "status", "deployment/web", "--timeout", "20s")
    assert kubectl("get", "deployment", "web", "-o", "jsonpath={.status.readyReplicas}") == "2"
    kubectl("rollout", "restart", "deployment/web")
    kubectl("rollout", "status", "deployment/web", "--timeout", "20s")
    assert "deleted" in kubectl("delete", "-f", "-", "--timeout", "20s", stdin=everything("web"))
    assert "not found" in kubectl("get", "deployment", "web", well=False).lower()


def test_apply_on_the_server_side(sim: Running, room: Room, target: Target, tmp_path: Path) -> None:
    if KUBECTL is None:
        by_hand(target, room)
        return
    kubectl = Kubectl(sim, room, tmp_path)

    kubectl("apply", "--server-side", "-f", "-", stdin=everything("web"))
    kubectl("rollout", "status", "deployment/web", "--timeout", "20s")
    kubectl("scale", "deployment/web", "--replicas", "0")
    conflict = kubectl("apply", "--server-side", "-f", "-", stdin=everything("web"), well=False)
    kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=everything("web"))

    assert 'conflict with "kubectl" with subresource "scale" using apps/v1: .spec.replicas' in conflict
    assert kubectl("get", "deployment", "web", "-o", "jsonpath={.spec.replicas}") == "1"


def test_mistakes_in_manifests_are_told(sim: Running, room: Room, target: Target, tmp_path: Path) -> None:
    if KUBECTL is None:
        by_hand(target, room)
        return
    kubectl = Kubectl(sim, room, tmp_path)
    body = deployment("web")
    body["spec"]["replica"] = 1

    told = kubectl("apply", "-f", "-", stdin=yaml.safe_dump(body), well=False)

    assert 'unknown field "spec.replica"' in told


def test_creating_by_command_and_looking_around(
    sim: Running, room: Room, target: Target, tmp_path: Path
) -> None:
    if KUBECTL is None:
        by_hand(target, room)
        return
    kubectl = Kubectl(sim, room, tmp_path)

    kubectl("create", "secret", "generic", "s", "--from-literal", "a=b")
    kubectl("create", "deployment", "d", "--image", MISSING)
    kubectl("create", "quota", "q", "--hard", "pods=5")
    kubectl("create", "ingress", "i", "--class", "traefik", "--rule", "d.localhost/*=d:80")
    target.eventually(lambda: "ImagePullBackOff" in kubectl("get", "pods"))

    assert kubectl("get", "secret", "s", "-o", "jsonpath={.data.a}") == "Yg=="
    assert "d.localhost" in kubectl("get", "ingress")
    assert "pods: 1/5" in kubectl("get", "quota")
    nodes = kubectl("get", "nodes", "-o", "wide")
    assert [line.split()[:2] for line in nodes.splitlines()[1:]] == [
        ["master", "Ready"],
        ["worker-1", "Ready"],
        ["worker-2", "Ready"],
    ]
    assert "worker-1" in kubectl("top", "nodes")
    assert "Allocated resources" in kubectl("describe", "node", "worker-1")
    assert "yes" in kubectl("auth", "can-i", "create", "pods")
    assert "deployments" in kubectl("api-resources")
    assert "replicas <integer>" in kubectl("explain", "deployment.spec.replicas")
    assert room.name in kubectl("get", "all", "-A", "-o", "wide")
    assert "condition met" in kubectl(
        "wait", "--for=jsonpath={.status.phase}=Active", f"namespace/{room.name}"
    )


def test_draining_a_node(sim: Running, room: Room, target: Target, tmp_path: Path) -> None:
    if KUBECTL is None:
        by_hand(target, room)
        return
    kubectl = Kubectl(sim, room, tmp_path)
    room.deploy(deployment("web"))
    node = room.pods("web")[0]["spec"]["nodeName"]

    kubectl("drain", node, "--ignore-daemonsets", "--timeout", "20s")

    assert "SchedulingDisabled" in kubectl("get", "node", node)
    room.rolled_out("web")
    assert room.pods("web")[0]["spec"]["nodeName"] != node
    kubectl("uncordon", node)
    assert "SchedulingDisabled" not in kubectl("get", "node", node)


def test_following_a_log(sim: Running, room: Room, target: Target, tmp_path: Path) -> None:
    if KUBECTL is None:
        by_hand(target, room)
        return
    room.deploy(deployment("web"))
    words = [
        "--kubeconfig",
        sim.facts["kubeconfig"],
        "-n",
        room.name,
        "logs",
        "-f",
        "deployment/web",
        "--timestamps",
    ]
    process = subprocess.Popen([str(KUBECTL), *words], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None

    lines = [process.stdout.readline() for _ in range(2)]
    target.delete(f"{room.apps}/deployments/web")

    assert all(line.startswith("20") for line in lines)
    assert process.wait(timeout=15) == 0
    process.stdout.close()
