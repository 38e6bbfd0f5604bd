"""One host that leads to an instance: its own, or a custom domain. Pure."""

from collections.abc import Mapping
from typing import Any

from minispod.instances.specification import Manifest

HTTP_PORT = 80


def ingress(
    metadata: Mapping[str, Any],
    *,
    host: str,
    network_service: str,
    ingress_class: str,
    annotations: Mapping[str, str],
    tls: bool,
    tls_issuer: str | None,
    certificate: str,
) -> Manifest:
    """Make the Ingress of one host; with an issuer, cert-manager keeps the certificate in the secret `certificate`."""
    backend = {"service": {"name": network_service, "port": {"number": HTTP_PORT}}}
    rule = {"host": host, "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
    spec: dict[str, Any] = {"ingressClassName": ingress_class, "rules": [rule]}
    stated = dict(annotations)
    if tls:
        entry: dict[str, Any] = {"hosts": [host]}
        if tls_issuer:
            stated["cert-manager.io/cluster-issuer"] = tls_issuer
            entry["secretName"] = certificate
        spec["tls"] = [entry]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {**metadata, **({"annotations": stated} if stated else {})},
        "spec": spec,
    }
