"""Levers make happen what a test wants to happen."""

import time
from typing import Any

import pytest
import urllib3

from tests.contracts.kubernetes.manifests import Json, claim, config, container, deployment, pod
from tests.contracts.kubernetes.target import APPLY, Room, Target
from tests.simulator.kubernetes.conftest import Running


def ready(target: Target, node: str) -> str:
    """What a node says of itself."""
    found = target.get(f"/api/v1/nodes/{node}")["status"]["conditions"]
    return str(next(one["status"] for one in found if one["type"] == "Ready"))


def test_levers_need_their_token(sim: Running) -> None:
    assert sim.ask_levers("GET", token="wrong")[0] == 401
    assert sim.ask_levers("POST", "reset", {}, token="wrong")[0] == 401


def test_levers_tell_what_there_is(sim: Running) -> None:
    status, shown = sim.ask_levers("GET")

    assert status == 200
    assert {"go_silent", "fail_next", "node", "crash", "image", "reset"} <= set(shown["levers"])
    assert shown["speed"] == 20
    assert shown["dials"]["pull_seconds"] > 0


@pytest.mark.parametrize(
    ("lever", "body", "status"),
    [
        ("nothing", {}, 404),
        ("speed", {"speed": 0}, 400),
        ("dial", {"no_such_dial": 1}, 400),
        ("go_silent", {"seconds": 1, "how": "loudly"}, 400),
        ("node", {"node": "nowhere", "power": "off"}, 404),
        ("drift", {"kind": "Unheard", "name": "x"}, 400),
    ],
)
def test_a_lever_pulled_wrongly_says_so(sim: Running, lever: str, body: Json, status: int) -> None:
    answer = sim.ask_levers("POST", lever, body)

    assert answer[0] == status
    assert answer[1]["error"]


def test_a_silent_api_hangs_until_it_speaks_again(sim: Running, target: Target) -> None:
    sim.pull("go_silent", seconds=30, how="hang")

    with pytest.raises(urllib3.exceptions.HTTPError):
        target.api.rest_client.pool_manager.request(
            "GET", f"{target.api.configuration.host}/version", timeout=0.5, retries=False
        )

    sim.pull("go_silent", seconds=0)
    assert target.get("/version")["major"] == "1"


def test_a_refusing_api_hangs_up(sim: Running, target: Target) -> None:
    sim.pull("go_silent", seconds=30, how="refuse")

    with pytest.raises(urllib3.exceptions.HTTPError):
        target.get("/version")

    sim.pull("clear")
    assert target.get("/version")["major"] == "1"


def test_an_overloaded_api_answers_503(sim: Running, target: Target) -> None:
    sim.pull("go_silent", seconds=30, how="503")

    answer = target.ask("GET", "/version")

    assert (answer.status, answer.body["reason"]) == (503, "ServiceUnavailable")
    assert answer.headers["Retry-After"] == "1"


def test_silence_breaks_watches_off(sim: Running, target: Target, room: Room) -> None:
    headers: dict[str, str] = {}
    target.api.update_params_for_auth(headers, {}, ["BearerToken"], None, None, None)
    url = f"{target.api.configuration.host}{room.core}/configmaps?watch=true"
    response = target.api.rest_client.pool_manager.request(
        "GET", url, headers=headers, preload_content=False, timeout=20.0
    )

    sim.pull("go_silent", seconds=5, how="refuse")

    with pytest.raises(urllib3.exceptions.HTTPError):
        list(response.stream(64))
    response.close()


def test_requests_can_be_delayed(sim: Running, target: Target) -> None:
    sim.pull("delay", seconds=0.4)
    start = time.monotonic()

    target.get("/version")

    assert time.monotonic() - start >= 0.4


def test_the_next_requests_of_a_sort_fail(sim: Running, target: Target, room: Room) -> None:
    path = f"{room.core}/configmaps/c"
    sim.pull("fail_next", verb="apply", kind="ConfigMap", status=500, times=2, message="etcd is away")

    answers = [target.ask("PATCH", path, config("c"), APPLY, fieldManager="m") for _ in range(3)]

    assert [answer.status for answer in answers] == [500, 500, 201]
    assert answers[0].body["message"] == "etcd is away"
    sim.pull("fail_next", verb="list", kind="pods", status=429)
    assert target.ask("GET", path).status == 200
    assert target.ask("GET", f"{room.core}/pods").status == 429
    assert target.ask("GET", f"{room.core}/pods").status == 200


def test_an_image_can_be_unknown_and_become_known(sim: Running, target: Target, room: Room) -> None:
    sim.pull("image", image="docker.io/minispod-test/*", known=False)
    target.create(f"{room.apps}/deployments", deployment("web"))
    target.eventually(lambda: _waits_for(room, "ImagePullBackOff"))

    sim.pull("image", image="docker.io/minispod-test/*", known=True)

    room.rolled_out("web")


