"""The objects of custom domains: one Ingress each, with a certificate of its own. Pure.

They are apart from the instance's own objects, so that a host or a certificate in trouble touches nothing else.
"""

import hashlib
from typing import Any
from uuid import UUID

from minispod.instances.ingress import ingress
from minispod.instances.naming import object_names
from minispod.instances.specification import PREFIX, Manifest, labels

CUSTOM_DOMAIN = f"{PREFIX}custom-domain"
"""The label that marks what belongs to a custom domain rather than to the instance itself."""


def address_name(instance_name: str, host: str) -> str:
    """Name the Ingress of a custom domain; the same host has the same name again."""
    return f"{instance_name}-{hashlib.sha256(host.encode()).hexdigest()[:10]}"


def certificate_name(instance_name: str, host: str) -> str:
    """Name the secret in which the certificate of a custom domain is kept."""
    return f"{address_name(instance_name, host)}-tls"


def domain_manifest(
    host: str,
    *,
    instance_id: UUID,
    subscription_id: UUID,
    user_id: UUID,
    namespace: str,
    name: str,
    service_slug: str,
    ingress_class: str,
    tls: bool,
    tls_issuer: str | None,
) -> Manifest:
    """Make the Ingress of one custom domain of an instance."""
    marks: dict[str, Any] = labels(service_slug, instance_id, subscription_id, user_id)
    return ingress(
        {
            "name": address_name(name, host),
            "namespace": namespace,
            "labels": {**marks, CUSTOM_DOMAIN: "true"},
        },
        host=host,
        network_service=object_names(name).network_service,
        ingress_class=ingress_class,
        annotations={},
        tls=tls,
        tls_issuer=tls_issuer,
        certificate=certificate_name(name, host),
    )
