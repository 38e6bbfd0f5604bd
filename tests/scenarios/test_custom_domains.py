"""A customer brings a domain of their own, on a cluster: the simulator's, or a real one by --cluster.

The name server is a stand-in that speaks real DNS; the address is asked through the Ingress with the domain as Host.
"""

import os
import time
import uuid
from collections.abc import Callable

import pytest
import requests
from flask.testing import FlaskClient

from minispod.integrations.kubernetes.adapter import KubernetesCluster
from tests.factories.domains import Site, prove, records
from tests.plugins.app import Person, PortsNow, data_of
from tests.plugins.names import Names
from tests.plugins.shop import Shop

# No other test has it: a cluster may be shared.
HOST = f"shop-{uuid.uuid4().hex[:8]}.example.com"
PATIENCE_SECONDS = 240

pytestmark = pytest.mark.timeout(500)


@pytest.fixture
def ingress(request: pytest.FixtureRequest, cluster: KubernetesCluster) -> str:
    """Where the Ingress answers."""
    if request.config.getoption("--cluster"):
        return f"http://{os.environ['INGRESS_ADDRESS']}"
    address: str = request.getfixturevalue("kubernetes_simulator")["ingress"]
    return address if "://" in address else f"http://{address}"


@pytest.fixture
def site(
    client: FlaskClient,
    shop: Shop,
    person: Callable[..., Person],
    plan_id: Callable[..., uuid.UUID],
    headers_now: Callable[[Person], dict[str, str]],
    run_jobs: Callable[[], int],
    ports: PortsNow,
    names: Names,
    cluster: KubernetesCluster,
) -> Site:
    """A customer who has ordered n8n."""
    ports.change(resolver=names.resolver())
    return Site(
        client, shop, person(credit=500_000), plan_id("n8n-automation", "BASIC"), headers_now, run_jobs
    )


def eventually(site: Site, ask: Callable[[], bool], what: str) -> None:
    """Run the jobs and let time pass until it is so."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        site.run_jobs()
        if ask():
            return
        assert time.monotonic() < deadline, what
        time.sleep(0.2)
        site.shop.clock.advance(seconds=3)


def status(site: Site) -> str:
    return site.shop.look(site.id)[1].status.value


def test_a_domain_leads_to_the_application_becomes_its_address_and_goes(
    site: Site, names: Names, ingress: str, cluster: KubernetesCluster
) -> None:
    def code(host: str) -> int:
        return requests.get(ingress, headers={"Host": host}, timeout=5, allow_redirects=False).status_code

    site.add(HOST)
    names.publish(*records(site, host=HOST))
    eventually(site, lambda: status(site) == "RUNNING", "the instance runs")
    site.shop.clock.advance(seconds=20)
    prove(names, site, HOST)
    eventually(site, lambda: site.one(HOST)["status"] == "ACTIVE", "the domain is active")
    eventually(site, lambda: code(HOST) == 200, "the domain answers")
    assert code(site.own_host) == 200
    pod = cluster.see(*_workload(site)).pod_name

    data_of(site.choose(HOST, confirm=True))
    eventually(site, lambda: status(site) == "RUNNING", "it runs again, with its new address")
    assert cluster.see(*_workload(site)).pod_name != pod
    assert HOST in site.all()["primaryUrl"]
    assert (code(HOST), code(site.own_host)) == (200, 200)

    data_of(site.remove(HOST, confirm=True))
    eventually(site, lambda: status(site) == "RUNNING", "it runs at its own host again")
    eventually(site, lambda: code(HOST) == 404, "the domain is withdrawn")
    assert code(site.own_host) == 200

    prove(names, site, HOST)
    names.publish(*records(site, host=HOST))
    site.shop.clock.advance(seconds=20)
    site.check(HOST)
    eventually(site, lambda: site.one(HOST)["status"] == "ACTIVE", "the domain is active again")
    site.shop.cancel(site.owner, site.id)
    eventually(site, lambda: status(site) == "TERMINATED", "the instance goes")
    assert code(HOST) == 404


def _workload(site: Site) -> tuple[str, str]:
    instance = site.shop.look(site.id)[1]
    return instance.namespace, instance.name
