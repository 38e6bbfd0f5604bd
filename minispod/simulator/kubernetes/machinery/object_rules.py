"""Rules of the kinds other than what all objects share; see `pod_rules` for what is inside a pod spec.

RULES judge an object by itself, UPDATE_RULES the change from an old to a new one.
"""

import base64
import binascii
from collections.abc import Callable

from minispod.simulator.kubernetes.machinery.jsonish import Json, dig
from minispod.simulator.kubernetes.machinery.pod_rules import pod_spec
from minispod.simulator.kubernetes.machinery.quantities import amount
from minispod.simulator.kubernetes.machinery.refusals import (
    Cause,
    bad_request,
    duplicate,
    invalid_value,
    required,
)
from minispod.simulator.kubernetes.machinery.selectors import selects

IMMUTABLE = "field is immutable"


def _go_map(value: Json | None) -> str:
    inner = ", ".join(f'"{key}":"{part}"' for key, part in sorted((value or {}).items()))
    return "map[string]string{" + inner + "}"


def _immutable(field: str, shown: str, why: str = IMMUTABLE) -> Cause:
    return invalid_value(field, shown, why)


def _pod(obj: Json) -> list[Cause]:
    return pod_spec(obj.get("spec") or {}, "spec")


def _pod_update(obj: Json, old: Json) -> list[Cause]:
    if _pod_fixed(obj) == _pod_fixed(old):
        return []
    why = (
        "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
        "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
        "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
    )
    return [Cause("FieldValueForbidden", f"Forbidden: {why}", "spec")]


def _pod_fixed(obj: Json) -> Json:
    """The parts of a pod's spec that never change."""
    spec = {**obj.get("spec", {})}
    for loose in ("activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds"):
        spec.pop(loose, None)
    for group in ("containers", "initContainers"):
        spec[group] = [{**container, "image": ""} for container in spec.get(group) or ()]
    return spec


def _workload(obj: Json) -> list[Cause]:
    spec = obj.get("spec") or {}
    causes = []
    if spec.get("replicas", 0) < 0:
        causes.append(
            invalid_value("spec.replicas", str(spec["replicas"]), "must be greater than or equal to 0")
        )
    selector = spec.get("selector")
    labels = dig(spec, "template", "metadata", "labels", default={})
    if not selector:
        causes.append(required("spec.selector"))
        causes.append(invalid_value("spec.selector", "{}", "empty selector is invalid for deployment"))
    elif not selects(selector, labels):
        why = "`selector` does not match template `labels`"
        causes.append(invalid_value("spec.template.metadata.labels", _go_map(labels), why))
    claims = [dig(one, "metadata", "name", default="") for one in spec.get("volumeClaimTemplates") or ()]
    causes += pod_spec(dig(spec, "template", "spec", default={}), "spec.template.spec", claims)
    return causes + _always_restarts(spec)


def _always_restarts(spec: Json) -> list[Cause]:
    policy = dig(spec, "template", "spec", "restartPolicy", default="Always")
    if policy == "Always":
        return []
    message = f'Unsupported value: "{policy}": supported values: "Always"'
    return [Cause("FieldValueNotSupported", message, "spec.template.spec.restartPolicy")]


def _deployment(obj: Json) -> list[Cause]:
    causes = _workload(obj)
    strategy = dig(obj, "spec", "strategy", default={})
    if strategy.get("type") == "Recreate" and "rollingUpdate" in strategy:
        why = "may not be specified when strategy `type` is 'Recreate'"
        causes.append(Cause("FieldValueForbidden", f"Forbidden: {why}", "spec.strategy.rollingUpdate"))
    rolling = strategy.get("rollingUpdate") or {}
    if rolling and {str(rolling.get("maxUnavailable")), str(rolling.get("maxSurge"))} <= {"0", "0%"}:
        why = "may not be 0 when `maxSurge` is 0"
        causes.append(invalid_value("spec.strategy.rollingUpdate.maxUnavailable", "0", why))
    return causes


