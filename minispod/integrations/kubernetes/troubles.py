"""Why a workload is not ready, in plain words, from what Kubernetes writes into conditions and statuses."""

from collections.abc import Iterator, Mapping
from typing import Any

from minispod.cluster.port import Trouble

_FINAL_AFTER_RESTARTS = 5
_GONE_FOR_GOOD = ("not found", "manifest unknown", "does not exist", "invalid reference")

_IMAGE_REASONS = frozenset(
    {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError"}
)
_CONFIG_REASONS = frozenset({"CreateContainerConfigError", "CreateContainerError", "RunContainerError"})


def trouble_of(deployment: Mapping[str, Any], pod: Mapping[str, Any] | None) -> Trouble | None:
    """Explain what keeps a workload from being ready; None when it may just need time."""
    if pod is not None:
        return _container_trouble(pod) or _scheduling_trouble(pod) or _eviction_trouble(pod)
    return _refusal_trouble(deployment)


def _statuses(pod: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    status = pod.get("status") or {}
    yield from status.get("initContainerStatuses") or []
    yield from status.get("containerStatuses") or []


def _container_trouble(pod: Mapping[str, Any]) -> Trouble | None:
    for status in _statuses(pod):
        waiting = (status.get("state") or {}).get("waiting") or {}
        reason, message = waiting.get("reason") or "", waiting.get("message") or ""
        if reason in _IMAGE_REASONS:
            return _image_trouble(str(status.get("image") or "?"), reason, message)
        if reason in _CONFIG_REASONS:
            return Trouble("config", f"The container could not be set up ({reason}).", is_final=True)
        crash = _crash_trouble(status, reason)
        if crash is not None:
            return crash
    return None


def _image_trouble(image: str, reason: str, message: str) -> Trouble:
    is_final = reason == "InvalidImageName" or any(words in message.lower() for words in _GONE_FOR_GOOD)
    return Trouble("image_pull", f"The image {image} could not be pulled.", is_final=is_final)


def _crash_trouble(status: Mapping[str, Any], reason: str) -> Trouble | None:
    if status.get("ready"):
        return None
    restarts = int(status.get("restartCount") or 0)
    ended = (status.get("state") or {}).get("terminated") or (status.get("lastState") or {}).get("terminated")
    if not ended or (reason != "CrashLoopBackOff" and not restarts and ended.get("exitCode") == 0):
        return None
    is_final = restarts >= _FINAL_AFTER_RESTARTS
    if ended.get("reason") == "OOMKilled":
        return Trouble("oom", "The application needed more memory than its plan has and was ended.", is_final)
    code = ended.get("exitCode")
    return Trouble(
        "crash_loop", f"The application ends by itself soon after its start (exit code {code}).", is_final
    )


def _scheduling_trouble(pod: Mapping[str, Any]) -> Trouble | None:
    condition = _condition(pod, "PodScheduled")
    if condition.get("status") != "False":
        return None
    message = str(condition.get("message") or "").lower()
    if "insufficient" in message:
        return Trouble("unschedulable", "No node has enough free CPU or memory at the moment.")
    if "volume" in message or "persistentvolumeclaim" in message:
        return Trouble("volume", "The volume is not available on any node that could run the application.")
    return Trouble("unschedulable", "No node can take the application at the moment.")


def _eviction_trouble(pod: Mapping[str, Any]) -> Trouble | None:
    status = pod.get("status") or {}
    if status.get("phase") == "Failed" and status.get("reason") == "Evicted":
        return Trouble("evicted", "The node was short of resources and sent the application away.")
    return None


def _refusal_trouble(deployment: Mapping[str, Any]) -> Trouble | None:
    condition = _condition(deployment, "ReplicaFailure")
    if condition.get("status") != "True":
        return None
    message = str(condition.get("message") or "")
    if "quota" in message or "usage per Container" in message:
        return Trouble("quota", "The customer's quota does not leave room for another pod.")
    if "PodSecurity" in message:
        return Trouble("config", "The pod security rules of the namespace forbid this pod.", is_final=True)
    return Trouble("config", "The cluster refuses to make the pod.")


def _condition(thing: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    conditions = (thing.get("status") or {}).get("conditions") or []
    return next((condition for condition in conditions if condition.get("type") == kind), {})
