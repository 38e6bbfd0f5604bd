"""What the cluster shows, for administrators: /api/v1/admin/k8s. Read only; 503 when it is silent."""

from collections.abc import Callable
from typing import Any

from minispod.api.envelope import Door
from minispod.api.guard import requires_staff
from minispod.api.schemas.cluster import (
    ClusterNodeOut,
    ClusterNodesOut,
    DeploymentsOut,
    IngressesOut,
    NamespacesOut,
    NetworkServicesOut,
    PodsOut,
)
from minispod.cluster import monitoring
from minispod.cluster.port import ClusterPort
from minispod.kernel.unit_of_work import release_connection
from minispod.ports import current_ports

door = Door("staff_cluster", __name__, url_prefix="/api/v1/admin/k8s", description="The cluster as it is")


def _listed(key: str, read: Callable[[ClusterPort], list[dict[str, Any]]]) -> dict[str, Any]:
    release_connection()
    items = read(current_ports().cluster)
    return {key: items, "total": len(items)}


@door.get("/nodes")
@requires_staff
@door.answers(200, ClusterNodesOut, message="Nodes retrieved successfully")
def list_nodes() -> dict[str, Any]:
    """List the nodes with capacity and usage."""
    return _listed("nodes", monitoring.list_nodes)


@door.get("/nodes/<name>")
@requires_staff
@door.answers(200, ClusterNodeOut, message="Node retrieved successfully")
def show_node(name: str) -> dict[str, Any]:
    """Show one node in full."""
    release_connection()
    return {"node": monitoring.get_node(current_ports().cluster, name)}


@door.get("/deployments")
@requires_staff
@door.answers(200, DeploymentsOut, message="Deployments retrieved successfully")
def list_deployments() -> dict[str, Any]:
    """List the deployments."""
    return _listed("deployments", monitoring.list_deployments)


@door.get("/pods")
@requires_staff
@door.answers(200, PodsOut, message="Pods retrieved successfully")
def list_pods() -> dict[str, Any]:
    """List the pods with their containers and usage."""
    return _listed("pods", monitoring.list_pods)


@door.get("/namespaces")
@requires_staff
@door.answers(200, NamespacesOut, message="Namespaces retrieved successfully")
def list_namespaces() -> dict[str, Any]:
    """List the namespaces."""
    return _listed("namespaces", monitoring.list_namespaces)


@door.get("/services")
@requires_staff
@door.answers(200, NetworkServicesOut, message="Services retrieved successfully")
def list_network_services() -> dict[str, Any]:
    """List the network services."""
    return _listed("services", monitoring.list_network_services)


@door.get("/ingresses")
@requires_staff
@door.answers(200, IngressesOut, message="Ingresses retrieved successfully")
def list_ingresses() -> dict[str, Any]:
    """List the ingresses."""
    return _listed("ingresses", monitoring.list_ingresses)
