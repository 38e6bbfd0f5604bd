"""The objects of an instance, from a recipe and its names. Pure: no clock, no cluster, no chance.

The same spec gives the same objects, byte for byte, so that the annotation `minispod.com/spec-hash`
tells whether what runs is what is wanted. Replicas and the moment of a restart are not part of it:
they are judged by what the cluster says.
"""

import base64
import json
from typing import Any

from minispod.instances.ingress import HTTP_PORT, ingress
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
    secret_data,
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


def instance_manifests(spec: InstanceSpec) -> list[Manifest]:
    """List the objects of an instance in the order in which they are applied."""
    objects = [secret(spec, spec.names.secret)] if spec.recipe.keeps_secrets else []
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
    """Make the Secret with everything that was generated for an instance or set by its owner."""
    data = {
        key: base64.b64encode(value.encode()).decode() for key, value in sorted(secret_data(spec).items())
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
    return ingress(
        metadata_of(spec, spec.names.ingress),
        host=spec.host,
        network_service=spec.names.network_service,
        ingress_class=spec.ingress_class,
        annotations=spec.ingress_annotations,
        tls=spec.tls,
        tls_issuer=spec.tls_issuer,
        certificate=spec.names.certificate,
    )
