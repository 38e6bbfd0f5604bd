"""Replica sets: the right number of pods of one template, and an honest status when they cannot be made."""

from datetime import UTC, datetime

from minispod.simulator.kubernetes.controllers.conditions import set_condition
from minispod.simulator.kubernetes.controllers.context import Context
from minispod.simulator.kubernetes.machinery.jsonish import Json, clone, dig, read_time
from minispod.simulator.kubernetes.machinery.kinds import PODS, REPLICA_SETS
from minispod.simulator.kubernetes.machinery.refusals import Refusal
from minispod.simulator.kubernetes.pod_facts import condition, is_active, is_ready, owner_reference
from minispod.simulator.kubernetes.registry import Writer
from minispod.simulator.kubernetes.removal import DeleteOptions

COMPONENT = "replicaset-controller"
RETRY_FIRST, RETRY_MOST = 1.0, 60.0


class ReplicaSets:
    """The replica set controller."""

    def __init__(self, context: Context) -> None:
        self._c = context
        self._delays: dict[str, float] = {}

    def reconcile(self, namespace: str, name: str) -> None:
        """Make or remove pods until the number is right, then write the status."""
        wanted = self._c.store.find(REPLICA_SETS, namespace, name)
        if wanted is None:
            return
        failure: tuple[str, str] | None = None
        if "deletionTimestamp" not in wanted["metadata"]:
            active = [pod for pod in self._pods(wanted) if is_active(pod)]
            missing = wanted["spec"]["replicas"] - len(active)
            if missing > 0:
                failure = self._make(wanted, missing)
            elif missing < 0:
                self._drop(wanted, active, -missing)
        self._report(wanted, failure)

    def _pods(self, replica_set: Json) -> list[Json]:
        found = self._c.store.owned_by(replica_set["metadata"]["uid"])
        return [self._c.store.get(*one) for one in found if one.resource == PODS]

    def _make(self, replica_set: Json, count: int) -> tuple[str, str] | None:
        uid, namespace = replica_set["metadata"]["uid"], replica_set["metadata"]["namespace"]
        for _ in range(count):
            try:
                pod = self._c.registry.create(PODS, namespace, pod_from(replica_set), Writer())
            except Refusal as refusal:
                text = f"Error creating: {refusal.message}"
                self._c.recorder.say(replica_set, "FailedCreate", text, component=COMPONENT, warning=True)
                delay = self._delays.get(uid, RETRY_FIRST)
                self._delays[uid] = min(delay * 2, RETRY_MOST)
                self._c.reactor.later(delay, self._again, namespace, replica_set["metadata"]["name"])
                return "FailedCreate", refusal.message
            self._delays.pop(uid, None)
            text = f"Created pod: {pod['metadata']['name']}"
            self._c.recorder.say(replica_set, "SuccessfulCreate", text, component=COMPONENT)
        return None

    def _again(self, namespace: str, name: str) -> None:
        self._c.reactor.soon(self.reconcile, namespace, name)

    def _drop(self, replica_set: Json, active: list[Json], count: int) -> None:
        """Those that matter least go first: unscheduled, then unready, then the youngest."""

        def worth(pod: Json) -> tuple[bool, bool, str]:
            youth = "".join(chr(0x10FFFF - ord(letter)) for letter in pod["metadata"]["creationTimestamp"])
            return bool(dig(pod, "spec", "nodeName")), is_ready(pod), youth

        for pod in sorted(active, key=worth)[:count]:
            metadata = pod["metadata"]
            self._c.removal.delete(PODS, metadata["namespace"], metadata["name"], DeleteOptions())
            text = f"Deleted pod: {metadata['name']}"
            self._c.recorder.say(replica_set, "SuccessfulDelete", text, component=COMPONENT)

    def _report(self, replica_set: Json, failure: tuple[str, str] | None) -> None:
        replica_set = self._c.store.get(
            REPLICA_SETS, replica_set["metadata"]["namespace"], replica_set["metadata"]["name"]
        )
        pods = self._pods(replica_set)
        active = [pod for pod in pods if is_active(pod)]
        ready = sum(1 for pod in active if is_ready(pod))
        status: Json = {"replicas": len(active)}
        if active:
            status["fullyLabeledReplicas"] = len(active)
        if ready:
            status["readyReplicas"] = ready
        available = sum(1 for pod in active if self._is_available(replica_set, pod))
        if available:
            status["availableReplicas"] = available
        going = sum(1 for pod in pods if "deletionTimestamp" in pod["metadata"])
        if going:
            status["terminatingReplicas"] = going
        status["observedGeneration"] = replica_set["metadata"]["generation"]
        if failure:
            found = condition(replica_set, "ReplicaFailure")
            conditions = [clone(found)] if found else []
            if not found:  # the first failure's words stay, as with Kubernetes: each one names another pod
                set_condition(conditions, "ReplicaFailure", "True", *failure)
            status["conditions"] = conditions
        self._c.registry.set_status(REPLICA_SETS, replica_set, status)

    def _is_available(self, replica_set: Json, pod: Json) -> bool:
        """Ready, and for as long as the replica set asks."""
        wanted = replica_set["spec"].get("minReadySeconds", 0)
        if not is_ready(pod) or not wanted:
            return is_ready(pod)
        since = read_time((condition(pod, "Ready") or {})["lastTransitionTime"])
        left = wanted - (datetime.now(UTC) - since).total_seconds() * self._c.reactor.speed
        if left > 0:
            metadata = replica_set["metadata"]
            self._c.reactor.later(left + 0.1, self._again, metadata["namespace"], metadata["name"])
        return bool(left <= 0)


def pod_from(owner: Json, **metadata: object) -> Json:
    """A pod by the template of its owner."""
    template = clone(owner["spec"]["template"])
    stated = template.get("metadata") or {}
    body: Json = {"generateName": f"{owner['metadata']['name']}-"} if "name" not in metadata else {}
    for field in ("labels", "annotations", "finalizers"):
        if stated.get(field):
            body[field] = stated[field]
    body |= metadata
    body["ownerReferences"] = [owner_reference(owner)]
    return {"metadata": body, "spec": template["spec"]}
