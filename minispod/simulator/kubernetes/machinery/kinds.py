"""The inventory of resources this server offers; discovery, routing and storage all read it.

A resource is added by one line here (and a schema in `schemas.json`).
"""

from dataclasses import dataclass, field

ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind of object and how it is addressed."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool
    schema: str = field(compare=False)
    short: tuple[str, ...] = field(default=(), compare=False)
    categories: tuple[str, ...] = field(default=(), compare=False)
    subresources: tuple[str, ...] = field(default=(), compare=False)
    returns_deleted: bool = field(default=False, compare=False)
    has_generation: bool = field(default=False, compare=False)

    @property
    def group_version(self) -> str:
        """What an object writes as its apiVersion."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def qualified(self) -> str:
        """How messages name it: deployments.apps, but pods."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def key(self) -> str:
        """A stable text for files and indexes."""
        return f"{self.group_version}/{self.plural}"

    @property
    def singular(self) -> str:
        """The word kubectl accepts for one of them."""
        return self.kind.lower()


def _core(
    plural: str, kind: str, *short: str, namespaced: bool = True, subs: str = "", **more: bool
) -> Resource:
    categories = ("all",) if kind in ("Pod", "Service") else ()
    schema = f"io.k8s.api.core.v1.{kind}"
    return Resource(
        "", "v1", plural, kind, namespaced, schema, short, categories, tuple(subs.split()), **more
    )


def _grouped(group: str, plural: str, kind: str, *short: str, subs: str = "", **more: bool) -> Resource:
    package = group.split(".")[0]
    namespaced = more.pop("namespaced", True)
    categories = ("all",) if group in ("apps", "batch") else ()
    schema = f"io.k8s.api.{package}.v1.{kind}"
    return Resource(
        group, "v1", plural, kind, namespaced, schema, short, categories, tuple(subs.split()), **more
    )


NAMESPACES = _core("namespaces", "Namespace", "ns", namespaced=False, subs="status finalize")
NODES = _core("nodes", "Node", "no", namespaced=False, subs="status")
VOLUMES = _core(
    "persistentvolumes", "PersistentVolume", "pv", namespaced=False, subs="status", returns_deleted=True
)
CLAIMS = _core("persistentvolumeclaims", "PersistentVolumeClaim", "pvc", subs="status", returns_deleted=True)
PODS = _core("pods", "Pod", "po", subs="status log exec eviction binding", has_generation=True)
SERVICES = _core("services", "Service", "svc", subs="status", returns_deleted=True)
ENDPOINTS = _core("endpoints", "Endpoints", "ep")
SECRETS = _core("secrets", "Secret")
CONFIG_MAPS = _core("configmaps", "ConfigMap", "cm")
EVENTS = _core("events", "Event", "ev")
QUOTAS = _core("resourcequotas", "ResourceQuota", "quota", subs="status", returns_deleted=True)
LIMIT_RANGES = _core("limitranges", "LimitRange", "limits")
SERVICE_ACCOUNTS = _core("serviceaccounts", "ServiceAccount", "sa", returns_deleted=True)
DEPLOYMENTS = _grouped(
    "apps", "deployments", "Deployment", "deploy", subs="status scale", has_generation=True
)
REPLICA_SETS = _grouped("apps", "replicasets", "ReplicaSet", "rs", subs="status scale", has_generation=True)
STATEFUL_SETS = _grouped(
    "apps", "statefulsets", "StatefulSet", "sts", subs="status scale", has_generation=True
)
JOBS = _grouped("batch", "jobs", "Job", subs="status", has_generation=True)
INGRESSES = _grouped("networking.k8s.io", "ingresses", "Ingress", "ing", subs="status", has_generation=True)
NETWORK_POLICIES = _grouped(
    "networking.k8s.io", "networkpolicies", "NetworkPolicy", "netpol", has_generation=True
)
INGRESS_CLASSES = _grouped(
    "networking.k8s.io", "ingressclasses", "IngressClass", namespaced=False, has_generation=True
)
STORAGE_CLASSES = _grouped(
    "storage.k8s.io", "storageclasses", "StorageClass", "sc", namespaced=False, returns_deleted=True
)
DISRUPTION_BUDGETS = _grouped(
    "policy", "poddisruptionbudgets", "PodDisruptionBudget", "pdb", subs="status", has_generation=True
)
LEASES = _grouped("coordination.k8s.io", "leases", "Lease")
PRIORITY_CLASSES = _grouped(
    "scheduling.k8s.io", "priorityclasses", "PriorityClass", "pc", namespaced=False, has_generation=True
)
_RIGHTS = "rbac.authorization.k8s.io"
ROLES = _grouped(_RIGHTS, "roles", "Role")
ROLE_BINDINGS = _grouped(_RIGHTS, "rolebindings", "RoleBinding")
CLUSTER_ROLES = _grouped(_RIGHTS, "clusterroles", "ClusterRole", namespaced=False)
CLUSTER_ROLE_BINDINGS = _grouped(_RIGHTS, "clusterrolebindings", "ClusterRoleBinding", namespaced=False)
ENDPOINT_SLICES = _grouped("discovery.k8s.io", "endpointslices", "EndpointSlice", has_generation=True)

RESOURCES: tuple[Resource, ...] = (
    NAMESPACES,
    NODES,
    VOLUMES,
    CLAIMS,
    PODS,
    SERVICES,
    ENDPOINTS,
    SECRETS,
    CONFIG_MAPS,
    EVENTS,
    QUOTAS,
    LIMIT_RANGES,
    SERVICE_ACCOUNTS,
    DEPLOYMENTS,
    REPLICA_SETS,
    STATEFUL_SETS,
    JOBS,
    INGRESSES,
    NETWORK_POLICIES,
    INGRESS_CLASSES,
    STORAGE_CLASSES,
    DISRUPTION_BUDGETS,
    LEASES,
    ENDPOINT_SLICES,
    PRIORITY_CLASSES,
    ROLES,
    ROLE_BINDINGS,
    CLUSTER_ROLES,
    CLUSTER_ROLE_BINDINGS,
)
BY_KEY = {resource.key: resource for resource in RESOURCES}
BY_PATH = {(resource.group, resource.version, resource.plural): resource for resource in RESOURCES}
BY_KIND = {(resource.group_version, resource.kind): resource for resource in RESOURCES}


def named(word: str) -> Resource | None:
    """The resource a person means by a plural, singular, kind or short name."""
    lowered = word.lower()
    for resource in RESOURCES:
        if lowered in (resource.plural, resource.singular, resource.qualified, *resource.short):
            return resource
    return None
