"""Small bookkeepers: the status of quotas and of pod disruption budgets."""

import math

from minispod.simulator.kubernetes.controllers.context import Context
from minispod.simulator.kubernetes.machinery.jsonish import Json, clone, dig, now_text
from minispod.simulator.kubernetes.machinery.kinds import DISRUPTION_BUDGETS, PODS, QUOTAS
from minispod.simulator.kubernetes.machinery.selectors import selects
from minispod.simulator.kubernetes.pod_facts import is_active, is_ready
from minispod.simulator.kubernetes.quota import status_of


class Budgets:
    """Writes down how much of a budget is used."""

    def __init__(self, context: Context) -> None:
        self._c = context

    def reconcile_quotas(self, namespace: str) -> None:
        """Bring the status of the namespace's quotas up to date."""
        for quota in self._c.store.list(QUOTAS, namespace):
            self._c.registry.set_status(QUOTAS, quota, status_of(self._c.store, quota))

    def reconcile_disruptions(self, namespace: str) -> None:
        """Count for each disruption budget how many pods may go."""
        for budget in self._c.store.list(DISRUPTION_BUDGETS, namespace):
            self._c.registry.set_status(DISRUPTION_BUDGETS, budget, self._disruptions(budget))

    def _disruptions(self, budget: Json) -> Json:
        pods = [pod for pod in self._c.store.list(PODS, budget["metadata"]["namespace"]) if is_active(pod)]
        covered = [
            pod
            for pod in pods
            if selects(dig(budget, "spec", "selector"), dig(pod, "metadata", "labels", default={}))
        ]
        healthy, expected = sum(1 for pod in covered if is_ready(pod)), len(covered)
        least, most = dig(budget, "spec", "minAvailable"), dig(budget, "spec", "maxUnavailable")
        desired = (
            _share(least, expected)
            if least is not None
            else expected - _share(most if most is not None else 0, expected)
        )
        allowed = max(0, healthy - desired)
        condition = {
            "type": "DisruptionAllowed",
            "status": "True" if allowed else "False",
            "reason": "SufficientPods" if allowed else "InsufficientPods",
            "message": "",
            "observedGeneration": budget["metadata"]["generation"],
            "lastTransitionTime": now_text(),
        }
        earlier = clone(dig(budget, "status", "conditions", default=[]))
        if earlier and earlier[0]["status"] == condition["status"]:
            condition["lastTransitionTime"] = earlier[0]["lastTransitionTime"]
        return {
            "observedGeneration": budget["metadata"]["generation"],
            "disruptionsAllowed": allowed,
            "currentHealthy": healthy,
            "desiredHealthy": max(0, desired),
            "expectedPods": expected,
            "conditions": [condition],
        }


def _share(value: object, whole: int) -> int:
    return value if isinstance(value, int) else math.ceil(whole * int(str(value).rstrip("%")) / 100)
