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
    Exposure,
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
    "Exposure",
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
    if spec.exposure is not None:
        objects.append(certificate_secret(spec, spec.exposure))
    if spec.recipe.keeps_data:
        objects.append(claim(spec, spec.names.claim, spec.storage_gb))
    objects += [deployment(spec), _network_service(spec)]
    if spec.recipe.expose == "http":
        objects.append(_ingress(spec))
    if spec.exposure is not None and spec.exposure.port is not None:
        objects.append(_public_service(spec, spec.exposure.port))
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
    return _sealed_from_view(spec, name, "Opaque", dict(sorted(secret_data(spec).items())))


def certificate_secret(spec: InstanceSpec, exposure: Exposure) -> Manifest:
    """Make the Secret with the certificate with which a database speaks TLS."""
    values = {
        "tls.crt": exposure.certificate,
        "tls.key": exposure.key,
        "ca.crt": exposure.authority,
    }
    return _sealed_from_view(spec, spec.names.certificate, "kubernetes.io/tls", values)


def _sealed_from_view(spec: InstanceSpec, name: str, type_: str, values: dict[str, str]) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata_of(spec, name),
        "type": type_,
        "data": {key: base64.b64encode(value.encode()).decode() for key, value in values.items()},
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
    ports = [{"name": recipe.expose, "port": port, "targetPort": recipe.port_name, "protocol": "TCP"}]
    if recipe.tls_port != recipe.port:
        ports.append({"name": "tls", "port": recipe.tls_port, "targetPort": "tls", "protocol": "TCP"})
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata_of(spec, spec.names.network_service),
        "spec": {
            "type": "ClusterIP",
            "selector": {f"{PREFIX}instance": str(spec.instance_id)},
            "ports": ports,
        },
    }


def _public_service(spec: InstanceSpec, node_port: int) -> Manifest:
    """The one port of a database that every node answers. A network service of its own: in one with node ports
    each port has one, also those that are for inside only. The namespace's walls let everybody through to it.
    """
    entry = {"name": "tls", "port": spec.recipe.tls_port, "targetPort": "tls", "nodePort": node_port}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata_of(spec, spec.names.public_entry),
        "spec": {
            "type": "NodePort",
            "selector": {f"{PREFIX}instance": str(spec.instance_id)},
            "ports": [{**entry, "protocol": "TCP"}],
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
