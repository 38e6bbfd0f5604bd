"""Container logs."""

import json
import re
import time
from contextlib import closing
from datetime import UTC, datetime

from kubernetes import client

from tests.contracts.kubernetes.manifests import MISSING, SHELL, container, pod
from tests.contracts.kubernetes.target import Room, Target

COUNTING = [
    "sh",
    "-c",
    "echo first; echo second; i=0; while true; do i=$((i+1)); echo line $i; sleep 1; done",
]


def speak(room: Room, target: Target) -> str:
    """The path of the log of a pod that goes on talking, once it has said something."""
    target.create(f"{room.core}/pods", pod("talker", container(SHELL, command=COUNTING)))
    path = f"{room.core}/pods/talker/log"
    target.eventually(lambda: len(str(target.ask("GET", path).body).splitlines()) >= 3)
    return path


def test_a_log_can_be_read_whole_and_from_its_end(room: Room, target: Target) -> None:
    path = speak(room, target)

    whole, tail = str(target.get(path)), str(target.get(path, tailLines=2))

    assert len(whole.splitlines()) >= 3
    assert len(tail.splitlines()) == 2
    assert str(target.get(path, tailLines=0)) == ""
    assert len(str(target.get(path, limitBytes=10))) == 10


def test_lines_can_carry_their_time(room: Room, target: Target) -> None:
    path = speak(room, target)

    lines = str(target.get(path, timestamps="true")).splitlines()

    stamps = [line.split(" ", 1)[0] for line in lines]
    assert all(
        re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+(Z|[+-]\d\d:\d\d)", stamp) for stamp in stamps
    )
    last = datetime.fromisoformat(re.sub(r"\.\d+", "", stamps[-1]).replace("Z", "+00:00"))
    assert abs((datetime.now(UTC) - last).total_seconds()) < 60


def test_a_followed_log_goes_on(room: Room, target: Target) -> None:
    path = speak(room, target)
    before = len(str(target.get(path)).splitlines())
    headers: dict[str, str] = {}
    target.api.update_params_for_auth(headers, {}, ["BearerToken"], None, None, None)
    url = f"{target.api.configuration.host}{path}?follow=true"

    response = target.api.rest_client.pool_manager.request(
        "GET", url, headers=headers, preload_content=False, timeout=30.0
    )

    with closing(response):
        deadline, count, rest = time.monotonic() + 25, 0, b""
        for chunk in response.stream(1024, decode_content=True):
            rest += chunk
            count = rest.count(b"\n")
            if count > before or time.monotonic() > deadline:
                break
    assert count > before


def test_the_official_client_reads_logs(room: Room, target: Target) -> None:
    speak(room, target)

    text = client.CoreV1Api(target.api).read_namespaced_pod_log("talker", room.name, tail_lines=1)

    assert len(text.splitlines()) == 1


def test_a_waiting_container_has_no_log(room: Room, target: Target) -> None:
    target.create(f"{room.core}/pods", pod("p", container(MISSING)))
    path = f"{room.core}/pods/p/log"

    answer = target.eventually(lambda: _refusal(target, path, "trying and failing to pull image"))

    assert answer == 'container "web" in pod "p" is waiting to start: trying and failing to pull image'


def _refusal(target: Target, path: str, words: str) -> str | None:
    answer = target.ask("GET", path)
    if answer.status != 400:  # nobody may know of the container yet
        return None
    body = answer.body if isinstance(answer.body, dict) else json.loads(answer.body)
    return str(body["message"]) if words in body["message"] else None


def test_one_of_several_containers_must_be_named(room: Room, target: Target) -> None:
    second = {"name": "second", "image": "minispod-test/web:2"}
    target.create(f"{room.core}/pods", pod("p", container(), second))

    answer = target.ask("GET", f"{room.core}/pods/p/log")

    assert answer.status == 400
    assert (
        answer.body["message"] == "a container name must be specified for pod p, choose one of: [web second]"
    )
    unknown = target.ask("GET", f"{room.core}/pods/p/log", container="third")
    assert (unknown.status, unknown.body["message"]) == (400, "container third is not valid for pod p")


def test_a_missing_pod_has_no_log(room: Room, target: Target) -> None:
    answer = target.ask("GET", f"{room.core}/pods/nothing/log")

    assert (answer.status, answer.body["message"]) == (404, 'pods "nothing" not found')


def test_the_log_of_the_run_before_a_crash_is_kept(room: Room, target: Target) -> None:
    crashing = container(SHELL, command=["sh", "-c", "echo last words; exit 1"])
    target.create(f"{room.core}/pods", pod("p", crashing))
    path = f"{room.core}/pods/p"
    target.eventually(
        lambda: any(
            one["restartCount"] >= 1 for one in target.get(path)["status"].get("containerStatuses", [])
        )
    )

    assert target.ask("GET", f"{path}/log", previous="true").status == 200
