"""What the server keeps of an object's metadata and status, whatever a writer sends.

Names and places come from the URL, identity and times from the server, the status only by its own subresource.
"""

from minispod.simulator.kubernetes.machinery.jsonish import Json, clone, new_uid, now_text, random_suffix
from minispod.simulator.kubernetes.machinery.kinds import DEPLOYMENTS, Resource
from minispod.simulator.kubernetes.machinery.refusals import bad_request, conflict

REVISION = "deployment.kubernetes.io/revision"
CARRIED = (
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "generation",
    "generateName",
)


def place(resource: Resource, namespace: str, obj: Json) -> None:
    """Put the object where the URL says, unless it says otherwise itself."""
    metadata = obj["metadata"]
    if not resource.namespaced:
        metadata.pop("namespace", None)
        return
    if metadata.get("namespace") not in (None, "", namespace):
        raise bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )
    metadata["namespace"] = namespace


def match_url(resource: Resource, obj: Json, namespace: str, name: str) -> None:
    """Refuse an object of another name or place than the URL says."""
    stated = obj["metadata"].setdefault("name", name)
    if stated != name:
        raise bad_request(f"the name of the object ({stated}) does not match the name on the URL ({name})")
    place(resource, namespace, obj)


def new_metadata(resource: Resource, obj: Json, *, keep_ledger: bool) -> None:
    """What a new object is given, and what it may not bring along."""
    metadata = obj["metadata"]
    if not metadata.get("name") and metadata.get("generateName"):
        metadata["name"] = metadata["generateName"][:58] + random_suffix()
    for name in ("deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "generation"):
        metadata.pop(name, None)
    if not keep_ledger:
        metadata.pop("managedFields", None)
    metadata |= {"uid": new_uid(), "creationTimestamp": now_text()}
    if resource.has_generation:
        metadata["generation"] = 1
    if resource.kind == "PersistentVolumeClaim":
        metadata["finalizers"] = sorted({*metadata.get("finalizers", ()), "kubernetes.io/pvc-protection"})


def carry_metadata(resource: Resource, old: Json, obj: Json) -> None:
    """What a writer cannot change stays; a stale version or a wrong identity is a conflict."""
    before, after = old["metadata"], obj["metadata"]
    stated = after.get("resourceVersion")
    if stated and stated not in ("0", before["resourceVersion"]):
        raise conflict(resource, before["name"])
    if after.get("uid") not in (None, "", before["uid"]):
        why = f"Precondition failed: UID in precondition: {after['uid']}, UID in object meta: {before['uid']}"
        raise conflict(resource, before["name"], why)
    for name in CARRIED:
        if name in before:
            after[name] = before[name]
        else:
            after.pop(name, None)
    after["resourceVersion"] = before["resourceVersion"]


def carry_status(resource: Resource, old: Json, obj: Json, subresource: str) -> None:
    """A status write changes the status alone, any other write everything but the status."""
    if "status" not in resource.subresources:
        return
    if subresource == "status":
        status, ledger = obj.get("status"), obj["metadata"].get("managedFields")
        keep = {key: part for key, part in old.items() if key != "status"}
        obj.clear()
        obj.update(clone(keep))
        if status is not None:
            obj["status"] = status
        if ledger is not None:
            obj["metadata"]["managedFields"] = ledger
    elif "status" in old:
        obj["status"] = old["status"]
    else:
        obj.pop("status", None)


def bumps_generation(resource: Resource, old: Json, obj: Json) -> bool:
    """Whether a write is a new wish, as opposed to a remark."""
    if old.get("spec") != obj.get("spec"):
        return True
    return resource == DEPLOYMENTS and _own_annotations(old) != _own_annotations(obj)


def _own_annotations(obj: Json) -> Json:
    annotations = obj["metadata"].get("annotations") or {}
    return {key: value for key, value in annotations.items() if key != REVISION}
