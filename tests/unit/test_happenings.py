"""What Kubernetes says in events and statuses, in our words; and which volume figures can be believed."""

from string import Formatter

import pytest

from minispod.cluster.port import VolumeUsage
from minispod.integrations.kubernetes import words
from minispod.integrations.kubernetes.happenings import belongs, endings, tell
from minispod.integrations.kubernetes.troubles import trouble_of
from minispod.integrations.kubernetes.volumes import read_summary

GIBIBYTE = 2**30


def event(reason, message, *, kind="Warning", at="2026-11-20T03:00:00Z", field="", **more):
    involved = {"kind": "Pod", "name": "ghost-abc-5d4-xyz", "fieldPath": field}
    return {
        "reason": reason,
        "message": message,
        "type": kind,
        "lastTimestamp": at,
        "count": 1,
        "involvedObject": involved,
        **more,
    }


@pytest.mark.parametrize(
    ("reason", "message", "told"),
    [
        ("FailedScheduling", "0/3 nodes are available: 3 Insufficient memory.", "unschedulable"),
        ("FailedScheduling", "0/3 nodes are available: 3 node(s) had taint {x: y}.", "unschedulable"),
        ("FailedScheduling", "0/3 nodes: 1 node(s) had volume node affinity conflict.", "volume"),
        ("FailedScheduling", 'persistentvolumeclaim "a-data" not found', "volume"),
        ("Failed", 'Failed to pull image "a:1": not found', "image_pull"),
        ("BackOff", 'Back-off pulling image "a:1"', "image_pull"),
        ("InspectFailed", 'Failed to apply default image tag "A::": bad', "image_pull"),
        ("Failed", "Error: failed to create containerd task: exec: no such file", "config"),
        ("Failed", 'Error: secret "x" not found', "config"),
        ("Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 500", "probe"),
        ("Unhealthy", "Liveness probe failed: dial tcp 10.42.0.7:80: connection refused", "probe"),
        ("Killing", "Container app failed liveness probe, will be restarted", "probe"),
        ("Killing", "Stopping container app", "stopping"),
        ("Evicted", "The node was low on resource: ephemeral-storage.", "evicted"),
        ("Evicted", "The node was low on resource: memory. Container app was using 1Gi.", "evicted"),
        (
            "Evicted",
            "Pod ephemeral local storage usage exceeds the total limit of containers 2Gi.",
            "scratch_full",
        ),
        ("Evicted", 'Usage of EmptyDir volume "scratch-0" exceeds the limit "512Mi". ', "scratch_full"),
        ("FailedCreate", 'pods "a" is forbidden: exceeded quota: room, requested: cpu=1', "quota"),
        ("FailedCreate", 'pods "a" is forbidden: violates PodSecurity "restricted"', "config"),
        ("FailedMount", "Unable to attach or mount volumes: timed out", "volume"),
        ("ProvisioningFailed", 'storageclass.storage.k8s.io "fast" not found', "volume"),
        ("NodeNotReady", "Node is not ready", "node_not_ready"),
        ("TaintManagerEviction", "Marking for deletion Pod a/b", "node_not_ready"),
        ("FailedCreatePodSandBox", "network: failed to allocate for range", "network"),
        ("SomethingNew", "node worker-7 did a new thing", "other"),
    ],
)
def test_each_thing_has_its_reason_and_nothing_of_the_clusters_own_reaches_the_customer(
    reason, message, told
):
    [found] = tell([event(reason, message)], [])

    assert found.reason == told
    assert found.raw == f"{reason}: {message}"
    for text in (found.words.english, found.words.indonesian):
        assert "worker-7" not in text
        assert "10.42" not in text


def test_an_image_that_is_not_named_is_told_all_the_same():
    [found] = tell([event("InspectFailed", "Failed to apply default image tag")], [])

    assert (found.reason, found.words.english) == (
        "image_pull",
        "An image of the application could not be pulled.",
    )


def test_what_says_nothing_is_not_told():
    dull = [
        event("SuccessfulCreate", "Created pod: a", kind="Normal"),
        event("ScalingReplicaSet", "Scaled up", kind="Normal"),
        event("Failed", "Error: ImagePullBackOff"),
        event("BackOff", "Back-off restarting failed container app in pod a"),
    ]

    assert tell(dull, []) == []


def test_an_image_that_cannot_be_had_is_a_warning_also_while_the_kubelet_only_waits():
    told = tell(
        [
            event("Failed", 'Failed to pull image "a:1": not found'),
            event("BackOff", 'Back-off pulling image "a:1"', kind="Normal", at="2026-11-20T03:00:01Z"),
        ],
        [],
    )

    assert [(each.reason, each.is_warning, each.count) for each in told] == [("image_pull", True, 2)]


