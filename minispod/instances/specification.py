"""What decides how one instance runs, and what follows from it: labels, environment, requests. Pure."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from minispod.catalog import recipes
from minispod.catalog.recipes import APP, AppRecipe
from minispod.instances.naming import ObjectNames, inside_host, object_names

Manifest = dict[str, Any]

PREFIX = "minispod.com/"
SPEC_HASH = f"{PREFIX}spec-hash"
SECRETS_HASH = f"{PREFIX}secrets-hash"
EXPOSED = f"{PREFIX}exposed"
RESTARTED_AT = f"{PREFIX}restarted-at"


class SpecBroken(ValueError):
    """Recipe and plan do not fit together; nothing can be made of them."""


@dataclass(frozen=True, slots=True)
class Exposure:
    """What a database is reached with over TCP: certificate, key and authority as PEM, and its port on every node.

    Without a port it is reached from the customer's own applications only.
    """

    certificate: str
    key: str = field(repr=False)
    authority: str
    port: int | None = None


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
    own_values: Mapping[str, str] = field(default_factory=dict, repr=False)
    replicas: int = 1
    volume_number: int = 1
    restarted_at: datetime | None = None
    storage_class: str | None = "local-path"
    ingress_class: str = "traefik"
    ingress_annotations: Mapping[str, str] = field(default_factory=dict)
    tls: bool = True
    tls_issuer: str | None = None
    cpu_request_ratio: float = 0.25
    memory_request_ratio: float = 0.5
    node_loss_seconds: int = 60
    priority_class: str | None = None
    exposure: Exposure | None = None
    # Where it should run if there is room; never a reason not to run.
    preferred_node: str | None = None

    def __post_init__(self) -> None:
        missing = set(self.recipe.secret_names) - set(self.secrets)
        if missing:
            raise SpecBroken(f"secrets are missing: {', '.join(sorted(missing))}")
        if self.recipe.keeps_data and self.storage_gb < 1:
            raise SpecBroken(f"{self.recipe.slug} keeps data and needs at least 1 GB of storage")
        if self.recipe.tls is not None and self.exposure is None:
            raise SpecBroken(f"{self.recipe.slug} is reached over TCP and needs a certificate")
        if not 0 <= self.replicas <= 1:
            raise SpecBroken("an instance runs once or not at all")

    @property
    def names(self) -> ObjectNames:
        """The names of this instance's objects."""
        return object_names(self.name, self.volume_number)

    @property
    def facts(self) -> dict[str, str]:
        """Where this instance is reached."""
        return address_facts(
            name=self.name,
            namespace=self.namespace,
            host=self.host,
            public_url=self.public_url,
            tcp_port=self.exposure.port if self.exposure else None,
        )


def address_facts(
    *, name: str, namespace: str, host: str, public_url: str, tcp_port: int | None = None
) -> dict[str, str]:
    """List where an instance is reached, by the names that recipes use: its primary address, its own host with its port
    (without a port its name inside), and its name inside.
    """
    scheme, _, authority = public_url.partition("://")
    return {
        "host": authority.partition(":")[0],
        "authority": authority,
        "url": public_url,
        "scheme": scheme,
        "is_https": "true" if scheme == "https" else "false",
        "inside_host": inside_host(name, namespace),
        "tcp_host": host if tcp_port else inside_host(name, namespace),
        "tcp_port": str(tcp_port or ""),
        "instance_name": name,
    }


def environment(spec: InstanceSpec, container: str = APP) -> dict[str, str]:
    """List the whole environment of one container, secrets included, by name."""
    own = spec.own_values if container == APP else {}
    return {**recipes.environment(spec.recipe, container, spec.facts, spec.secrets), **own}


def secret_data(spec: InstanceSpec) -> dict[str, str]:
    """List what the instance's Secret holds, by key: what was generated, and what its owner set."""
    made = {name: spec.secrets[name] for name in spec.recipe.secret_names}
    return {**made, **{own_key(name): value for name, value in spec.own_values.items()}}


def own_key(name: str) -> str:
    """Name the key under which a value that the owner set lies in the Secret."""
    return f"own.{name}"


def login_facts(spec: InstanceSpec) -> dict[str, str]:
    """List what a first-login text may mention: addresses and the environment."""
    return recipes.login_values(spec.recipe, spec.facts, spec.secrets)


def labels_of(spec: InstanceSpec) -> dict[str, str]:
    """The labels that every object of an instance carries."""
    return labels(spec.service_slug, spec.instance_id, spec.subscription_id, spec.user_id)


def labels(service_slug: str, instance_id: UUID, subscription_id: UUID, user_id: UUID) -> dict[str, str]:
    """The same for objects that are made without a spec."""
    return {
        "app.kubernetes.io/name": service_slug,
        "app.kubernetes.io/managed-by": "minispod",
        f"{PREFIX}managed": "true",
        f"{PREFIX}instance": str(instance_id),
        f"{PREFIX}subscription": str(subscription_id),
        f"{PREFIX}user": str(user_id),
    }


def metadata_of(spec: InstanceSpec, name: str) -> dict[str, Any]:
    """Name and label one object of an instance."""
    return {"name": name, "namespace": spec.namespace, "labels": labels_of(spec)}


def digest_of(value: Any) -> str:
    """Tell a short fingerprint of plain data; the order of keys does not matter."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:32]
