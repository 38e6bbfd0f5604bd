"""Nodes: power, heartbeats, the verdict NotReady with its taints, and who must leave because of them."""

from datetime import UTC, datetime

from minispod.simulator.kubernetes.controllers.context import Context
from minispod.simulator.kubernetes.controllers.kubelet import Kubelets
from minispod.simulator.kubernetes.controllers.scheduler import tolerates
from minispod.simulator.kubernetes.machinery.jsonish import Json, clone, dig, now_text, read_time
from minispod.simulator.kubernetes.machinery.kinds import NODES, PODS
from minispod.simulator.kubernetes.pod_facts import is_done, is_going
from minispod.simulator.kubernetes.removal import DeleteOptions

UNREACHABLE = "node.kubernetes.io/unreachable"
UNSCHEDULABLE = "node.kubernetes.io/unschedulable"
COMPONENT = "node-controller"
HEARTBEAT_SECONDS = 300.0
PRESSURES = {
    "MemoryPressure": ("KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    "DiskPressure": ("KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    "PIDPressure": ("KubeletHasSufficientPID", "kubelet has sufficient PID available"),
}


class Nodes:
    """The node lifecycle controller, and the switch for a node's power."""

    def __init__(self, context: Context, kubelets: Kubelets) -> None:
        self._c = context
        self._kubelets = kubelets
        self._outages: dict[str, int] = {}

    def start_heartbeats(self) -> None:
        """Let every node that has power report from time to time."""
        self._c.reactor.later(HEARTBEAT_SECONDS, self._beat)

    def _beat(self) -> None:
        for node in self._c.store.list(NODES):
            if node["metadata"]["name"] not in self._kubelets.off:
                self._set(node, healthy_conditions(), heartbeat=True)
        self.start_heartbeats()

    def gone(self, name: str) -> None:
        """The node was removed from the cluster: its pods are lost."""
        if self._c.store.find(NODES, "", name) is None:
            for pod in self._pods(name):
                self._c.store.remove(PODS, pod["metadata"]["namespace"], pod["metadata"]["name"])

    def power_off(self, name: str) -> None:
        """Cut the power: nothing on the node answers any more; the cluster notices after the grace time."""
        self._c.store.get(NODES, "", name)
        self._kubelets.power_off(name)
        self._outages[name] = outage = self._outages.get(name, 0) + 1
        self._c.reactor.later(self._c.dials.node_grace_seconds, self._give_up, name, outage)

    def power_on(self, name: str) -> None:
        """Give the power back; the node reports in after it has booted."""
        self._c.store.get(NODES, "", name)
        self._outages[name] = outage = self._outages.get(name, 0) + 1
        self._c.reactor.later(self._c.dials.node_boot_seconds, self._return, name, outage)

    def _give_up(self, name: str, outage: int) -> None:
        """No heartbeat for too long: the node is not ready, and its pods are not either."""
        if self._outages.get(name) != outage or (node := self._c.store.find(NODES, "", name)) is None:
            return
        unknown = [
            (type_, "Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status.")
            for type_ in PRESSURES
        ]
        unknown.append(("Ready", "Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status."))
        self._set(node, unknown, heartbeat=False)
        self._taint(name, UNREACHABLE, "NoSchedule", "NoExecute")
        node = self._c.store.get(NODES, "", name)
        self._c.recorder.say(
            node, "NodeNotReady", f"Node {name} status is now: NodeNotReady", component=COMPONENT
        )
        for pod in self._pods(name):
            self._mark_unready(pod)
            self._c.reactor.soon(self.evict_if_due, pod["metadata"]["namespace"], pod["metadata"]["name"])

    def _return(self, name: str, outage: int) -> None:
        if self._outages.get(name) != outage or (node := self._c.store.find(NODES, "", name)) is None:
            return
        self._set(node, healthy_conditions(), heartbeat=True)
        self._untaint(name, UNREACHABLE)
        node = self._c.store.get(NODES, "", name)
        self._c.recorder.say(node, "Starting", "Starting kubelet.", component="kubelet", host=name)
        self._c.recorder.say(
            node, "NodeReady", f"Node {name} status is now: NodeReady", component="kubelet", host=name
        )
        self._kubelets.power_on(name)

    def _pods(self, node: str) -> list[Json]:
        return [pod for pod in self._c.store.list(PODS) if dig(pod, "spec", "nodeName") == node]

    def _mark_unready(self, pod: Json) -> None:
        status = clone(pod.get("status", {}))
        for condition in status.get("conditions", ()):
            if condition["type"] == "Ready" and condition["status"] == "True":
                condition |= {"status": "False", "lastTransitionTime": now_text()}
        self._c.registry.set_status(PODS, pod, status)
        text = "Node is not ready"
        self._c.recorder.say(pod, "NodeNotReady", text, component=COMPONENT, warning=True)

    def evict_if_due(self, namespace: str, name: str) -> None:
        """Delete a pod that does not tolerate a NoExecute taint of its node, or does so no longer."""
        pod = self._c.store.find(PODS, namespace, name)
        if pod is None or is_going(pod) or is_done(pod):
            return
        node = self._c.store.find(NODES, "", dig(pod, "spec", "nodeName", default=""))
        for taint in dig(node, "spec", "taints", default=[]):
            if taint["effect"] != "NoExecute":
                continue
            patience = _patience(pod, taint)
            if patience is None:
                continue
            left = patience - self._age(taint)
            if left > 0:
                self._c.reactor.later(left + 0.05, self.evict_if_due, namespace, name)
                continue
            text = f"Marking for deletion Pod {namespace}/{name}"
            self._c.recorder.say(pod, "TaintManagerEviction", text, component="taint-eviction-controller")
            self._c.removal.delete(PODS, namespace, name, DeleteOptions())
            return

    def _age(self, taint: Json) -> float:
        added = taint.get("timeAdded")
        if not added:
            return 0.0
        return (datetime.now(UTC) - read_time(added)).total_seconds() * self._c.reactor.speed

    def observe(self, name: str) -> None:
        """A node changed: cordoning puts a taint on it, and new taints may drive pods away."""
        node = self._c.store.find(NODES, "", name)
        if node is None:
            return
        tainted = any(taint["key"] == UNSCHEDULABLE for taint in dig(node, "spec", "taints", default=[]))
        if dig(node, "spec", "unschedulable") and not tainted:
            self._taint(name, UNSCHEDULABLE, "NoSchedule")
        elif tainted and not dig(node, "spec", "unschedulable"):
            self._untaint(name, UNSCHEDULABLE)
        if any(taint["effect"] == "NoExecute" for taint in dig(node, "spec", "taints", default=[])):
            for pod in self._pods(name):
                self._c.reactor.soon(self.evict_if_due, pod["metadata"]["namespace"], pod["metadata"]["name"])

    def _taint(self, name: str, key: str, *effects: str) -> None:
        node = self._c.store.get(NODES, "", name)
        tainted = clone(node)
        taints = tainted.setdefault("spec", {}).setdefault("taints", [])
        for effect in effects:
            if not any(one["key"] == key and one["effect"] == effect for one in taints):
                taints.append({"key": key, "effect": effect, "timeAdded": now_text()})
        self._c.registry.rewrite(NODES, node, tainted)

    def _untaint(self, name: str, key: str) -> None:
        node = self._c.store.get(NODES, "", name)
        freed = clone(node)
        left = [one for one in dig(freed, "spec", "taints", default=[]) if one["key"] != key]
        freed.setdefault("spec", {}).pop("taints", None)
        if left:
            freed["spec"]["taints"] = left
        self._c.registry.rewrite(NODES, node, freed)

    def _set(self, node: Json, conditions: list[tuple[str, str, str, str]], *, heartbeat: bool) -> None:
        status = clone(node["status"])
        known = {one["type"]: one for one in status.get("conditions", ())}
        fresh = []
        for type_, value, reason, message in conditions:
            earlier = known.get(type_, {})
            moved = earlier.get("lastTransitionTime") if earlier.get("status") == value else now_text()
            beat = now_text() if heartbeat else earlier.get("lastHeartbeatTime", now_text())
            fresh.append(
                {
                    "type": type_,
                    "status": value,
                    "lastHeartbeatTime": beat,
                    "lastTransitionTime": moved or now_text(),
                    "reason": reason,
                    "message": message,
                }
            )
        self._c.registry.set_status(
            NODES,
            node,
            {**status, "conditions": fresh},
            "kubelet" if heartbeat else "kube-controller-manager",
        )


def healthy_conditions() -> list[tuple[str, str, str, str]]:
    """What a node that is well reports."""
    found = [(type_, "False", *words) for type_, words in PRESSURES.items()]
    return [*found, ("Ready", "True", "KubeletReady", "kubelet is posting ready status")]


def _patience(pod: Json, taint: Json) -> float | None:
    """How many seconds the pod tolerates the taint; None for ever."""
    if not tolerates(pod, taint):
        return 0.0
    times = []
    for one in pod["spec"].get("tolerations") or ():
        if one.get("key") in (None, "", taint["key"]) and one.get("effect") in (None, "", taint["effect"]):
            if one.get("tolerationSeconds") is None:
                return None
            times.append(float(one["tolerationSeconds"]))
    return min(times, default=0.0)
