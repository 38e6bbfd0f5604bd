"""What happened to one workload: the cluster's events and what containers ended with, told in our words. Pure.

Kubernetes reports a container that ended only in the pod's status, so both sources are read. What says the same of
the same container is told once, with how often it was seen.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from minispod.cluster.events import WorkloadEvent
from minispod.integrations.kubernetes.troubles import eviction_key, no_place_key, refusal_key, statuses
from minispod.integrations.kubernetes.words import say

Raw = Mapping[str, Any]

MOST_EVENTS = 50
_RAW_LENGTH = 500
_CONTAINER = re.compile(r"\{([^}]+)\}")
_IMAGE = re.compile(r'image "([^"\s]+)"')
_PULLING = (
    "pull image",
    "pulling image",
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
    "resolve image",
)
# Reasons whose meaning does not depend on the message.
_PLAIN = {
    "Scheduled": "scheduled",
    "Pulled": "pulled",
    "Started": "started",
    "ProvisioningSucceeded": "volume_ready",
    "ProvisioningFailed": "volume_not_made",
    "FailedBinding": "volume_not_made",
    "FailedMount": "mount",
    "FailedAttachVolume": "mount",
    "FailedMapVolume": "mount",
    "FailedCreatePodSandBox": "network",
    "NetworkNotReady": "network",
    "NodeNotReady": "node_not_ready",
    "TaintManagerEviction": "node_not_ready",
    "Unhealthy": "probe",
    "Preempted": "evicted",
}
# Trouble, whatever its type says: that the kubelet waits between two pulls is "Normal" to it, as is what a taint ends.
_TROUBLE = frozenset({"image_pull", "some_image_pull", "config", "node_not_ready"})
# What containers end with comes from the pod's status, with exit code and log; this only announces the pause.
_TOLD_BY_STATUS = "Back-off restarting failed container"


def belongs(event: Raw, workload: str) -> bool:
    """Tell whether an event is about an object of this workload: itself, or named after it."""
    name = str((event.get("involvedObject") or {}).get("name") or "")
    return name == workload or name.startswith(f"{workload}-")


def endings(pods: Iterable[Raw]) -> Iterator[tuple[Raw, Raw, Raw]]:
    """Pod, container status and ending of every container that ended badly, or ended again and again."""
    for pod in pods:
        for status in statuses(pod):
            last = (status.get("lastState") or {}).get("terminated")
            ended = (status.get("state") or {}).get("terminated") or last
            if ended and (ended.get("exitCode") or (last and int(status.get("restartCount") or 0))):
                yield pod, status, ended


def tell(events: Iterable[Raw], ended: Sequence[tuple[Raw, Raw, Sequence[str]]]) -> list[WorkloadEvent]:
    """Everything that happened, newest first; `ended` are container status, ending and last lines of its log."""
    told = [_ending(*each) for each in ended]
    told += [found for event in events if (found := _translate(event)) is not None]
    together: dict[tuple[str, str | None, str], WorkloadEvent] = {}
    for each in told:
        key = (each.reason, each.container, each.words.english)
        known = together.get(key)
        together[key] = each if known is None else _joined(known, each)
    return sorted(together.values(), key=lambda each: each.at, reverse=True)[:MOST_EVENTS]


def _joined(one: WorkloadEvent, other: WorkloadEvent) -> WorkloadEvent:
    newer = max(one, other, key=lambda each: each.at)
    return replace(newer, count=one.count + other.count, log_lines=one.log_lines or other.log_lines)


def _ending(status: Raw, ended: Raw, lines: Sequence[str]) -> WorkloadEvent:
    code, reason = ended.get("exitCode"), str(ended.get("reason") or "")
    text = say("oom") if reason == "OOMKilled" else say("crash_loop", code=code)
    return WorkloadEvent(
        at=_moment(ended.get("finishedAt")),
        reason=text.reason,
        words=text.words,
        is_warning=True,
        count=max(1, int(status.get("restartCount") or 0)),
        container=str(status.get("name") or "") or None,
        raw=f"{reason} (exit code {code}) {ended.get('message') or ''}".strip()[:_RAW_LENGTH],
        log_lines=tuple(lines),
    )


def _translate(event: Raw) -> WorkloadEvent | None:
    reason, message = str(event.get("reason") or ""), str(event.get("message") or "")
    is_warning = event.get("type") == "Warning"
    key = _key_of(reason, message, is_warning=is_warning)
    if key is None:
        return None
    image = _IMAGE.search(message)
    if key == "image_pull" and image is None:
        key = "some_image_pull"
    text = say(key, image=image and image.group(1), detail=reason)
    field = _CONTAINER.search(str((event.get("involvedObject") or {}).get("fieldPath") or ""))
    series, made = event.get("series") or {}, event.get("metadata") or {}
    moments = (series.get("lastObservedTime"), event.get("lastTimestamp"), event.get("eventTime"))
    return WorkloadEvent(
        at=_moment(next((each for each in moments if each), made.get("creationTimestamp"))),
        reason=text.reason,
        words=text.words,
        is_warning=is_warning or key in _TROUBLE,
        count=max(1, int(series.get("count") or event.get("count") or 1)),
        container=field.group(1) if field else None,
        raw=f"{reason}: {message}"[:_RAW_LENGTH],
    )


def _key_of(reason: str, message: str, *, is_warning: bool) -> str | None:
    """Which words fit an event; None for what says nothing to anybody (or is said better elsewhere)."""
    if reason in _PLAIN:
        return _PLAIN[reason]
    if reason in ("Failed", "BackOff", "InspectFailed", "ErrImageNeverPull"):
        return _failure_key(reason, message)
    if reason == "FailedScheduling":
        return no_place_key(message)
    if reason == "FailedCreate":
        return refusal_key(message)
    if reason == "Evicted":
        return eviction_key(message)
    if reason == "Killing":
        return "probe_restart" if "probe" in message else "stopping"
    return "other" if is_warning else None


def _failure_key(reason: str, message: str) -> str | None:
    if _TOLD_BY_STATUS in message:
        return None
    if message in ("Error: ErrImagePull", "Error: ImagePullBackOff"):
        return None  # the event beside it names the image
    is_image = reason in ("InspectFailed", "ErrImageNeverPull") or any(words in message for words in _PULLING)
    return "image_pull" if is_image else "config"


def _moment(text: Any) -> datetime:
    return datetime.fromisoformat(str(text)) if text else datetime.fromtimestamp(0, UTC)
