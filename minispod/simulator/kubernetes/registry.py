"""Writing objects by the rules: create, replace, patch, apply and status, for clients and controllers alike.

Every write holds the store's lock from reading the old object to storing the new one. Deleting is in `removal`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from minispod.simulator.kubernetes.admission import Admission
from minispod.simulator.kubernetes.allocation import allocate, keep_allocated
from minispod.simulator.kubernetes.machinery.apply import apply as apply_config
from minispod.simulator.kubernetes.machinery.decoding import (
    Decoded,
    cannot_handle,
    decode,
    strict_text,
    undeclared,
)
from minispod.simulator.kubernetes.machinery.defaults import fill
from minispod.simulator.kubernetes.machinery.jsonish import Json, clone, dig
from minispod.simulator.kubernetes.machinery.kinds import NODES, PODS, Resource
from minispod.simulator.kubernetes.machinery.ownership import Owner, record_update, same_content
from minispod.simulator.kubernetes.machinery.refusals import Refusal, bad_request
from minispod.simulator.kubernetes.machinery.rules import check
from minispod.simulator.kubernetes.machinery.schema import schema
from minispod.simulator.kubernetes.metadata import (
    bumps_generation,
    carry_metadata,
    carry_status,
    match_url,
    new_metadata,
    place,
)
from minispod.simulator.kubernetes.pod_facts import quality_of_service
from minispod.simulator.kubernetes.store import Store

FIRST_STATUS: dict[str, Json] = {
    "ReplicaSet": {"replicas": 0},
    "StatefulSet": {"replicas": 0, "availableReplicas": 0},
    "Service": {"loadBalancer": {}},
    "Ingress": {"loadBalancer": {}},
    "Namespace": {"phase": "Active"},
    "PersistentVolumeClaim": {"phase": "Pending"},
    "PersistentVolume": {"phase": "Pending"},
}
CONTROLLER = "kube-controller-manager"


@dataclass(slots=True)
class Writer:
    """Who writes, and how they want it done."""

    manager: str = CONTROLLER
    subresource: str = ""
    dry_run: bool = False
    validation: str = "Warn"
    warnings: list[str] = field(default_factory=list)

    def owner(self, resource: Resource, operation: str = "Update") -> Owner:
        """The entry of managedFields this writer has."""
        return Owner(self.manager, operation, resource.group_version, self.subresource)


class Registry:
    """The only way to change the store from outside of it."""

    def __init__(self, store: Store, admission: Admission) -> None:
        self.store = store
        self._admission = admission

    def create(self, resource: Resource, namespace: str, body: Any, writer: Writer) -> Json:
        """Store a new object made from a body."""
        obj = self._decoded(resource, body, writer).obj
        if obj["metadata"].get("resourceVersion"):
            raise bad_request("resourceVersion should not be set on objects to be created")
        with self.store.lock:
            place(resource, namespace, obj)
            self._admission.open_namespace(resource, namespace, obj["metadata"].get("name", ""))
            return self._insert(resource, obj, writer, owned_by_update=True)

    def _insert(self, resource: Resource, obj: Json, writer: Writer, *, owned_by_update: bool) -> Json:
        new_metadata(resource, obj, keep_ledger=not owned_by_update)
        fill(resource, obj)
        if "status" in resource.subresources and resource != NODES:
            obj["status"] = clone(FIRST_STATUS.get(resource.kind, {}))
        if owned_by_update:
            record_update(schema(resource.schema), None, obj, writer.owner(resource))
        self._admission.adjust(resource, obj)
        if resource == PODS:
            obj["status"] = {"phase": "Pending", "qosClass": quality_of_service(obj)}
        check(resource, obj)
        self._admission.admit(resource, obj)
        allocate(self.store, resource, obj)
        return obj if writer.dry_run else self.store.insert(resource, obj)

    def replace(self, resource: Resource, namespace: str, name: str, body: Any, writer: Writer) -> Json:
        """Store a new version of an object, whole."""
        obj = self._decoded(resource, body, writer).obj
        with self.store.lock:
            old = self.store.get(resource, namespace, name)
            match_url(resource, obj, namespace, name)
            return self._update(resource, old, obj, writer)

    def patch(
        self, resource: Resource, namespace: str, name: str, change: Callable[[Json], Json], writer: Writer
    ) -> Json:
        """Store what a patch makes of the present object."""
        with self.store.lock:
            old = self.store.get(resource, namespace, name)
            decoded = decode(resource, change(clone(old)))
            self._judge_unknown(resource, decoded, writer, patching=True)
            match_url(resource, decoded.obj, namespace, name)
            return self._update(resource, old, decoded.obj, writer)

    def rescale(
        self, resource: Resource, namespace: str, name: str, change: Callable[[Json], Json], writer: Writer
    ) -> Json:
        """Store another number of replicas, owned by the writer through the scale subresource."""
        with self.store.lock:
            old = self.store.get(resource, namespace, name)
            obj = change(clone(old))
            check(resource, obj, old)
            record_update(
                schema(resource.schema), old, obj, replace(writer.owner(resource), subresource="scale")
            )
            return self._keep(resource, old, obj, writer)

    def apply(
        self, resource: Resource, namespace: str, name: str, config: Any, writer: Writer, *, force: bool
    ) -> tuple[Json, bool]:
        """Server-side apply; says also whether the object is new."""
        self._check_config(resource, namespace, name, config)
        stated = decode(resource, config).obj
        node, owner = schema(resource.schema), writer.owner(resource, "Apply")
        with self.store.lock:
            stated["metadata"]["name"] = name
            if resource.namespaced:
                stated["metadata"]["namespace"] = namespace
            old = self.store.find(resource, namespace, name)
            if old is None and writer.subresource:
                old = self.store.get(resource, namespace, name)
            merged = clone(apply_config(node, old, stated, owner, force=force))
            if old is not None:
                return self._update(resource, old, merged, writer, record=False), False
            self._admission.open_namespace(resource, namespace, name)
            return self._insert(resource, merged, writer, owned_by_update=False), True

    def _check_config(self, resource: Resource, namespace: str, name: str, config: Any) -> None:
        if not isinstance(config, dict):
            raise bad_request("error decoding YAML: the configuration must be an object")
        metadata = config.get("metadata") or {}
        if metadata.get("managedFields"):
            raise bad_request("metadata.managedFields must be nil")
        if not config.get("apiVersion") or not config.get("kind"):
            raise bad_request("Object 'Kind' or 'apiVersion' is missing in the applied configuration")
        stated = metadata.get("name", name)
        if stated != name:
            message = f"the name of the object ({stated}) does not match the name on the URL ({name})"
            raise bad_request(message)
        unknown = undeclared(resource, config)
        if unknown:
            place = f"{namespace}/{name}" if namespace else f"/{name}"
            told = f"({place}; {resource.group_version}, Kind={resource.kind})"
            text = f"failed to create typed patch object {told}: {unknown}: field not declared in schema"
            raise Refusal(500, None, text)

    def _update(
        self, resource: Resource, old: Json, obj: Json, writer: Writer, *, record: bool = True
    ) -> Json:
        """From a whole new version to the stored one; nothing is stored if nothing changed."""
        carry_metadata(resource, old, obj)
        carry_status(resource, old, obj, writer.subresource)
        keep_allocated(resource, old, obj)
        fill(resource, obj)
        if record:
            record_update(schema(resource.schema), old, obj, writer.owner(resource))
        if not writer.subresource:
            check(resource, obj, old)
            self._admission.admit(resource, obj, old)
        allocate(self.store, resource, obj)
        return self._keep(resource, old, obj, writer)

    def _keep(self, resource: Resource, old: Json, obj: Json, writer: Writer) -> Json:
        if same_content(old, obj):
            return old
        if resource.has_generation and bumps_generation(resource, old, obj):
            obj["metadata"]["generation"] = old["metadata"].get("generation", 1) + 1
        if writer.dry_run:
            return obj
        going = "deletionTimestamp" in obj["metadata"] and not obj["metadata"].get("finalizers")
        done = going and obj["metadata"].get("deletionGracePeriodSeconds", 0) == 0
        stored = self.store.replace(resource, obj)
        if done and not dig(obj, "spec", "finalizers"):
            self.store.remove(resource, obj["metadata"].get("namespace", ""), obj["metadata"]["name"])
        return stored

    def set_status(self, resource: Resource, old: Json, status: Json, manager: str = CONTROLLER) -> Json:
        """A controller's word on the state of an object; stored only if it says something new."""
        if old.get("status") == status:
            return old
        return self._controlled(resource, old, {**old, "status": status}, manager, "status")

    def rewrite(self, resource: Resource, old: Json, obj: Json, manager: str = CONTROLLER) -> Json:
        """A controller's change of an object that it read under the lock; rules are not asked again."""
        return self._controlled(resource, old, obj, manager, "")

    def _controlled(self, resource: Resource, old: Json, obj: Json, manager: str, subresource: str) -> Json:
        obj = clone(obj)
        obj["metadata"].pop("managedFields", None)
        writer = Writer(manager, subresource)
        record_update(schema(resource.schema), old, obj, writer.owner(resource))
        return self._keep(resource, old, obj, writer)

    def _decoded(self, resource: Resource, body: Any, writer: Writer) -> Decoded:
        decoded = decode(resource, body)
        self._judge_unknown(resource, decoded, writer, patching=False)
        return decoded

    def _judge_unknown(self, resource: Resource, decoded: Decoded, writer: Writer, *, patching: bool) -> None:
        """Unknown fields are refused, told in a warning or passed over, as the writer asked."""
        if not decoded.unknown:
            return
        told = strict_text(decoded.unknown)
        if writer.validation == "Strict" and patching:
            text = f'"" is invalid: patch: Invalid value: "...": strict decoding error: {told}'
            cause = {
                "reason": "FieldValueInvalid",
                "message": f"strict decoding error: {told}",
                "field": "patch",
            }
            raise Refusal(422, "Invalid", f" {text}", {"causes": [cause]})
        if writer.validation == "Strict":
            raise cannot_handle(resource, f"strict decoding error: {told}")
        if writer.validation == "Warn":
            writer.warnings += [f'unknown field "{name}"' for name in decoded.unknown]
