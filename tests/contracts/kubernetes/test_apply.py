"""Server-side apply: create, repeat, change, conflict, force, and fields that are no longer stated."""

from tests.contracts.kubernetes.manifests import Json, config, container, deployment
from tests.contracts.kubernetes.target import APPLY, Room, Target


def managers(obj: Json) -> dict[tuple[str, str], Json]:
    """The owners of an object's fields, and what they own."""
    return {(one["manager"], one["operation"]): one["fieldsV1"] for one in obj["metadata"]["managedFields"]}


def test_applying_creates_what_is_missing(room: Room, target: Target) -> None:
    answer = target.ask(
        "PATCH", f"{room.core}/configmaps/c", config("c", {"a": "b"}, x="1"), APPLY, fieldManager="minispod"
    )

    assert answer.status == 201
    assert answer.body["data"] == {"x": "1"}
    assert managers(answer.body) == {
        ("minispod", "Apply"): {"f:data": {"f:x": {}}, "f:metadata": {"f:labels": {"f:a": {}}}}
    }


def test_applying_the_same_again_changes_nothing(room: Room, target: Target) -> None:
    path, body = (
        f"{room.apps}/deployments/web",
        deployment("web", container(env=[{"name": "A", "value": "1"}])),
    )
    body["spec"]["replicas"] = 0
    target.apply(path, body)
    settled = target.eventually(lambda: _observed(target, path))

    again = target.ask("PATCH", path, body, APPLY, fieldManager="minispod")

    assert again.status == 200
    assert again.body["metadata"]["resourceVersion"] == settled["metadata"]["resourceVersion"]
    assert again.body["metadata"]["generation"] == 1


def _observed(target: Target, path: str) -> Json | None:
    found: Json = target.get(path)
    conditions = {one["type"] for one in found["status"].get("conditions", [])}
    return found if {"Available", "Progressing"} <= conditions else None


def test_a_field_that_is_no_longer_stated_goes(room: Room, target: Target) -> None:
    path = f"{room.apps}/deployments/web"
    stated = container(env=[{"name": "A", "value": "1"}, {"name": "B", "value": "2"}])
    target.apply(path, deployment("web", stated, replicas=0))

    changed = target.apply(path, deployment("web", container(env=[{"name": "B", "value": "3"}]), replicas=0))

    found = changed["spec"]["template"]["spec"]["containers"][0]
    assert found["env"] == [{"name": "B", "value": "3"}]
    assert found["imagePullPolicy"] == "IfNotPresent"
    assert changed["metadata"]["generation"] == 2


def test_what_others_set_stays(room: Room, target: Target) -> None:
    path = f"{room.core}/configmaps/c"
    target.apply(path, config("c", x="1"))
    target.patch(path, {"data": {"theirs": "2"}}, fieldManager="them")

    target.apply(path, config("c", y="3"))

    assert target.get(path)["data"] == {"theirs": "2", "y": "3"}


def test_a_field_of_another_is_a_conflict(room: Room, target: Target) -> None:
    path = f"{room.core}/configmaps/c"
    target.apply(path, config("c", x="1"), manager="first")

    answer = target.ask("PATCH", path, config("c", x="2"), APPLY, fieldManager="second")

    assert answer.status == 409
    assert answer.body["reason"] == "Conflict"
    assert answer.body["message"] == 'Apply failed with 1 conflict: conflict with "first": .data.x'
    causes = answer.body["details"]["causes"]
    assert causes == [
        {"reason": "FieldManagerConflict", "message": 'conflict with "first"', "field": ".data.x"}
    ]
    assert target.get(path)["data"] == {"x": "1"}


def test_a_conflict_with_an_update_names_its_version(room: Room, target: Target) -> None:
    path = f"{room.core}/configmaps/c"
    target.create(f"{room.core}/configmaps", config("c", x="1", y="1"), fieldManager="them")

    answer = target.ask("PATCH", path, config("c", x="2", y="2"), APPLY, fieldManager="second")

    assert answer.status == 409
    assert answer.body["message"] == (
        'Apply failed with 2 conflicts: conflicts with "them" using v1:\n- .data.x\n- .data.y'
    )


