"""The pure parts: quantities, patches, owned fields, selectors, protobuf, durations."""

import struct
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from minispod.simulator.kubernetes.controllers.images import Images, full_name
from minispod.simulator.kubernetes.machinery import protobuf
from minispod.simulator.kubernetes.machinery.apply import apply
from minispod.simulator.kubernetes.machinery.fields import difference, field_set, from_wire, to_wire
from minispod.simulator.kubernetes.machinery.ownership import Owner
from minispod.simulator.kubernetes.machinery.patches import json_patch, merge_patch, strategic_merge
from minispod.simulator.kubernetes.machinery.quantities import NotAQuantity, amount, canonical, written
from minispod.simulator.kubernetes.machinery.refusals import Refusal
from minispod.simulator.kubernetes.machinery.schema import schema
from minispod.simulator.kubernetes.machinery.selectors import label_matcher, selects
from minispod.simulator.kubernetes.wire.log_lines import lines_between, next_line
from minispod.simulator.kubernetes.wire.routes import find_route
from tests.contracts.kubernetes.manifests import Json, container, deployment

DEPLOYMENT = schema("io.k8s.api.apps.v1.Deployment")


@pytest.mark.parametrize(
    ("given_text", "canonical_text"),
    [
        ("0.5", "500m"),
        ("1024Mi", "1Gi"),
        ("1.5Gi", "1536Mi"),
        ("1000", "1k"),
        ("2", "2"),
        (2, "2"),
        ("100m", "100m"),
        ("1000m", "1"),
        ("0", "0"),
        ("128974848", "128974848"),
        ("1500Mi", "1500Mi"),
        ("12e6", "12e6"),
        ("-1Gi", "-1Gi"),
    ],
)
def test_quantities_have_one_form(given_text: Any, canonical_text: str) -> None:
    assert canonical(given_text) == canonical_text


@pytest.mark.parametrize("text", ["", "abc", "1.2.3", "1 Gi", "Gi", "1GiB", None, True, []])
def test_other_texts_are_no_quantities(text: Any) -> None:
    with pytest.raises(NotAQuantity):
        amount(text)


@given(st.integers(min_value=0, max_value=10**18), st.booleans())
def test_a_written_quantity_has_its_value(value: int, binary: bool) -> None:
    assert amount(written(Decimal(value), binary=binary)) == value


def test_strategic_merge_follows_the_schema() -> None:
    live = deployment("web", container(env=[{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]))
    sidecar = {"name": "side", "image": "x"}
    patch = {
        "spec": {
            "template": {
                "spec": {
                    "containers": [
                        {
                            "name": "web",
                            "env": [{"name": "B", "$patch": "delete"}, {"name": "C", "value": "3"}],
                        },
                        sidecar,
                    ],
                    "$setElementOrder/containers": [{"name": "side"}, {"name": "web"}],
                }
            },
            "strategy": {"$retainKeys": ["type"], "type": "Recreate"},
        }
    }
    live["spec"]["strategy"] = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}

    merged = strategic_merge(DEPLOYMENT, live, patch)

    containers = merged["spec"]["template"]["spec"]["containers"]
    assert [one["name"] for one in containers] == ["side", "web"]
    assert containers[1]["env"] == [{"name": "A", "value": "1"}, {"name": "C", "value": "3"}]
    assert containers[1]["image"] == live["spec"]["template"]["spec"]["containers"][0]["image"]
    assert merged["spec"]["strategy"] == {"type": "Recreate"}


def test_a_list_without_merge_key_is_replaced() -> None:
    live = deployment("web", container(args=["a", "b"]))
    patch = {"spec": {"template": {"spec": {"containers": [{"name": "web", "args": ["c"]}]}}}}

    merged = strategic_merge(DEPLOYMENT, live, patch)

    assert merged["spec"]["template"]["spec"]["containers"][0]["args"] == ["c"]


@pytest.mark.parametrize(
    ("operations", "result"),
    [
        ([{"op": "add", "path": "/a/1", "value": 9}], {"a": [1, 9, 2]}),
        ([{"op": "add", "path": "/a/-", "value": 9}], {"a": [1, 2, 9]}),
        ([{"op": "remove", "path": "/a/0"}], {"a": [2]}),
        ([{"op": "move", "from": "/a", "path": "/b~1c"}], {"b/c": [1, 2]}),
        ([{"op": "copy", "from": "/a/0", "path": "/d"}], {"a": [1, 2], "d": 1}),
        (
            [{"op": "test", "path": "/nothing", "value": None}, {"op": "replace", "path": "/a", "value": 3}],
            {"a": 3},
        ),
    ],
)
def test_json_patch_operations(operations: list[Json], result: Json) -> None:
    assert json_patch({"a": [1, 2]}, operations) == result


@pytest.mark.parametrize(
    "operations",
    [
        [{"op": "remove", "path": "/b"}],
        [{"op": "replace", "path": "/b", "value": 1}],
        [{"op": "add", "path": "/a/7", "value": 1}],
        [{"op": "unheard", "path": "/a"}],
        [{"op": "add"}],
    ],
)
def test_impossible_operations_are_refused(operations: list[Json]) -> None:
    with pytest.raises(Refusal) as refused:
        json_patch({"a": [1, 2]}, operations)

    assert refused.value.code == 422


