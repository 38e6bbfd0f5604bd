"""Label and field selectors: parsing the query texts, and asking an object whether it matches.

A selector is parsed once per request; a malformed one is refused with 400 as the real server does.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from minispod.simulator.kubernetes.machinery.jsonish import Json, dig
from minispod.simulator.kubernetes.machinery.refusals import bad_request

Matcher: TypeAlias = Callable[[Json], bool]
LabelTest: TypeAlias = Callable[[Mapping[str, str]], bool]

IN_SET = re.compile(r"^(?P<key>[^\s!=(),]+)\s+(?P<how>in|notin)\s*\((?P<values>[^()]*)\)$")
EQUALITY = re.compile(r"^(?P<key>[^\s!=(),]+)\s*(?P<how>==|=|!=)\s*(?P<value>[^\s!=(),]*)$")
PRESENCE = re.compile(r"^(?P<absent>!?)\s*(?P<key>[^\s!=(),]+)$")
COMMAS = re.compile(r",(?![^(]*\))")


def label_matcher(text: str | None) -> Matcher:
    """A test for the labels of an object."""
    tests = [_label_test(part.strip()) for part in COMMAS.split(text or "") if part.strip()]
    return lambda obj: all(test(dig(obj, "metadata", "labels", default={})) for test in tests)


def _label_test(part: str) -> LabelTest:
    if found := IN_SET.match(part):
        key, wanted = found["key"], {value.strip() for value in found["values"].split(",")}
        if found["how"] == "in":
            return lambda labels: labels.get(key) in wanted
        return lambda labels: labels.get(key) not in wanted
    if found := EQUALITY.match(part):
        key, value = found["key"], found["value"]
        if found["how"] == "!=":
            return lambda labels: labels.get(key) != value
        return lambda labels: labels.get(key) == value
    if found := PRESENCE.match(part):
        key, absent = found["key"], bool(found["absent"])
        return lambda labels: (key in labels) != absent
    raise bad_request(f"unable to parse requirement: found '{part}', expected: identifier")


def selects(selector: Json | None, labels: Mapping[str, str]) -> bool:
    """Whether a LabelSelector object (matchLabels, matchExpressions) picks these labels."""
    if selector is None:
        return False
    if any(labels.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    return all(_expression(rule, labels) for rule in selector.get("matchExpressions") or ())


def _expression(rule: Json, labels: Mapping[str, str]) -> bool:
    key, values = rule.get("key", ""), rule.get("values") or []
    match rule.get("operator"):
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
    return False


def selector_text(selector: Json | None) -> str:
    """A LabelSelector as the text a query carries."""
    parts = [f"{key}={value}" for key, value in sorted(dig(selector, "matchLabels", default={}).items())]
    for rule in dig(selector, "matchExpressions", default=[]):
        key, values = rule.get("key"), ",".join(rule.get("values") or [])
        match rule.get("operator"):
            case "In":
                parts.append(f"{key} in ({values})")
            case "NotIn":
                parts.append(f"{key} notin ({values})")
            case "Exists":
                parts.append(str(key))
            case "DoesNotExist":
                parts.append(f"!{key}")
    return ",".join(parts)


COMMON_FIELDS = ("metadata.name", "metadata.namespace")
EXTRA_FIELDS: dict[str, tuple[str, ...]] = {
    "Pod": (
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.schedulerName",
        "spec.serviceAccountName",
        "status.phase",
        "status.podIP",
        "status.nominatedNodeName",
    ),
    "Event": (
        "involvedObject.kind",
        "involvedObject.namespace",
        "involvedObject.name",
        "involvedObject.uid",
        "involvedObject.apiVersion",
        "involvedObject.resourceVersion",
        "involvedObject.fieldPath",
        "reason",
        "reportingComponent",
        "source",
        "type",
    ),
    "Namespace": ("status.phase",),
    "Node": ("spec.unschedulable",),
    "Secret": ("type",),
    "Job": ("status.successful",),
    "ReplicaSet": ("status.replicas",),
}


def field_matcher(text: str | None, kind: str) -> Matcher:
    """A test for the few fields the kind can be selected by."""
    allowed = (*COMMON_FIELDS, *EXTRA_FIELDS.get(kind, ()))
    tests: list[tuple[list[str], str, bool]] = []
    for part in (text or "").split(","):
        if not part.strip():
            continue
        found = re.match(r"^\s*([^=!]+?)\s*(==|=|!=)\s*(.*?)\s*$", part)
        if not found:
            raise bad_request(f"invalid selector: '{part}'; can't understand '{part}'")
        if found[1] not in allowed:
            raise bad_request(f"field label not supported: {found[1]}")
        tests.append((found[1].split("."), found[3], found[2] != "!="))
    return lambda obj: all((_shown(dig(obj, *path)) == value) == equal for path, value, equal in tests)


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.get("component", "") if isinstance(value, dict) else str(value)
