"""Objects judged by the schemas of a current Kubernetes (1.36): unknown fields, wrong types, missing and broken values.

The schemas are the simulator's (`machinery/schemas.json`): those a running 1.36 API server published under
/openapi/v3, without descriptions; Kubernetes is licensed under Apache 2.0. The old server of the test cluster knows
nothing of what later releases refuse.
"""

import copy
from typing import Any

from minispod.simulator.kubernetes.machinery.decoding import decode
from minispod.simulator.kubernetes.machinery.defaults import fill
from minispod.simulator.kubernetes.machinery.kinds import BY_KIND
from minispod.simulator.kubernetes.machinery.refusals import Refusal
from minispod.simulator.kubernetes.machinery.rules import check
from minispod.simulator.kubernetes.machinery.schema import Node, schema


def faults(manifest: dict[str, Any]) -> list[str]:
    """What a strict server would say against an object; empty when nothing."""
    resource = BY_KIND.get((manifest.get("apiVersion", ""), manifest.get("kind", "")))
    if resource is None:
        return [f"no such kind: {manifest.get('apiVersion')} {manifest.get('kind')}"]
    try:
        decoded = decode(resource, copy.deepcopy(manifest))
        found = [f"unknown field {name}" for name in decoded.unknown]
        found += [f"required: {name}" for name in lacking(schema(resource.schema), manifest)]
        fill(resource, decoded.obj)
        check(resource, decoded.obj)
    except Refusal as refusal:
        return [str(refusal)]
    return found


def lacking(node: Node, value: Any, path: str = "") -> list[str]:
    """The required fields that a value lacks, at any depth."""
    missing: list[str] = []
    if isinstance(value, dict) and node.form == "struct":
        missing += [f"{path}.{name}" for name in sorted(node.required) if name not in value]
        for key, part in value.items():
            if key in node.fields:
                missing += lacking(node.fields[key], part, f"{path}.{key}")
    elif isinstance(value, dict) and node.element is not None:
        for key, part in value.items():
            missing += lacking(node.element, part, f"{path}.{key}")
    elif isinstance(value, list) and node.element is not None:
        for at, part in enumerate(value):
            missing += lacking(node.element, part, f"{path}[{at}]")
    return missing
