"""Custom domains in the cluster: certificates, refusals, silence, and what is put right."""

import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from minispod.cluster.port import CertificateSighting, CertificateState
from minispod.instances.domains import checking
from minispod.instances.domains.checking import CheckOrder
from minispod.integrations.kubernetes.adapter import KubernetesCluster
from minispod.rules import domain_rules
from minispod.settings import Settings
from tests.api.domains.conftest import Cluster, MakeSite
from tests.factories.domains import HOST, prove, records
from tests.plugins.app import PortsNow, refused
from tests.plugins.names import Names


def test_a_certificate_is_waited_for_explained_and_then_it_opens(
    site: MakeSite, names: Names, served: Cluster, later: Callable[..., None]
) -> None:
    mine = site(tls=True)
    served.certificate = CertificateSighting(
        CertificateState.WAITING, "Issuing certificate as Secret does not exist"
    )
    waiting = prove(names, mine)
    assert waiting["status"] == "VERIFIED"
    later(seconds=60)
    assert mine.one()["certificate"]["status"] == "WAITING"
    [entry] = served.served[HOST]["spec"]["tls"]
    assert entry["hosts"] == [HOST]
    assert entry["secretName"].endswith("-tls")
    assert entry["secretName"] != f"{mine.shop.look(mine.id)[1].name}-tls"

    served.certificate = CertificateSighting(CertificateState.FAILING, "CAA record forbids issuance")
    for _ in range(8):
        later(hours=6)
    failing = mine.one()
    assert (failing["status"], failing["certificate"]["status"]) == ("VERIFIED", "FAILING")
    assert "CAA record forbids issuance" in failing["problems"][0]["sentence"]["en"]
    assert mine.shop.mails(mine.owner).count("domain_failing") == 1
    refused(mine.choose(HOST, confirm=True), 400, "domains.not_active")

    served.certificate = CertificateSighting(CertificateState.READY)
    later(days=1)
    assert (mine.one()["status"], mine.codes()) == ("ACTIVE", [])

    served.certificate = CertificateSighting(CertificateState.FAILING, "renewal failed")
    later(hours=7)
    assert (mine.one()["status"], mine.codes()) == ("ACTIVE", ["certificate"])


def test_a_certificate_that_nobody_takes_up_is_told_after_a_day(
    site: MakeSite, names: Names, served: Cluster, later: Callable[..., None]
) -> None:
    mine = site(tls=True)
    served.certificate = CertificateSighting(
        CertificateState.WAITING, "cert-manager has not taken it up yet."
    )
    prove(names, mine)
    assert mine.codes() == []

    later(days=1, hours=1)

    assert (mine.one()["status"], mine.codes()) == ("VERIFIED", ["certificate"])
    assert mine.shop.mails(mine.owner)[-1] == "domain_failing"


def test_without_cert_manager_nobody_can_tell_and_it_is_said(
    site: MakeSite, names: Names, served: Cluster
) -> None:
    mine = site(tls=True)
    served.certificate = CertificateSighting(
        CertificateState.UNKNOWN, "There is no cert-manager in the cluster."
    )

    found = prove(names, mine)

    assert (found["status"], found["certificate"]["status"]) == ("ACTIVE", "UNKNOWN")
    assert "no cert-manager" in found["certificate"]["message"]


def test_without_an_issuer_nothing_is_waited_for(
    context: None, settings: Settings, names: Names, served: Cluster
) -> None:
    served.certificate = CertificateSighting(CertificateState.WAITING, "never looked at")
    rules = replace(domain_rules(settings), issues_certificates=False)
    order = CheckOrder(uuid.uuid4(), uuid.uuid4(), HOST, "token", "own.test", "user-1", "secret")

    seen = checking.carry_out(order, names.resolver(), served, rules=rules)

    assert seen.certificate is not None
    assert seen.certificate.state is CertificateState.UNKNOWN


def test_an_instance_that_goes_while_its_domain_is_published_leaves_nothing(
    site: MakeSite, names: Names, served: Cluster
) -> None:
    mine = site()

    def goes() -> None:
        served.before_apply = None
        mine.shop.cancel(mine.owner, mine.id)

    mine.add()
    names.publish(*records(mine))
    served.before_apply = goes

    mine.run_jobs()

    assert served.before_apply is None
    assert served.served == {}


def test_a_host_that_the_cluster_refuses_harms_no_other_and_is_tried_again(
    site: MakeSite, names: Names, served: Cluster, later: Callable[..., None]
) -> None:
    mine = site()
    served.refuses = {HOST}
    mine.add()
    mine.add("b.example.com")
    lines = [*records(mine), *records(mine, host="b.example.com")]
    names.publish(*lines)
    mine.run_jobs()

    assert (mine.one()["status"], mine.codes()) == ("VERIFIED", ["not_published"])
    assert mine.one("b.example.com")["status"] == "ACTIVE"
    assert mine.shop.look(mine.id)[1].status.value == "RUNNING"

    served.refuses = set()
    later(minutes=1)
    assert (mine.one()["status"], mine.codes()) == ("ACTIVE", [])


def test_what_somebody_deleted_in_the_cluster_comes_back(
    site: MakeSite, names: Names, served: Cluster
) -> None:
    mine = site()
    prove(names, mine)
    del served.served[HOST]

    mine.shop.runs(mine.id)  # the instance is brought to its wish again, as every ten minutes
    mine.run_jobs()

    assert HOST in served.served


def test_a_worker_that_dies_is_followed_by_another(
    site: MakeSite, names: Names, served: Cluster, ports: PortsNow, later: Callable[..., None]
) -> None:
    mine = site()
    mine.add()
    names.publish(*records(mine))

    class Dying:
        def texts(self, name: str) -> Any:
            raise RuntimeError("the process dies here")

    resolver = ports.resolver
    ports.change(resolver=Dying())
    mine.run_jobs()
    assert mine.one()["checkedAt"] is None

    def dies() -> None:
        served.before_apply = None
        raise RuntimeError("and here")

    ports.change(resolver=resolver)
    served.before_apply = dies
    later(seconds=10)
    assert mine.one()["status"] == "VERIFIED"

    later(seconds=30)
    later(seconds=30)
    assert mine.one()["status"] == "ACTIVE"


def test_a_silent_cluster_delays_and_breaks_nothing(
    site: MakeSite, names: Names, served: Cluster, ports: PortsNow, later: Callable[..., None]
) -> None:
    mine = site()
    ports.change(cluster=KubernetesCluster("/nonexistent/kubeconfig"))
    assert prove(names, mine)["status"] == "VERIFIED"

    ports.change(cluster=served)
    later(minutes=10)

    assert mine.one()["status"] == "ACTIVE"
