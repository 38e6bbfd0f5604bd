"""Lists: selectors, pages with continue tokens that show one moment of the past, and their metadata."""

import base64
import json
from typing import Any

from minispod.simulator.kubernetes.machinery.jsonish import Json
from minispod.simulator.kubernetes.machinery.kinds import Resource
from minispod.simulator.kubernetes.machinery.refusals import bad_request, expired
from minispod.simulator.kubernetes.machinery.selectors import Matcher, field_matcher, label_matcher
from minispod.simulator.kubernetes.store import Store

TOO_OLD = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list "
    "without the continue parameter, or use the continue token in this response to retrieve the remainder of the "
    "results. Continuing with the provided token results in an inconsistent list - objects that were created, "
    "modified, or deleted between the time the first chunk was returned and now may show up in the list."
)


def matcher(resource: Resource, query: dict[str, str]) -> Matcher:
    """The test that the selectors of a query make."""
    labels = label_matcher(query.get("labelSelector"))
    fields = field_matcher(query.get("fieldSelector"), resource.kind)
    return lambda obj: labels(obj) and fields(obj)


def list_objects(store: Store, resource: Resource, namespace: str | None, query: dict[str, str]) -> Json:
    """The list a client asked for."""
    limit = _number(query, "limit")
    token = query.get("continue")
    test = matcher(resource, query)
    with store.lock:
        version, after = _moment(store, token)
        found = [obj for obj in _present(store, resource, namespace, version if token else None) if test(obj)]
    if after is not None:
        found = [obj for obj in found if _key(obj) > after]
    metadata: Json = {"resourceVersion": str(version)}
    if limit and len(found) > limit:
        page, rest = found[:limit], len(found) - limit
        metadata["continue"] = _token(version, _key(page[-1]))
        if not query.get("labelSelector") and not query.get("fieldSelector"):
            metadata["remainingItemCount"] = rest
        found = page
    kind = f"{resource.kind}List"
    return {"kind": kind, "apiVersion": resource.group_version, "metadata": metadata, "items": found}


def _number(query: dict[str, str], name: str) -> int:
    text = query.get(name) or "0"
    if not text.lstrip("-").isdigit():
        raise bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax')
    return int(text)


def _key(obj: Json) -> list[str]:
    return [obj["metadata"].get("namespace", ""), obj["metadata"]["name"]]


def _present(store: Store, resource: Resource, namespace: str | None, version: int | None) -> list[Json]:
    if version is None or version == store.version:
        return store.list(resource, namespace)
    past = store.at(resource, version)
    return [obj for place, obj in sorted(past.items()) if namespace in (None, place[0])]


def _moment(store: Store, token: str | None) -> tuple[int, list[str] | None]:
    """The version a list shows and the place it goes on after."""
    if not token:
        return store.version, None
    try:
        told: dict[str, Any] = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        version, after = int(told["rv"]), list(told["start"])
    except (ValueError, KeyError, TypeError) as fault:
        raise bad_request(f"continue key is not valid: {fault}") from fault
    if version < store.oldest:
        raise expired(TOO_OLD)
    return version, after


def _token(version: int, after: list[str]) -> str:
    told = json.dumps({"v": "meta.k8s.io/v1", "rv": version, "start": after}, separators=(",", ":"))
    return base64.urlsafe_b64encode(told.encode()).decode().rstrip("=")