def _waits_for(room: Room, reason: str) -> bool:
    return any(
        status["state"].get("waiting", {}).get("reason") == reason
        for found in room.pods("web")
        for status in found["status"].get("containerStatuses", [])
    )


def test_a_registry_that_ends_in_invalid_never_answers(target: Target, room: Room) -> None:
    image = "registry.example.invalid/team/web:1"
    target.create(f"{room.apps}/deployments", deployment("web", container(image)))

    target.eventually(lambda: _waits_for(room, "ImagePullBackOff"))


def test_a_pull_can_be_slow_the_first_time_only(sim: Running, target: Target, room: Room) -> None:
    sim.pull("image", image="*slow*", pull_seconds=100)
    body = deployment("web", container("example/slow:1"))
    body["spec"]["template"]["spec"]["nodeSelector"] = {"kubernetes.io/hostname": "worker-1"}

    start = time.monotonic()
    room.deploy(body)
    first = time.monotonic() - start
    target.delete(f"{room.core}/pods", labelSelector="app=web")
    start = time.monotonic()
    room.rolled_out("web")
    second = time.monotonic() - start

    assert first > 4.9  # a hundred seconds, of which twenty pass in one
    assert second < first / 2


def test_a_crash_is_followed_by_a_restart(sim: Running, target: Target, room: Room) -> None:
    room.deploy(deployment("web"))
    (found,) = room.pods("web")

    hit = sim.pull("crash", namespace=room.name, workload="web", exit_code=9)

    assert hit["hit"] == [f"{found['metadata']['name']}/web"]
    status = target.eventually(lambda: _restarted(room, 1))
    assert (status["lastState"]["terminated"]["exitCode"], status["ready"]) == (9, True)


def _restarted(room: Room, times: int) -> Any:
    for found in room.pods("web"):
        for status in found["status"].get("containerStatuses", []):
            if status["restartCount"] >= times and status["ready"]:
                return status
    return None


def test_crashes_go_on_until_they_are_healed(sim: Running, target: Target, room: Room) -> None:
    room.deploy(deployment("web"))
    sim.pull("crash", namespace=room.name, workload="web", times=1000)
    target.eventually(lambda: _waits_for(room, "CrashLoopBackOff"))
    target.eventually(lambda: target.get(f"{room.apps}/deployments/web")["status"].get("unavailableReplicas"))

    sim.pull("heal", namespace=room.name)

    room.rolled_out("web")


def test_a_container_without_memory_is_killed(sim: Running, target: Target, room: Room) -> None:
    room.deploy(deployment("web"))

    sim.pull("oom", namespace=room.name, workload="web")

    status = target.eventually(lambda: _restarted(room, 1))
    assert status["lastState"]["terminated"]["reason"] == "OOMKilled"
    assert status["lastState"]["terminated"]["exitCode"] == 137


def test_readiness_can_be_taken_and_given_back(sim: Running, target: Target, room: Room) -> None:
    room.deploy(deployment("web"))

    sim.pull("ready", namespace=room.name, workload="web", ready=False)

    target.eventually(lambda: target.get(f"{room.apps}/deployments/web")["status"].get("unavailableReplicas"))
    sim.pull("ready", namespace=room.name, workload="web", ready=True)
    room.rolled_out("web")


def test_pods_of_a_dead_node_come_up_elsewhere(sim: Running, target: Target, room: Room) -> None:
    sim.pull("dial", toleration_seconds=20)
    room.deploy(deployment("web"))
    (before,) = room.pods("web")
    node = before["spec"]["nodeName"]

    sim.pull("node", node=node, power="off")

    target.eventually(lambda: ready(target, node) == "Unknown")
    taints = target.get(f"/api/v1/nodes/{node}")["spec"]["taints"]
    assert {(one["key"], one["effect"]) for one in taints} == {
        ("node.kubernetes.io/unreachable", "NoSchedule"),
        ("node.kubernetes.io/unreachable", "NoExecute"),
    }
    found = target.eventually(lambda: _elsewhere(room, node))
    assert found["spec"]["nodeName"] != node
    old = target.get(f"{room.core}/pods/{before['metadata']['name']}")
    assert "deletionTimestamp" in old["metadata"]
    sim.pull("node", node=node, power="on")
    target.eventually(lambda: target.gone(f"{room.core}/pods/{before['metadata']['name']}"))
    target.eventually(lambda: ready(target, node) == "True")
    assert "taints" not in target.get(f"/api/v1/nodes/{node}")["spec"]
    room.rolled_out("web")


