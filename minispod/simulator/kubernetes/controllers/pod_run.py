"""What a kubelet knows about the pods it runs, and the pod status that follows from it."""

import hashlib
import secrets
from dataclasses import dataclass, field

from minispod.simulator.kubernetes.controllers.images import full_name
from minispod.simulator.kubernetes.machinery.jsonish import Json, clone, dig, now_text


@dataclass(slots=True)
class ContainerRun:
    """One container: what it is doing and what it did before."""

    name: str
    image: str
    init: bool
    phase: str = "waiting"
    reason: str = ""
    message: str = ""
    restarts: int = 0
    crashes: int = 0
    failed_pulls: int = 0
    ready: bool = False
    started: bool = False
    held_unready: bool = False
    started_at: str = ""
    finished_at: str = ""
    exit_code: int = 0
    identity: str = ""
    previous: Json | None = None
    epoch: int = 0

    def begin(self) -> None:
        """The container runs from now on."""
        self.phase, self.reason, self.message = "running", "", ""
        self.started_at, self.finished_at = now_text(), ""
        self.identity = f"containerd://{secrets.token_hex(32)}"
        self.ready = self.started = False
        self.epoch += 1

    def end(self, exit_code: int, reason: str) -> None:
        """The container has ended."""
        self.phase, self.reason, self.message = "terminated", reason, ""
        self.exit_code, self.finished_at = exit_code, now_text()
        self.ready = self.started = False
        self.epoch += 1

    def wait(self, reason: str, message: str = "") -> None:
        """The container does not run, for a reason; what it did last is remembered."""
        if self.phase == "terminated":
            self.previous = self._terminated()
        self.phase, self.reason, self.message = "waiting", reason, message
        self.ready = self.started = False

    @property
    def has_run(self) -> bool:
        """It was started at least once."""
        return bool(self.identity)

    def _terminated(self) -> Json:
        return {
            "exitCode": self.exit_code,
            "reason": self.reason,
            "startedAt": self.started_at,
            "finishedAt": self.finished_at,
            "containerID": self.identity,
        }

    def status(self) -> Json:
        """The entry in containerStatuses."""
        if self.phase == "running":
            state: Json = {"running": {"startedAt": self.started_at}}
        elif self.phase == "terminated":
            state = {"terminated": self._terminated()}
        else:
            waiting = {"reason": self.reason or "ContainerCreating"}
            state = {"waiting": {**waiting, "message": self.message} if self.message else waiting}
        found: Json = {
            "name": self.name,
            "state": state,
            "lastState": {"terminated": self.previous} if self.previous else {},
            "ready": self.ready,
            "restartCount": self.restarts,
            "image": full_name(self.image) if self.has_run else self.image,
            "imageID": _image_id(self.image) if self.has_run else "",
            "started": self.started,
        }
        if self.has_run:
            found["containerID"] = self.identity
        return found


def _image_id(image: str) -> str:
    digest = hashlib.sha256(full_name(image).encode()).hexdigest()
    return f"{full_name(image).rsplit(':', 1)[0]}@sha256:{digest}"