def test_a_merge_patch_removes_with_null() -> None:
    assert merge_patch({"a": {"b": 1, "c": 2}}, {"a": {"b": None, "d": [3]}}) == {"a": {"c": 2, "d": [3]}}


def test_fields_survive_the_wire() -> None:
    paths = field_set(DEPLOYMENT, deployment("web", container(ports=[{"containerPort": 80}])))

    assert from_wire(to_wire(paths)) == paths
    assert any(path[-1] == 'k:{"containerPort":80,"protocol":"TCP"}' for path in paths)


def test_a_difference_names_leaves() -> None:
    old, new = deployment("web", container(args=["a"])), deployment("web", container(args=["b"]), replicas=2)
    del new["metadata"]["labels"]

    found = difference(DEPLOYMENT, old, new)

    told = {path[-1] for path in found.changed}
    assert told == {"f:args", "f:replicas"}
    assert ("f:metadata", "f:labels", "f:app") in found.removed


def test_an_item_that_others_extended_keeps_their_part() -> None:
    mine, theirs = Owner("mine", "Apply", "apps/v1"), Owner("theirs", "Apply", "apps/v1")
    live = apply(DEPLOYMENT, None, deployment("web", container(workingDir="/a")), mine, force=False)
    extended = {"spec": {"template": {"spec": {"containers": [{"name": "web", "stdin": True}]}}}}
    live = apply(DEPLOYMENT, live, extended, theirs, force=False)

    live = apply(DEPLOYMENT, live, {"metadata": {"name": "web"}}, mine, force=False)

    assert live["spec"]["template"]["spec"]["containers"] == [{"name": "web", "stdin": True}]


def test_selectors_by_expression() -> None:
    rules = [
        {"key": "a", "operator": "In", "values": ["1", "2"]},
        {"key": "b", "operator": "DoesNotExist"},
        {"key": "c", "operator": "NotIn", "values": ["x"]},
    ]

    assert selects({"matchExpressions": rules}, {"a": "1"})
    assert not selects({"matchExpressions": rules}, {"a": "1", "b": ""})
    assert not selects(None, {"a": "1"})
    assert selects({}, {"a": "1"})


def refusal_of(work: Callable[[], object]) -> int | None:
    """The status of the refusal that the work ends in; None if it succeeds."""
    try:
        work()
    except Refusal as refusal:
        return refusal.code
    return None


@given(st.text(max_size=40))
def test_any_selector_is_understood_or_refused(text: str) -> None:
    labelled = {"metadata": {"labels": {"a": "b"}}}

    assert refusal_of(lambda: label_matcher(text)(labelled)) in (None, 400)


@given(st.binary(max_size=200))
@example(b"\t\x00\x00")
def test_any_protobuf_is_read_or_refused(body: bytes) -> None:
    for start in (b"", protobuf.MAGIC, protobuf.MAGIC + b"\x0a\x0f\x0a\x02v1\x12\x09Namespace\x12"):
        assert refusal_of(partial(protobuf.read, start + body)) in (None, 400)


def test_protobuf_of_a_namespace() -> None:
    def field(number: int, value: bytes) -> bytes:
        return struct.pack("BB", number << 3 | 2, len(value)) + value

    metadata = field(1, b"demo") + field(2, b"") + field(11, field(1, b"tier") + field(2, b"web"))
    type_ = field(1, b"v1") + field(2, b"Namespace")

    found = protobuf.read(protobuf.MAGIC + field(1, type_) + field(2, field(1, metadata)))

    assert found == {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": "demo", "labels": {"tier": "web"}},
    }


@given(st.text(max_size=60))
def test_any_path_has_a_route_or_none(path: str) -> None:
    assert refusal_of(lambda: find_route(f"/api/v1/{path}")) in (None, 404)


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ("nginx", "docker.io/library/nginx:latest"),
        ("n8nio/n8n:1", "docker.io/n8nio/n8n:1"),
        ("ghcr.io/a/b", "ghcr.io/a/b:latest"),
        ("localhost:5000/a:2", "localhost:5000/a:2"),
        ("a/b@sha256:0", "docker.io/a/b@sha256:0"),
    ],
)
def test_images_have_full_names(image: str, name: str) -> None:
    assert full_name(image) == name


def test_the_catalogue_of_images() -> None:
    images = Images()

    assert images.exists("n8nio/n8n:1")
    assert not images.exists("team/does-not-exist:1")
    assert not images.exists("registry.invalid/a:1")
    images.set_known("docker.io/n8nio/*", known=False)
    assert not images.exists("n8nio/n8n:1")
    images.set_known("docker.io/n8nio/*", known=True)
    assert images.exists("n8nio/n8n:1")


def test_log_lines_stay_what_they_were() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    early = lines_between("n8nio/n8n:1", "c1", start, start + timedelta(minutes=5))
    late = lines_between("n8nio/n8n:1", "c1", start, start + timedelta(minutes=10))

    assert late[: len(early)] == early
    assert [line.at for line in late] == sorted(line.at for line in late)
    assert next_line("n8nio/n8n:1", "c1", start, early[-1].at) == late[len(early)]
    long = lines_between("n8nio/n8n:1", "c1", start, start + timedelta(days=30))
    assert len(long) < 2100
