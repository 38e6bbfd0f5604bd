"""Lists with selectors and pages, and watches from now, from then, and from too long ago."""

import json
from collections.abc import Iterator

from kubernetes import client, watch

from tests.contracts.kubernetes.manifests import Json, config, deployment
from tests.contracts.kubernetes.target import Room, Target


def names(found: Json) -> list[str]:
    """The names of a list's items, the server's own left out."""
    return [
        one["metadata"]["name"] for one in found["items"] if one["metadata"]["name"] != "kube-root-ca.crt"
    ]


def three(room: Room, target: Target) -> None:
    """Three config maps with labels."""
    target.create(f"{room.core}/configmaps", config("a", {"tier": "web", "env": "prod"}))
    target.create(f"{room.core}/configmaps", config("b", {"tier": "db", "env": "prod"}))
    target.create(f"{room.core}/configmaps", config("c", {"tier": "web"}))


def test_lists_are_selected_by_labels(room: Room, target: Target) -> None:
    three(room, target)

    def chosen(selector: str) -> list[str]:
        return names(target.get(f"{room.core}/configmaps", labelSelector=selector))

    assert chosen("tier=web") == ["a", "c"]
    assert chosen("tier==web,env=prod") == ["a"]
    assert chosen("tier!=web") == ["b"]
    assert chosen("tier in (web,db),env") == ["a", "b"]
    assert chosen("tier notin (db),tier") == ["a", "c"]
    assert chosen("tier,!env") == ["c"]


def test_malformed_selectors_are_refused(room: Room, target: Target) -> None:
    label = target.ask("GET", f"{room.core}/configmaps", labelSelector="a in (")
    field = target.ask("GET", f"{room.core}/configmaps", fieldSelector="spec.foo=1")

    assert (label.status, label.body["reason"]) == (400, "BadRequest")
    assert label.body["message"].startswith("unable to parse requirement: ")
    assert (field.status, field.body["reason"]) == (400, "BadRequest")
    assert "field label not supported: spec.foo" in field.body["message"] or (
        '"spec.foo" is not a known field selector' in field.body["message"]
    )


def test_lists_are_selected_by_fields(room: Room, target: Target) -> None:
    three(room, target)
    room.deploy(deployment("web"))
    (pod,) = room.pods("web")

    running = target.get(f"{room.core}/pods", fieldSelector="status.phase=Running")
    on_node = target.get("/api/v1/pods", fieldSelector=f"spec.nodeName={pod['spec']['nodeName']}")
    about = target.get(f"{room.core}/events", fieldSelector=f"involvedObject.uid={pod['metadata']['uid']}")

    assert names(target.get(f"{room.core}/configmaps", fieldSelector="metadata.name=b")) == ["b"]
    assert names(running) == [pod["metadata"]["name"]]
    assert pod["metadata"]["name"] in names(on_node)
    assert {event["involvedObject"]["name"] for event in about["items"]} == {pod["metadata"]["name"]}


def test_lists_come_in_pages_that_show_one_moment(room: Room, target: Target) -> None:
    for letter in "abcde":
        target.create(f"{room.core}/configmaps", config(letter, {"mine": "yes"}))

    first = target.get(f"{room.core}/configmaps", limit=2)
    target.create(f"{room.core}/configmaps", config("zz-late"))
    target.delete(f"{room.core}/configmaps/e")
    pages = [first]
    while token := pages[-1]["metadata"].get("continue"):
        pages.append(target.get(f"{room.core}/configmaps", limit=2, **{"continue": token}))

    assert first["metadata"]["remainingItemCount"] == 4
    assert [name for page in pages for name in names(page)] == ["a", "b", "c", "d", "e"]
    assert len({page["metadata"]["resourceVersion"] for page in pages}) == 1


def test_a_made_up_continue_token_is_refused(room: Room, target: Target) -> None:
    answer = target.ask("GET", f"{room.core}/configmaps", limit=1, **{"continue": "abc"})

    assert (answer.status, answer.body["reason"]) == (400, "BadRequest")
    assert "continue key is not valid" in answer.body["message"]


