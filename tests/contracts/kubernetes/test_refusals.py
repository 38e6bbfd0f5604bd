"""The Status bodies of refusals: 400, 401, 404, 405, 409, 415, 422, and strict validation."""

import json

import urllib3

from tests.contracts.kubernetes.manifests import config, container, deployment, ingress, pod, service
from tests.contracts.kubernetes.target import MERGE, Answer, Room, Target


def status_of(answer: Answer) -> tuple[int, str, str]:
    """What a refusal says of itself."""
    body = answer.body
    assert (body["kind"], body["apiVersion"], body["status"]) == ("Status", "v1", "Failure")
    assert body["code"] == answer.status
    return answer.status, body.get("reason", ""), body["message"]


def test_what_is_not_there_is_not_found(room: Room, target: Target) -> None:
    plain = target.ask("GET", f"{room.core}/configmaps/nothing")
    grouped = target.ask("PATCH", f"{room.apps}/deployments/nothing", {"spec": {}}, MERGE)
    space = target.ask("POST", "/api/v1/namespaces/contract-nowhere/secrets", {"metadata": {"name": "a"}})

    assert status_of(plain) == (404, "NotFound", 'configmaps "nothing" not found')
    assert plain.body["details"] == {"name": "nothing", "kind": "configmaps"}
    assert status_of(grouped) == (404, "NotFound", 'deployments.apps "nothing" not found')
    assert grouped.body["details"] == {"name": "nothing", "group": "apps", "kind": "deployments"}
    assert status_of(space) == (404, "NotFound", 'namespaces "contract-nowhere" not found')


def test_a_list_in_a_missing_namespace_is_empty(target: Target) -> None:
    assert target.get("/api/v1/namespaces/contract-nowhere/pods")["items"] == []


def test_what_is_there_already_is_a_conflict(room: Room, target: Target) -> None:
    target.create(f"{room.apps}/deployments", deployment("web", replicas=0))

    answer = target.ask("POST", f"{room.apps}/deployments", deployment("web", replicas=0))

    assert status_of(answer) == (409, "AlreadyExists", 'deployments.apps "web" already exists')
    assert answer.body["details"] == {"name": "web", "group": "apps", "kind": "deployments"}


def test_a_stale_version_is_a_conflict(room: Room, target: Target) -> None:
    made = target.create(f"{room.core}/configmaps", config("c", a="1"))
    target.patch(f"{room.core}/configmaps/c", {"data": {"a": "2"}})
    made["data"] = {"a": "3"}

    answer = target.ask("PUT", f"{room.core}/configmaps/c", made)

    assert status_of(answer) == (
        409,
        "Conflict",
        'Operation cannot be fulfilled on configmaps "c": the object has been modified; please apply your changes '
        "to the latest version and try again",
    )


def test_a_replacement_without_a_version_always_fits(room: Room, target: Target) -> None:
    target.create(f"{room.core}/configmaps", config("c", a="1"))

    answer = target.ask("PUT", f"{room.core}/configmaps/c", config("c", b="2"))

    assert answer.status == 200
    assert answer.body["data"] == {"b": "2"}


def test_broken_rules_are_listed_with_their_fields(room: Room, target: Target) -> None:
    nameless = target.ask("POST", f"{room.core}/pods", pod("p", {"name": "x"}))
    empty = target.ask("POST", f"{room.core}/pods", {"metadata": {"name": "p"}, "spec": {"containers": []}})
    port = service("1bad")
    port["spec"]["ports"] = []
    twice = target.ask("POST", f"{room.core}/services", port)

    assert status_of(nameless) == (
        422,
        "Invalid",
        'Pod "p" is invalid: spec.containers[0].image: Required value',
    )
    assert nameless.body["details"]["causes"] == [
        {"reason": "FieldValueRequired", "message": "Required value", "field": "spec.containers[0].image"}
    ]
    assert status_of(empty)[2] == 'Pod "p" is invalid: spec.containers: Required value'
    assert status_of(twice)[0] == 422
    assert [cause["field"] for cause in twice.body["details"]["causes"]] == ["metadata.name", "spec.ports"]
    assert twice.body["message"].startswith(
        'Service "1bad" is invalid: [metadata.name: Invalid value: "1bad": '
    )


