"""Validation of whole objects: every broken rule becomes a cause of one 422.

This file holds what is common (names, labels, enumerations) and hands the kind's own rules to its neighbours.
"""

import re
from typing import Any

from minispod.simulator.kubernetes.machinery.fields import ANYTHING, child_node
from minispod.simulator.kubernetes.machinery.jsonish import Json, dig
from minispod.simulator.kubernetes.machinery.kinds import Resource
from minispod.simulator.kubernetes.machinery.object_rules import RULES, UPDATE_RULES
from minispod.simulator.kubernetes.machinery.refusals import (
    Cause,
    invalid,
    invalid_value,
    required,
    unsupported_value,
)
from minispod.simulator.kubernetes.machinery.schema import Node, schema

LABEL_1123 = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
SUBDOMAIN_1123 = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
LABEL_1035 = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
LABEL_KEY = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
LABEL_VALUE = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")

FAULT_1123 = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end "
    "with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
FAULT_SUBDOMAIN = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start "
    "and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    r"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
FAULT_1035 = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, "
    "and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is "
    "'[a-z]([-a-z0-9]*[a-z0-9])?')"
)
FAULT_LABEL_VALUE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)
FAULT_QUALIFIED = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
NAME_RULES = {
    "Namespace": (LABEL_1123, FAULT_1123, 63),
    "Service": (LABEL_1035, FAULT_1035, 63),
}


def check(resource: Resource, obj: Json, old: Json | None = None) -> None:
    """Refuse with 422 if the object (or the change from the old one) breaks a rule."""
    causes = [*_metadata(resource, obj), *_enumerations(schema(resource.schema), obj, "")]
    rule = RULES.get(resource.kind)
    if rule:
        causes += rule(obj)
    update_rule = UPDATE_RULES.get(resource.kind)
    if update_rule and old is not None:
        causes += update_rule(obj, old)
    if causes:
        raise invalid(resource.group, resource.kind, dig(obj, "metadata", "name", default=""), causes)


def _metadata(resource: Resource, obj: Json) -> list[Cause]:
    metadata = obj["metadata"]
    name = metadata.get("name", "")
    if not name:
        return [required("metadata.name", "name or generateName is required")]
    causes = _name(resource, name)
    causes += _labels("metadata.labels", metadata)
    causes += _labels("spec.template.labels", dig(obj, "spec", "template", "metadata", default={}))
    for key in metadata.get("annotations") or {}:
        causes += _key_causes("metadata.annotations", key.lower())
    return causes


def _labels(where: str, metadata: Json) -> list[Cause]:
    labels = metadata.get("labels") or {}
    return [cause for key, value in labels.items() for cause in label_causes(where, key, value)]


def _name(resource: Resource, name: str) -> list[Cause]:
    shape, fault, longest = NAME_RULES.get(resource.kind, (SUBDOMAIN_1123, FAULT_SUBDOMAIN, 253))
    if len(name) > longest:
        return [invalid_value("metadata.name", f'"{name}"', f"must be no more than {longest} characters")]
    if not shape.fullmatch(name):
        return [invalid_value("metadata.name", f'"{name}"', fault)]
    return []


def label_causes(where: str, key: str, value: str) -> list[Cause]:
    """What is wrong with one label."""
    causes = _key_causes(where, key)
    if len(value) > 63:
        causes.append(invalid_value(where, f'"{value}"', "must be no more than 63 characters"))
    elif not LABEL_VALUE.fullmatch(value):
        causes.append(invalid_value(where, f'"{value}"', FAULT_LABEL_VALUE))
    return causes


def _key_causes(where: str, key: str) -> list[Cause]:
    prefix, _, name = key.rpartition("/")
    if not LABEL_KEY.fullmatch(name) or len(name) > 63:
        return [invalid_value(where, f'"{key}"', FAULT_QUALIFIED)]
    if prefix and not SUBDOMAIN_1123.fullmatch(prefix):
        return [invalid_value(where, f'"{key}"', f"prefix part {FAULT_SUBDOMAIN}")]
    return []


def _enumerations(node: Node, value: Any, path: str) -> list[Cause]:
    """Values outside the closed lists of the schema."""
    if node.enum and isinstance(value, str) and value not in node.enum:
        return [unsupported_value(path, value, node.enum)]
    causes: list[Cause] = []
    if isinstance(value, dict) and node.form in ("struct", "map"):
        for key, part in value.items():
            if path or key != "status":
                causes += _enumerations(child_node(node, key), part, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for at, item in enumerate(value):
            causes += _enumerations(node.element or ANYTHING, item, f"{path}[{at}]")
    return causes
