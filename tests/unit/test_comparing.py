"""What we would apply beside what the cluster has: differences, and never a secret."""

from typing import Any

import pytest

from minispod.instances.comparing import HIDDEN, Standing, compare

SECRET = "s3cret-value-of-a-customer"


def deployment(**spec: Any) -> dict[str, Any]:
    container = {
        "name": "app",
        "image": "app:1",
        "resources": {"limits": {"cpu": "1000m", "memory": "1024Mi"}},
    }
    whole = {"replicas": 1, "template": {"spec": {"containers": [container]}}, **spec}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "app"}, "spec": whole}


def secret() -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "app", "annotations": {"note": f"has {SECRET} in it"}},
        "stringData": {"PASSWORD": SECRET, "PIN": "1"},
    }


def test_what_the_cluster_adds_is_no_difference() -> None:
    there = deployment(revisionHistoryLimit=10)
    there["spec"]["template"]["spec"]["containers"][0]["resources"] = {
        "limits": {"cpu": "1", "memory": "1Gi"},
        "requests": {"cpu": "1"},
    }
    there["metadata"] |= {"uid": "an-id", "managedFields": [{"manager": "x"}]}
    there["status"] = {"readyReplicas": 1}

    [one] = compare([deployment()], [there], secrets=())

    assert one.standing is Standing.SAME
    assert {mark for mark, _ in one.lines} == {" "}
    assert one.present is not None
    assert "readyReplicas" in one.present
    assert "managedFields" not in one.present


def test_a_difference_is_marked_on_both_sides() -> None:
    [one] = compare([deployment()], [deployment(replicas=3)], secrets=())

    assert one.standing is Standing.DIFFERS
    assert [line for line in one.lines if line[0] != " "] == [("-", "  replicas: 1"), ("+", "  replicas: 3")]


def test_a_field_that_is_not_there_is_a_difference() -> None:
    there = deployment()
    del there["spec"]["replicas"]

    [one] = compare([deployment()], [there], secrets=())

    assert [line for line in one.lines if line[0] != " "] == [("-", "  replicas: 1")]


def test_another_number_of_containers_is_a_difference() -> None:
    there = deployment()
    there["spec"]["template"]["spec"]["containers"].append({"name": "sidecar", "image": "spy:1"})

    [one] = compare([deployment()], [there], secrets=())

    assert one.standing is Standing.DIFFERS
    assert any(mark == "+" and "spy:1" in line for mark, line in one.lines)


def test_what_is_missing_what_is_only_there_and_what_is_not_read() -> None:
    stray = {**deployment(), "metadata": {"name": "stray"}}

    found = compare([deployment(), secret()], [stray], secrets=())

    assert [(each.kind, each.name, each.standing) for each in found] == [
        ("Deployment", "app", Standing.MISSING),
        ("Secret", "app", Standing.NOT_READ),
        ("Deployment", "stray", Standing.ONLY_THERE),
    ]


def test_while_the_cluster_is_silent_nothing_is_said_to_be_missing() -> None:
    found = compare([deployment(), secret()], None, secrets=())

    assert {each.standing for each in found} == {Standing.NOT_READ}


@pytest.mark.parametrize("present", [None, [], [secret()]])
def test_no_secret_is_shown_wherever_it_stands(present: list[dict[str, Any]] | None) -> None:
    leaking = deployment()
    leaking["spec"]["template"]["spec"]["containers"][0]["args"] = [f"--password={SECRET}"]

    found = compare([leaking, secret()], present, secrets=[SECRET])

    assert SECRET not in repr(found)
    assert HIDDEN in repr(found)
    kept = next(each for each in found if each.kind == "Secret")
    assert ("PIN: (hidden)") in "\n".join(line for _, line in kept.lines)


def test_a_short_value_hides_no_half_of_the_page() -> None:
    [one] = compare([deployment()], None, secrets=["a", ""])

    assert HIDDEN not in repr(one)
