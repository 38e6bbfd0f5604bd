"""Two customers and a stranger on a real network: who reaches whom. Only with --cluster; the simulator has no network.

The questions are asked from a pod of our own in each namespace, which is behind the same walls as the customer's
applications. K3s refuses what a policy forbids ("Connection refused" at once), so what a policy lets through to an
address where nobody answers looks different: it times out.
"""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from minispod.instances.manifests import InstanceSpec, namespace_manifests
from minispod.integrations.kubernetes import paths
from tests.contracts.cluster.conftest import Customer, Target
from tests.plugins.inside import run_inside

SHELL = "busybox:1.36"
# -e: the program that takes over the connection; this one ends at once, whoever is on the other side.
CONNECT = 'nc -w 4 "$1" "$2" -e /bin/true 2>&1 && echo reached; true'
# Somewhere in the internet: a range for documentation (RFC 5737), where nobody ever answers.
PUBLIC = "198.51.100.7"
PRIVATE = ["192.168.77.77", "172.16.77.77", "10.77.77.77", "100.64.77.77", "169.254.169.254"]


@dataclass(frozen=True)
class Lookout:
    """A pod to look out of."""

    namespace: str
    name: str

    def connect(self, host: str, port: int) -> str:
        """Open a connection: "reached", "refused", "silent" or what else was said."""
        told = run_inside(self.namespace, self.name, "look", "sh", "-c", CONNECT, "sh", host, str(port))
        if "reached" in told:
            return "reached"
        if "refused" in told:
            return "refused"
        return "silent" if "timed out" in told else told.strip()

    def address_of(self, name: str) -> str:
        """Ask the cluster's DNS."""
        return run_inside(self.namespace, self.name, "look", "nslookup", name)


@dataclass(frozen=True)
class Neighbour:
    """A customer with an application, its database beside it, and a pod to look out of."""

    customer: Customer
    web: InstanceSpec
    database: InstanceSpec
    lookout: Lookout
    web_pod: dict[str, Any]
    web_service: dict[str, Any]

    @property
    def pod_address(self) -> tuple[str, int]:
        """Where the application listens."""
        [port] = self.web_pod["spec"]["containers"][0]["ports"]
        return self.web_pod["status"]["podIP"], port["containerPort"]


def look_out(target: Target, namespace: str) -> Lookout:
    """Start a pod that does nothing."""
    name = "lookout"
    container = {
        "name": "look",
        "image": SHELL,
        "command": ["sleep", "3600"],
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        "resources": {
            "limits": {"cpu": "100m", "memory": "64Mi"},
            "requests": {"cpu": "10m", "memory": "16Mi"},
        },
    }
    spec = {
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 1,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 10001,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
    }
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}
    address = paths.POD.one(namespace, name)
    target.eventually(lambda: target.bare.get(paths.NAMESPACE.one(None, namespace)))
    target.bare.apply(address, pod, "test")
    target.eventually(lambda: target.bare.get(address)["status"].get("phase") == "Running")
    return Lookout(namespace, name)


def settle_down(target: Target) -> Neighbour:
    """A customer whose two instances run."""
    customer = Customer(target)
    web, database = customer.spec("ghost-blog"), customer.spec("postgresql")
    customer.apply(web)
    customer.apply(database)
    for spec in (web, database):
        target.eventually(lambda spec=spec: target.cluster.see(spec.namespace, spec.name).is_ready)
    pod = target.cluster.see(web.namespace, web.name).pod_name
    return Neighbour(
        customer,
        web,
        database,
        look_out(target, customer.namespace),
        target.bare.get(paths.POD.one(web.namespace, pod)),
        target.bare.get(paths.NETWORK_SERVICE.one(web.namespace, web.names.network_service)),
    )


@pytest.fixture(scope="module")
def neighbours(target: Target) -> Iterator[tuple[Neighbour, Neighbour]]:
    """Two customers."""
    found = settle_down(target), settle_down(target)
    yield found
    for each in found:
        target.cluster.delete_namespace(each.customer.namespace)


@pytest.fixture(scope="module")
def stranger(target: Target) -> Iterator[Lookout]:
    """A pod in a namespace of somebody else, without walls: what it cannot reach is closed on the other side."""
    name = f"stranger-{uuid.uuid4().hex[:8]}"
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    target.bare.apply(paths.NAMESPACE.one(None, name), namespace, "test")
    yield look_out(target, name)
    target.bare.delete(paths.NAMESPACE.one(None, name))


