"""How far a rollout is: the numbers of a deployment, and the status that tells them.

A rollout that makes no progress for its deadline says so; the controller is woken then.
"""

import math
from collections.abc import Callable
from datetime import UTC, datetime

from minispod.simulator.kubernetes.controllers.conditions import set_condition
from minispod.simulator.kubernetes.controllers.context import Context
from minispod.simulator.kubernetes.machinery.jsonish import Json, clone, dig, now_text, read_time, safe_hash
from minispod.simulator.kubernetes.machinery.kinds import DEPLOYMENTS, REPLICA_SETS
from minispod.simulator.kubernetes.pod_facts import condition, is_active, is_done

HASH = "pod-template-hash"


def sets_of(context: Context, deployment: Json) -> list[Json]:
    """The replica sets of a deployment."""
    addresses = context.store.owned_by(deployment["metadata"]["uid"])
    return [context.store.get(*one) for one in addresses if one.resource == REPLICA_SETS]


def pods_of(context: Context, replica_set: Json) -> list[Json]:
    """All pods of a replica set that still run, those on their way out included."""
    found = [context.store.get(*one) for one in context.store.owned_by(replica_set["metadata"]["uid"])]
    return [pod for pod in found if not is_done(pod)]


def total(sets: list[Json], field: str) -> int:
    """One number of the status, summed over replica sets."""
    return sum(dig(one, "status", field, default=0) for one in sets)


def _share(value: object, whole: int, *, up: bool) -> int:
    if isinstance(value, int):
        return value
    part = whole * int(str(value).rstrip("%")) / 100
    return math.ceil(part) if up else math.floor(part)


def surge(spec: Json) -> int:
    """How many pods more than wanted a rolling update may have."""
    return _share(dig(spec, "strategy", "rollingUpdate", "maxSurge", default=0), spec["replicas"], up=True)


def unavailable(spec: Json) -> int:
    """How many pods fewer than wanted may be available meanwhile."""
    rolling = dig(spec, "strategy", "rollingUpdate")
    if not rolling:
        return 0
    fewer = _share(rolling["maxUnavailable"], spec["replicas"], up=False)
    return fewer or (1 if surge(spec) == 0 else 0)


class DeploymentStatus:
    """Writes the status of deployments."""

    def __init__(self, context: Context, again: Callable[[str, str], None]) -> None:
        self._c = context
        self._again = again

    def report(self, namespace: str, name: str) -> None:
        """Write the status that follows from the replica sets."""
        deployment = self._c.store.get(DEPLOYMENTS, namespace, name)
        sets = sets_of(self._c, deployment)
        key = safe_hash(deployment["spec"]["template"])
        current = next((one for one in sets if dig(one, "metadata", "labels", HASH) == key), None)
        wanted = deployment["spec"]["replicas"]
        counts = {
            "replicas": total(sets, "replicas"),
            "updatedReplicas": dig(current, "status", "replicas", default=0),
            "readyReplicas": total(sets, "readyReplicas"),
            "availableReplicas": total(sets, "availableReplicas"),
        }
        status: Json = {"observedGeneration": deployment["metadata"]["generation"]}
        status |= {field: count for field, count in counts.items() if count}
        missing = max(wanted, counts["replicas"]) - counts["availableReplicas"]
        if missing > 0:
            status["unavailableReplicas"] = missing
        going = sum(1 for one in sets for pod in pods_of(self._c, one) if not is_active(pod))
        if going:
            status["terminatingReplicas"] = going
        status["conditions"] = self._conditions(deployment, current, counts)
        self._c.registry.set_status(DEPLOYMENTS, deployment, status)

    def _conditions(self, deployment: Json, current: Json | None, counts: Json) -> list[Json]:
        wanted = deployment["spec"]["replicas"]
        conditions = clone(dig(deployment, "status", "conditions", default=[]))
        enough = counts["availableReplicas"] >= wanted - unavailable(deployment["spec"])
        set_condition(
            conditions,
            "Available",
            "True" if enough else "False",
            "MinimumReplicasAvailable" if enough else "MinimumReplicasUnavailable",
            f"Deployment {'has' if enough else 'does not have'} minimum availability.",
            stamped=True,
        )
        name = current["metadata"]["name"] if current else ""
        complete = counts["updatedReplicas"] == wanted == counts["replicas"] == counts["availableReplicas"]
        if complete and current:
            text = f'ReplicaSet "{name}" has successfully progressed.'
            set_condition(conditions, "Progressing", "True", "NewReplicaSetAvailable", text, stamped=True)
        elif current:
            self._progress(deployment, conditions, current, counts)
        failure = condition(current, "ReplicaFailure") if current else None
        conditions = [one for one in conditions if one["type"] != "ReplicaFailure"]
        if failure:
            text = failure["message"]
            set_condition(conditions, "ReplicaFailure", "True", failure["reason"], text, stamped=True)
        return conditions

    def _progress(self, deployment: Json, conditions: list[Json], current: Json, counts: Json) -> None:
        name = current["metadata"]["name"]
        earlier = next((one for one in conditions if one["type"] == "Progressing"), None)
        before = deployment.get("status", {})
        moved = any(counts[field] > before.get(field, 0) for field in ("updatedReplicas", "readyReplicas"))
        moved = moved or counts["availableReplicas"] > before.get("availableReplicas", 0)
        deadline = deployment["spec"].get("progressDeadlineSeconds", 600)
        if earlier and not moved and earlier["reason"] in ("ReplicaSetUpdated", "ProgressDeadlineExceeded"):
            age = (
                datetime.now(UTC) - read_time(earlier["lastUpdateTime"])
            ).total_seconds() * self._c.reactor.speed
            if age >= deadline:
                text = f'ReplicaSet "{name}" has timed out progressing.'
                set_condition(
                    conditions, "Progressing", "False", "ProgressDeadlineExceeded", text, stamped=True
                )
            return
        text = f'ReplicaSet "{name}" is progressing.'
        set_condition(conditions, "Progressing", "True", "ReplicaSetUpdated", text, stamped=True)
        found = next(one for one in conditions if one["type"] == "Progressing")
        found["lastUpdateTime"] = now_text()
        place = deployment["metadata"]["namespace"], deployment["metadata"]["name"]
        self._c.reactor.later(deadline + 1, self._again, *place)
