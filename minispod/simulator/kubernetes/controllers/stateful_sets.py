"""Stateful sets: pods with fixed names, one after the other, each with claims of its own."""

from minispod.simulator.kubernetes.controllers.context import Context
from minispod.simulator.kubernetes.controllers.replica_sets import pod_from
from minispod.simulator.kubernetes.machinery.jsonish import Json, clone, dig, safe_hash
from minispod.simulator.kubernetes.machinery.kinds import CLAIMS, PODS, STATEFUL_SETS
from minispod.simulator.kubernetes.machinery.refusals import Refusal
from minispod.simulator.kubernetes.pod_facts import is_active, is_done, is_going, is_ready
from minispod.simulator.kubernetes.registry import Writer
from minispod.simulator.kubernetes.removal import DeleteOptions

REVISION = "controller-revision-hash"
COMPONENT = "statefulset-controller"
RETRY_SECONDS = 5.0


class StatefulSets:
    """The stateful set controller."""

    def __init__(self, context: Context) -> None:
        self._c = context

    def reconcile(self, namespace: str, name: str) -> None:
        """One step: make the first missing pod, or remove the last surplus or outdated one."""
        wanted = self._c.store.find(STATEFUL_SETS, namespace, name)
        if wanted is None or is_going(wanted):
            return
        revision = f"{name}-{safe_hash(wanted['spec']['template'])}"
        pods = self._pods(wanted)
        self._step(wanted, pods, revision)
        self._report(namespace, name, revision)

    def _pods(self, stateful_set: Json) -> dict[int, Json]:
        found = {}
        for address in self._c.store.owned_by(stateful_set["metadata"]["uid"]):
            ordinal = address.name.rsplit("-", 1)[-1]
            if address.resource == PODS and ordinal.isdigit():
                found[int(ordinal)] = self._c.store.get(*address)
        return found

    def _step(self, wanted: Json, pods: dict[int, Json], revision: str) -> None:
        replicas = wanted["spec"]["replicas"]
        parallel = wanted["spec"].get("podManagementPolicy") == "Parallel"
        for ordinal in range(replicas):
            pod = pods.get(ordinal)
            if pod is None:
                self._make(wanted, ordinal, revision)
            elif is_done(pod) and not is_going(pod):
                self._delete(wanted, pod)
            if not parallel and (pod is None or not is_ready(pod) or is_going(pod)):
                break
        surplus = sorted((ordinal for ordinal in pods if ordinal >= replicas), reverse=True)
        if surplus and not is_going(pods[surplus[0]]):
            self._delete(wanted, pods[surplus[0]])
        elif not surplus:
            self._renew(wanted, pods, revision)

    def _renew(self, wanted: Json, pods: dict[int, Json], revision: str) -> None:
        """Rolling update: from the last pod down, one at a time."""
        strategy = wanted["spec"].get("updateStrategy") or {}
        if strategy.get("type") == "OnDelete":
            return
        partition = dig(strategy, "rollingUpdate", "partition", default=0)
        for ordinal in sorted(pods, reverse=True):
            pod = pods[ordinal]
            if is_going(pod) or ordinal < partition:
                return
            if dig(pod, "metadata", "labels", REVISION) != revision:
                self._delete(wanted, pod)
                return
            if not is_ready(pod):
                return

    def _make(self, wanted: Json, ordinal: int, revision: str) -> None:
        namespace, name = wanted["metadata"]["namespace"], wanted["metadata"]["name"]
        try:
            self._make_claims(wanted, ordinal)
            self._c.registry.create(PODS, namespace, self._pod(wanted, ordinal, revision), Writer())
        except Refusal as refusal:
            text = f"create Pod {name}-{ordinal} in StatefulSet {name} failed error: {refusal.message}"
            self._c.recorder.say(wanted, "FailedCreate", text, component=COMPONENT, warning=True)
            self._c.reactor.later(RETRY_SECONDS, self.reconcile, namespace, name)
            return
        text = f"create Pod {name}-{ordinal} in StatefulSet {name} successful"
        self._c.recorder.say(wanted, "SuccessfulCreate", text, component=COMPONENT)

    def _pod(self, wanted: Json, ordinal: int, revision: str) -> Json:
        name = f"{wanted['metadata']['name']}-{ordinal}"
        body = pod_from(wanted, name=name)
        marks = {REVISION: revision, "statefulset.kubernetes.io/pod-name": name}
        marks["apps.kubernetes.io/pod-index"] = str(ordinal)
        body["metadata"]["labels"] = {**body["metadata"].get("labels", {}), **marks}
        body["spec"] |= {"hostname": name, "subdomain": wanted["spec"].get("serviceName", "")}
        templates = [dig(one, "metadata", "name") for one in wanted["spec"].get("volumeClaimTemplates") or ()]
        volumes = [one for one in body["spec"].get("volumes") or () if one["name"] not in templates]
        volumes += [
            {"name": one, "persistentVolumeClaim": {"claimName": f"{one}-{name}"}} for one in templates
        ]
        body["spec"]["volumes"] = volumes
        return body

    def _make_claims(self, wanted: Json, ordinal: int) -> None:
        namespace, name = wanted["metadata"]["namespace"], wanted["metadata"]["name"]
        for template in wanted["spec"].get("volumeClaimTemplates") or ():
            claim = f"{template['metadata']['name']}-{name}-{ordinal}"
            if self._c.store.find(CLAIMS, namespace, claim) is not None:
                continue
            body = clone(template)
            labels = {
                **dig(wanted, "spec", "selector", "matchLabels", default={}),
                **(body["metadata"].get("labels") or {}),
            }
            body["metadata"] |= {"name": claim, "labels": labels}
            body.pop("status", None)
            self._c.registry.create(CLAIMS, namespace, body, Writer())
            text = f"create Claim {claim} Pod {name}-{ordinal} in StatefulSet {name} success"
            self._c.recorder.say(wanted, "SuccessfulCreate", text, component=COMPONENT)

    def _delete(self, wanted: Json, pod: Json) -> None:
        metadata = pod["metadata"]
        self._c.removal.delete(PODS, metadata["namespace"], metadata["name"], DeleteOptions())
        text = f"delete Pod {metadata['name']} in StatefulSet {wanted['metadata']['name']} successful"
        self._c.recorder.say(wanted, "SuccessfulDelete", text, component=COMPONENT)

    def _report(self, namespace: str, name: str, revision: str) -> None:
        wanted = self._c.store.get(STATEFUL_SETS, namespace, name)
        pods = [pod for pod in self._pods(wanted).values() if is_active(pod)]
        ready = sum(1 for pod in pods if is_ready(pod))
        updated = sum(1 for pod in pods if dig(pod, "metadata", "labels", REVISION) == revision)
        before = dig(wanted, "status", "currentRevision", default=revision)
        complete = updated == len(pods) == wanted["spec"]["replicas"] == ready
        status: Json = {
            "observedGeneration": wanted["metadata"]["generation"],
            "replicas": len(pods),
            "availableReplicas": ready,
            "currentRevision": revision if complete else before,
            "updateRevision": revision,
            "collisionCount": 0,
        }
        if ready:
            status["readyReplicas"] = ready
        if updated:
            status |= {"updatedReplicas": updated, "currentReplicas": updated}
        self._c.registry.set_status(STATEFUL_SETS, wanted, status)
