"""Discovery: the documents from which a client learns what this server offers."""

from minispod.simulator.kubernetes.machinery.jsonish import Json
from minispod.simulator.kubernetes.machinery.kinds import ALL_VERBS, RESOURCES, Resource
from minispod.simulator.kubernetes.machinery.refusals import no_such_path

METRICS = "metrics.k8s.io"
GIT_VERSION = "v1.36.2+k3s1"
SUBRESOURCE_KINDS = {
    "scale": ("autoscaling", "v1", "Scale", ["get", "patch", "update"]),
    "eviction": ("policy", "v1", "Eviction", ["create"]),
    "binding": ("", "", "Binding", ["create"]),
    "log": ("", "", "", ["get"]),
    "exec": ("", "", "PodExecOptions", ["create", "get"]),
    "finalize": ("", "", "", ["update"]),
    "status": ("", "", "", ["get", "patch", "update"]),
}


def version() -> Json:
    """The answer of /version."""
    return {
        "major": "1",
        "minor": "36",
        "emulationMajor": "1",
        "emulationMinor": "36",
        "gitVersion": GIT_VERSION,
        "gitCommit": "5111170a6e1c8a1e7f4f9d2ac1d4e5c3b2a19087",
        "gitTreeState": "clean",
        "buildDate": "2026-06-17T09:00:00Z",
        "goVersion": "go1.25.5",
        "compiler": "gc",
        "platform": "linux/amd64",
    }


def versions(address: str) -> Json:
    """The answer of /api."""
    by_client = [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}]
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": by_client}


def _group_names() -> list[str]:
    return sorted({resource.group for resource in RESOURCES if resource.group} | {METRICS})


def _group(name: str) -> Json:
    number = "v1beta1" if name == METRICS else "v1"
    stated = {"groupVersion": f"{name}/{number}", "version": number}
    return {"name": name, "versions": [stated], "preferredVersion": stated}


def groups() -> Json:
    """The answer of /apis."""
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group(name) for name in _group_names()]}


def group(name: str) -> Json:
    """The answer of /apis/<group>."""
    if name not in _group_names():
        raise no_such_path()
    return {"kind": "APIGroup", "apiVersion": "v1", **_group(name)}


def resources(name: str, number: str) -> Json:
    """The answer of /api/v1 and /apis/<group>/<version>."""
    if (name, number) == (METRICS, "v1beta1"):
        entries = [
            {
                "name": plural,
                "singularName": "",
                "namespaced": plural == "pods",
                "kind": kind,
                "verbs": ["get", "list"],
            }
            for plural, kind in (("nodes", "NodeMetrics"), ("pods", "PodMetrics"))
        ]
    else:
        found = [resource for resource in RESOURCES if (resource.group, resource.version) == (name, number)]
        entries = [entry for resource in found for entry in _entries(resource)]
    if not entries:
        raise no_such_path()
    group_version = f"{name}/{number}" if name else number
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": group_version,
        "resources": entries,
    }


def _entries(resource: Resource) -> list[Json]:
    entry: Json = {
        "name": resource.plural,
        "singularName": resource.singular,
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": list(ALL_VERBS),
    }
    if resource.short:
        entry["shortNames"] = list(resource.short)
    if resource.categories:
        entry["categories"] = list(resource.categories)
    below = []
    for sub in resource.subresources:
        name, number, kind, verbs = SUBRESOURCE_KINDS[sub]
        part: Json = {
            "name": f"{resource.plural}/{sub}",
            "singularName": "",
            "namespaced": resource.namespaced,
        }
        if name:
            part |= {"group": name, "version": number}
        below.append({**part, "kind": kind or resource.kind, "verbs": verbs})
    return [entry, *below]