def _selector_update(obj: Json, old: Json) -> list[Cause]:
    selector = dig(obj, "spec", "selector")
    if selector == dig(old, "spec", "selector"):
        return []
    labels = _go_map(dig(selector, "matchLabels"))
    shown = f"v1.LabelSelector{{MatchLabels:{labels}, MatchExpressions:[]v1.LabelSelectorRequirement(nil)}}"
    return [_immutable("spec.selector", shown)]


STATEFUL_FREE = {
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
}


def _stateful_update(obj: Json, old: Json) -> list[Cause]:
    fixed = [
        {key: part for key, part in each["spec"].items() if key not in STATEFUL_FREE} for each in (obj, old)
    ]
    if fixed[0] == fixed[1]:
        return []
    why = (
        "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', "
        "'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
    )
    return [Cause("FieldValueForbidden", f"Forbidden: {why}", "spec")]


def _job(obj: Json) -> list[Cause]:
    template = dig(obj, "spec", "template", "spec", default={})
    causes = pod_spec(template, "spec.template.spec")
    if template.get("restartPolicy") == "Always":
        message = 'Required value: valid values: "OnFailure", "Never"'
        causes.append(Cause("FieldValueRequired", message, "spec.template.spec.restartPolicy"))
    return causes


def _job_update(obj: Json, old: Json) -> list[Cause]:
    return [
        _immutable(f"spec.{name}", "{...}")
        for name in ("selector", "template", "completions")
        if dig(obj, "spec", name) != dig(old, "spec", name)
    ]


def _service(obj: Json) -> list[Cause]:
    spec = obj.get("spec") or {}
    causes = []
    ports = spec.get("ports") or []
    if not ports and spec.get("clusterIP") != "None" and spec.get("type") != "ExternalName":
        causes.append(required("spec.ports"))
    names: set[str] = set()
    for at, port in enumerate(ports):
        number = port.get("port", 0)
        if not 0 < number < 65536:
            why = "must be between 1 and 65535, inclusive"
            causes.append(invalid_value(f"spec.ports[{at}].port", str(number), why))
        name = port.get("name", "")
        if len(ports) > 1 and not name:
            causes.append(required(f"spec.ports[{at}].name"))
        elif name and name in names:
            causes.append(duplicate(f"spec.ports[{at}].name", name))
        names.add(name)
    if spec.get("type") == "ExternalName" and not spec.get("externalName"):
        causes.append(required("spec.externalName"))
    return causes


def _service_update(obj: Json, old: Json) -> list[Cause]:
    before, after = dig(old, "spec", "clusterIP"), dig(obj, "spec", "clusterIP")
    kept_type = dig(obj, "spec", "type") != "ExternalName" and dig(old, "spec", "type") != "ExternalName"
    if kept_type and before != after:
        return [_immutable("spec.clusterIPs[0]", f'["{after}"]', "may not change once set")]
    return []


def _ingress(obj: Json) -> list[Cause]:
    spec = obj.get("spec") or {}
    causes = []
    if not spec.get("rules") and not spec.get("defaultBackend"):
        causes.append(invalid_value("spec", "{}", "either `defaultBackend` or `rules` must be specified"))
    for at, rule in enumerate(spec.get("rules") or ()):
        for position, path in enumerate(dig(rule, "http", "paths", default=[])):
            causes += _ingress_path(path, f"spec.rules[{at}].http.paths[{position}]")
    return causes


def _ingress_path(path: Json, where: str) -> list[Cause]:
    causes = []
    if not path.get("pathType"):
        causes.append(required(f"{where}.pathType", "pathType must be specified"))
    elif path["pathType"] != "ImplementationSpecific" and not str(path.get("path", "")).startswith("/"):
        causes.append(invalid_value(f"{where}.path", f'"{path.get("path", "")}"', "must be an absolute path"))
    service = dig(path, "backend", "service")
    if service is None and not dig(path, "backend", "resource"):
        causes.append(required(f"{where}.backend", "either service or resource must be specified"))
    elif service is not None:
        if not service.get("name"):
            causes.append(required(f"{where}.backend.service.name"))
        if not dig(service, "port", "number") and not dig(service, "port", "name"):
            causes.append(required(f"{where}.backend.service.port", "port name or number is required"))
    return causes