def test_the_same_of_the_same_container_is_told_once_with_its_count():
    field = "spec.containers{app}"
    told = tell(
        [
            event("Unhealthy", "Readiness probe failed: a", at="2026-11-20T03:00:00Z", field=field, count=4),
            event("Unhealthy", "Readiness probe failed: b", at="2026-11-20T03:05:00Z", field=field, count=3),
            event("Unhealthy", "Readiness probe failed: c", field="spec.containers{database}"),
        ],
        [],
    )

    assert [(each.container, each.count, each.at.minute) for each in told] == [
        ("app", 7, 5),
        ("database", 1, 0),
    ]


def test_events_of_the_new_kind_have_their_moment_in_the_series():
    new = event("Unhealthy", "Startup probe failed", lastTimestamp=None, count=None)
    new |= {"eventTime": "2026-11-20T03:00:00.000001Z"}
    new |= {"series": {"count": 9, "lastObservedTime": "2026-11-20T03:09:00.000001Z"}}

    [found] = tell([new], [])

    assert (found.at.minute, found.count) == (9, 9)


def ended_pod(**terminated):
    status = {"name": "app", "restartCount": 4, "lastState": {"terminated": terminated}}
    return {
        "metadata": {"name": "a"},
        "status": {"containerStatuses": [{**status, "state": {"waiting": {}}}]},
    }


def test_what_a_container_ended_with_comes_with_its_last_lines():
    pod = ended_pod(exitCode=137, reason="OOMKilled", finishedAt="2026-11-20T03:00:00Z")
    [(_, status, ending)] = endings([pod])

    [found] = tell([], [(status, ending, ["almost", "full"])])

    assert (found.reason, found.count, found.log_lines) == ("oom", 4, ("almost", "full"))
    assert found.raw == "OOMKilled (exit code 137)"


def test_a_container_that_ended_well_once_is_no_trouble():
    done = {"name": "prepare", "restartCount": 0, "state": {"terminated": {"exitCode": 0}}}
    pod = {"metadata": {"name": "a"}, "status": {"initContainerStatuses": [done]}}

    assert list(endings([pod])) == []


@pytest.mark.parametrize(
    ("name", "is_ours"),
    [("ghost-abc", True), ("ghost-abc-5d4-xyz", True), ("ghost-abc-data-2", True), ("ghost-abcd", False)],
)
def test_events_belong_to_the_workload_whose_name_they_bear(name, is_ours):
    assert belongs({"involvedObject": {"name": name}}, "ghost-abc") is is_ours


@pytest.mark.parametrize("key", sorted(words._TEXTS))
def test_every_text_is_there_in_both_languages_and_fills_in_the_same(key):
    text = words._TEXTS[key].words

    def places(sentence):
        return {place for _, place, _, _ in Formatter().parse(sentence) if place}

    assert text.english.endswith(".")
    assert text.indonesian.endswith(".")
    assert text.english != text.indonesian
    assert places(text.english) == places(text.indonesian)
    assert bool(text.advice_english) == bool(text.advice_indonesian)


def test_a_trouble_and_an_event_use_the_same_words():
    waiting = {"reason": "ImagePullBackOff", "message": "not found"}
    pod = {"status": {"containerStatuses": [{"image": "a:1", "state": {"waiting": waiting}}]}}

    trouble = trouble_of({}, pod)
    [found] = tell([event("Failed", 'Failed to pull image "a:1": not found')], [])

    assert (trouble.reason, trouble.sentence) == (found.reason, found.words.english)


def summary(capacity, used, claim="a-data"):
    """As a kubelet of 1.20.2 wrote it, for a claim of 1 GiB."""
    volume = {
        "time": "2026-11-21T18:07:00Z",
        "capacityBytes": capacity,
        "usedBytes": used,
        "name": "data",
        "pvcRef": {"name": claim, "namespace": "user-1"},
    }
    reference = {"name": "a-5d4-xyz", "namespace": "user-1", "uid": "70f476ab"}
    token = {"name": "default-token-5rg7h", "capacityBytes": 12638253056, "usedBytes": 12288}
    return {"pods": [{"podRef": reference, "volume": [token, volume]}, {"podRef": reference}]}


CLAIMS = {("user-1", "a-data"): float(GIBIBYTE)}


def test_a_volume_that_measures_itself_is_believed():
    # ext4 on a device of 1 GiB.
    [found] = read_summary(summary(1_020_702_720, 300 * 2**20), CLAIMS)

    assert found == VolumeUsage("user-1", "a-5d4-xyz", "a-data", 300, 973)


@pytest.mark.parametrize(
    ("capacity", "used"),
    [
        (270_553_174_016, 31_713_894_400),  # a `local` volume: the file system of the whole node
        (5 * GIBIBYTE, 1),  # a shared directory
        (100 * 2**20, 1),  # another file system altogether
        (None, None),
        (GIBIBYTE, 2 * GIBIBYTE),
    ],
)
def test_a_figure_that_is_about_something_else_is_left_out(capacity, used):
    assert list(read_summary(summary(capacity, used), CLAIMS)) == []


def test_a_claim_that_is_not_ours_is_left_out():
    assert list(read_summary(summary(1_020_702_720, 1, claim="theirs"), CLAIMS)) == []
    assert list(read_summary({}, CLAIMS)) == []
