"""The objects of an instance, from a recipe and its names. Pure: no clock, no cluster, no chance.

The same spec gives the same objects, byte for byte, so that the annotation `minispod.com/spec-hash`
tells whether what runs is what is wanted. Replicas and the moment of a restart are not part of it:
they are judged by what the cluster says.
"""

import base64
import json
from typing import Any

from minispod.instances.namespace_manifests import NamespaceSpec, namespace_manifests
from minispod.instances.specification import (
    PREFIX,
    RESTARTED_AT,
    SPEC_HASH,
    InstanceSpec,
    Manifest,
    SpecBroken,
    digest_of,
    environment,
    login_facts,
    metadata_of,
)
from minispod.instances.workload import CONTAINER, deployment

__all__ = [
    "CONTAINER",
    "InstanceSpec",
    "Manifest",
    "NamespaceSpec",
    "SpecBroken",
    "environment",
    "instance_manifests",
    "login_facts",
    "namespace_manifests",
    "spec_hash",
]

HTTP_PORT = 80


def instance_manifests(spec: InstanceSpec) -> list[Manifest]:
    """List the objects of an instance in the order in which they are applied."""
    objects = [secret(spec, spec.names.secret)] if spec.recipe.secret_names else []
    if spec.recipe.keeps_data:
        objects.append(claim(spec, spec.names.claim, spec.storage_gb))
    objects += [deployment(spec), _network_service(spec)]
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


def _hash_of(objects: list[Manifest]) -> str:
    stripped = json.loads(json.dumps(objects))
    for each in stripped:
        if each["kind"] == "Deployment":
            del each["spec"]["replicas"]
            each["spec"]["template"]["metadata"].get("annotations", {}).pop(RESTARTED_AT, None)
    return digest_of(stripped)


def secret(spec: InstanceSpec, name: str) -> Manifest:
    """Make the Secret with everything that was generated for an instance."""
    data = {
        each: base64.b64encode(spec.secrets[each].encode()).decode()
        for each in sorted(spec.recipe.secret_names)
    }
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata_of(spec, name),
        "type": "Opaque",
        "data": data,
    }


def claim(spec: InstanceSpec, name: str, storage_gb: int) -> Manifest:
    """Make the claim of one of an instance's volumes."""
    wanted: dict[str, Any] = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": f"{storage_gb}Gi"}},
    }
    if spec.storage_class:
        wanted["storageClassName"] = spec.storage_class
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": metadata_of(spec, name),
        "spec": wanted,
    }


def _network_service(spec: InstanceSpec) -> Manifest:
    recipe = spec.recipe
    port = HTTP_PORT if recipe.expose == "http" else recipe.port
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata_of(spec, spec.names.network_service),
        "spec": {
            "type": "ClusterIP",
            "selector": {f"{PREFIX}instance": str(spec.instance_id)},
            "ports": [{"name": recipe.expose, "port": port, "targetPort": recipe.expose, "protocol": "TCP"}],
        },
    }


def _ingress(spec: InstanceSpec) -> Manifest:
    backend = {"service": {"name": spec.names.network_service, "port": {"number": HTTP_PORT}}}
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
    metadata = metadata_of(spec, spec.names.ingress)
    if annotations:
        metadata["annotations"] = annotations
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": metadata,
        "spec": ingress,
    }
