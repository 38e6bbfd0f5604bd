"""A customer with a running application, a name server of the test's own, and a cluster in its hand."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from minispod.cluster.port import CertificateSighting, CertificateState, ClusterRefused
from minispod.integrations.kubernetes.adapter import KubernetesCluster
from minispod.kernel.clock import FrozenClock
from tests.factories.domains import Site
from tests.plugins.app import Person, PortsNow
from tests.plugins.names import Names
from tests.plugins.shop import Shop

PlanFinder = Callable[..., uuid.UUID]
MakeSite = Callable[..., Site]


class Cluster(KubernetesCluster):
    """A cluster that takes everything, except what the test says, and has the certificates that the test says."""

    def __init__(self) -> None:
        super().__init__("/nonexistent/kubeconfig")
        self.served: dict[str, dict[str, Any]] = {}
        self.refuses: set[str] = set()
        self.certificate = CertificateSighting(CertificateState.READY)
        self.before_apply: Callable[[], None] | None = None

    def apply(self, objects: Any) -> None:
        for each in objects:
            if "minispod.com/custom-domain" in each["metadata"].get("labels", {}):
                host = each["spec"]["rules"][0]["host"]
                if self.before_apply is not None:
                    self.before_apply()
                if host in self.refuses:
                    raise ClusterRefused("the host is defined already")
                self.served[host] = each

    def withdraw_domains(self, namespace: str, instance_id: str, keep: Any) -> None:
        kept = {each["spec"]["rules"][0]["host"] for each in keep}
        ours = [
            host
            for host, each in self.served.items()
            if each["metadata"]["labels"]["minispod.com/instance"] == instance_id
        ]
        for host in set(ours) - kept:
            del self.served[host]

    def see_certificate(self, namespace: str, name: str) -> CertificateSighting:
        return self.certificate


@pytest.fixture
def served(ports: PortsNow, names: Names) -> Cluster:
    """A cluster in the test's hand; the DNS is the test's name server."""
    cluster = Cluster()
    ports.change(cluster=cluster, resolver=names.resolver())
    return cluster


@pytest.fixture
def hasty_dns(served: Cluster, ports: PortsNow, names: Names) -> None:
    """Answers that do not come are not waited for: only where none come."""
    ports.change(resolver=names.resolver(timeout=0.6))


@pytest.fixture
def site(
    client: FlaskClient,
    shop: Shop,
    person: Callable[..., Person],
    plan_id: PlanFinder,
    headers_now: Callable[[Person], dict[str, str]],
    run_jobs: Callable[[], int],
    served: Cluster,
) -> MakeSite:
    """Make a customer with a running application: `site("n8n-automation", "BASIC")`."""

    def make(
        slug: str = "n8n-automation", tier: str = "BASIC", owner: Person | None = None, *, tls: bool = False
    ) -> Site:
        made = Site(
            client, shop, owner or person(credit=1_000_000), plan_id(slug, tier), headers_now, run_jobs
        )
        shop.runs(made.id)
        if tls:
            shop.put(made.id, tls=True)
        return made

    return make


@pytest.fixture
def later(
    clock: FrozenClock, tick: Callable[[str], None], run_jobs: Callable[[], int]
) -> Callable[..., None]:
    """Let time pass and have the domains that are due looked at."""

    def go(**by: float) -> None:
        clock.advance(**by)
        tick("check-domains")
        run_jobs()

    return go
