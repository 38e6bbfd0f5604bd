"""Jobs: pods that run to their end, again if they fail, until enough succeeded or too many failed."""

from minispod.simulator.kubernetes.controllers.context import Context
from minispod.simulator.kubernetes.controllers.replica_sets import pod_from
from minispod.simulator.kubernetes.machinery.jsonish import Json, clone, dig, now_text
from minispod.simulator.kubernetes.machinery.kinds import JOBS, PODS
from minispod.simulator.kubernetes.machinery.refusals import Refusal
from minispod.simulator.kubernetes.pod_facts import is_active, is_going, is_ready
from minispod.simulator.kubernetes.registry import Writer
from minispod.simulator.kubernetes.removal import DeleteOptions

COMPONENT = "job-controller"
RETRY_SECONDS = 5.0


class Jobs:
    """The job controller."""

    def __init__(self, context: Context) -> None:
        self._c = context

    def reconcile(self, namespace: str, name: str) -> None:
        """Start what is missing, and conclude when the outcome is known."""
        job = self._c.store.find(JOBS, namespace, name)
        if job is None or is_going(job) or self._concluded(job):
            return
        found = self._c.store.owned_by(job["metadata"]["uid"])
        pods = [self._c.store.get(*one) for one in found if one.resource == PODS]
        counts = {
            "active": sum(1 for pod in pods if is_active(pod)),
            "succeeded": sum(1 for pod in pods if dig(pod, "status", "phase") == "Succeeded"),
            "failed": sum(1 for pod in pods if dig(pod, "status", "phase") == "Failed"),
        }
        restarts = sum(self._restarts(pod) for pod in pods)
        if counts["succeeded"] >= job["spec"]["completions"]:
            self._conclude(
                job, counts, "Complete", "CompletionsReached", "Reached expected number of succeeded pods"
            )
        elif counts["failed"] + restarts > job["spec"]["backoffLimit"]:
            for pod in pods:
                if is_active(pod):
                    self._c.removal.delete(PODS, namespace, pod["metadata"]["name"], DeleteOptions())
            text = "Job has reached the specified backoff limit"
            self._conclude(job, {**counts, "active": 0}, "Failed", "BackoffLimitExceeded", text)
        else:
            self._continue(job, pods, counts)

    def _concluded(self, job: Json) -> bool:
        conditions = dig(job, "status", "conditions", default=[])
        return any(one["type"] in ("Complete", "Failed") and one["status"] == "True" for one in conditions)

    def _restarts(self, pod: Json) -> int:
        if pod["spec"]["restartPolicy"] != "OnFailure":
            return 0
        return sum(one["restartCount"] for one in dig(pod, "status", "containerStatuses", default=[]))

    def _continue(self, job: Json, pods: list[Json], counts: dict[str, int]) -> None:
        namespace, name = job["metadata"]["namespace"], job["metadata"]["name"]
        room = (
            min(job["spec"]["parallelism"], job["spec"]["completions"] - counts["succeeded"])
            - counts["active"]
        )
        if job["spec"].get("suspend"):
            room = 0
        try:
            for _ in range(max(0, room)):
                made = self._c.registry.create(PODS, namespace, pod_from(job), Writer())
                text = f"Created pod: {made['metadata']['name']}"
                self._c.recorder.say(job, "SuccessfulCreate", text, component=COMPONENT)
                counts["active"] += 1
        except Refusal as refusal:
            text = f"Error creating: {refusal.message}"
            self._c.recorder.say(job, "FailedCreate", text, component=COMPONENT, warning=True)
            self._c.reactor.later(RETRY_SECONDS, self.reconcile, namespace, name)
        status = {**clone(job.get("status", {})), **counts}
        status["ready"] = sum(1 for pod in pods if is_ready(pod))
        status.setdefault("startTime", now_text())
        self._c.registry.set_status(
            JOBS, job, {field: value for field, value in status.items() if value != 0}
        )

    def _conclude(self, job: Json, counts: dict[str, int], type_: str, reason: str, message: str) -> None:
        now = now_text()
        status: Json = {**clone(job.get("status", {})), **counts}
        condition = {"type": type_, "status": "True", "lastProbeTime": now, "lastTransitionTime": now}
        status["conditions"] = [
            *status.get("conditions", []),
            {**condition, "reason": reason, "message": message},
        ]
        status["ready"] = 0
        status.setdefault("startTime", now)
        if type_ == "Complete":
            status["completionTime"] = now
            self._c.recorder.say(job, "Completed", "Job completed", component=COMPONENT)
        else:
            self._c.recorder.say(job, reason, message, component=COMPONENT, warning=True)
        self._c.registry.set_status(
            JOBS, job, {field: value for field, value in status.items() if value != 0}
        )
        lasts = job["spec"].get("ttlSecondsAfterFinished")
        if lasts is not None:
            self._c.reactor.later(lasts, self._expire, job["metadata"]["namespace"], job["metadata"]["name"])

    def _expire(self, namespace: str, name: str) -> None:
        if self._c.store.find(JOBS, namespace, name) is not None:
            self._c.removal.delete(JOBS, namespace, name, DeleteOptions(policy="Background"))