def test_names_and_labels_have_a_form(room: Room, target: Target) -> None:
    name = target.ask("POST", f"{room.core}/configmaps", config("Bad_Name"))
    nothing = target.ask("POST", f"{room.core}/configmaps", {"metadata": {}})
    label = target.ask("POST", f"{room.core}/configmaps", config("c", {"a": "not a value"}))
    key = target.ask("POST", f"{room.core}/configmaps", config("c", {"bad key": "v"}))

    assert status_of(name)[:2] == (422, "Invalid")
    assert 'metadata.name: Invalid value: "Bad_Name"' in name.body["message"]
    assert status_of(nothing)[2] == (
        'ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required'
    )
    assert 'metadata.labels: Invalid value: "not a value": a valid label must be' in label.body["message"]
    assert 'metadata.labels: Invalid value: "bad key": name part must consist of' in key.body["message"]


def test_labels_of_a_template_have_a_form_too(room: Room, target: Target) -> None:
    body = deployment("web", replicas=0)
    body["spec"]["template"]["metadata"]["labels"]["name"] = "a & b"

    answer = target.ask("POST", f"{room.apps}/deployments", body)

    assert status_of(answer)[:2] == (422, "Invalid")
    assert 'spec.template.labels: Invalid value: "a & b": a valid label must be' in answer.body["message"]


def test_a_selector_must_match_its_template(room: Room, target: Target) -> None:
    body = deployment("web", replicas=0)
    body["spec"]["selector"] = {"matchLabels": {"app": "other"}}

    answer = target.ask("POST", f"{room.apps}/deployments", body)

    assert status_of(answer) == (
        422,
        "Invalid",
        'Deployment.apps "web" is invalid: spec.template.metadata.labels: Invalid value: '
        'map[string]string{"app":"web"}: `selector` does not match template `labels`',
    )


def test_a_selector_never_changes(room: Room, target: Target) -> None:
    target.create(f"{room.apps}/deployments", deployment("web", replicas=0))
    change = {
        "spec": {
            "selector": {"matchLabels": {"tier": "x"}},
            "template": {"metadata": {"labels": {"tier": "x"}}},
        }
    }

    answer = target.ask("PATCH", f"{room.apps}/deployments/web", change, MERGE)

    assert status_of(answer)[:2] == (422, "Invalid")
    assert answer.body["details"]["causes"][0]["field"] == "spec.selector"
    assert answer.body["message"].endswith("field is immutable")


def test_a_pod_is_nearly_immutable(room: Room, target: Target) -> None:
    target.create(f"{room.core}/pods", pod("p"))

    env = [{"op": "add", "path": "/spec/containers/0/env", "value": [{"name": "A", "value": "1"}]}]
    answer = target.ask("PATCH", f"{room.core}/pods/p", env, "application/json-patch+json")

    assert status_of(answer)[:2] == (422, "Invalid")
    assert "pod updates may not change fields other than `spec.containers[*].image`" in answer.body["message"]


def test_requests_must_fit_into_limits(room: Room, target: Target) -> None:
    asked = {"requests": {"memory": "2Gi"}, "limits": {"memory": "1Gi"}}

    answer = target.ask("POST", f"{room.core}/pods", pod("p", container(resources=asked)))

    assert status_of(answer)[:2] == (422, "Invalid")
    assert "spec.containers[0].resources.requests" in answer.body["message"]
    assert "must be less than or equal to memory limit" in answer.body["message"]


def test_a_mount_needs_its_volume(room: Room, target: Target) -> None:
    mounts = [{"name": "nowhere", "mountPath": "/data"}]

    answer = target.ask("POST", f"{room.core}/pods", pod("p", container(volumeMounts=mounts)))

    assert status_of(answer)[2] == (
        'Pod "p" is invalid: spec.containers[0].volumeMounts[0].name: Not found: "nowhere"'
    )


def test_an_ingress_path_needs_a_type(room: Room, target: Target) -> None:
    body = ingress("i", "a.example")
    del body["spec"]["rules"][0]["http"]["paths"][0]["pathType"]

    answer = target.ask("POST", f"{room.networking}/ingresses", body)

    assert answer.status == 422
    assert (
        "spec.rules[0].http.paths[0].pathType: Required value: pathType must be specified"
        in (answer.body["message"])
    )


def test_values_of_closed_lists_are_checked(room: Room, target: Target) -> None:
    body = service("web")
    body["spec"]["type"] = "Sideways"

    answer = target.ask("POST", f"{room.core}/services", body)

    assert status_of(answer)[:2] == (422, "Invalid")
    assert answer.body["message"].startswith(
        'Service "web" is invalid: spec.type: Unsupported value: "Sideways": supported values: "ClusterIP"'
    )


