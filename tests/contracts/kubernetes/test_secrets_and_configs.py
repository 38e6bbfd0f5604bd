"""Secrets and config maps."""

import base64

from tests.contracts.kubernetes.manifests import config
from tests.contracts.kubernetes.target import JSON_PATCH, Room, Target


def test_string_data_is_write_only(room: Room, target: Target) -> None:
    body = {"metadata": {"name": "s"}, "data": {"a": "eA=="}, "stringData": {"b": "déjà vu", "a": "wins"}}

    made = target.create(f"{room.core}/secrets", body)

    assert "stringData" not in made
    assert made["type"] == "Opaque"
    assert base64.b64decode(made["data"]["b"]).decode() == "déjà vu"
    assert base64.b64decode(made["data"]["a"]).decode() == "wins"


def test_an_applied_secret_is_idempotent(room: Room, target: Target) -> None:
    path = f"{room.core}/secrets/s"
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"a": "b"}}

    first, second = target.apply(path, body), target.apply(path, body)

    assert first["data"] == {"a": "Yg=="}
    assert second["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]
    assert target.apply(path, {**body, "stringData": {"a": "x"}})["data"] == {"a": "eA=="}


def test_a_secret_must_be_base64(room: Room, target: Target) -> None:
    answer = target.ask(
        "POST", f"{room.core}/secrets", {"metadata": {"name": "s"}, "data": {"a": "not base64!"}}
    )

    assert answer.status == 400
    assert "cannot be handled as a Secret" in answer.body["message"]
    assert "illegal base64 data" in answer.body["message"]


def test_an_immutable_secret_stays(room: Room, target: Target) -> None:
    body = {"metadata": {"name": "s"}, "stringData": {"a": "b"}, "immutable": True}
    target.create(f"{room.core}/secrets", body)

    answer = target.ask(
        "PATCH", f"{room.core}/secrets/s", {"data": {"a": "eA=="}}, "application/merge-patch+json"
    )

    assert answer.status == 422
    assert "field is immutable when `immutable` is set" in answer.body["message"]


def test_patches_of_three_kinds(room: Room, target: Target) -> None:
    path = f"{room.core}/configmaps/c"
    target.create(f"{room.core}/configmaps", config("c", a="1", b="2"))

    target.patch(path, {"data": {"a": None, "c": "3"}})
    target.patch(path, [{"op": "replace", "path": "/data/b", "value": "4"}], JSON_PATCH)
    target.patch(path, {"data": {"d": "5"}}, "application/strategic-merge-patch+json")

    assert target.get(path)["data"] == {"b": "4", "c": "3", "d": "5"}


def test_a_failed_test_operation_changes_nothing(room: Room, target: Target) -> None:
    path = f"{room.core}/configmaps/c"
    target.create(f"{room.core}/configmaps", config("c", a="1"))
    operations = [
        {"op": "replace", "path": "/data/a", "value": "2"},
        {"op": "test", "path": "/data/a", "value": "9"},
    ]

    answer = target.ask("PATCH", path, operations, JSON_PATCH)

    assert (answer.status, answer.body["reason"]) == (422, "Invalid")
    assert target.get(path)["data"] == {"a": "1"}


def test_a_generated_name_is_completed(room: Room, target: Target) -> None:
    body = {"metadata": {"generateName": "some-"}, "data": {}}

    first, second = (target.create(f"{room.core}/configmaps", body)["metadata"]["name"] for _ in range(2))

    assert first.startswith("some-")
    assert len(first) == len("some-") + 5
    assert first != second


def test_a_patch_without_change_writes_nothing(room: Room, target: Target) -> None:
    made = target.create(f"{room.core}/configmaps", config("c", a="1"))

    same = target.patch(f"{room.core}/configmaps/c", {"data": {"a": "1"}})

    assert same["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]
