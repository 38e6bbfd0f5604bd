"""Deleting: grace, finalizers, the three ways to treat dependents, and the answer a client gets.

An object with finalizers or grace is only marked here; whoever owns the finalizer (or the kubelet) finishes it.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from minispod.simulator.kubernetes.admission import Admission
from minispod.simulator.kubernetes.machinery.jsonish import Json, clone, dig
from minispod.simulator.kubernetes.machinery.kinds import BY_KIND, JOBS, NAMESPACES, PODS, Resource
from minispod.simulator.kubernetes.machinery.refusals import conflict, invalid, unsupported_value
from minispod.simulator.kubernetes.store import Address, Store

POLICIES = ("Foreground", "Background", "Orphan")
FOREGROUND, ORPHAN = "foregroundDeletion", "orphan"


@dataclass(frozen=True, slots=True)
class DeleteOptions:
    """What the client wants of a deletion."""

    grace_seconds: int | None = None
    policy: str | None = None
    uid: str | None = None
    resource_version: str | None = None
    dry_run: bool = False


class Removal:
    """Takes objects out of the store, at once or by and by."""

    def __init__(self, store: Store, admission: Admission) -> None:
        self._store = store
        self._admission = admission

    def delete(self, resource: Resource, namespace: str, name: str, options: DeleteOptions) -> Json:
        """Delete one object; answers with a Status or with the object that is on its way out."""
        if options.policy not in (None, "", *POLICIES):
            cause = unsupported_value("propagationPolicy", options.policy, (*POLICIES, "nil"))
            raise invalid("meta.k8s.io", "DeleteOptions", "", [cause])
        with self._store.lock:
            obj = self._store.get(resource, namespace, name)
            self._admission.refuse_removal(resource, name)
            _check_preconditions(resource, obj, options)
            if options.dry_run:
                return self._told(resource, obj)
            return self._remove(resource, obj, options)

    def _remove(self, resource: Resource, obj: Json, options: DeleteOptions) -> Json:
        marked = clone(obj)
        metadata = marked["metadata"]
        finalizers = _finalizers_for(resource, obj, options, self._store)
        grace = _grace(resource, obj, options)
        waits = bool(finalizers or grace or dig(obj, "spec", "finalizers"))
        if not waits:
            self._store.remove(resource, metadata.get("namespace", ""), metadata["name"])
            return self._told(resource, obj)
        previous = metadata.get("deletionGracePeriodSeconds")
        if "deletionTimestamp" not in metadata or (previous is not None and grace < previous):
            end = datetime.now(UTC) + timedelta(seconds=grace)
            metadata["deletionTimestamp"] = end.strftime("%Y-%m-%dT%H:%M:%SZ")
            metadata["deletionGracePeriodSeconds"] = grace
            if resource.has_generation:
                metadata["generation"] = metadata.get("generation", 1) + 1
        if finalizers:
            metadata["finalizers"] = finalizers
        if resource == NAMESPACES:
            marked["status"] = {**marked.get("status", {}), "phase": "Terminating"}
            metadata.pop("deletionGracePeriodSeconds", None)
        return obj if marked == obj else self._store.replace(resource, marked)

    def _told(self, resource: Resource, obj: Json) -> Json:
        """The answer for an object that is gone."""
        if resource.returns_deleted or resource == PODS:
            return obj
        details: Json = {"name": obj["metadata"]["name"]}
        if resource.group:
            details["group"] = resource.group
        details |= {"kind": resource.plural, "uid": obj["metadata"]["uid"]}
        return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}

    def release(self, address: Address, finalizer: str) -> None:
        """Take one finalizer off an object, which ends it if that was what held it."""
        obj = self._store.find(*address)
        if obj is None or finalizer not in obj["metadata"].get("finalizers", ()):
            return
        freed = clone(obj)
        left = [one for one in obj["metadata"]["finalizers"] if one != finalizer]
        if left:
            freed["metadata"]["finalizers"] = left
        else:
            freed["metadata"].pop("finalizers")
        self._store.replace(address.resource, freed)
        if not left and "deletionTimestamp" in freed["metadata"]:
            grace = freed["metadata"].get("deletionGracePeriodSeconds") or 0
            if not (address.resource == PODS and grace):
                self._store.remove(*address)

    def collect_orphans(self, uid: str) -> None:
        """After an owner is gone: its dependents that have no other living owner go too."""
        for address in self._store.owned_by(uid):
            dependent = self._store.find(*address)
            if dependent is None or "deletionTimestamp" in dependent["metadata"]:
                continue
            if not any(
                self._lives(reference, address) for reference in dependent["metadata"]["ownerReferences"]
            ):
                self._remove(address.resource, dependent, DeleteOptions(policy="Background"))

    def _lives(self, reference: Json, dependent: Address) -> bool:
        resource = BY_KIND.get((reference["apiVersion"], reference["kind"]))
        if resource is None:
            return True
        owner = self._store.find(
            resource, dependent.namespace if resource.namespaced else "", reference["name"]
        )
        return owner is not None and owner["metadata"]["uid"] == reference["uid"]

    def proceed_foreground(self, address: Address) -> None:
        """An owner that goes last: send its dependents off, and let it go once none blocks it."""
        obj = self._store.find(*address)
        if obj is None or FOREGROUND not in obj["metadata"].get("finalizers", ()):
            return
        blocking = False
        for below in self._store.owned_by(obj["metadata"]["uid"]):
            dependent = self._store.find(*below)
            if dependent is None:
                continue
            if "deletionTimestamp" not in dependent["metadata"]:
                self._remove(below.resource, dependent, DeleteOptions(policy="Foreground"))
            blocking = blocking or self._store.find(*below) is not None
        if not blocking:
            self.release(address, FOREGROUND)

    def proceed_orphan(self, address: Address) -> None:
        """An owner whose dependents stay: take its name off them, then let it go."""
        obj = self._store.find(*address)
        if obj is None or ORPHAN not in obj["metadata"].get("finalizers", ()):
            return
        uid = obj["metadata"]["uid"]
        for below in self._store.owned_by(uid):
            dependent = clone(self._store.get(*below))
            owners = [one for one in dependent["metadata"]["ownerReferences"] if one["uid"] != uid]
            dependent["metadata"]["ownerReferences"] = owners
            if not owners:
                dependent["metadata"].pop("ownerReferences")
            self._store.replace(below.resource, dependent)
        self.release(address, ORPHAN)


def _check_preconditions(resource: Resource, obj: Json, options: DeleteOptions) -> None:
    metadata = obj["metadata"]
    if options.uid and options.uid != metadata["uid"]:
        why = f"the UID in the precondition ({options.uid}) does not match the UID in record ({metadata['uid']}). "
        raise conflict(
            resource, metadata["name"], why + "The object might have been deleted and then recreated"
        )
    if options.resource_version and options.resource_version != metadata["resourceVersion"]:
        why = (
            f"the ResourceVersion in the precondition ({options.resource_version}) does not match the ResourceVersion "
            f"in record ({metadata['resourceVersion']}). The object might have been modified"
        )
        raise conflict(resource, metadata["name"], why)


def _finalizers_for(resource: Resource, obj: Json, options: DeleteOptions, store: Store) -> list[str]:
    """The finalizers the object must have while it goes, given what should become of its dependents."""
    kept = [one for one in obj["metadata"].get("finalizers", ()) if one not in (FOREGROUND, ORPHAN)]
    policy = options.policy or ("Orphan" if resource == JOBS else "Background")
    if policy == "Foreground":
        kept.append(FOREGROUND)
    elif policy == "Orphan" and store.owned_by(obj["metadata"]["uid"]):
        kept.append(ORPHAN)
    return kept


def _grace(resource: Resource, obj: Json, options: DeleteOptions) -> int:
    """Only pods are given time, and only once a kubelet runs them."""
    if resource != PODS:
        return 0
    if not dig(obj, "spec", "nodeName") or dig(obj, "status", "phase") in ("Succeeded", "Failed"):
        return 0
    if options.grace_seconds is not None:
        return max(0, options.grace_seconds)
    return int(dig(obj, "spec", "terminationGracePeriodSeconds", default=30))