def test_what_cannot_be_read_is_a_bad_request(room: Room, target: Target) -> None:
    path = f"{room.core}/configmaps"
    broken = target.ask("POST", path, '{"metadata":')
    wrong_kind = target.ask("POST", path, {"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "a"}})
    elsewhere = target.ask("POST", path, {"metadata": {"name": "a", "namespace": "other"}})
    body = deployment("web")
    body["spec"]["replicas"] = "2"
    wrong_type = target.ask("POST", f"{room.apps}/deployments", body)

    assert status_of(broken)[:2] == (400, "BadRequest")
    assert status_of(wrong_kind)[:2] == (400, "BadRequest")
    assert 'Pod in version "v1" cannot be handled as a ConfigMap' in wrong_kind.body["message"]
    assert status_of(elsewhere)[2] == (
        "the namespace of the provided object does not match the namespace sent on the request"
    )
    assert status_of(wrong_type)[:2] == (400, "BadRequest")
    assert 'Deployment in version "v1" cannot be handled as a Deployment' in wrong_type.body["message"]


def test_unknown_patch_types_and_verbs_and_paths(room: Room, target: Target) -> None:
    target.create(f"{room.core}/configmaps", config("c"))
    plain = target.ask("PATCH", f"{room.core}/configmaps/c", {"data": {}}, "application/json")
    post = target.ask("POST", f"{room.core}/configmaps/c", config("c"))
    below = target.ask("GET", f"{room.core}/configmaps/c/nothing")

    assert status_of(plain)[:2] == (415, "UnsupportedMediaType")
    assert status_of(post) == (
        405,
        "MethodNotAllowed",
        "the server does not allow this method on the requested resource",
    )
    assert status_of(below) == (404, "NotFound", "the server could not find the requested resource")


def test_unknown_fields_are_refused_when_strict(room: Room, target: Target) -> None:
    body = deployment("web", replicas=0)
    body["spec"]["foo"] = 1
    body["spec"]["template"]["spec"]["containers"][0]["bar"] = 2

    strict = target.ask("POST", f"{room.apps}/deployments", body, fieldValidation="Strict")

    if target.at_least(25):
        assert status_of(strict)[:2] == (400, "BadRequest")
        head, _, fields = strict.body["message"].partition("strict decoding error: ")
        assert head == 'Deployment in version "v1" cannot be handled as a Deployment: '
        assert sorted(fields.split(", ")) == [
            'unknown field "spec.foo"',
            'unknown field "spec.template.spec.containers[0].bar"',
        ]
        assert target.gone(f"{room.apps}/deployments/web")
        lenient = target.ask("POST", f"{room.apps}/deployments", body, fieldValidation="Warn")
        assert lenient.status == 201
        assert 'unknown field "spec.foo"' in lenient.headers["Warning"].replace("\\", "")
        assert "foo" not in lenient.body["spec"]
    else:  # releases before 1.25 drop unknown fields without a word
        assert strict.status == 201
        assert "foo" not in strict.body["spec"]


def test_a_wrong_token_is_unauthorized(target: Target) -> None:
    configuration = target.api.configuration
    pool = urllib3.PoolManager(ca_certs=configuration.ssl_ca_cert)

    response = pool.request(
        "GET",
        f"{configuration.host}/api/v1/namespaces",
        headers={"Authorization": "Bearer wrong"},
        timeout=10.0,
    )

    body = json.loads(response.data)
    assert response.status == 401
    assert (body["kind"], body["reason"], body["message"], body["code"]) == (
        "Status",
        "Unauthorized",
        "Unauthorized",
        401,
    )
    pool.clear()


def test_deletion_preconditions_must_hold(room: Room, target: Target) -> None:
    made = target.create(f"{room.core}/configmaps", config("c"))
    path = f"{room.core}/configmaps/c"

    other = target.ask("DELETE", path, {"preconditions": {"uid": "another"}})
    policy = target.ask("DELETE", path, {"propagationPolicy": "Sideways"})

    assert status_of(other)[:2] == (409, "Conflict")
    uid = made["metadata"]["uid"]
    assert (
        f"the UID in the precondition (another) does not match the UID in record ({uid})"
        in (other.body["message"])
    )
    assert status_of(policy)[:2] == (422, "Invalid")
    assert not target.gone(path)
