"""LimitRange: default requests and limits for containers, and refusing what is too small or too big."""

from decimal import Decimal

from minispod.simulator.kubernetes.machinery.jsonish import Json, dig
from minispod.simulator.kubernetes.machinery.kinds import CLAIMS, LIMIT_RANGES, PODS, Resource
from minispod.simulator.kubernetes.machinery.quantities import amount, written
from minispod.simulator.kubernetes.machinery.refusals import forbidden
from minispod.simulator.kubernetes.quota import pod_total
from minispod.simulator.kubernetes.store import Store

ANNOTATION = "kubernetes.io/limit-ranger"


def _rules(store: Store, namespace: str, kind: str) -> list[Json]:
    found = store.list(LIMIT_RANGES, namespace)
    return [
        rule for one in found for rule in dig(one, "spec", "limits", default=[]) if rule.get("type") == kind
    ]


def apply_limit_defaults(store: Store, pod: Json) -> None:
    """Give containers the requests and limits that the namespace's limit ranges state."""
    notes = []
    for rule in _rules(store, pod["metadata"]["namespace"], "Container"):
        for group in ("initContainers", "containers"):
            for container in pod["spec"].get(group) or ():
                notes += _default_container(rule, container)
    if notes:
        annotations = pod["metadata"].setdefault("annotations", {})
        annotations[ANNOTATION] = "LimitRanger plugin set: " + "; ".join(notes)


def _default_container(rule: Json, container: Json) -> list[str]:
    notes = []
    resources = container.setdefault("resources", {})
    for source, field, word in (("defaultRequest", "requests", "request"), ("default", "limits", "limit")):
        given = [name for name in sorted(rule.get(source) or {}) if name not in (resources.get(field) or {})]
        for name in given:
            resources.setdefault(field, {})[name] = rule[source][name]
        if given:
            notes.append(f"{', '.join(given)} {word} for container {container.get('name', '')}")
    return notes


def refuse_out_of_limits(store: Store, resource: Resource, obj: Json, old: Json | None) -> None:
    """A 403 for a container, pod or claim outside the limits of its namespace."""
    namespace = obj["metadata"].get("namespace", "")
    faults: list[str] = []
    if resource == PODS and old is None:
        for rule in _rules(store, namespace, "Container"):
            for container in obj["spec"].get("containers") or ():
                faults += _container_faults(rule, container)
        for rule in _rules(store, namespace, "Pod"):
            faults += _pod_faults(rule, obj)
    elif resource == CLAIMS:
        for rule in _rules(store, namespace, "PersistentVolumeClaim"):
            faults += _claim_faults(rule, obj)
    if faults:
        why = faults[0] if len(faults) == 1 else f"[{', '.join(faults)}]"
        raise forbidden(resource, obj["metadata"].get("name", ""), why)


def _container_faults(rule: Json, container: Json) -> list[str]:
    faults = []
    for name, least in (rule.get("min") or {}).items():
        asked = dig(container, "resources", "requests", name)
        if asked is None:
            faults.append(f"minimum {name} usage per Container is {least}.  No request is specified")
        elif amount(asked) < amount(least):
            faults.append(f"minimum {name} usage per Container is {least}, but request is {asked}")
    for name, most in (rule.get("max") or {}).items():
        limit = dig(container, "resources", "limits", name)
        if limit is None:
            faults.append(f"maximum {name} usage per Container is {most}.  No limit is specified")
        elif amount(limit) > amount(most):
            faults.append(f"maximum {name} usage per Container is {most}, but limit is {limit}")
    return faults


def _pod_faults(rule: Json, pod: Json) -> list[str]:
    faults = []
    for name, least in (rule.get("min") or {}).items():
        asked = pod_total(pod, "requests", name)
        if asked < amount(least):
            faults.append(f"minimum {name} usage per Pod is {least}, but request is {_shown(name, asked)}")
    for name, most in (rule.get("max") or {}).items():
        limit = pod_total(pod, "limits", name)
        if limit > amount(most):
            faults.append(f"maximum {name} usage per Pod is {most}, but limit is {_shown(name, limit)}")
    return faults


def _shown(name: str, value: Decimal) -> str:
    return written(value, binary="memory" in name)


def _claim_faults(rule: Json, claim: Json) -> list[str]:
    asked = dig(claim, "spec", "resources", "requests", "storage", default="0")
    least, most = dig(rule, "min", "storage"), dig(rule, "max", "storage")
    if most is not None and amount(asked) > amount(most):
        return [f"maximum storage usage per PersistentVolumeClaim is {most}, but request is {asked}"]
    if least is not None and amount(asked) < amount(least):
        return [f"minimum storage usage per PersistentVolumeClaim is {least}, but request is {asked}"]
    return []
