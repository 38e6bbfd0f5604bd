"""Events: what the cluster's own components tell about objects, counted up when they repeat themselves."""

import itertools
import time
from typing import Any

from minispod.simulator.kubernetes.machinery.jsonish import Json, clone, micro_text, new_uid, now_text
from minispod.simulator.kubernetes.machinery.kinds import EVENTS, NAMESPACES
from minispod.simulator.kubernetes.reactor import Reactor
from minispod.simulator.kubernetes.store import Store

LIFETIME_SECONDS = 3600


class Recorder:
    """Writes events; the same thing said again raises the count of the first event."""

    def __init__(self, store: Store, reactor: Reactor) -> None:
        self._store = store
        self._reactor = reactor
        self._known: dict[tuple[Any, ...], str] = {}
        self._serial = itertools.count(time.time_ns())

    def say(
        self,
        about: Json,
        reason: str,
        message: str,
        *,
        component: str,
        warning: bool = False,
        host: str = "",
        field: str = "",
    ) -> None:
        """Record that something happened to an object."""
        namespace = about["metadata"].get("namespace") or "default"
        space = self._store.find(NAMESPACES, "", namespace)
        if space is None or "deletionTimestamp" in space["metadata"]:
            return
        type_ = "Warning" if warning else "Normal"
        key = (about["metadata"]["uid"], reason, message, type_, component, field)
        known = self._known.get(key)
        earlier = self._store.find(EVENTS, namespace, known) if known else None
        if earlier is not None:
            again = clone(earlier)
            again["count"] = earlier.get("count", 1) + 1
            again["lastTimestamp"] = now_text()
            self._store.replace(EVENTS, again)
            return
        name = f"{about['metadata']['name']}.{next(self._serial):x}"
        self._known[key] = name
        self._store.insert(
            EVENTS, _event(about, namespace, name, reason, message, type_, component, host, field)
        )
        self._reactor.later(LIFETIME_SECONDS, self._forget, key, namespace, name)

    def _forget(self, key: tuple[Any, ...], namespace: str, name: str) -> None:
        self._known.pop(key, None)
        if self._store.find(EVENTS, namespace, name) is not None:
            self._store.remove(EVENTS, namespace, name)


def _event(
    about: Json,
    namespace: str,
    name: str,
    reason: str,
    message: str,
    type_: str,
    component: str,
    host: str,
    field: str,
) -> Json:
    involved = _involved(about, field)
    source = {"component": component, "host": host} if host else {"component": component}
    now = now_text()
    event: Json = {
        "kind": "Event",
        "apiVersion": "v1",
        "metadata": {"name": name, "namespace": namespace, "uid": new_uid(), "creationTimestamp": now},
        "involvedObject": involved,
        "reason": reason,
        "message": message,
        "source": source,
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
        "type": type_,
        "eventTime": None,
        "reportingComponent": component,
        "reportingInstance": host,
    }
    if component == "default-scheduler" and reason == "Scheduled":
        event |= {
            "eventTime": micro_text(),
            "firstTimestamp": None,
            "lastTimestamp": None,
            "action": "Binding",
        }
        event["reportingInstance"] = "default-scheduler-master"
        event["source"] = {}
        del event["count"]
    return event


def _involved(about: Json, field: str) -> Json:
    metadata = about["metadata"]
    involved: Json = {"kind": about["kind"], "apiVersion": about["apiVersion"], "name": metadata["name"]}
    if metadata.get("namespace"):
        involved["namespace"] = metadata["namespace"]
    involved |= {"uid": metadata["uid"], "resourceVersion": metadata.get("resourceVersion", "")}
    if field:
        involved["fieldPath"] = field
    return involved
