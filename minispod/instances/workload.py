"""The workload of an instance: one pod, hardened, with probes and limits, replaced not doubled. Pure."""

from typing import Any

from minispod.catalog.recipes import AppRecipe, EnvEntry, Generated, Probe
from minispod.cluster.capacity import request_share
from minispod.instances.specification import (
    PREFIX,
    RESTARTED_AT,
    SECRETS_HASH,
    InstanceSpec,
    Manifest,
    digest_of,
    labels_of,
    metadata_of,
    value_of,
)

CONTAINER = "app"

_SCRATCH_LIMIT = "512Mi"
_DISK_REQUEST, _DISK_LIMIT = "100Mi", "2Gi"
_PROGRESS_DEADLINE_SECONDS = 900


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
                "metadata": {"labels": labels_of(spec), "annotations": _pod_annotations(spec)},
                "spec": _pod(spec),
            },
        },
    }


def _pod_annotations(spec: InstanceSpec) -> dict[str, str]:
    # A pod reads its Secret once, at start: other secrets must give another pod.
    annotations = {SECRETS_HASH: digest_of({name: spec.secrets[name] for name in spec.recipe.secret_names})}
    if spec.restarted_at is not None:
        annotations[RESTARTED_AT] = spec.restarted_at.isoformat()
    return annotations


def _pod(spec: InstanceSpec) -> dict[str, Any]:
    security = spec.recipe.security
    return {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": spec.recipe.termination_seconds,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": security.user,
            "runAsGroup": security.group,
            "fsGroup": security.group,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(spec)],
        "volumes": _volumes(spec),
    }


def _container(spec: InstanceSpec) -> dict[str, Any]:
    recipe = spec.recipe
    return {
        "name": CONTAINER,
        "image": recipe.image_reference,
        "imagePullPolicy": "IfNotPresent",
        "ports": [{"name": recipe.expose, "containerPort": recipe.port, "protocol": "TCP"}],
        "env": [_env(entry, spec) for entry in recipe.env],
        "resources": _resources(spec),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": recipe.security.read_only_root,
        },
        "startupProbe": _probe(recipe.probes.startup, recipe.expose),
        "readinessProbe": _probe(recipe.probes.readiness, recipe.expose),
        "livenessProbe": _probe(recipe.probes.liveness, recipe.expose),
        "volumeMounts": _mounts(recipe),
    }


def _resources(spec: InstanceSpec) -> dict[str, dict[str, str]]:
    return {
        "requests": {
            "cpu": f"{request_share(spec.cpu_milli, spec.cpu_request_ratio)}m",
            "memory": f"{request_share(spec.memory_mb, spec.memory_request_ratio)}Mi",
            "ephemeral-storage": _DISK_REQUEST,
        },
        "limits": {
            "cpu": f"{spec.cpu_milli}m",
            "memory": f"{spec.memory_mb}Mi",
            "ephemeral-storage": _DISK_LIMIT,
        },
    }


def _env(entry: EnvEntry, spec: InstanceSpec) -> dict[str, Any]:
    if isinstance(entry, Generated):
        reference = {"name": spec.names.secret, "key": entry.name}
        return {"name": entry.name, "valueFrom": {"secretKeyRef": reference}}
    return {"name": entry.name, "value": value_of(entry, spec)}


def _probe(probe: Probe, port_name: str) -> dict[str, Any]:
    if probe.http is not None:
        way: dict[str, Any] = {"httpGet": {"path": probe.http, "port": port_name}}
        if probe.headers:
            headers = [{"name": name, "value": value} for name, value in sorted(probe.headers.items())]
            way["httpGet"]["httpHeaders"] = headers
    elif probe.exec:
        way = {"exec": {"command": list(probe.exec)}}
    else:
        way = {"tcpSocket": {"port": port_name}}
    return {
        **way,
        "periodSeconds": probe.period_seconds,
        "timeoutSeconds": probe.timeout_seconds,
        "failureThreshold": probe.failures,
    }


def _mounts(recipe: AppRecipe) -> list[dict[str, Any]]:
    mounts: list[dict[str, Any]] = []
    for volume in recipe.volumes:
        mount = {"name": "data", "mountPath": volume.mount}
        # Volumes of one recipe share one claim, each in a directory of its own.
        directory = volume.sub_path or (volume.name if len(recipe.volumes) > 1 else None)
        mounts.append({**mount, "subPath": directory} if directory else mount)
    for number, path in enumerate(recipe.security.scratch):
        mounts.append({"name": f"scratch-{number}", "mountPath": path})
    return mounts


def _volumes(spec: InstanceSpec) -> list[dict[str, Any]]:
    volumes: list[dict[str, Any]] = []
    if spec.recipe.keeps_data:
        volumes.append({"name": "data", "persistentVolumeClaim": {"claimName": spec.names.claim}})
    for number, _ in enumerate(spec.recipe.security.scratch):
        volumes.append({"name": f"scratch-{number}", "emptyDir": {"sizeLimit": _SCRATCH_LIMIT}})
    return volumes
