"""Pod Security admission: the levels baseline and restricted, enforced by the labels of a namespace.

Only the checks of the published standards that a pod spec of ours can touch; the texts follow the real server.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from minispod.simulator.kubernetes.machinery.jsonish import Json, dig
from minispod.simulator.kubernetes.machinery.kinds import NAMESPACES, PODS
from minispod.simulator.kubernetes.machinery.refusals import forbidden
from minispod.simulator.kubernetes.store import Store

ENFORCE = "pod-security.kubernetes.io/enforce"
SAFE_VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
}
BASELINE_CAPABILITIES = {
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
}
SECCOMP = ("RuntimeDefault", "Localhost")


class Violation(NamedTuple):
    """A check that failed, in short and in detail."""

    short: str
    detail: str


def refuse_insecure(store: Store, pod: Json) -> None:
    """A 403 for a pod its namespace's enforced level forbids."""
    namespace = pod["metadata"]["namespace"]
    labels = dig(store.find(NAMESPACES, "", namespace), "metadata", "labels", default={})
    level, version = labels.get(ENFORCE, "privileged"), labels.get(f"{ENFORCE}-version", "latest")
    found = violations(level, pod["spec"])
    if found:
        told = ", ".join(f"{each.short} ({each.detail})" for each in found)
        raise forbidden(
            PODS, pod["metadata"].get("name", ""), f'violates PodSecurity "{level}:{version}": {told}'
        )


def violations(level: str, spec: Json) -> list[Violation]:
    """What a pod spec does that the level forbids."""
    checks: list[Callable[[Json], Violation | None]] = []
    if level in ("baseline", "restricted"):
        checks += [_host_namespaces, _privileged, _host_paths, _host_ports]
    if level == "baseline":
        checks.append(_baseline_capabilities)
    if level == "restricted":
        checks += [_escalation, _restricted_capabilities, _volume_types, _non_root, _root_user, _seccomp]
    return [violation for check in checks if (violation := check(spec))]


def _containers(spec: Json) -> Iterator[tuple[str, Json]]:
    for group in ("initContainers", "containers"):
        for container in spec.get(group) or ():
            yield container.get("name", ""), container.get("securityContext") or {}


def _named(names: list[str]) -> str:
    quoted = ", ".join(f'"{name}"' for name in names)
    return f"container {quoted}" if len(names) == 1 else f"containers {quoted}"


def _host_namespaces(spec: Json) -> Violation | None:
    used = [name for name in ("hostNetwork", "hostPID", "hostIPC") if spec.get(name)]
    return Violation("host namespaces", ", ".join(f"{name}=true" for name in used)) if used else None


def _privileged(spec: Json) -> Violation | None:
    names = [name for name, context in _containers(spec) if context.get("privileged")]
    detail = f"{_named(names)} must not set securityContext.privileged=true"
    return Violation("privileged", detail) if names else None


def _host_paths(spec: Json) -> Violation | None:
    names = [volume["name"] for volume in spec.get("volumes") or () if "hostPath" in volume]
    quoted = ", ".join(f'"{name}"' for name in names)
    return Violation("hostPath volumes", f"volume {quoted}") if names else None


def _host_ports(spec: Json) -> Violation | None:
    ports = [
        port["hostPort"]
        for container in spec.get("containers") or ()
        for port in container.get("ports") or ()
        if port.get("hostPort")
    ]
    return Violation("hostPort", f"uses hostPorts {', '.join(map(str, ports))}") if ports else None


def _baseline_capabilities(spec: Json) -> Violation | None:
    names = [
        name
        for name, context in _containers(spec)
        if set(dig(context, "capabilities", "add", default=[])) - BASELINE_CAPABILITIES
    ]
    detail = f"{_named(names)} must not include unsafe capabilities in securityContext.capabilities.add"
    return Violation("non-default capabilities", detail) if names else None


def _escalation(spec: Json) -> Violation | None:
    names = [
        name for name, context in _containers(spec) if context.get("allowPrivilegeEscalation") is not False
    ]
    detail = f"{_named(names)} must set securityContext.allowPrivilegeEscalation=false"
    return Violation("allowPrivilegeEscalation != false", detail) if names else None


def _restricted_capabilities(spec: Json) -> Violation | None:
    keeping, adding = [], []
    for name, context in _containers(spec):
        if "ALL" not in dig(context, "capabilities", "drop", default=[]):
            keeping.append(name)
        if set(dig(context, "capabilities", "add", default=[])) - {"NET_BIND_SERVICE"}:
            adding.append(name)
    told = []
    if keeping:
        told.append(f'{_named(keeping)} must set securityContext.capabilities.drop=["ALL"]')
    if adding:
        told.append(
            f"{_named(adding)} must not include other capabilities in securityContext.capabilities.add"
        )
    return Violation("unrestricted capabilities", "; ".join(told)) if told else None


def _volume_types(spec: Json) -> Violation | None:
    bad = [
        (volume["name"], kind)
        for volume in spec.get("volumes") or ()
        for kind in volume
        if kind != "name" and kind not in SAFE_VOLUMES
    ]
    told = ", ".join(f'volume "{name}" uses restricted volume type "{kind}"' for name, kind in bad)
    return Violation("restricted volume types", told) if bad else None


def _non_root(spec: Json) -> Violation | None:
    whole = dig(spec, "securityContext", "runAsNonRoot")
    names = [name for name, context in _containers(spec) if not context.get("runAsNonRoot", whole)]
    detail = f"pod or {_named(names)} must set securityContext.runAsNonRoot=true"
    return Violation("runAsNonRoot != true", detail) if names else None


def _root_user(spec: Json) -> Violation | None:
    if dig(spec, "securityContext", "runAsUser") == 0:
        return Violation("runAsUser=0", "pod must not set runAsUser=0")
    names = [name for name, context in _containers(spec) if context.get("runAsUser") == 0]
    return Violation("runAsUser=0", f"{_named(names)} must not set runAsUser=0") if names else None


def _seccomp(spec: Json) -> Violation | None:
    whole = dig(spec, "securityContext", "seccompProfile", "type")
    names = [
        name
        for name, context in _containers(spec)
        if dig(context, "seccompProfile", "type", default=whole) not in SECCOMP
    ]
    detail = f'pod or {_named(names)} must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"'
    return Violation("seccompProfile", detail) if names else None
