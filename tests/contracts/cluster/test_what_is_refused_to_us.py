"""What our own service accounts may not do on a real cluster.

Only with --cluster: the simulator does not ask who calls. That they may do what the program needs is shown by this
folder as a whole, which runs with their tokens.
"""

from typing import Any

import pytest

from minispod.instances.manifests import namespace_manifests
from minispod.integrations.kubernetes import paths
from minispod.integrations.kubernetes.client import ApiSaidNo, KubernetesClient
from tests.contracts.cluster.conftest import Customer, Target
from tests.plugins.rights import ServiceAccounts

RIGHTS = "/apis/rbac.authorization.k8s.io/v1"
SYSTEM = "/api/v1/namespaces/kube-system"


@pytest.fixture
def settled(target: Target, customer: Customer) -> Any:
    """A customer's running database, with its secret."""
    spec = customer.spec("redis")
    customer.apply(spec)
    target.eventually(lambda: target.cluster.see(spec.namespace, spec.name).is_ready)
    return spec


@pytest.fixture
def worker(service_accounts: ServiceAccounts) -> KubernetesClient:
    """A bare connection with the workers' token."""
    return KubernetesClient(service_accounts.worker)


@pytest.fixture
def web(service_accounts: ServiceAccounts) -> KubernetesClient:
    """A bare connection with the web's token."""
    return KubernetesClient(service_accounts.web)


def refused(client: KubernetesClient, method: str, path: str, body: dict[str, Any] | None = None) -> bool:
    """Whether the server says that this account may not; anything else is told as it is."""
    try:
        client._ask(method, path, query={}, body=body)
    except ApiSaidNo as refusal:
        if refusal.status != 403 or "system:serviceaccount:" not in refusal.message:
            raise
        return True
    return False


def named(kind: str, api: str, **more: Any) -> dict[str, Any]:
    """An object that must not come to be."""
    return {"apiVersion": api, "kind": kind, "metadata": {"name": "minispod-test-never"}, **more}


def binding(role: str) -> dict[str, Any]:
    """A binding of a role to the workers' account."""
    return {
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [{"kind": "ServiceAccount", "name": "minispod-worker", "namespace": "minispod"}],
    }


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", f"{SYSTEM}/secrets", None),
        ("GET", "/api/v1/secrets", None),
        ("GET", f"{SYSTEM}/configmaps", None),
        ("POST", f"{SYSTEM}/pods", named("Pod", "v1", spec={"containers": []})),
        ("POST", "/api/v1/namespaces/default/pods", named("Pod", "v1", spec={"containers": []})),
        ("POST", f"{SYSTEM}/pods/any/exec", None),
        ("DELETE", f"{SYSTEM}/pods/any", None),
        ("DELETE", "/api/v1/nodes/any", None),
        ("POST", "/api/v1/nodes/any/proxy/exec", None),
        ("POST", f"{SYSTEM}/serviceaccounts/default/token", None),
        ("POST", f"{RIGHTS}/clusterroles", named("ClusterRole", "rbac.authorization.k8s.io/v1", rules=[])),
        ("DELETE", f"{RIGHTS}/clusterroles/minispod-tenant", None),
        (
            "POST",
            f"{RIGHTS}/clusterrolebindings",
            named("ClusterRoleBinding", "rbac.authorization.k8s.io/v1", **binding("cluster-admin")),
        ),
    ],
)
def test_workers_have_no_rights_outside_customers_namespaces(worker, method, path, body):
    assert refused(worker, method, path, body)


@pytest.mark.parametrize("role", ["cluster-admin", "admin", "edit", "view"])
def test_workers_cannot_bind_other_roles_than_those_meant_for_customers_namespaces(worker, settled, role):
    address = f"{RIGHTS}/namespaces/{settled.namespace}/rolebindings"

    assert refused(
        worker, "POST", address, named("RoleBinding", "rbac.authorization.k8s.io/v1", **binding(role))
    )


def test_workers_work_in_customers_namespaces_and_even_there_within_bounds(worker, settled):
    inside = f"/api/v1/namespaces/{settled.namespace}"

    assert [
        each for each in worker.items(f"{inside}/secrets") if each["metadata"]["name"] == settled.names.secret
    ]
    assert refused(worker, "GET", f"{inside}/serviceaccounts")
    assert refused(worker, "DELETE", f"{inside}/resourcequotas/plans")
    assert refused(worker, "DELETE", paths.NETWORK_POLICY.one(settled.namespace, "default-deny"))
    assert refused(worker, "DELETE", paths.ROLE_BINDING.one(settled.namespace, "minispod-web"))


def test_web_only_reads_and_reads_no_secrets(target, web, settled):
    deployment = paths.DEPLOYMENT.one(settled.namespace, settled.name)

    assert web.get(deployment)["metadata"]["name"] == settled.name
    assert target.web.tail_logs(settled.namespace, settled.name, container="app", lines=3)
    assert refused(web, "GET", paths.SECRET.within(settled.namespace))
    assert refused(web, "DELETE", deployment)
    assert refused(web, "POST", paths.DEPLOYMENT.within(settled.namespace), named("Deployment", "apps/v1"))
    assert refused(web, "POST", f"{paths.POD.one(settled.namespace, 'any')}/exec")
    assert refused(web, "GET", f"{SYSTEM}/pods/any/log")
    assert refused(web, "POST", "/api/v1/namespaces", named("Namespace", "v1"))


def test_namespace_of_an_operator_without_accounts_is_closed_to_them(target, worker, customer):
    """Rights come from the bindings in the namespace and from nowhere else."""
    walls = [each for each in namespace_manifests(customer.walls()) if each["kind"] != "RoleBinding"]
    for each in walls:
        target.bare.apply(paths.address_of(each), each, "minispod")

    assert refused(worker, "GET", paths.SECRET.within(customer.namespace))
    assert refused(worker, "DELETE", paths.DEPLOYMENT.one(customer.namespace, "any"))