def test_a_list_says_what_it_is(room: Room, target: Target) -> None:
    found = target.get(f"{room.apps}/deployments")

    assert (found["kind"], found["apiVersion"], found["items"]) == ("DeploymentList", "apps/v1", [])
    assert found["metadata"]["resourceVersion"].isdigit()


def stream(target: Target, path: str, **query: object) -> Iterator[Json]:
    """The lines of a watch until the server ends it."""
    text = target.ask("GET", path, watch="true", **{"timeoutSeconds": 2, **query}).body
    lines = [text] if isinstance(text, dict) else [json.loads(line) for line in text.splitlines()]
    yield from lines


def test_a_watch_tells_what_happened_since(room: Room, target: Target) -> None:
    version = target.get(f"{room.core}/configmaps")["metadata"]["resourceVersion"]
    target.create(f"{room.core}/configmaps", config("w", a="1"))
    target.patch(f"{room.core}/configmaps/w", {"data": {"a": "2"}})
    target.delete(f"{room.core}/configmaps/w")

    seen = list(stream(target, f"{room.core}/configmaps", resourceVersion=version, timeoutSeconds=1))

    mine = [line for line in seen if line["object"]["metadata"]["name"] == "w"]
    assert [line["type"] for line in mine] == ["ADDED", "MODIFIED", "DELETED"]
    versions = [int(line["object"]["metadata"]["resourceVersion"]) for line in mine]
    assert versions == sorted(set(versions))
    assert mine[1]["object"]["data"] == {"a": "2"}
    assert mine[0]["object"]["kind"] == "ConfigMap"


def test_a_watch_without_a_version_begins_with_what_there_is(room: Room, target: Target) -> None:
    three(room, target)

    seen = list(stream(target, f"{room.core}/configmaps", labelSelector="tier=web", timeoutSeconds=1))

    assert sorted((line["type"], line["object"]["metadata"]["name"]) for line in seen) == [
        ("ADDED", "a"),
        ("ADDED", "c"),
    ]


def test_objects_enter_and_leave_a_selected_watch(room: Room, target: Target) -> None:
    three(room, target)
    version = target.get(f"{room.core}/configmaps")["metadata"]["resourceVersion"]
    target.patch(f"{room.core}/configmaps/a", {"metadata": {"labels": {"tier": "db"}}})
    target.patch(f"{room.core}/configmaps/b", {"metadata": {"labels": {"tier": "web"}}})

    seen = list(
        stream(
            target,
            f"{room.core}/configmaps",
            labelSelector="tier=web",
            resourceVersion=version,
            timeoutSeconds=1,
        )
    )

    assert [(line["type"], line["object"]["metadata"]["name"]) for line in seen] == [
        ("DELETED", "a"),
        ("ADDED", "b"),
    ]


def test_a_watch_from_too_long_ago_has_expired(room: Room, target: Target) -> None:
    (line,) = stream(target, f"{room.core}/configmaps", resourceVersion=1, timeoutSeconds=1)

    assert line["type"] == "ERROR"
    status = line["object"]
    assert (status["kind"], status["code"], status["reason"]) == ("Status", 410, "Expired")
    assert status["message"].startswith("too old resource version: 1 (")


def test_the_official_client_watches(room: Room, target: Target) -> None:
    core = client.CoreV1Api(target.api)
    version = core.list_namespaced_config_map(room.name).metadata.resource_version
    core.create_namespaced_config_map(room.name, {"metadata": {"name": "w"}})
    core.delete_namespaced_config_map("w", room.name)

    watcher = watch.Watch()
    seen = []
    for event in watcher.stream(
        core.list_namespaced_config_map, room.name, resource_version=version, timeout_seconds=5
    ):
        seen.append((event["type"], event["object"].metadata.name))
        if event["type"] == "DELETED":
            watcher.stop()

    assert seen == [("ADDED", "w"), ("DELETED", "w")]
