"""The scheduler: puts each pod on a node that has room for its requests, or says why none has.

Room is counted from the pods themselves. Among fitting nodes the one with the fewest pods wins, then
the one with the most memory left.
"""

from collections import Counter
from decimal import Decimal

from minispod.simulator.kubernetes.controllers.conditions import set_condition
from minispod.simulator.kubernetes.controllers.context import Context
from minispod.simulator.kubernetes.controllers.volumes import SELECTED_NODE, claim_names
from minispod.simulator.kubernetes.machinery.jsonish import Json, clone, dig, now_text
from minispod.simulator.kubernetes.machinery.kinds import CLAIMS, NODES, PODS, STORAGE_CLASSES, VOLUMES
from minispod.simulator.kubernetes.machinery.quantities import amount
from minispod.simulator.kubernetes.pod_facts import condition, is_done, is_going
from minispod.simulator.kubernetes.quota import pod_total

COMPONENT = "default-scheduler"
MEASURED = ("cpu", "memory")
WAITS_FOR_CONSUMER = "WaitForFirstConsumer"


class Scheduler:
    """Binds pods to nodes."""

    def __init__(self, context: Context) -> None:
        self._c = context

    def schedule(self, namespace: str, name: str) -> None:
        """Bind one pod if it can be bound now."""
        pod = self._c.store.find(PODS, namespace, name)
        if pod is None or is_going(pod) or is_done(pod) or dig(pod, "spec", "nodeName"):
            return
        fault = self._claims_fault(pod)
        if fault:
            self._refuse(pod, fault)
            return
        nodes = self._c.store.list(NODES)
        reasons: Counter[str] = Counter()
        fitting: list[tuple[int, Decimal, Decimal, str]] = []
        for node in nodes:
            reason = self._obstacle(pod, node)
            if reason:
                reasons[reason] += 1
            else:
                left = self._left(node)
                name_of_node = node["metadata"]["name"]
                fitting.append((_preference(pod, node), left["pods"], left["memory"], name_of_node))
        if fitting:
            self._bind(pod, max(fitting)[3])
        else:
            told = ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))
            preemption = (
                f"preemption: 0/{len(nodes)} nodes are available: "
                f"{len(nodes)} Preemption is not helpful for scheduling."
            )
            self._refuse(pod, f"0/{len(nodes)} nodes are available: {told}. {preemption}")

    def schedule_waiting(self) -> None:
        """Something changed that may help: try all pods that have no node."""
        for pod in self._c.store.list(PODS):
            if not dig(pod, "spec", "nodeName"):
                self.schedule(pod["metadata"]["namespace"], pod["metadata"]["name"])

    def _claims_fault(self, pod: Json) -> str | None:
        namespace = pod["metadata"]["namespace"]
        count = len(self._c.store.list(NODES))
        for name in claim_names(pod):
            claim = self._c.store.find(CLAIMS, namespace, name)
            if claim is None:
                return (
                    f'0/{count} nodes are available: persistentvolumeclaim "{name}" not found. preemption: '
                    f"0/{count} nodes are available: {count} Preemption is not helpful for scheduling."
                )
            if is_going(claim):
                return f'persistentvolumeclaim "{name}" is being deleted'
            if dig(claim, "status", "phase") != "Bound" and not self._binds_later(claim):
                return (
                    f"0/{count} nodes are available: pod has unbound immediate PersistentVolumeClaims. preemption: "
                    f"0/{count} nodes are available: {count} Preemption is not helpful for scheduling."
                )
        return None

    def _binds_later(self, claim: Json) -> bool:
        found = self._c.store.find(STORAGE_CLASSES, "", dig(claim, "spec", "storageClassName", default=""))
        return found is not None and found.get("volumeBindingMode") == WAITS_FOR_CONSUMER

    def _obstacle(self, pod: Json, node: Json) -> str | None:
        """Why the pod cannot run there, in the scheduler's words."""
        spec, labels = pod["spec"], dig(node, "metadata", "labels", default={})
        if dig(node, "spec", "unschedulable") and not tolerates(
            pod, {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
        ):
            return "node(s) were unschedulable"
        for taint in dig(node, "spec", "taints", default=[]):
            if taint["effect"] in ("NoSchedule", "NoExecute") and not tolerates(pod, taint):
                return f"node(s) had untolerated taint {{{taint['key']}: {taint.get('value', '')}}}"
        wanted = spec.get("nodeSelector") or {}
        if any(labels.get(key) != value for key, value in wanted.items()) or not _affine(pod, labels):
            return "node(s) didn't match Pod's node affinity/selector"
        if not self._volumes_fit(pod, node["metadata"]["name"]):
            return "node(s) had volume node affinity conflict"
        left = self._left(node)
        if left["pods"] < 1:
            return "Too many pods"
        for resource in MEASURED:
            asked = pod_total(pod, "requests", resource)
            if asked and asked > left[resource]:
                return f"Insufficient {resource}"
        return None

    def _volumes_fit(self, pod: Json, node: str) -> bool:
        for name in claim_names(pod):
            claim = self._c.store.find(CLAIMS, pod["metadata"]["namespace"], name)
            chosen = dig(claim, "metadata", "annotations", SELECTED_NODE)
            volume = self._c.store.find(VOLUMES, "", dig(claim, "spec", "volumeName", default=""))
            if volume and not _volume_reaches(volume, node):
                return False
            if volume is None and chosen not in (None, node):
                return False
        return True

    def _left(self, node: Json) -> dict[str, Decimal]:
        """What the node still has to give."""
        name = node["metadata"]["name"]
        room = dig(node, "status", "allocatable", default={})
        left = {resource: amount(room.get(resource, "0")) for resource in (*MEASURED, "pods")}
        for pod in self._c.store.list(PODS):
            if dig(pod, "spec", "nodeName") == name and not is_done(pod):
                left["pods"] -= 1
                for resource in MEASURED:
                    left[resource] -= pod_total(pod, "requests", resource)
        return left

    def _refuse(self, pod: Json, message: str) -> None:
        status = clone(pod.get("status", {}))
        earlier = condition(pod, "PodScheduled")
        if earlier and earlier["status"] == "False" and earlier.get("message") == message:
            return
        set_condition(status.setdefault("conditions", []), "PodScheduled", "False", "Unschedulable", message)
        pod = self._c.registry.set_status(PODS, pod, status, "kube-scheduler")
        self._c.recorder.say(pod, "FailedScheduling", message, component=COMPONENT, warning=True)

    def _bind(self, pod: Json, node: str) -> None:
        for name in claim_names(pod):
            self._select_node(pod["metadata"]["namespace"], name, node)
        bound = clone(pod)
        bound["spec"]["nodeName"] = node
        conditions = bound.setdefault("status", {}).setdefault("conditions", [])
        conditions[:] = [one for one in conditions if one["type"] != "PodScheduled"]
        conditions.append(
            {
                "type": "PodScheduled",
                "status": "True",
                "lastProbeTime": None,
                "lastTransitionTime": now_text(),
            }
        )
        bound = self._c.store.replace(PODS, bound)
        place = f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
        self._c.recorder.say(
            bound, "Scheduled", f"Successfully assigned {place} to {node}", component=COMPONENT
        )

    def _select_node(self, namespace: str, name: str, node: str) -> None:
        claim = self._c.store.get(CLAIMS, namespace, name)
        if dig(claim, "spec", "volumeName") or dig(claim, "metadata", "annotations", SELECTED_NODE):
            return
        chosen = clone(claim)
        chosen["metadata"].setdefault("annotations", {})[SELECTED_NODE] = node
        self._c.registry.rewrite(CLAIMS, claim, chosen, "kube-scheduler")


def tolerates(pod: Json, taint: Json) -> bool:
    """Whether one of the pod's tolerations covers the taint."""
    return any(_covers(one, taint) for one in pod["spec"].get("tolerations") or ())


def _covers(toleration: Json, taint: Json) -> bool:
    if toleration.get("effect") not in (None, "", taint["effect"]):
        return False
    if toleration.get("operator") == "Exists":
        return toleration.get("key") in (None, "", taint["key"])
    return bool(
        toleration.get("key") == taint["key"] and toleration.get("value", "") == taint.get("value", "")
    )


def _affine(pod: Json, labels: Json) -> bool:
    """Required node affinity: one of its terms must hold."""
    terms = dig(
        pod,
        "spec",
        "affinity",
        "nodeAffinity",
        "requiredDuringSchedulingIgnoredDuringExecution",
        "nodeSelectorTerms",
        default=[],
    )
    return not terms or any(
        all(_expression(one, labels) for one in dig(term, "matchExpressions", default=[])) for term in terms
    )


def _preference(pod: Json, node: Json) -> int:
    """How much the pod prefers the node: the weights of its wishes that the node fulfils."""
    wishes = dig(
        pod,
        "spec",
        "affinity",
        "nodeAffinity",
        "preferredDuringSchedulingIgnoredDuringExecution",
        default=[],
    )
    labels = dig(node, "metadata", "labels", default={})
    return sum(
        wish["weight"]
        for wish in wishes
        if all(_expression(one, labels) for one in dig(wish, "preference", "matchExpressions", default=[]))
    )


def _expression(rule: Json, labels: Json) -> bool:
    value, values = labels.get(rule["key"]), rule.get("values") or []
    outcomes = {
        "In": value in values,
        "NotIn": value not in values,
        "Exists": value is not None,
        "DoesNotExist": value is None,
    }
    return outcomes.get(rule.get("operator", ""), False)


def _volume_reaches(volume: Json, node: str) -> bool:
    terms = dig(volume, "spec", "nodeAffinity", "required", "nodeSelectorTerms", default=[])
    labels = {"kubernetes.io/hostname": node}
    return not terms or any(
        all(_expression(one, labels) for one in term["matchExpressions"]) for term in terms
    )