def test_no_customer_reaches_another(neighbours):
    for one, other in (neighbours, neighbours[::-1]):
        address, port = other.pod_address
        service = other.web_service["spec"]["clusterIP"]
        inside = f"{other.web.names.network_service}.{other.web.namespace}.svc"

        assert one.lookout.connect(address, port) == "refused"
        assert one.lookout.connect(service, 80) == "refused"
        assert one.lookout.connect(inside, 80) == "refused"
        assert one.lookout.connect(other.database.facts["inside_host"], 5432) == "refused"
        # the address is right, and somebody answers there
        assert other.lookout.connect(address, port) == "reached"


def test_a_customers_own_instances_reach_each_other_by_name(neighbours):
    for one in neighbours:
        assert one.lookout.connect(one.database.facts["inside_host"], 5432) == "reached"
        assert one.lookout.connect(one.web.names.network_service, 80) == "reached"


def test_everybody_reaches_the_names(neighbours):
    for one in neighbours:
        answer = one.lookout.address_of(f"{one.web.facts['inside_host']}.cluster.local")

        assert one.web_service["spec"]["clusterIP"] in answer


@pytest.mark.timeout(120)
def test_internet_is_open_and_private_addresses_are_closed(neighbours, stranger):
    for one in neighbours:
        assert one.lookout.connect(PUBLIC, 443) in ("silent", "reached")
        for address in PRIVATE:
            assert one.lookout.connect(address, 80) == "refused", address


def test_platform_is_out_of_reach(target, neighbours, stranger):
    [endpoint] = target.bare.get("/api/v1/namespaces/default/endpoints/kubernetes")["subsets"][0]["addresses"]
    port = target.bare.get("/api/v1/namespaces/default/endpoints/kubernetes")["subsets"][0]["ports"][0][
        "port"
    ]

    assert stranger.connect("kubernetes.default.svc", 443) == "reached"
    assert stranger.connect(endpoint["ip"], port) == "reached"
    for one in neighbours:
        assert one.lookout.connect("kubernetes.default.svc", 443) == "refused"
        assert one.lookout.connect(endpoint["ip"], port) == "refused"


def test_strangers_do_not_come_in_and_the_ingress_controller_does(target, neighbours, stranger):
    address = target.ingress if "://" in target.ingress else f"http://{target.ingress}"
    for one in neighbours:
        pod, port = one.pod_address
        assert stranger.connect(pod, port) == "refused"
        assert stranger.connect(one.web_service["spec"]["clusterIP"], 80) == "refused"
        assert stranger.connect(one.database.facts["inside_host"], 5432) == "refused"

        target.eventually(
            lambda one=one: (
                requests.get(
                    address, headers={"Host": one.web.host}, timeout=5, allow_redirects=False
                ).status_code
                < 400
            )
        )


@pytest.mark.timeout(300)
def test_it_is_the_walls_that_close(target, neighbours, stranger):
    """Without the policies the same connections are made: what the tests above see is the policies' doing."""
    one, other = neighbours
    policies = [
        each for each in namespace_manifests(other.customer.walls()) if each["kind"] == "NetworkPolicy"
    ]
    mine = [each for each in namespace_manifests(one.customer.walls()) if each["kind"] == "NetworkPolicy"]
    for each in (*policies, *mine):
        target.bare.delete(paths.address_of(each))

    target.eventually(lambda: one.lookout.connect(*other.pod_address) == "reached")
    target.eventually(lambda: stranger.connect(*other.pod_address) == "reached")

    target.cluster.apply([*mine, *policies])
    target.eventually(lambda: one.lookout.connect(*other.pod_address) == "refused")


def test_no_application_holds_a_token_of_the_cluster(target, neighbours):
    for one in neighbours:
        pod = one.web_pod["metadata"]["name"]

        listed = run_inside(one.web.namespace, pod, "app", "ls", "-a", "/var/run/secrets", "/run/secrets")
        mounted = run_inside(one.web.namespace, pod, "app", "cat", "/proc/mounts")

        assert "serviceaccount" not in listed
        assert "/secrets/" not in mounted
        assert " / " in mounted