def _elsewhere(room: Room, node: str) -> Json | None:
    for found in room.pods("web"):
        statuses = found["status"].get("containerStatuses", [])
        if found["spec"].get("nodeName") not in (None, node) and statuses and statuses[0]["ready"]:
            return found
    return None


def test_a_short_outage_restarts_the_containers(sim: Running, target: Target, room: Room) -> None:
    room.deploy(deployment("web"))
    (before,) = room.pods("web")
    node = before["spec"]["nodeName"]

    sim.pull("node", node=node, power="off")
    target.eventually(lambda: ready(target, node) == "Unknown")
    sim.pull("node", node=node, power="on")

    status = target.eventually(lambda: _restarted(room, 1))
    (after,) = room.pods("web")
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert status["restartCount"] == 1


def test_data_on_a_dead_node_keep_their_pod_waiting(sim: Running, target: Target, room: Room) -> None:
    sim.pull("dial", toleration_seconds=5)
    target.create(f"{room.core}/persistentvolumeclaims", claim("data"))
    mounted = container(volumeMounts=[{"name": "data", "mountPath": "/data"}])
    body = deployment("web", mounted, strategy={"type": "Recreate"})
    body["spec"]["template"]["spec"]["volumes"] = [
        {"name": "data", "persistentVolumeClaim": {"claimName": "data"}}
    ]
    room.deploy(body)
    (before,) = room.pods("web")
    node = before["spec"]["nodeName"]

    sim.pull("node", node=node, power="off")

    target.eventually(lambda: [one for one in room.pods("web") if "nodeName" not in one["spec"]])
    event = target.eventually(lambda: room.events("FailedScheduling"))[-1]
    assert "volume node affinity conflict" in event["message"]
    sim.pull("node", node=node, power="on")
    found = room.rolled_out("web")
    assert found["status"]["readyReplicas"] == 1
    assert room.pods("web")[0]["spec"]["nodeName"] == node


def test_expired_history_sends_watchers_back_to_the_list(sim: Running, target: Target, room: Room) -> None:
    version = target.get(f"{room.core}/configmaps")["metadata"]["resourceVersion"]
    target.create(f"{room.core}/configmaps", config("c"))
    page = target.get(f"{room.core}/configmaps", limit=1)

    sim.pull("expire_watches")

    answer = target.ask(
        "GET", f"{room.core}/configmaps", watch="true", resourceVersion=version, timeoutSeconds=1
    )
    assert (answer.body["type"], answer.body["object"]["code"]) == ("ERROR", 410)
    target.create(f"{room.core}/configmaps", config("d"))
    sim.pull("expire_watches")
    token = page["metadata"]["continue"]
    late = target.ask("GET", f"{room.core}/configmaps", limit=1, **{"continue": token})
    assert (late.status, late.body["reason"]) == (410, "Expired")


def test_drift_makes_an_object_vanish(sim: Running, target: Target, room: Room) -> None:
    room.deploy(deployment("web"))

    sim.pull("drift", kind="Deployment", namespace=room.name, name="web")

    assert target.gone(f"{room.apps}/deployments/web")
    target.eventually(lambda: not room.pods("web"))


def test_speed_changes_how_fast_time_passes(sim: Running, target: Target, room: Room) -> None:
    sim.pull("speed", speed=0.1)
    target.create(f"{room.core}/pods", pod("p"))
    time.sleep(0.5)
    assert target.get(f"{room.core}/pods/p")["status"]["phase"] == "Pending"

    sim.pull("speed", speed=200)

    target.eventually(lambda: target.get(f"{room.core}/pods/p")["status"]["phase"] == "Running")


def test_pods_of_a_removed_node_are_lost_and_replaced(target: Target, room: Room) -> None:
    room.deploy(deployment("web"))
    (before,) = room.pods("web")

    target.delete(f"/api/v1/nodes/{before['spec']['nodeName']}")

    target.eventually(lambda: target.gone(f"{room.core}/pods/{before['metadata']['name']}"))
    room.rolled_out("web")


def test_reset_makes_a_new_cluster(sim: Running, target: Target, room: Room) -> None:
    sim.pull("node", node="worker-1", power="off")
    sim.pull("dial", pull_seconds=1)

    sim.pull("reset")

    assert target.gone(f"/api/v1/namespaces/{room.name}")
    names = [one["metadata"]["name"] for one in target.get("/api/v1/nodes")["items"]]
    assert names == ["master", "worker-1", "worker-2"]
    shown = sim.ask_levers("GET")[1]
    assert shown["nodes_off"] == []
    assert shown["dials"]["pull_seconds"] != 1