def test_force_takes_the_field_over(room: Room, target: Target) -> None:
    path = f"{room.core}/configmaps/c"
    target.apply(path, config("c", x="1", y="1"), manager="first")

    taken = target.apply(path, config("c", x="2"), manager="second", force="true")

    assert taken["data"] == {"x": "2", "y": "1"}
    assert managers(taken) == {
        ("first", "Apply"): {"f:data": {"f:y": {}}},
        ("second", "Apply"): {"f:data": {"f:x": {}}},
    }


def test_the_same_value_is_shared_without_conflict(room: Room, target: Target) -> None:
    path = f"{room.core}/configmaps/c"
    target.apply(path, config("c", x="1"), manager="first")

    shared = target.apply(path, config("c", x="1"), manager="second")

    assert set(managers(shared)) == {("first", "Apply"), ("second", "Apply")}


def test_an_update_takes_fields_from_an_applier(room: Room, target: Target) -> None:
    path = f"{room.core}/configmaps/c"
    target.apply(path, config("c", x="1", y="1"), manager="first")

    changed = target.patch(path, {"data": {"x": "2"}}, fieldManager="them")

    assert managers(changed) == {
        ("first", "Apply"): {"f:data": {"f:y": {}}},
        ("them", "Update"): {"f:data": {"f:x": {}}},
    }


def test_a_field_manager_is_required(room: Room, target: Target) -> None:
    answer = target.ask("PATCH", f"{room.core}/configmaps/c", config("c", x="1"), APPLY)

    assert answer.status == 422
    assert answer.body["message"] == (
        'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch'
    )


def test_a_field_the_schema_does_not_know_is_refused(room: Room, target: Target) -> None:
    body = deployment("web", replicas=0)
    body["spec"]["foo"] = 2

    answer = target.ask("PATCH", f"{room.apps}/deployments/web", body, APPLY, fieldManager="minispod")

    assert answer.status == 500
    assert answer.body["message"].startswith("failed to create typed patch object")
    assert answer.body["message"].endswith(".spec.foo: field not declared in schema")


def test_the_name_must_be_that_of_the_path(room: Room, target: Target) -> None:
    answer = target.ask("PATCH", f"{room.core}/configmaps/x", config("y"), APPLY, fieldManager="minispod")

    assert answer.status == 400
    assert answer.body["message"] == "the name of the object (y) does not match the name on the URL (x)"


def test_applying_into_a_missing_namespace_is_not_found(target: Target) -> None:
    path = "/api/v1/namespaces/contract-nowhere/configmaps/c"

    answer = target.ask("PATCH", path, config("c", x="1"), APPLY, fieldManager="minispod")

    assert answer.status == 404
    assert answer.body["message"] == 'namespaces "contract-nowhere" not found'


def test_a_dry_run_stores_nothing(room: Room, target: Target) -> None:
    path = f"{room.core}/configmaps/c"

    answer = target.ask("PATCH", path, config("c", x="1"), APPLY, fieldManager="minispod", dryRun="All")

    assert answer.status == 201
    assert answer.body["data"] == {"x": "1"}
    assert target.gone(path)


def test_applied_lists_are_merged_by_their_keys(room: Room, target: Target) -> None:
    path = f"{room.apps}/deployments/web"
    target.apply(path, deployment("web", container(ports=[{"containerPort": 8080}]), replicas=0))
    sidecar = {"name": "sidecar", "image": "minispod-test/web:2"}
    target.patch(
        path,
        [{"op": "add", "path": "/spec/template/spec/containers/-", "value": sidecar}],
        "application/json-patch+json",
        fieldManager="injector",
    )

    again = target.apply(path, deployment("web", container(ports=[{"containerPort": 8081}]), replicas=0))

    containers = {one["name"]: one for one in again["spec"]["template"]["spec"]["containers"]}
    assert set(containers) == {"web", "sidecar"}
    assert containers["web"]["ports"] == [{"containerPort": 8081, "protocol": "TCP"}]
