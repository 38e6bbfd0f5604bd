"""The same suite against the Kubernetes simulator always, and against the cluster of KUBECONFIG with --cluster.

On the real cluster the adapters have the tokens of our own service accounts (deploy/rights.yaml): `cluster` is what a
worker may do, `web` what the web processes may. `bare` is the administrator, for what the tests want to see.
"""

import os
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import pytest
import requests

from minispod.catalog.recipes import AppRecipe, generate_secrets, get_recipe
from minispod.instances.certificates import make_authority, make_certificate
from minispod.instances.manifests import (
    Exposure,
    InstanceSpec,
    NamespaceSpec,
    instance_manifests,
    namespace_manifests,
)
from minispod.instances.naming import host_for, inside_host, instance_name, namespace_for, public_url
from minispod.integrations.kubernetes.adapter import KubernetesCluster
from minispod.integrations.kubernetes.client import KubernetesClient
from minispod.kernel.ids import new_id, short_code
from tests.plugins.rights import ServiceAccounts
from tests.plugins.simulators import Simulator

T = TypeVar("T")


@dataclass(frozen=True)
class Target:
    """A cluster to test against: our adapters, a bare client for what others do to it, its Ingress address."""

    kubeconfig: str
    ingress: str | None
    seconds: float
    simulator: Simulator | None
    cluster: KubernetesCluster
    web: KubernetesCluster
    bare: KubernetesClient
    service_accounts_namespace: str = ""

    def make_crash(self, spec: InstanceSpec) -> None:
        """Have the application of a running instance end by itself, again and again."""
        if self.simulator is not None:
            pull_lever(self.simulator, "crash", namespace=spec.namespace, workload=spec.name, times=100)
            return
        objects = instance_manifests(spec)
        deployment = next(each for each in objects if each["kind"] == "Deployment")
        container = deployment["spec"]["template"]["spec"]["containers"][0]
        container |= {"image": "busybox:1.36", "command": ["sh", "-c", "exit 3"]}
        self.cluster.apply([deployment])

    def eventually(self, ask: Callable[[], T]) -> T:
        """Ask again and again until the answer is true; fails with the last answer."""
        deadline = time.monotonic() + self.seconds
        while not (answer := ask()):
            assert time.monotonic() < deadline, f"not within {self.seconds:.0f} s: {answer!r}"
            time.sleep(0.1)
        return answer


@dataclass
class Customer:
    """A customer of our own, with a namespace that goes when the test ends."""

    target: Target
    room: dict[str, int] = field(default_factory=dict)
    user_id: uuid.UUID = field(default_factory=uuid.uuid4)

    @property
    def namespace(self) -> str:
        """The customer's namespace."""
        return namespace_for(self.user_id)

    def walls(self) -> NamespaceSpec:
        """The namespace with room for two small instances."""
        room = {"cpu_milli": 1000, "memory_mb": 1024, "storage_gb": 2, "instances": 2, **self.room}
        return NamespaceSpec(
            namespace=self.namespace,
            user_id=self.user_id,
            service_accounts_namespace=self.target.service_accounts_namespace,
            **room,
        )

    def spec(self, recipe: AppRecipe | str, **changes: Any) -> InstanceSpec:
        """A small instance of a recipe."""
        recipe = get_recipe(recipe) if isinstance(recipe, str) else recipe
        code = short_code()
        host = host_for(
            "{instance}.{service}.{domain}", code=code, service_slug=recipe.slug, domain="minispod.localhost"
        )
        name = instance_name(recipe.slug, code)
        spec = InstanceSpec(
            instance_id=new_id(),
            subscription_id=new_id(),
            user_id=self.user_id,
            namespace=self.namespace,
            name=name,
            service_slug=recipe.slug,
            recipe=recipe,
            host=host,
            public_url=public_url("http", host),
            cpu_milli=250,
            memory_mb=max(256, recipe.min_memory_mb),
            storage_gb=1,
            secrets=generate_secrets(recipe),
            tls=False,
            exposure=exposure(name, host, self.namespace) if recipe.tls else None,
        )
        return replace(spec, **changes)

    def apply(self, spec: InstanceSpec) -> None:
        """Apply the walls and one instance."""
        self.target.cluster.apply([*namespace_manifests(self.walls()), *instance_manifests(spec)])


def exposure(name: str, host: str, namespace: str, port: int | None = None) -> Exposure:
    """A certificate by an authority of its own, and the port that a database has outside."""
    now = datetime.now(UTC)  # real servers and clients judge it by their own clocks
    authority = make_authority(now)
    made = make_certificate(authority, name, [host, inside_host(name, namespace), "localhost"], now)
    return Exposure(made.certificate, made.key, authority.certificate, port)


def pull_lever(simulator: Simulator, lever: str, **body: Any) -> None:
    """Make something happen to the simulated cluster."""
    answer = requests.post(
        f"{simulator['levers']}/{lever}",
        json=body,
        headers={"Authorization": f"Bearer {simulator['lever_token']}"},
        timeout=5,
    )
    assert answer.status_code == 200, answer.text


# What needs real programs in the pods, a network between them, or a server that asks who is calling.
REAL_ONLY = {"test_goodbyes.py", "test_network_isolation.py", "test_what_is_refused_to_us.py"}


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """The simulator has neither a network nor rights: these files are for a real cluster."""
    return True if collection_path.name in REAL_ONLY and not config.getoption("--cluster") else None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each test once per cluster."""
    if "target" in metafunc.fixturenames:
        clusters = ["simulator", "kubernetes"] if metafunc.config.getoption("--cluster") else ["simulator"]
        if Path(metafunc.module.__file__ or "").name in REAL_ONLY:
            clusters = ["kubernetes"]
        metafunc.parametrize("target", clusters, indirect=True, scope="session")


def on_simulator(simulator: Simulator) -> Target:
    """The simulator, whose one token may do everything."""
    kubeconfig = simulator["kubeconfig"]
    adapter, bare = KubernetesCluster(kubeconfig), KubernetesClient(kubeconfig)
    return Target(kubeconfig, simulator["ingress"], 60.0, simulator, adapter, adapter, bare)


@pytest.fixture(scope="session")
def target(request: pytest.FixtureRequest) -> Target:
    """The simulator, or the real cluster."""
    if request.param == "simulator":
        return on_simulator(request.getfixturevalue("kubernetes_simulator"))
    accounts: ServiceAccounts = request.getfixturevalue("service_accounts")
    return Target(
        kubeconfig=accounts.worker,
        ingress=os.environ.get("INGRESS_ADDRESS"),
        seconds=120.0,
        simulator=None,
        cluster=KubernetesCluster(accounts.worker),
        web=KubernetesCluster(accounts.web),
        bare=KubernetesClient(os.environ["KUBECONFIG"]),
        service_accounts_namespace=accounts.namespace,
    )


@pytest.fixture
def customer(target: Target) -> Iterator[Customer]:
    """A customer whose namespace is deleted at the end."""
    customer = Customer(target)
    yield customer
    target.cluster.delete_namespace(customer.namespace)


@pytest.fixture
def poor_customer(target: Target) -> Iterator[Customer]:
    """A customer whose plans leave no room for an instance."""
    customer = Customer(target, {"cpu_milli": 10, "memory_mb": 10, "storage_gb": 1, "instances": 1})
    yield customer
    target.cluster.delete_namespace(customer.namespace)
