"""Pods that cannot be placed, pulled or kept running."""

from tests.contracts.kubernetes.manifests import MISSING, SHELL, Json, container, deployment, pod
from tests.contracts.kubernetes.target import Room, Target


def state_of(room: Room, target: Target, name: str) -> Json:
    """The state of the only container of a pod."""
    found = target.get(f"{room.core}/pods/{name}")["status"].get("containerStatuses", [{}])
    state: Json = found[0].get("state", {})
    return state


def test_a_missing_image_backs_off(room: Room, target: Target) -> None:
    target.create(f"{room.apps}/deployments", deployment("web", container(MISSING)))

    waiting = target.eventually(lambda: _waits_for(room, "ImagePullBackOff"))

    assert waiting["message"].startswith(f'Back-off pulling image "{MISSING}"')
    (pod_,) = room.pods("web")
    (status,) = pod_["status"]["containerStatuses"]
    assert pod_["status"]["phase"] == "Pending"
    assert (status["ready"], status["started"], status["restartCount"], status["imageID"]) == (
        False,
        False,
        0,
        "",
    )
    assert status["image"] == MISSING
    ready = next(one for one in pod_["status"]["conditions"] if one["type"] == "Ready")
    assert (ready["status"], ready["reason"]) == ("False", "ContainersNotReady")
    assert ready["message"] == "containers with unready status: [web]"
    failed = [event["message"] for event in room.events("Failed")]
    assert any(text.startswith(f'Failed to pull image "{MISSING}"') for text in failed)
    assert "Error: ErrImagePull" in failed
    assert "Error: ImagePullBackOff" in failed


def _waits_for(room: Room, reason: str) -> Json | None:
    for pod_ in room.pods("web"):
        for status in pod_["status"].get("containerStatuses", []):
            waiting: Json = status["state"].get("waiting", {})
            if waiting.get("reason") == reason:
                return waiting
    return None


def test_a_crashing_container_is_restarted_with_pauses(room: Room, target: Target) -> None:
    crashing = container(SHELL, command=["sh", "-c", "exit 3"])
    target.create(f"{room.core}/pods", pod("crash", crashing))

    waiting = target.eventually(lambda: _crash_loop(room, target))

    assert waiting["message"].startswith("back-off ")
    assert "restarting failed container=web pod=crash_" in waiting["message"]
    found = target.get(f"{room.core}/pods/crash")
    (status,) = found["status"]["containerStatuses"]
    assert found["status"]["phase"] == "Running"
    assert status["restartCount"] >= 1
    ended = status["lastState"]["terminated"]
    assert (ended["exitCode"], ended["reason"]) == (3, "Error")
    assert {"exitCode", "reason", "startedAt", "finishedAt", "containerID"} <= set(ended)
    assert room.events("BackOff")[0]["type"] == "Warning"


def _crash_loop(room: Room, target: Target) -> Json | None:
    waiting: Json = state_of(room, target, "crash").get("waiting", {})
    return waiting if waiting.get("reason") == "CrashLoopBackOff" else None


def test_a_pod_that_may_end_ends(room: Room, target: Target) -> None:
    well = container(SHELL, command=["sh", "-c", "exit 0"])
    badly = container(SHELL, command=["sh", "-c", "exit 7"])
    target.create(f"{room.core}/pods", pod("well", well, restartPolicy="Never"))
    target.create(f"{room.core}/pods", pod("badly", badly, restartPolicy="Never"))

    target.eventually(lambda: _phase(room, target, "well") == "Succeeded")
    target.eventually(lambda: _phase(room, target, "badly") == "Failed")

    assert state_of(room, target, "well")["terminated"]["reason"] == "Completed"
    assert state_of(room, target, "badly")["terminated"]["exitCode"] == 7


def _phase(room: Room, target: Target, name: str) -> str:
    return str(target.get(f"{room.core}/pods/{name}")["status"]["phase"])


def test_init_containers_run_first(room: Room, target: Target) -> None:
    init = {"name": "init", "image": SHELL, "command": ["sh", "-c", "exit 0"]}
    target.create(f"{room.core}/pods", pod("p", container(), initContainers=[init]))

    target.eventually(lambda: _phase(room, target, "p") == "Running")

    (first,) = target.get(f"{room.core}/pods/p")["status"]["initContainerStatuses"]
    assert first["state"]["terminated"]["exitCode"] == 0


def test_a_pod_too_big_for_all_nodes_waits(room: Room, target: Target) -> None:
    huge = {"requests": {"cpu": "500"}, "limits": {"cpu": "500"}}
    target.create(f"{room.core}/pods", pod("huge", container(resources=huge)))

    condition = target.eventually(lambda: _unschedulable(room, target))

    assert (condition["status"], condition["reason"]) == ("False", "Unschedulable")
    assert "nodes are available" in condition["message"]
    assert "Insufficient cpu" in condition["message"]
    assert _phase(room, target, "huge") == "Pending"
    event = target.eventually(lambda: room.events("FailedScheduling"))[0]
    assert event["type"] == "Warning"
    assert "nodeName" not in target.get(f"{room.core}/pods/huge")["spec"]


def _unschedulable(room: Room, target: Target) -> Json | None:
    found = target.get(f"{room.core}/pods/huge")["status"].get("conditions", [])
    return next((one for one in found if one["type"] == "PodScheduled"), None)


def test_a_pod_that_nothing_can_reach_says_why(room: Room, target: Target) -> None:
    target.create(f"{room.core}/pods", pod("lost", nodeSelector={"nowhere": "true"}))

    event = target.eventually(lambda: room.events("FailedScheduling"))[0]

    assert "match" in event["message"]
    assert "nodes are available" in event["message"]
