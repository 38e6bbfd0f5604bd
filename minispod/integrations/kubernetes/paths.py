"""Where the kinds that we use live in the API."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of object: its group's address and its plural."""

    prefix: str
    plural: str
    is_namespaced: bool = True

    def all(self) -> str:
        """Address of the list over all namespaces."""
        return f"{self.prefix}/{self.plural}"

    def within(self, namespace: str) -> str:
        """Address of the list of one namespace."""
        return f"{self.prefix}/namespaces/{quote(namespace, safe='')}/{self.plural}"

    def one(self, namespace: str | None, name: str) -> str:
        """Address of one object."""
        where = self.within(namespace or "default") if self.is_namespaced else self.all()
        return f"{where}/{quote(name, safe='')}"


_CORE, _APPS, _NETWORKING = "/api/v1", "/apis/apps/v1", "/apis/networking.k8s.io/v1"
_RIGHTS = "/apis/rbac.authorization.k8s.io/v1"
_METRICS = "/apis/metrics.k8s.io/v1beta1"

NAMESPACE = Kind(_CORE, "namespaces", is_namespaced=False)
NODE = Kind(_CORE, "nodes", is_namespaced=False)
POD = Kind(_CORE, "pods")
EVENT = Kind(_CORE, "events")
SECRET = Kind(_CORE, "secrets")
CONFIG_MAP = Kind(_CORE, "configmaps")
CLAIM = Kind(_CORE, "persistentvolumeclaims")
NETWORK_SERVICE = Kind(_CORE, "services")
QUOTA = Kind(_CORE, "resourcequotas")
LIMIT_RANGE = Kind(_CORE, "limitranges")
DEPLOYMENT = Kind(_APPS, "deployments")
INGRESS = Kind(_NETWORKING, "ingresses")
NETWORK_POLICY = Kind(_NETWORKING, "networkpolicies")
ROLE_BINDING = Kind(_RIGHTS, "rolebindings")
NODE_METRICS = Kind(_METRICS, "nodes", is_namespaced=False)
POD_METRICS = Kind(_METRICS, "pods")

_APPLICABLE = {
    ("v1", "Namespace"): NAMESPACE,
    ("v1", "Secret"): SECRET,
    ("v1", "ConfigMap"): CONFIG_MAP,
    ("v1", "PersistentVolumeClaim"): CLAIM,
    ("v1", "Pod"): POD,
    ("v1", "Service"): NETWORK_SERVICE,
    ("v1", "ResourceQuota"): QUOTA,
    ("v1", "LimitRange"): LIMIT_RANGE,
    ("apps/v1", "Deployment"): DEPLOYMENT,
    ("networking.k8s.io/v1", "Ingress"): INGRESS,
    ("networking.k8s.io/v1", "NetworkPolicy"): NETWORK_POLICY,
    ("rbac.authorization.k8s.io/v1", "RoleBinding"): ROLE_BINDING,
}

# What belongs to an instance besides its volume claim; the workload goes last, with its pods.
INSTANCE_KINDS = (INGRESS, NETWORK_SERVICE, SECRET, CONFIG_MAP, DEPLOYMENT)


def kind_of(manifest: Mapping[str, Any]) -> Kind:
    """Tell where an object belongs; ValueError for a kind that we never make."""
    try:
        return _APPLICABLE[manifest["apiVersion"], manifest["kind"]]
    except KeyError:
        raise ValueError(f"objects of this kind are not applied: {manifest.get('kind')}") from None


def address_of(manifest: Mapping[str, Any]) -> str:
    """Tell the address of one object."""
    metadata = manifest["metadata"]
    return kind_of(manifest).one(metadata.get("namespace"), metadata["name"])
