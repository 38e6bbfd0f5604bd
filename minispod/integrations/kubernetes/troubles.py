"""Why a workload is not ready, from what Kubernetes writes into conditions and statuses; the words are in `words`."""

from collections.abc import Iterator, Mapping
from typing import Any

from minispod.cluster.port import Trouble
from minispod.integrations.kubernetes.words import say

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


def trouble(key: str, *, is_final: bool = False, **facts: object) -> Trouble:
    """A trouble in the words of `key`."""
    text = say(key, **facts)
    return Trouble(text.reason, text.words.english, is_final)


def statuses(pod: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """What the pod says of each of its containers, those that prepare first."""
    status = pod.get("status") or {}
    yield from status.get("initContainerStatuses") or []
    yield from status.get("containerStatuses") or []


def _container_trouble(pod: Mapping[str, Any]) -> Trouble | None:
    for status in statuses(pod):
        waiting = (status.get("state") or {}).get("waiting") or {}
        reason, message = waiting.get("reason") or "", waiting.get("message") or ""
        if reason in _IMAGE_REASONS:
            return _image_trouble(str(status.get("image") or "?"), reason, message)
        if reason in _CONFIG_REASONS:
            return trouble("config", is_final=True, detail=reason)
        crash = _crash_trouble(status, reason)
        if crash is not None:
            return crash
    return None


def _image_trouble(image: str, reason: str, message: str) -> Trouble:
    is_final = reason == "InvalidImageName" or any(words in message.lower() for words in _GONE_FOR_GOOD)
    return trouble("image_pull", is_final=is_final, image=image)


def _crash_trouble(status: Mapping[str, Any], reason: str) -> Trouble | None:
    if status.get("ready"):
        return None
    restarts = int(status.get("restartCount") or 0)
    ended = (status.get("state") or {}).get("terminated") or (status.get("lastState") or {}).get("terminated")
    if not ended or (reason != "CrashLoopBackOff" and not restarts and ended.get("exitCode") == 0):
        return None
    is_final = restarts >= _FINAL_AFTER_RESTARTS
    if ended.get("reason") == "OOMKilled":
        return trouble("oom", is_final=is_final)
    return trouble("crash_loop", is_final=is_final, code=ended.get("exitCode"))


def _scheduling_trouble(pod: Mapping[str, Any]) -> Trouble | None:
    condition = _condition(pod, "PodScheduled")
    if condition.get("status") != "False":
        return None
    return trouble(no_place_key(str(condition.get("message") or "")))


def no_place_key(message: str) -> str:
    """Which words fit what the scheduler says."""
    message = message.lower()
    if "insufficient" in message:
        return "no_room"
    return "volume" if "volume" in message or "persistentvolumeclaim" in message else "no_place"


def _eviction_trouble(pod: Mapping[str, Any]) -> Trouble | None:
    status = pod.get("status") or {}
    if status.get("phase") == "Failed" and status.get("reason") == "Evicted":
        return trouble(eviction_key(str(status.get("message") or "")))
    return None


def eviction_key(message: str) -> str:
    """Which words fit what the kubelet says when it sends a pod away."""
    message = message.lower()
    if "exceed" in message and ("ephemeral" in message or "emptydir" in message):
        return "scratch_full"
    return "disk_pressure" if "ephemeral-storage" in message or "inodes" in message else "evicted"


def _refusal_trouble(deployment: Mapping[str, Any]) -> Trouble | None:
    condition = _condition(deployment, "ReplicaFailure")
    if condition.get("status") != "True":
        return None
    key = refusal_key(str(condition.get("message") or ""))
    return trouble(key, is_final=key == "forbidden")


def refusal_key(message: str) -> str:
    """Which words fit a refusal to make a pod."""
    if "quota" in message or "usage per Container" in message:
        return "quota"
    return "forbidden" if "PodSecurity" in message else "refused"


def _condition(thing: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    conditions = (thing.get("status") or {}).get("conditions") or []
    return next((condition for condition in conditions if condition.get("type") == kind), {})
