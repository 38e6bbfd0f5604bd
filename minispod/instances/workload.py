"""The workload of an instance: one pod, hardened, with probes and limits, replaced not doubled. Pure.

Companions are containers of the same pod: they start, stop and move with the application, write the same
volume, and answer nobody but it (docs/adr/0019).
"""

from typing import Any

from minispod.catalog.recipes import APP, Container, Probe
from minispod.catalog.recipes.values import plain_value, secret_behind
from minispod.cluster.capacity import request_share
from minispod.instances.specification import (
    EXPOSED,
    PREFIX,
    RESTARTED_AT,
    SECRETS_HASH,
    InstanceSpec,
    Manifest,
    digest_of,
    labels_of,
    metadata_of,
    own_key,
    secret_data,
)

CONTAINER = APP

_SCRATCH_LIMIT = "512Mi"
_DISK_REQUEST, _DISK_LIMIT = "100Mi", "2Gi"
_PROGRESS_DEADLINE_SECONDS = 900
_WHOLE_VOLUME = "/volume"
# A wish, never a reason to wait: a customer's instances (all that is in their namespace) lie on different
# nodes, so that one machine does not take everything of theirs with it.
_SPREAD = {
    "maxSkew": 1,
    "topologyKey": "kubernetes.io/hostname",
    "whenUnsatisfiable": "ScheduleAnyway",
    "labelSelector": {"matchLabels": {f"{PREFIX}managed": "true"}},
}


def deployment(spec: InstanceSpec) -> Manifest:
    """Make the workload of an instance."""
    # Two pods on one single-writer volume would corrupt it or wait for each other for ever.
    strategy = {"type": "Recreate"} if spec.recipe.keeps_data else {"type": "RollingUpdate"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata_of(spec, spec.names.workload),
        "spec": {
            "replicas": spec.replicas,
            "revisionHistoryLimit": 2,
            "progressDeadlineSeconds": _PROGRESS_DEADLINE_SECONDS,
            "strategy": strategy,
            "selector": {"matchLabels": {f"{PREFIX}instance": str(spec.instance_id)}},
            "template": {
                "metadata": {"labels": _pod_labels(spec), "annotations": _pod_annotations(spec)},
                "spec": pod(spec),
            },
        },
    }


def _pod_labels(spec: InstanceSpec) -> dict[str, str]:
    is_exposed = spec.exposure is not None and spec.exposure.port is not None
    return {**labels_of(spec), **({EXPOSED: "true"} if is_exposed else {})}


def _pod_annotations(spec: InstanceSpec) -> dict[str, str]:
    # A pod reads its Secret once, at start: other secrets must give another pod.
    read = dict(secret_data(spec))
    if spec.exposure is not None:
        read["tls.crt"] = spec.exposure.certificate
    annotations = {SECRETS_HASH: digest_of(read)}
    if spec.restarted_at is not None:
        annotations[RESTARTED_AT] = spec.restarted_at.isoformat()
    return annotations


def pod(spec: InstanceSpec) -> dict[str, Any]:
    """Make the pod of an instance, as a template."""
    priority = {"priorityClassName": spec.priority_class} if spec.priority_class else {}
    return {
        **priority,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "tolerations": _patience_with_nodes(spec),
        "terminationGracePeriodSeconds": spec.recipe.termination_seconds,
        "securityContext": _pod_security(spec),
        "topologySpreadConstraints": [_SPREAD],
        **_preference(spec),
        **_preparations(spec),
        "containers": [_container(spec, name) for name in spec.recipe.containers],
        "volumes": _volumes(spec),
    }


