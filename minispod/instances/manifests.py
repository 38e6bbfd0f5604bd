"""The objects of an instance, from a recipe and its names. Pure: no clock, no cluster, no chance.

The same spec gives the same objects, byte for byte, so that the annotation `minispod.com/spec-hash`
tells whether what runs is what is wanted. Replicas and the moment of a restart are not part of it:
they are judged by what the cluster says. The customer's namespace is in `namespace_manifests.py`.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from math import ceil
from typing import Any
from uuid import UUID

from minispod.catalog.recipes import AppRecipe, Derived, EnvEntry, Generated, Literally, Probe
from minispod.instances.naming import ObjectNames, inside_host, object_names

Manifest = dict[str, Any]

PREFIX = "minispod.com/"
SPEC_HASH = f"{PREFIX}spec-hash"
SECRETS_HASH = f"{PREFIX}secrets-hash"
RESTARTED_AT = f"{PREFIX}restarted-at"

_HTTP_PORT = 80
_SCRATCH_LIMIT = "512Mi"
_DISK_REQUEST, _DISK_LIMIT = "100Mi", "2Gi"
_PROGRESS_DEADLINE_SECONDS = 900


class SpecBroken(ValueError):
    """Recipe and plan do not fit together; nothing can be made of them."""


@dataclass(frozen=True, slots=True)
class InstanceSpec:
    """All that decides how one instance runs."""

    instance_id: UUID
    subscription_id: UUID
    user_id: UUID
    namespace: str
    name: str
    service_slug: str
    recipe: AppRecipe
    host: str
    public_url: str
    cpu_milli: int
    memory_mb: int
    storage_gb: int
    secrets: Mapping[str, str] = field(repr=False)
    replicas: int = 1
    restarted_at: datetime | None = None
    storage_class: str | None = "local-path"
    ingress_class: str = "traefik"
    ingress_annotations: Mapping[str, str] = field(default_factory=dict)
    tls: bool = True
    tls_issuer: str | None = None
    cpu_request_ratio: float = 0.25
    memory_request_ratio: float = 0.5

    def __post_init__(self) -> None:
        missing = set(self.recipe.secret_names) - set(self.secrets)
        if missing:
            raise SpecBroken(f"secrets are missing: {', '.join(sorted(missing))}")
        if self.recipe.keeps_data and self.storage_gb < 1:
            raise SpecBroken(f"{self.recipe.slug} keeps data and needs at least 1 GB of storage")
        if not 0 <= self.replicas <= 1:
            raise SpecBroken("an instance runs once or not at all")

    @property
    def names(self) -> ObjectNames:
        """The names of this instance's objects."""
        return object_names(self.name)

    @property
    def scheme(self) -> str:
        """The scheme of the public address."""
        return self.public_url.partition("://")[0]


def instance_manifests(spec: InstanceSpec) -> list[Manifest]:
    """List the objects of an instance in the order in which they are applied."""
    objects = [_secret(spec)] if spec.recipe.secret_names else []
    if spec.recipe.keeps_data:
        objects.append(_claim(spec))
    objects += [_deployment(spec), _network_service(spec)]
    if spec.recipe.expose == "http":
        objects.append(_ingress(spec))
    digest = _hash_of(objects)
    for each in objects:
        each["metadata"]["annotations"] = {**each["metadata"].get("annotations", {}), SPEC_HASH: digest}
    return objects


def spec_hash(spec: InstanceSpec) -> str:
    """Tell the hash that a workload made from this spec carries."""
    annotation: str = instance_manifests(spec)[0]["metadata"]["annotations"][SPEC_HASH]
    return annotation


def environment(spec: InstanceSpec) -> dict[str, str]:
    """List the whole environment of the application, secrets included, by name."""
    return {entry.name: _value(entry, spec) for entry in spec.recipe.env}


def login_facts(spec: InstanceSpec) -> dict[str, str]:
    """List what a first-login text may mention: addresses and the environment."""
    return {
        "url": spec.public_url,
        "host": spec.host,
        "inside_host": inside_host(spec.name, spec.namespace),
        "port": str(spec.recipe.port),
        "name": spec.name,
        **environment(spec),
    }


