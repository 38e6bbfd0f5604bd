"""ResourceQuota: what a namespace uses, and refusing what would use too much.

Usage is always counted from the objects themselves, so it cannot drift; the quota's status is only a copy.
"""

from decimal import Decimal

from minispod.simulator.kubernetes.machinery.jsonish import Json, dig
from minispod.simulator.kubernetes.machinery.kinds import CLAIMS, PODS, QUOTAS, RESOURCES, SERVICES, Resource
from minispod.simulator.kubernetes.machinery.quantities import amount, is_binary, written
from minispod.simulator.kubernetes.machinery.refusals import forbidden
from minispod.simulator.kubernetes.store import Store

COMPUTE = ("cpu", "memory", "ephemeral-storage")
OBJECT_COUNTS = (
    "pods",
    "services",
    "secrets",
    "configmaps",
    "persistentvolumeclaims",
    "resourcequotas",
    "replicationcontrollers",
)
BY_QUALIFIED = {resource.qualified: resource for resource in RESOURCES}


def refuse_excess(store: Store, resource: Resource, obj: Json, old: Json | None) -> None:
    """A 403 if a quota of the object's namespace would be exceeded by it."""
    namespace, name = obj["metadata"].get("namespace", ""), obj["metadata"].get("name", "")
    for quota in store.list(QUOTAS, namespace):
        hard: Json = dict(dig(quota, "spec", "hard", default={}))
        if resource == PODS and not _in_scope(quota, obj):
            continue
        if resource == PODS and old is None:
            _refuse_unspecified(quota, hard, obj)
        asked = {key: _cost(key, resource, obj) - (_cost(key, resource, old) if old else 0) for key in hard}
        asked = {key: value for key, value in asked.items() if value > 0}
        used = usage(store, namespace, quota)
        over = [key for key in sorted(asked) if used[key] + asked[key] > amount(hard[key])]
        if over:
            why = (
                f"exceeded quota: {quota['metadata']['name']}, requested: {_told(over, asked, hard)}, "
                f"used: {_told(over, used, hard)}, limited: {','.join(f'{key}={hard[key]}' for key in over)}"
            )
            raise forbidden(resource, name, why)


def usage(store: Store, namespace: str, quota: Json) -> dict[str, Decimal]:
    """What the namespace uses of everything the quota limits."""
    found: dict[str, Decimal] = {}
    for key in dig(quota, "spec", "hard", default={}):
        resource = _counted(key)
        objects = store.list(resource, namespace) if resource else []
        if resource == PODS:
            objects = [pod for pod in objects if _in_scope(quota, pod)]
        found[key] = sum((_cost(key, resource, obj) for obj in objects if resource), Decimal(0))
    return found


def status_of(store: Store, quota: Json) -> Json:
    """The status the quota should have."""
    hard = dig(quota, "spec", "hard", default={})
    if not hard:
        return {}
    used = usage(store, quota["metadata"]["namespace"], quota)
    return {"hard": hard, "used": {key: _written(key, value, hard[key]) for key, value in used.items()}}


def _counted(key: str) -> Resource | None:
    """The resource whose objects a quota key is about."""
    if key.startswith("count/"):
        return BY_QUALIFIED.get(key.removeprefix("count/"))
    if key.startswith("services."):
        return SERVICES
    if key == "requests.storage" or ".storageclass.storage.k8s.io/" in key:
        return CLAIMS
    if key in OBJECT_COUNTS:
        return BY_QUALIFIED.get(key)
    return PODS if key.split(".", 1)[-1] in COMPUTE else None


def _cost(key: str, resource: Resource, obj: Json) -> Decimal:
    """How much of a key one object takes."""
    if _counted(key) != resource:
        return Decimal(0)
    if (
        resource == PODS
        and dig(obj, "status", "phase") in ("Succeeded", "Failed")
        and not key.startswith("count/")
    ):
        return Decimal(0)
    if key.startswith("count/") or key in OBJECT_COUNTS:
        return Decimal(1)
    if resource == SERVICES:
        wanted = {
            "services.loadbalancers": ("LoadBalancer",),
            "services.nodeports": ("NodePort", "LoadBalancer"),
        }
        return Decimal(dig(obj, "spec", "type") in wanted.get(key, ()))
    if resource == CLAIMS:
        return _claim_cost(key, obj)
    kind, _, name = key.rpartition(".")
    return pod_total(obj, "limits" if kind == "limits" else "requests", name)


def _claim_cost(key: str, claim: Json) -> Decimal:
    class_name, _, what = key.partition(".storageclass.storage.k8s.io/")
    if what and dig(claim, "spec", "storageClassName") != class_name:
        return Decimal(0)
    if what == "persistentvolumeclaims":
        return Decimal(1)
    return amount(dig(claim, "spec", "resources", "requests", "storage", default="0"))


def pod_total(pod: Json, kind: str, name: str) -> Decimal:
    """What a pod requests (or may use) of a resource: its containers together, or its greediest first step."""
    spec = pod.get("spec", {})

    def values(group: str) -> list[Decimal]:
        return [amount(dig(one, "resources", kind, name, default="0")) for one in spec.get(group) or ()]

    return max(sum(values("containers"), Decimal(0)), max(values("initContainers"), default=Decimal(0)))


def _refuse_unspecified(quota: Json, hard: Json, pod: Json) -> None:
    """With a quota on a compute resource every container must say what it takes of it."""
    missing = []
    for key in sorted(hard):
        kind, _, name = key.rpartition(".")
        if _counted(key) != PODS or name not in COMPUTE or key.startswith("count/"):
            continue
        field = "limits" if kind == "limits" else "requests"
        silent = [
            one.get("name", "")
            for one in pod["spec"].get("containers") or ()
            if dig(one, "resources", field, name) is None
        ]
        if silent:
            missing.append(f"{key} for: {','.join(silent)}")
    if missing:
        why = f"failed quota: {quota['metadata']['name']}: must specify {'; '.join(missing)}"
        raise forbidden(PODS, pod["metadata"].get("name", ""), why)


def _in_scope(quota: Json, pod: Json) -> bool:
    best_effort = dig(pod, "status", "qosClass") == "BestEffort"
    ends = dig(pod, "spec", "activeDeadlineSeconds") is not None
    truths = {
        "BestEffort": best_effort,
        "NotBestEffort": not best_effort,
        "Terminating": ends,
        "NotTerminating": not ends,
    }
    return all(truths.get(scope, True) for scope in dig(quota, "spec", "scopes", default=[]))


def _told(keys: list[str], values: dict[str, Decimal], hard: Json) -> str:
    return ",".join(f"{key}={_written(key, values[key], hard[key])}" for key in keys)


def _written(key: str, value: Decimal, limit: object) -> str:
    binary = "memory" in key or "storage" in key or is_binary(limit)
    return written(value, binary=binary)
