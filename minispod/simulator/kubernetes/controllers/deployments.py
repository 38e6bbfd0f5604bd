"""Deployments: one replica set per template, moved over by Recreate or by a rolling update.

The status follows the replica sets; a rollout that makes no progress for its deadline says so.
"""

from minispod.simulator.kubernetes.controllers.context import Context
from minispod.simulator.kubernetes.controllers.rollouts import (
    HASH,
    DeploymentStatus,
    pods_of,
    sets_of,
    surge,
    unavailable,
)
from minispod.simulator.kubernetes.machinery.jsonish import Json, clone, dig, safe_hash
from minispod.simulator.kubernetes.machinery.kinds import DEPLOYMENTS, REPLICA_SETS
from minispod.simulator.kubernetes.metadata import REVISION
from minispod.simulator.kubernetes.pod_facts import (
    is_going,
    owner_reference,
)
from minispod.simulator.kubernetes.registry import Writer

COMPONENT = "deployment-controller"


class Deployments:
    """The deployment controller."""

    def __init__(self, context: Context) -> None:
        self._c = context
        self._status = DeploymentStatus(context, self.reconcile)

    def reconcile(self, namespace: str, name: str) -> None:
        """One step towards what the deployment asks for."""
        deployment = self._c.store.find(DEPLOYMENTS, namespace, name)
        if deployment is None or is_going(deployment):
            return
        sets = sets_of(self._c, deployment)
        if not deployment["spec"].get("paused"):
            current = self._current(deployment, sets)
            if current is None:
                return
            others = [one for one in sets if one["metadata"]["uid"] != current["metadata"]["uid"]]
            if deployment["spec"]["strategy"]["type"] == "Recreate":
                self._recreate(deployment, current, others)
            else:
                self._roll(deployment, current, others)
            self._clean_up(deployment, current)
        self._status.report(namespace, name)

    def _current(self, deployment: Json, sets: list[Json]) -> Json | None:
        """The replica set of the present template, made if it is missing; None when waiting for old pods."""
        template = deployment["spec"]["template"]
        key = safe_hash(template)
        for one in sets:
            if dig(one, "metadata", "labels", HASH) == key:
                return self._renumber(deployment, one, sets)
        active = [one for one in sets if one["spec"]["replicas"] or pods_of(self._c, one)]
        if deployment["spec"]["strategy"]["type"] == "Recreate" and active:
            for one in active:
                self._scale(deployment, one, 0)
            if any(pods_of(self._c, one) for one in active):
                self._status.report(deployment["metadata"]["namespace"], deployment["metadata"]["name"])
                return None
        return self._make_set(deployment, key, sets)

    def _next_revision(self, sets: list[Json]) -> int:
        return (
            max((int(dig(one, "metadata", "annotations", REVISION, default="0")) for one in sets), default=0)
            + 1
        )

    def _renumber(self, deployment: Json, current: Json, sets: list[Json]) -> Json:
        """A template that comes back (roll-back) becomes the newest revision."""
        others = [one for one in sets if one["metadata"]["uid"] != current["metadata"]["uid"]]
        newest = self._next_revision(others)
        mine = int(dig(current, "metadata", "annotations", REVISION, default="0"))
        revision = str(max(newest, mine) if others else mine or 1)
        if str(mine) != revision:
            changed = clone(current)
            changed["metadata"].setdefault("annotations", {})[REVISION] = revision
            current = self._c.registry.rewrite(REPLICA_SETS, current, changed)
        self._annotate(deployment, revision)
        return current

    def _annotate(self, deployment: Json, revision: str) -> None:
        deployment = self._c.store.get(
            DEPLOYMENTS, deployment["metadata"]["namespace"], deployment["metadata"]["name"]
        )
        if dig(deployment, "metadata", "annotations", REVISION) != revision:
            changed = clone(deployment)
            changed["metadata"].setdefault("annotations", {})[REVISION] = revision
            self._c.registry.rewrite(DEPLOYMENTS, deployment, changed)

    def _make_set(self, deployment: Json, key: str, sets: list[Json]) -> Json:
        metadata, spec = deployment["metadata"], deployment["spec"]
        template = clone(spec["template"])
        template.setdefault("metadata", {}).setdefault("labels", {})[HASH] = key
        revision = str(self._next_revision(sets))
        replicas = self._first_size(deployment, sets)
        body = {
            "metadata": {
                "name": f"{metadata['name'][:52]}-{key}",
                "labels": template["metadata"]["labels"],
                "annotations": {
                    REVISION: revision,
                    "deployment.kubernetes.io/desired-replicas": str(spec["replicas"]),
                    "deployment.kubernetes.io/max-replicas": str(spec["replicas"] + surge(spec)),
                },
                "ownerReferences": [owner_reference(deployment)],
            },
            "spec": {
                "replicas": replicas,
                "selector": {
                    **spec["selector"],
                    "matchLabels": {**(spec["selector"].get("matchLabels") or {}), HASH: key},
                },
                "template": template,
            },
        }
        if spec.get("minReadySeconds"):
            body["spec"]["minReadySeconds"] = spec["minReadySeconds"]
        made = self._c.registry.create(REPLICA_SETS, metadata["namespace"], body, Writer())
        self._annotate(deployment, revision)
        if replicas:
            self._tell_scaled(deployment, made, "up", None, replicas)
        return made

    def _first_size(self, deployment: Json, sets: list[Json]) -> int:
        wanted: int = deployment["spec"]["replicas"]
        if deployment["spec"]["strategy"]["type"] == "Recreate":
            return wanted
        present = sum(one["spec"]["replicas"] for one in sets)
        room: int = wanted + surge(deployment["spec"]) - present
        return max(0, min(wanted, room))

    def _recreate(self, deployment: Json, current: Json, others: list[Json]) -> None:
        """Old pods first go entirely, then the new ones come."""
        for one in others:
            self._scale(deployment, one, 0)
        if not any(pods_of(self._c, one) for one in others):
            self._scale(deployment, current, deployment["spec"]["replicas"])

    def _roll(self, deployment: Json, current: Json, others: list[Json]) -> None:
        """New pods come as far as the surge allows, old ones go as far as availability allows."""
        spec = deployment["spec"]
        wanted, size = spec["replicas"], current["spec"]["replicas"]
        if size > wanted:
            self._scale(deployment, current, wanted)
            size = wanted
        old_sizes = sum(one["spec"]["replicas"] for one in others)
        room = wanted + surge(spec) - size - old_sizes
        if size < wanted and (room > 0 or not others):
            size = min(wanted, size + room) if others else wanted
            current = self._scale(deployment, current, size)
        spare = sum(dig(one, "status", "availableReplicas", default=0) for one in [current, *others])
        spare -= wanted - unavailable(spec)
        for one in sorted(others, key=lambda each: each["metadata"]["creationTimestamp"]):
            available = dig(one, "status", "availableReplicas", default=0)
            idle = one["spec"]["replicas"] - available
            drop = min(one["spec"]["replicas"], idle + max(0, min(spare, available)))
            if drop > 0:
                spare -= max(0, drop - idle)
                self._scale(deployment, one, one["spec"]["replicas"] - drop)

    def _scale(self, deployment: Json, replica_set: Json, replicas: int) -> Json:
        before = replica_set["spec"]["replicas"]
        if before == replicas:
            return replica_set
        changed = clone(replica_set)
        changed["spec"]["replicas"] = replicas
        annotations = changed["metadata"].setdefault("annotations", {})
        annotations["deployment.kubernetes.io/desired-replicas"] = str(deployment["spec"]["replicas"])
        scaled = self._c.registry.rewrite(REPLICA_SETS, replica_set, changed)
        self._tell_scaled(deployment, scaled, "up" if replicas > before else "down", before, replicas)
        return scaled

    def _tell_scaled(self, deployment: Json, one: Json, way: str, before: int | None, after: int) -> None:
        name = one["metadata"]["name"]
        since = "from 0" if before is None else f"from {before}"
        text = f"Scaled {way} replica set {name} {since} to {after}"
        self._c.recorder.say(deployment, "ScalingReplicaSet", text, component=COMPONENT)

    def _clean_up(self, deployment: Json, current: Json) -> None:
        """Keep only as many idle old replica sets as the history limit allows."""
        idle = [
            one
            for one in sets_of(self._c, deployment)
            if one["metadata"]["uid"] != current["metadata"]["uid"]
            and one["spec"]["replicas"] == 0
            and not dig(one, "status", "replicas", default=0)
        ]
        idle.sort(key=lambda one: int(dig(one, "metadata", "annotations", REVISION, default="0")))
        surplus = len(idle) - deployment["spec"].get("revisionHistoryLimit", 10)
        for one in idle[: max(0, surplus)]:
            self._c.store.remove(REPLICA_SETS, one["metadata"]["namespace"], one["metadata"]["name"])
