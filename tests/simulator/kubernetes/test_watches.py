"""Watches beyond what the contract asks: bookmarks, initial events, tables, and the end of a cluster."""

import json
from collections.abc import Iterator

from tests.contracts.kubernetes.manifests import Json, config
from tests.contracts.kubernetes.target import Room, Target
from tests.simulator.kubernetes.conftest import Running

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"


def open_watch(target: Target, path: str, accept: str = "application/json") -> Iterator[Json]:
    """Ask for a watch; its lines until the server ends it."""
    headers = {"Accept": accept}
    target.api.update_params_for_auth(headers, {}, ["BearerToken"], None, None, None)
    answer = target.api.rest_client.pool_manager.request(
        "GET", f"{target.api.configuration.host}{path}", headers=headers, timeout=20.0, preload_content=False
    )
    rest = b""
    for part in answer.stream():
        *whole, rest = (rest + part).split(b"\n")
        yield from map(json.loads, whole)


def lines(target: Target, path: str, accept: str = "application/json") -> list[Json]:
    """All lines of a watch that ends by itself."""
    return list(open_watch(target, path, accept))


def test_a_bookmark_ends_a_watch(room: Room, target: Target) -> None:
    made = target.create(f"{room.core}/configmaps", config("c"))
    version = made["metadata"]["resourceVersion"]

    (last,) = lines(
        target,
        f"{room.core}/configmaps?watch=true&resourceVersion={version}&timeoutSeconds=1&allowWatchBookmarks=true",
    )

    assert last["type"] == "BOOKMARK"
    assert int(last["object"]["metadata"]["resourceVersion"]) >= int(version)
    assert last["object"]["kind"] == "ConfigMap"


def test_initial_events_end_with_their_own_bookmark(room: Room, target: Target) -> None:
    target.create(f"{room.core}/configmaps", config("c"))

    seen = lines(
        target,
        f"{room.core}/configmaps?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
        "&allowWatchBookmarks=true&timeoutSeconds=1",
    )

    names = [line["object"]["metadata"].get("name") for line in seen if line["type"] == "ADDED"]
    assert names == ["c", "kube-root-ca.crt"]
    assert seen[2]["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


def test_a_watch_can_be_told_in_tables(room: Room, target: Target) -> None:
    target.create(f"{room.core}/configmaps", config("c", a="1"))

    first, second = lines(target, f"{room.core}/configmaps?watch=true&timeoutSeconds=1", TABLE)

    assert first["object"]["kind"] == second["object"]["kind"] == "Table"
    assert first["object"]["rows"][0]["cells"][:2] == ["c", 1]
    assert first["object"]["columnDefinitions"]
    assert second["object"]["columnDefinitions"] == []


def test_a_reset_ends_watches(sim: Running, room: Room, target: Target) -> None:
    watch = open_watch(target, f"{room.core}/configmaps?watch=true&timeoutSeconds=30")
    assert next(watch)["type"] == "ADDED"

    sim.pull("reset")

    last = list(watch)[-1]
    assert (last["type"], last["object"]["code"]) == ("ERROR", 410)


def test_a_malformed_version_is_refused(room: Room, target: Target) -> None:
    answer = target.ask("GET", f"{room.core}/configmaps", watch="true", resourceVersion="abc")

    assert (answer.status, answer.body["reason"]) == (400, "BadRequest")
