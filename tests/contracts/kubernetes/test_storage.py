"""Claims: bound when a pod uses them, protected while one does, gone with their volume."""

from tests.contracts.kubernetes.manifests import Json, claim, container, pod
from tests.contracts.kubernetes.target import Room, Target

VOLUME = {"name": "data", "persistentVolumeClaim": {"claimName": "data"}}


def phase(room: Room, target: Target) -> str:
    """The phase of the claim."""
    return str(target.get(f"{room.core}/persistentvolumeclaims/data")["status"]["phase"])


def user() -> Json:
    """A pod that uses the claim."""
    mounted = container(volumeMounts=[{"name": "data", "mountPath": "/data"}])
    return pod("user", mounted, volumes=[VOLUME])


def test_a_claim_waits_for_its_first_user(room: Room, target: Target) -> None:
    made = target.create(f"{room.core}/persistentvolumeclaims", claim("data"))
    assert made["spec"]["storageClassName"] == "local-path"
    assert made["spec"]["volumeMode"] == "Filesystem"
    assert made["metadata"]["finalizers"] == ["kubernetes.io/pvc-protection"]
    target.eventually(lambda: room.events("WaitForFirstConsumer"))
    assert phase(room, target) == "Pending"

    target.create(f"{room.core}/pods", user())

    target.eventually(lambda: phase(room, target) == "Bound")
    found = target.get(f"{room.core}/persistentvolumeclaims/data")
    volume = target.get(f"/api/v1/persistentvolumes/{found['spec']['volumeName']}")
    assert found["status"]["capacity"] == {"storage": "1Gi"}
    assert found["status"]["accessModes"] == ["ReadWriteOnce"]
    assert volume["spec"]["claimRef"]["name"] == "data"
    assert volume["spec"]["storageClassName"] == "local-path"
    target.eventually(lambda: target.get(f"{room.core}/pods/user")["status"]["phase"] == "Running")


def test_a_claim_in_use_is_kept_until_nobody_uses_it(room: Room, target: Target) -> None:
    target.create(f"{room.core}/persistentvolumeclaims", claim("data"))
    target.create(f"{room.core}/pods", user())
    target.eventually(lambda: target.get(f"{room.core}/pods/user")["status"]["phase"] == "Running")
    volume = target.get(f"{room.core}/persistentvolumeclaims/data")["spec"]["volumeName"]

    target.delete(f"{room.core}/persistentvolumeclaims/data")

    kept = target.get(f"{room.core}/persistentvolumeclaims/data")
    assert "deletionTimestamp" in kept["metadata"]
    target.delete(f"{room.core}/pods/user", gracePeriodSeconds=0)
    target.eventually(lambda: target.gone(f"{room.core}/persistentvolumeclaims/data"))
    target.eventually(lambda: target.gone(f"/api/v1/persistentvolumes/{volume}"))


def test_a_pod_waits_for_a_claim_that_is_not_there(room: Room, target: Target) -> None:
    target.create(f"{room.core}/pods", user())

    event = target.eventually(lambda: room.events("FailedScheduling"))[0]

    assert 'persistentvolumeclaim "data" not found' in event["message"]
    target.create(f"{room.core}/persistentvolumeclaims", claim("data"))
    target.eventually(lambda: target.get(f"{room.core}/pods/user")["status"]["phase"] == "Running")


def test_a_claim_is_immutable(room: Room, target: Target) -> None:
    target.create(f"{room.core}/persistentvolumeclaims", claim("data"))

    answer = target.ask(
        "PATCH",
        f"{room.core}/persistentvolumeclaims/data",
        {"spec": {"accessModes": ["ReadWriteMany"]}},
        "application/merge-patch+json",
    )

    assert answer.status == 422
    assert "spec is immutable after creation except resources.requests" in answer.body["message"]


def test_a_claim_needs_a_size_and_a_mode(room: Room, target: Target) -> None:
    body = {"metadata": {"name": "data"}, "spec": {}}

    answer = target.ask("POST", f"{room.core}/persistentvolumeclaims", body)

    assert answer.status == 422
    fields = [cause["field"] for cause in answer.body["details"]["causes"]]
    assert fields == ["spec.accessModes", "spec.resources[storage]"]


def test_the_default_storage_class_is_local_path(target: Target) -> None:
    found = target.get("/apis/storage.k8s.io/v1/storageclasses/local-path")

    assert found["metadata"]["annotations"]["storageclass.kubernetes.io/is-default-class"] == "true"
    assert found["volumeBindingMode"] == "WaitForFirstConsumer"
    assert found["reclaimPolicy"] == "Delete"