def request_of(limit: int, ratio: float) -> int:
    """Tell what is requested of a plan's limit (decision 24), at least 1."""
    return max(1, ceil(round(limit * ratio, 6)))


def labels_of(spec: InstanceSpec) -> dict[str, str]:
    """The labels that every object of an instance carries."""
    return {
        "app.kubernetes.io/name": spec.service_slug,
        "app.kubernetes.io/managed-by": "minispod",
        f"{PREFIX}managed": "true",
        f"{PREFIX}instance": str(spec.instance_id),
        f"{PREFIX}subscription": str(spec.subscription_id),
        f"{PREFIX}user": str(spec.user_id),
    }


def _value(entry: EnvEntry, spec: InstanceSpec) -> str:
    match entry:
        case Literally():
            return entry.value
        case Generated():
            return spec.secrets[entry.name]
        case Derived():
            return {
                "host": spec.host,
                "url": spec.public_url,
                "scheme": spec.scheme,
                "is_https": "true" if spec.scheme == "https" else "false",
                "inside_host": inside_host(spec.name, spec.namespace),
                "instance_name": spec.name,
            }[entry.kind]


def _hash_of(objects: list[Manifest]) -> str:
    stripped = json.loads(json.dumps(objects))
    for each in stripped:
        if each["kind"] == "Deployment":
            del each["spec"]["replicas"]
            each["spec"]["template"]["metadata"].get("annotations", {}).pop(RESTARTED_AT, None)
    return _digest(stripped)


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:32]


def _metadata(spec: InstanceSpec, name: str) -> dict[str, Any]:
    return {"name": name, "namespace": spec.namespace, "labels": labels_of(spec)}


def _secret(spec: InstanceSpec) -> Manifest:
    data = {
        name: base64.b64encode(spec.secrets[name].encode()).decode()
        for name in sorted(spec.recipe.secret_names)
    }
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": _metadata(spec, spec.names.secret),
        "type": "Opaque",
        "data": data,
    }


def _claim(spec: InstanceSpec) -> Manifest:
    claim: dict[str, Any] = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": f"{spec.storage_gb}Gi"}},
    }
    if spec.storage_class:
        claim["storageClassName"] = spec.storage_class
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": _metadata(spec, spec.names.claim),
        "spec": claim,
    }


def _deployment(spec: InstanceSpec) -> Manifest:
    # Two pods on one single-writer volume would corrupt it or wait for each other for ever.
    strategy = {"type": "Recreate"} if spec.recipe.keeps_data else {"type": "RollingUpdate"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": _metadata(spec, spec.names.workload),
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
    annotations = {SECRETS_HASH: _digest({name: spec.secrets[name] for name in spec.recipe.secret_names})}
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
        "name": "app",
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
            "cpu": f"{request_of(spec.cpu_milli, spec.cpu_request_ratio)}m",
            "memory": f"{request_of(spec.memory_mb, spec.memory_request_ratio)}Mi",
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
    return {"name": entry.name, "value": _value(entry, spec)}


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


def _network_service(spec: InstanceSpec) -> Manifest:
    recipe = spec.recipe
    port = _HTTP_PORT if recipe.expose == "http" else recipe.port
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _metadata(spec, spec.names.network_service),
        "spec": {
            "type": "ClusterIP",
            "selector": {f"{PREFIX}instance": str(spec.instance_id)},
            "ports": [{"name": recipe.expose, "port": port, "targetPort": recipe.expose, "protocol": "TCP"}],
        },
    }


def _ingress(spec: InstanceSpec) -> Manifest:
    backend = {"service": {"name": spec.names.network_service, "port": {"name": spec.recipe.expose}}}
    rule = {
        "host": spec.host,
        "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]},
    }
    ingress: dict[str, Any] = {"ingressClassName": spec.ingress_class, "rules": [rule]}
    annotations = dict(spec.ingress_annotations)
    if spec.tls:
        entry: dict[str, Any] = {"hosts": [spec.host]}
        if spec.tls_issuer:
            annotations["cert-manager.io/cluster-issuer"] = spec.tls_issuer
            entry["secretName"] = spec.names.certificate
        ingress["tls"] = [entry]
    metadata = _metadata(spec, spec.names.ingress)
    if annotations:
        metadata["annotations"] = annotations
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": metadata,
        "spec": ingress,
    }
