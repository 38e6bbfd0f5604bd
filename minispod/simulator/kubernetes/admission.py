"""Admission: what the server changes in or refuses about an object between its defaults and the store.

Namespaces, limit ranges, quotas, the default storage class, service accounts, tolerations. Every refusal is a 403.
"""

from minispod.simulator.kubernetes.dials import Dials
from minispod.simulator.kubernetes.limits import apply_limit_defaults, refuse_out_of_limits
from minispod.simulator.kubernetes.machinery.jsonish import Json, dig
from minispod.simulator.kubernetes.machinery.kinds import (
    CLAIMS,
    INGRESS_CLASSES,
    INGRESSES,
    NAMESPACES,
    PODS,
    PRIORITY_CLASSES,
    STORAGE_CLASSES,
    Resource,
)
from minispod.simulator.kubernetes.machinery.refusals import Cause, forbidden
from minispod.simulator.kubernetes.pod_security import refuse_insecure
from minispod.simulator.kubernetes.quota import refuse_excess
from minispod.simulator.kubernetes.store import Store

DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
DEFAULT_INGRESS_CLASS = "ingressclass.kubernetes.io/is-default-class"
IMMORTAL = ("default", "kube-system", "kube-public", "kube-node-lease")


class Admission:
    """The doorkeeper of the store."""

    def __init__(self, store: Store, dials: Dials) -> None:
        self._store = store
        self._dials = dials

    def open_namespace(self, resource: Resource, namespace: str, name: str) -> None:
        """A 404 for a namespace that is not there, a 403 for one that is going."""
        if not resource.namespaced:
            return
        space = self._store.get(NAMESPACES, "", namespace)
        if "deletionTimestamp" in space["metadata"]:
            why = f"unable to create new content in namespace {namespace} because it is being terminated"
            cause = Cause(
                "NamespaceTerminating", f"namespace {namespace} is being terminated", "metadata.namespace"
            )
            raise forbidden(resource, name, why, [cause])

    def adjust(self, resource: Resource, obj: Json) -> None:
        """What admission adds to a new object."""
        if resource == PODS:
            apply_limit_defaults(self._store, obj)
            self._prioritize(obj)
            self._complete_pod(obj)
        elif resource == CLAIMS and "storageClassName" not in obj["spec"]:
            self._default_class(obj, STORAGE_CLASSES, DEFAULT_CLASS, "storageClassName")
        elif resource == INGRESSES and "kubernetes.io/ingress.class" not in (
            obj["metadata"].get("annotations") or {}
        ):
            self._default_class(obj, INGRESS_CLASSES, DEFAULT_INGRESS_CLASS, "ingressClassName")

    def admit(self, resource: Resource, obj: Json, old: Json | None = None) -> None:
        """A 403 for what limit ranges, pod security or quotas do not allow."""
        if not resource.namespaced:
            return
        refuse_out_of_limits(self._store, resource, obj, old)
        if resource == PODS and old is None:
            refuse_insecure(self._store, obj)
        refuse_excess(self._store, resource, obj, old)

    def refuse_removal(self, resource: Resource, name: str) -> None:
        """Some namespaces stay."""
        if resource == NAMESPACES and name in IMMORTAL:
            raise forbidden(resource, name, "this namespace may not be deleted")

    def _default_class(self, obj: Json, classes: Resource, mark: str, field: str) -> None:
        for one in self._store.list(classes):
            if dig(one, "metadata", "annotations", mark) == "true":
                obj["spec"].setdefault(field, one["metadata"]["name"])
                return

    def _prioritize(self, pod: Json) -> None:
        """A named class gives a pod its priority; a 403 when there is no such class."""
        name = pod["spec"].get("priorityClassName")
        if not name:
            return
        found = self._store.find(PRIORITY_CLASSES, "", name)
        if found is None:
            why = f"no PriorityClass with name {name} was found"
            raise forbidden(PODS, pod["metadata"].get("name", ""), why)
        pod["spec"]["priority"] = found["value"]
        pod["spec"]["preemptionPolicy"] = found.get("preemptionPolicy", "PreemptLowerPriority")

    def _complete_pod(self, pod: Json) -> None:
        spec = pod["spec"]
        spec.setdefault("serviceAccountName", "default")
        spec["serviceAccount"] = spec["serviceAccountName"]
        spec.setdefault("priority", 0)
        spec.setdefault("preemptionPolicy", "PreemptLowerPriority")
        tolerations = spec.setdefault("tolerations", [])
        for taint in ("not-ready", "unreachable"):
            key = f"node.kubernetes.io/{taint}"
            if not any(
                one.get("key") in (key, None) and one.get("effect") in ("NoExecute", None)
                for one in tolerations
            ):
                tolerations.append(
                    {
                        "key": key,
                        "operator": "Exists",
                        "effect": "NoExecute",
                        "tolerationSeconds": self._dials.toleration_seconds,
                    }
                )
        if spec.get("automountServiceAccountToken", True):
            _mount_token(pod)


def _mount_token(pod: Json) -> None:
    """The projected service account token every pod gets unless it says no."""
    spec = pod["spec"]
    path = "/var/run/secrets/kubernetes.io/serviceaccount"
    if any(volume["name"].startswith("kube-api-access-") for volume in spec.get("volumes") or ()):
        return
    name = f"kube-api-access-{pod['metadata']['uid'][:5]}"
    sources = [
        {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {
            "downwardAPI": {
                "items": [
                    {"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}
                ]
            }
        },
    ]
    spec.setdefault("volumes", []).append(
        {"name": name, "projected": {"sources": sources, "defaultMode": 420}}
    )
    for group in ("initContainers", "containers"):
        for container in spec.get(group) or ():
            mounts = container.setdefault("volumeMounts", [])
            if not any(mount.get("mountPath") == path for mount in mounts):
                mounts.append({"name": name, "readOnly": True, "mountPath": path})