def _claim(obj: Json) -> list[Cause]:
    spec = obj.get("spec") or {}
    causes = []
    if not spec.get("accessModes"):
        causes.append(required("spec.accessModes", "at least 1 access mode is required"))
    size = dig(spec, "resources", "requests", "storage")
    if size is None:
        causes.append(required("spec.resources[storage]"))
    elif amount(size) <= 0:
        causes.append(invalid_value("spec.resources[storage]", f'"{size}"', "must be greater than zero"))
    return causes


def _claim_update(obj: Json, old: Json) -> list[Cause]:
    free = ("resources", "volumeName", "volumeAttributesClassName")
    fixed = [{key: part for key, part in each["spec"].items() if key not in free} for each in (obj, old)]
    before, after = (
        dig(each, "spec", "resources", "requests", "storage", default="0") for each in (old, obj)
    )
    if fixed[0] != fixed[1] or dig(old, "spec", "volumeName") not in (None, dig(obj, "spec", "volumeName")):
        why = (
            "spec is immutable after creation except resources.requests and volumeAttributesClassName "
            "for bound claims"
        )
        return [Cause("FieldValueForbidden", f"Forbidden: {why}", "spec")]
    if amount(after) < amount(before):
        why = "field can not be less than status.capacity"
        return [Cause("FieldValueForbidden", f"Forbidden: {why}", "spec.resources.requests.storage")]
    return []


def _secret(obj: Json) -> list[Cause]:
    for value in (obj.get("data") or {}).values():
        try:
            base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError) as fault:
            message = (
                'Secret in version "v1" cannot be handled as a Secret: illegal base64 data at input byte 0'
            )
            raise bad_request(message) from fault
    return []


def _immutable_data(obj: Json, old: Json) -> list[Cause]:
    causes = []
    if obj.get("type") != old.get("type"):
        causes.append(_immutable("type", f'"{obj.get("type")}"'))
    if old.get("immutable") and (obj.get("data") != old.get("data") or not obj.get("immutable")):
        message = "Forbidden: field is immutable when `immutable` is set"
        causes.append(Cause("FieldValueForbidden", message, "data"))
    return causes


def _storage_class(obj: Json) -> list[Cause]:
    return [] if obj.get("provisioner") else [required("provisioner")]


def _binding_update(obj: Json, old: Json) -> list[Cause]:
    if obj.get("roleRef") == old.get("roleRef"):
        return []
    return [_immutable("roleRef", "rbac.RoleRef{}", "cannot change roleRef")]


def _priority_update(obj: Json, old: Json) -> list[Cause]:
    if obj.get("value") == old.get("value"):
        return []
    return [Cause("FieldValueForbidden", "Forbidden: may not be changed in an update.", "value")]


RULES: dict[str, Callable[[Json], list[Cause]]] = {
    "Pod": _pod,
    "Deployment": _deployment,
    "ReplicaSet": _workload,
    "StatefulSet": _workload,
    "Job": _job,
    "Service": _service,
    "Ingress": _ingress,
    "PersistentVolumeClaim": _claim,
    "Secret": _secret,
    "StorageClass": _storage_class,
}
UPDATE_RULES: dict[str, Callable[[Json, Json], list[Cause]]] = {
    "Pod": _pod_update,
    "Deployment": _selector_update,
    "ReplicaSet": _selector_update,
    "StatefulSet": _stateful_update,
    "Job": _job_update,
    "Service": _service_update,
    "PersistentVolumeClaim": _claim_update,
    "Secret": _immutable_data,
    "ConfigMap": _immutable_data,
    "RoleBinding": _binding_update,
    "ClusterRoleBinding": _binding_update,
    "PriorityClass": _priority_update,
}