@dataclass(slots=True)
class PodRun:
    """One pod on a node."""

    namespace: str
    name: str
    uid: str
    node: str
    ip: str = ""
    host_ip: str = ""
    started_at: str = ""
    going: bool = False
    mounted: bool = False
    failed_mounts: int = 0
    containers: list[ContainerRun] = field(default_factory=list)

    @property
    def inits(self) -> list[ContainerRun]:
        """The init containers, in order."""
        return [one for one in self.containers if one.init]

    @property
    def mains(self) -> list[ContainerRun]:
        """The containers proper."""
        return [one for one in self.containers if not one.init]

    def container(self, name: str) -> ContainerRun | None:
        """The container of that name."""
        return next((one for one in self.containers if one.name == name), None)

    @property
    def initialized(self) -> bool:
        """All init containers ended well."""
        return all(one.phase == "terminated" and one.exit_code == 0 for one in self.inits)

    def phase(self, restart_policy: str) -> str:
        """The phase of the pod that follows from its containers."""
        if restart_policy == "Never" and any(
            one.phase == "terminated" and one.exit_code for one in self.inits
        ):
            return "Failed"
        if not self.initialized or any(one.phase == "waiting" and not one.has_run for one in self.mains):
            return "Pending"
        if any(one.phase != "terminated" for one in self.mains) or restart_policy == "Always":
            return "Running"
        if all(one.exit_code == 0 for one in self.mains):
            return "Succeeded"
        return "Failed" if restart_policy == "Never" else "Running"

    def status(self, pod: Json) -> Json:
        """The whole status the kubelet reports."""
        status: Json = clone(pod.get("status", {}))
        status["phase"] = self.phase(pod["spec"]["restartPolicy"])
        status["hostIP"], status["hostIPs"] = self.host_ip, [{"ip": self.host_ip}]
        status["startTime"] = self.started_at
        if self.ip:
            status["podIP"], status["podIPs"] = self.ip, [{"ip": self.ip}]
        if self.inits:
            status["initContainerStatuses"] = [one.status() for one in self.inits]
        status["containerStatuses"] = [one.status() for one in self.mains]
        if "generation" in pod["metadata"]:
            status["observedGeneration"] = pod["metadata"]["generation"]
        status["conditions"] = self._conditions(pod, status["phase"])
        return status

    def _conditions(self, pod: Json, phase: str) -> list[Json]:
        known = {one["type"]: one for one in dig(pod, "status", "conditions", default=[])}
        unready = [one.name for one in self.mains if not one.ready]
        done = phase == "Succeeded"
        reason = "PodCompleted" if done else "ContainersNotReady" if unready else ""
        message = f"containers with unready status: [{' '.join(unready)}]" if unready and not done else ""
        pending = [one.name for one in self.inits if one.phase != "terminated" or one.exit_code]
        incomplete = f"containers with incomplete status: [{' '.join(pending)}]" if pending else ""
        wanted = [
            ("PodReadyToStartContainers", bool(self.ip) and phase not in ("Succeeded", "Failed"), "", ""),
            (
                "Initialized",
                not pending,
                "PodCompleted" if done else "ContainersNotInitialized" if pending else "",
                incomplete,
            ),
            ("Ready", not unready, reason, message),
            ("ContainersReady", not unready, reason, message),
        ]
        fresh = [_condition(known.get(type_), type_, true, why, text) for type_, true, why, text in wanted]
        if "PodScheduled" in known:
            fresh.append(known["PodScheduled"])
        return fresh + [one for type_, one in known.items() if type_ == "DisruptionTarget"]


def _condition(earlier: Json | None, type_: str, true: bool, reason: str, message: str) -> Json:
    status = "True" if true else "False"
    kept = earlier and earlier["status"] == status
    moved = earlier["lastTransitionTime"] if earlier and kept else now_text()
    condition: Json = {"type": type_, "status": status, "lastProbeTime": None, "lastTransitionTime": moved}
    if reason:
        condition["reason"] = reason
    if message:
        condition["message"] = message
    return condition


def run_for(pod: Json, node: str, host_ip: str) -> PodRun:
    """A run that has not begun."""
    metadata, spec = pod["metadata"], pod["spec"]
    run = PodRun(metadata["namespace"], metadata["name"], metadata["uid"], node, host_ip=host_ip)
    run.started_at = dig(pod, "status", "startTime", default=now_text())
    for group, init in (("initContainers", True), ("containers", False)):
        for container in spec.get(group) or ():
            run.containers.append(ContainerRun(container["name"], container["image"], init))
    for one in run.mains:
        one.reason = "PodInitializing" if run.inits else "ContainerCreating"
    for one in run.inits:
        one.reason = "PodInitializing"
    return run


def recall(run: PodRun, pod: Json) -> None:
    """Take over what a pod's status says, after the simulator was restarted."""
    status = pod.get("status", {})
    run.ip = status.get("podIP", "")
    for group in ("initContainerStatuses", "containerStatuses"):
        for told in status.get(group) or ():
            one = run.container(told["name"])
            if one is not None:
                _recall_container(one, told)


def _recall_container(one: ContainerRun, told: Json) -> None:
    one.restarts = told.get("restartCount", 0)
    one.previous = dig(told, "lastState", "terminated")
    state = told.get("state", {})
    if "running" in state:
        one.phase, one.reason = "running", ""
        one.started_at, one.identity = state["running"]["startedAt"], told.get("containerID", "")
        one.ready, one.started = told.get("ready", False), told.get("started", False)
    elif "terminated" in state:
        ended = state["terminated"]
        one.phase, one.reason, one.exit_code = "terminated", ended.get("reason", ""), ended["exitCode"]
        one.started_at, one.finished_at = ended.get("startedAt", ""), ended.get("finishedAt", "")
        one.identity = ended.get("containerID", "")
    elif one.previous:
        one.identity = one.previous.get("containerID", "recalled")
