"""The objects of a customer's namespace: the walls around everything they run. Pure.

Pod security "restricted", a quota that holds exactly what they pay for, and a network that is closed
except to the Ingress controller, to their own instances, to DNS and to the internet. MinisPod's own service
accounts get their rights in it here, and nowhere else (docs/adr/0025).
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from minispod.cluster.capacity import request_share
from minispod.instances.specification import PREFIX, Manifest

# Room for one short-lived pod that answers a certificate's HTTP challenge in this namespace.
_CHALLENGE_CPU, _CHALLENGE_MEMORY = 200, 128
_PRIVATE_V4 = (
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "224.0.0.0/4",
)
# Service accounts of deploy/rights.yaml, and the ClusterRole each has in a customer's namespace.
TENANT_ROLES = {"minispod-worker": "minispod-tenant", "minispod-web": "minispod-tenant-reader"}
_PRIVATE_V6 = ("fc00::/7", "fe80::/10", "ff00::/8")


@dataclass(frozen=True, slots=True)
class NamespaceSpec:
    """A customer's namespace: totals of the plans whose workloads or volumes exist.

    `rolling_cpu_milli` and `rolling_memory_mb` are the biggest plan that is replaced by starting the new
    pod before the old one ends (only recipes that keep no data). `spare_claims` and `spare_storage_gb` are the volumes
    that exist, or are about to, beside those in use: fresh ones that are being filled, and retired ones.
    `service_accounts_namespace` is where our service accounts live; empty: we are the cluster's administrator and
    need no rights of our own.
    """

    namespace: str
    user_id: UUID
    cpu_milli: int
    memory_mb: int
    storage_gb: int
    instances: int
    rolling_cpu_milli: int = 0
    rolling_memory_mb: int = 0
    spare_claims: int = 0
    spare_storage_gb: int = 0
    cpu_request_ratio: float = 0.25
    memory_request_ratio: float = 0.5
    pod_security: str = "restricted"
    ingress_namespace: str = "kube-system"
    private_ranges: tuple[str, ...] = ()
    service_accounts_namespace: str = ""


def namespace_manifests(spec: NamespaceSpec) -> list[Manifest]:
    """List the namespace and its walls in the order in which they are applied."""
    rights = _role_bindings(spec) if spec.service_accounts_namespace else []
    # The rights come first: without them the rest of the namespace is closed to us too.
    return [_namespace(spec), *rights, _quota(spec), _limit_range(spec), *_network_policies(spec)]


def _labels(spec: NamespaceSpec) -> dict[str, str]:
    return {
        "app.kubernetes.io/managed-by": "minispod",
        f"{PREFIX}managed": "true",
        f"{PREFIX}user": str(spec.user_id),
    }


def _namespace(spec: NamespaceSpec) -> Manifest:
    guarded = {
        f"pod-security.kubernetes.io/{mode}": spec.pod_security for mode in ("enforce", "audit", "warn")
    }
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": spec.namespace, "labels": {**_labels(spec), **guarded}},
    }


def _object(spec: NamespaceSpec, api_version: str, kind: str, name: str, body: dict[str, Any]) -> Manifest:
    metadata = {"name": name, "namespace": spec.namespace, "labels": _labels(spec)}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": body}


def _role_bindings(spec: NamespaceSpec) -> list[Manifest]:
    group = "rbac.authorization.k8s.io"
    return [
        {
            "apiVersion": f"{group}/v1",
            "kind": "RoleBinding",
            "metadata": {"name": account, "namespace": spec.namespace, "labels": _labels(spec)},
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": role},
            "subjects": [
                {"kind": "ServiceAccount", "name": account, "namespace": spec.service_accounts_namespace}
            ],
        }
        for account, role in TENANT_ROLES.items()
    ]


def _quota(spec: NamespaceSpec) -> Manifest:
    cpu = spec.cpu_milli + spec.rolling_cpu_milli + _CHALLENGE_CPU
    memory = spec.memory_mb + spec.rolling_memory_mb + _CHALLENGE_MEMORY
    # Each request is rounded up by itself, so the sum may be one unit higher per instance.
    cpu_requests = request_share(cpu, spec.cpu_request_ratio) + spec.instances
    memory_requests = request_share(memory, spec.memory_request_ratio) + spec.instances
    hard = {
        "limits.cpu": f"{cpu}m",
        "limits.memory": f"{memory}Mi",
        "requests.cpu": f"{cpu_requests}m",
        "requests.memory": f"{memory_requests}Mi",
        "requests.storage": f"{spec.storage_gb + spec.spare_storage_gb}Gi",
        "persistentvolumeclaims": str(spec.instances + spec.spare_claims),
        "pods": str(2 * spec.instances + 1),
    }
    return _object(spec, "v1", "ResourceQuota", "plans", {"hard": hard})


def _limit_range(spec: NamespaceSpec) -> Manifest:
    # Nothing may be bigger than all the customer's plans together. The defaults are for containers that state
    # nothing: the quota would refuse them otherwise.
    limit = {
        "type": "Container",
        "max": {
            "cpu": f"{max(spec.cpu_milli, _CHALLENGE_CPU)}m",
            "memory": f"{max(spec.memory_mb, _CHALLENGE_MEMORY)}Mi",
        },
        "default": {"cpu": f"{_CHALLENGE_CPU}m", "memory": f"{_CHALLENGE_MEMORY}Mi"},
        "defaultRequest": {"cpu": "10m", "memory": "32Mi"},
    }
    return _object(spec, "v1", "LimitRange", "defaults", {"limits": [limit]})


def _network_policies(spec: NamespaceSpec) -> list[Manifest]:
    controller = {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": spec.ingress_namespace}}
    }
    names = {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
        "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
    }
    dns = [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}]
    internet = [
        {"ipBlock": {"cidr": "0.0.0.0/0", "except": [*_PRIVATE_V4, *_of_version(spec, 4)]}},
        {"ipBlock": {"cidr": "::/0", "except": [*_PRIVATE_V6, *_of_version(spec, 6)]}},
    ]
    own: dict[str, Any] = {"podSelector": {}}
    return [
        _policy(spec, "default-deny"),
        _policy(spec, "allow-ingress-controller", ingress=[{"from": [controller]}]),
        _policy(spec, "allow-own-instances", ingress=[{"from": [own]}], egress=[{"to": [own]}]),
        _policy(spec, "allow-dns", egress=[{"to": [names], "ports": dns}]),
        _policy(spec, "allow-internet", egress=[{"to": internet}]),
    ]


def _of_version(spec: NamespaceSpec, version: int) -> list[str]:
    return [cidr for cidr in spec.private_ranges if (":" in cidr) == (version == 6)]


def _policy(
    spec: NamespaceSpec,
    name: str,
    *,
    ingress: list[dict[str, Any]] | None = None,
    egress: list[dict[str, Any]] | None = None,
) -> Manifest:
    body: dict[str, Any] = {"podSelector": {}}
    if ingress is None and egress is None:
        body["policyTypes"] = ["Ingress", "Egress"]
        return _object(spec, "networking.k8s.io/v1", "NetworkPolicy", name, body)
    body["policyTypes"] = [kind for kind, rules in (("Ingress", ingress), ("Egress", egress)) if rules]
    if ingress:
        body["ingress"] = ingress
    if egress:
        body["egress"] = egress
    return _object(spec, "networking.k8s.io/v1", "NetworkPolicy", name, body)