def _preference(spec: InstanceSpec) -> dict[str, Any]:
    """The node that staff wished for; when it is full or dead, any other will do."""
    if spec.preferred_node is None:
        return {}
    rule = {"key": "kubernetes.io/hostname", "operator": "In", "values": [spec.preferred_node]}
    wish = {"weight": 100, "preference": {"matchExpressions": [rule]}}
    return {"affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [wish]}}}


def _patience_with_nodes(spec: InstanceSpec) -> list[dict[str, Any]]:
    """How long the pod is left on a node that does not answer; Kubernetes' own five minutes are too long for us."""
    return [
        {
            "key": f"node.kubernetes.io/{state}",
            "operator": "Exists",
            "effect": "NoExecute",
            "tolerationSeconds": spec.node_loss_seconds,
        }
        for state in ("not-ready", "unreachable")
    ]


def _pod_security(spec: InstanceSpec) -> dict[str, Any]:
    security = spec.recipe.security
    return {
        "runAsNonRoot": True,
        "runAsUser": security.user,
        "runAsGroup": security.group,
        "fsGroup": security.group,
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def _preparations(spec: InstanceSpec) -> dict[str, Any]:
    """Each user makes its own directories of a shared volume: the kubelet would make them root's, and then
    an application that sets their mode (tar in WordPress' entrypoint) fails at its first start.
    """
    if not spec.recipe.shares_its_volume:
        return {}
    makers = [
        {
            "name": f"prepare-{name}",
            "image": container.image,
            "imagePullPolicy": "IfNotPresent",
            "command": ["mkdir", "-p", *(f"{_WHOLE_VOLUME}/{volume.name}" for volume in container.volumes)],
            "resources": _resources(spec, name),
            "securityContext": _security(container, is_companion=name != APP),
            "volumeMounts": [{"name": "data", "mountPath": _WHOLE_VOLUME}],
        }
        for name, container in spec.recipe.containers.items()
        if container.volumes
    ]
    return {"initContainers": makers}


def _container(spec: InstanceSpec, name: str) -> dict[str, Any]:
    container = spec.recipe.containers[name]
    port_name = spec.recipe.port_name if name == APP else name
    ports = [{"name": port_name, "containerPort": container.port, "protocol": "TCP"}]
    if name == APP and spec.recipe.tls_port != container.port:
        ports.append({"name": "tls", "containerPort": spec.recipe.tls_port, "protocol": "TCP"})
    started = {"command": list(container.command), "args": list(container.arguments)}
    return {
        "name": name,
        "image": container.image,
        "imagePullPolicy": "IfNotPresent",
        **{field: words for field, words in started.items() if words},
        "ports": ports,
        "env": _environment(spec, name),
        "resources": _resources(spec, name),
        "securityContext": _security(container, is_companion=name != APP),
        "startupProbe": _probe(spec, container.probes.startup, port_name),
        "readinessProbe": _probe(spec, container.probes.readiness, port_name),
        "livenessProbe": _probe(spec, container.probes.liveness, port_name),
        "volumeMounts": _mounts(spec, name),
    }


def _security(container: Container, *, is_companion: bool) -> dict[str, Any]:
    security = container.security
    user = {"runAsUser": security.user, "runAsGroup": security.group} if is_companion else {}
    return {
        **user,
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": security.read_only_root,
    }


def _resources(spec: InstanceSpec, name: str) -> dict[str, dict[str, str]]:
    request_cpu = request_share(spec.cpu_milli, spec.cpu_request_ratio)
    request_memory = request_share(spec.memory_mb, spec.memory_request_ratio)
    return {
        "requests": {
            "cpu": f"{_portion(spec, name, request_cpu, 'cpu_percent')}m",
            "memory": f"{_portion(spec, name, request_memory, 'memory_percent')}Mi",
            "ephemeral-storage": _DISK_REQUEST,
        },
        "limits": {
            "cpu": f"{_portion(spec, name, spec.cpu_milli, 'cpu_percent')}m",
            "memory": f"{_portion(spec, name, spec.memory_mb, 'memory_percent')}Mi",
            "ephemeral-storage": _DISK_LIMIT,
        },
    }


def _portion(spec: InstanceSpec, name: str, total: int, percent: str) -> int:
    """A container's part of a total; the parts of all containers add up to it exactly."""
    parts: dict[str, int] = {
        companion: total * getattr(each.share, percent) // 100
        for companion, each in spec.recipe.companions.items()
    }
    return parts.get(name, total - sum(parts.values()))


def _environment(spec: InstanceSpec, name: str) -> list[dict[str, Any]]:
    container = spec.recipe.containers[name]
    own = spec.own_values if name == APP else {}
    names = [*container.environment, *sorted(set(own) - set(container.environment))]
    return [
        _from_secret(spec, each, own_key(each)) if each in own else _env(spec, container, each)
        for each in names
    ]


def _env(spec: InstanceSpec, container: Container, name: str) -> dict[str, Any]:
    entry = container.environment[name]
    secret = secret_behind(spec.recipe, name, entry)
    if secret is None:
        return {"name": name, "value": plain_value(spec.recipe, entry, spec.facts)}
    return _from_secret(spec, name, secret)


def _from_secret(spec: InstanceSpec, name: str, key: str) -> dict[str, Any]:
    return {"name": name, "valueFrom": {"secretKeyRef": {"name": spec.names.secret, "key": key}}}


def _probe(spec: InstanceSpec, probe: Probe, port_name: str) -> dict[str, Any]:
    if probe.http is not None:
        way: dict[str, Any] = {"httpGet": {"path": probe.http, "port": port_name}}
        if probe.headers:
            way["httpGet"]["httpHeaders"] = [
                {"name": name, "value": value.format(host=spec.facts["host"])}
                for name, value in sorted(probe.headers.items())
            ]
    elif probe.command:
        way = {"exec": {"command": list(probe.command)}}
    else:
        way = {"tcpSocket": {"port": port_name}}
    return {
        **way,
        "periodSeconds": probe.period_seconds,
        "timeoutSeconds": probe.timeout_seconds,
        "failureThreshold": probe.failures,
    }


def _mounts(spec: InstanceSpec, name: str) -> list[dict[str, Any]]:
    container = spec.recipe.containers[name]
    mounts: list[dict[str, Any]] = []
    for volume in container.volumes:
        mount = {"name": "data", "mountPath": volume.path}
        mounts.append({**mount, "subPath": volume.name} if spec.recipe.shares_its_volume else mount)
    if name == APP and spec.recipe.tls is not None:
        mounts.append({"name": "tls", "mountPath": spec.recipe.tls.directory, "readOnly": True})
    for number, path in enumerate(container.security.scratch):
        mounts.append({"name": _scratch(name, number), "mountPath": path})
    return mounts


def _volumes(spec: InstanceSpec) -> list[dict[str, Any]]:
    volumes: list[dict[str, Any]] = []
    if spec.recipe.keeps_data:
        volumes.append({"name": "data", "persistentVolumeClaim": {"claimName": spec.names.claim}})
    if spec.recipe.tls is not None:
        # Root's, readable for the group of the pod: databases refuse a key that others may read.
        secret = {"secretName": spec.names.certificate, "defaultMode": 0o440}
        volumes.append({"name": "tls", "secret": secret})
    for name, container in spec.recipe.containers.items():
        for number, _ in enumerate(container.security.scratch):
            volumes.append({"name": _scratch(name, number), "emptyDir": {"sizeLimit": _SCRATCH_LIMIT}})
    return volumes


def _scratch(name: str, number: int) -> str:
    return f"scratch-{number}" if name == APP else f"scratch-{name}-{number}"
