"""Custom domains over the wire: who may have which, what is told, and what follows as time passes."""

import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from minispod.audit.models import AuditEntry
from minispod.cluster.port import CertificateSighting, CertificateState, ClusterRefused
from minispod.instances.domains import checking
from minispod.instances.domains.checking import CheckOrder, pause
from minispod.instances.domains.models import CustomDomain
from minispod.integrations.kubernetes.adapter import KubernetesCluster
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.rules import domain_rules
from minispod.settings import Settings
from tests.factories.domains import HOST, Site, prove, records
from tests.plugins.app import Person, PortsNow, data_of, refused
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
    ports.change(cluster=cluster, resolver=names.resolver(timeout=0.6))
    return cluster


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


def test_a_domain_is_added_proven_served_and_opens(
    site: MakeSite, names: Names, served: Cluster, later: Callable[..., None]
) -> None:
    mine = site()

    added = mine.add("  Shop.Example.COM. ")
    mine.run_jobs()

    assert (added["host"], added["status"], added["isPrimary"]) == (HOST, "WAITING_FOR_DNS", False)
    proof, alias = added["records"]
    assert (proof["type"], proof["name"]) == ("TXT", f"_minispod.{HOST}")
    assert (alias["type"], alias["name"], alias["value"]) == ("CNAME", HOST, mine.own_host)
    waiting = mine.one()
    assert [each["code"] for each in waiting["problems"]] == ["proof_missing", "no_such_name"]
    assert proof["value"] in waiting["problems"][0]["sentence"]["en"]
    assert "catatan TXT" in waiting["problems"][0]["sentence"]["id"]
    assert mine.own_host in waiting["problems"][1]["sentence"]["en"]
    assert served.served == {}

    proven = prove(names, mine)

    assert (proven["status"], proven["problems"]) == ("ACTIVE", [])
    assert proven["certificate"]["status"] == "NOT_NEEDED"
    assert HOST in served.served
    assert proven["url"] == mine.all()["primaryUrl"].replace(mine.own_host, HOST)
    assert mine.shop.mails(mine.owner)[-1] == "domain_active"


def test_one_record_alone_is_not_enough_and_the_missing_one_is_named(site: MakeSite, names: Names) -> None:
    mine = site()
    mine.add()
    proof, alias = records(mine)

    names.publish(proof)
    mine.run_jobs()
    assert mine.codes() == ["no_address"] or mine.codes() == ["no_such_name"]

    mine.shop.clock.advance(seconds=20)
    names.publish(alias)
    assert [each["code"] for each in mine.check()["problems"]] == ["proof_missing"]


@pytest.mark.parametrize(
    ("lines", "codes"),
    [
        (["{proof}", "{host}. A 203.0.113.9"], ["points_elsewhere"]),
        (
            ["{proof}", "{host}. A 192.0.2.1", "{host}. A 203.0.113.9", "{own}. A 192.0.2.1"],
            ["points_partly"],
        ),
        (["{proof}", "{host}. CNAME gone.example.net."], ["target_missing"]),
        (["{proof}", "{host}. CNAME a.example.net.", "a.example.net. CNAME {host}."], ["dns_loop"]),
        (["{proof}", ";! {host}. servfail"], ["dns_failed"]),
        (["{proof}", ";! {host}. silent"], ["dns_silent"]),
        (["{alias}", ";! _minispod.{host}. servfail"], ["dns_failed"]),
        (['_minispod.{host}. TXT "something else"', "{alias}"], ["proof_other"]),
        (['_minispod.{host}. TXT "\\000\\255\\010<b>" "x"', "{alias}"], ["proof_other"]),
    ],
)
def test_what_is_wrong_is_told_in_plain_words(
    site: MakeSite, names: Names, lines: list[str], codes: list[str]
) -> None:
    mine = site()
    mine.add()
    proof, alias = records(mine)
    names.publish(*(each.format(host=HOST, own=mine.own_host, proof=proof, alias=alias) for each in lines))

    mine.run_jobs()

    domain = mine.one()
    assert [each["code"] for each in domain["problems"]] == codes
    assert domain["status"] == "WAITING_FOR_DNS"
    for problem in domain["problems"]:
        english, indonesian = problem["sentence"]["en"], problem["sentence"]["id"]
        assert HOST in english
        assert HOST in indonesian
        assert english != indonesian
        assert "{" not in english + indonesian


def test_the_addresses_of_our_ingress_are_as_good_as_an_alias(site: MakeSite, names: Names) -> None:
    """An apex cannot have a CNAME: it has our addresses, and those are where the instance's own host leads."""
    mine = site()
    mine.add("example.com")
    proof, _ = records(mine, host="example.com")
    names.publish(
        proof, "example.com. A 192.0.2.1", f"{mine.own_host}. A 192.0.2.1", f"{mine.own_host}. A 192.0.2.2"
    )

    mine.run_jobs()

    assert mine.one("example.com")["status"] == "ACTIVE"


@pytest.mark.parametrize(
    "host", ["", "localhost", "*.example.com", "192.0.2.1", "x.minispod.localhost", "a/b.com"]
)
def test_what_is_no_domain_is_refused(site: MakeSite, host: str) -> None:
    mine = site()

    body = mine.post(host=host).get_json()

    assert body["statusCode"] == 400
    assert mine.all()["domains"] == []


def test_a_database_has_no_domain(site: MakeSite) -> None:
    refused(site("postgresql", "BASIC").post(host=HOST), 400, "domains.no_pages")


def test_the_plan_says_how_many(site: MakeSite) -> None:
    mine = site("n8n-automation", "FREE")
    assert (mine.all()["maxDomains"], mine.all()["usedDomains"]) == (1, 0)
    mine.add()

    refused(mine.post(host=HOST), 409, "domains.added_already")
    assert "one custom domain" in refused(mine.post(host="b.example.com"), 400, "domains.too_many")["message"]

    data_of(mine.remove())
    mine.add("b.example.com")
    assert mine.all()["usedDomains"] == 1


def test_nobody_sees_or_touches_the_domains_of_others(site: MakeSite, person: Callable[..., Person]) -> None:
    mine, other = site(), person()
    domain = mine.add()["id"]

    for method, path in (
        ("GET", ""),
        ("POST", ""),
        ("POST", f"/{domain}/check"),
        ("PUT", "/primary"),
        ("DELETE", f"/{domain}"),
    ):
        answer = mine.client.open(
            mine.path + path, method=method, json={"host": "x.example.com"}, headers=other.headers
        )
        assert answer.status_code == 404, (method, path)
    theirs = site()
    assert theirs.post(f"/{domain}/check").status_code == 404
    assert len(mine.all()["domains"]) == 1


def test_without_a_paid_subscription_no_domain_is_added_but_one_can_be_removed(site: MakeSite) -> None:
    mine = site()
    mine.add()
    mine.shop.auto_renew(mine.owner, mine.id, False)
    mine.shop.clock.advance(days=32)
    mine.shop.advance(mine.id)

    assert mine.post(host="b.example.com").status_code == 400
    data_of(mine.remove())


def test_a_claim_blocks_nobody_and_the_first_who_proves_has_it(site: MakeSite, names: Names) -> None:
    squatter, owner = site(), site()
    squatter.add()
    owner.add()

    prove(names, owner)
    assert owner.one()["status"] == "ACTIVE"

    squatter.shop.clock.advance(seconds=20)
    assert squatter.check()["status"] == "WAITING_FOR_DNS"
    late = site()
    message = refused(late.post(host=HOST), 409, "domains.taken")["message"]
    assert owner.owner.email not in message
    assert owner.shop.look(owner.id)[1].name not in message


def test_one_who_proves_what_another_holds_waits_until_it_is_free(
    site: MakeSite, names: Names, served: Cluster
) -> None:
    first, second = site(), site()
    first.add()
    second.add()
    prove(names, first)
    names.publish(*records(first, second))
    second.shop.clock.advance(seconds=20)
    names.publish(*records(first, second), f"{HOST}. CNAME {first.own_host}.")

    second.check()
    assert second.one()["status"] == "WAITING_FOR_DNS"

    data_of(first.remove())
    first.run_jobs()
    assert HOST not in served.served
    names.publish(*records(second))
    second.shop.clock.advance(seconds=20)
    assert second.check()["status"] == "ACTIVE"
    assert served.served[HOST]["metadata"]["namespace"] == second.shop.look(second.id)[1].namespace


def test_held_by_another_is_told_to_whoever_proves_it_too(site: MakeSite, names: Names) -> None:
    first, second = site(), site()
    first.add()
    second.add()
    prove(names, first)
    proofs = [f'_minispod.{HOST}. TXT "{each.one()["records"][0]["value"]}"' for each in (first, second)]
    names.publish(
        *proofs, f"{HOST}. A 192.0.2.1", f"{first.own_host}. A 192.0.2.1", f"{second.own_host}. A 192.0.2.1"
    )
    second.shop.clock.advance(seconds=20)

    assert [each["code"] for each in second.check()["problems"]] == ["held_by_another"]
    assert first.one()["status"] == "ACTIVE"


def test_ones_own_other_instance_is_named(site: MakeSite, names: Names) -> None:
    first = site()
    prove(names, first)
    second = site("ghost-blog", "BASIC", first.owner)

    message = refused(second.post(host=HOST), 409, "domains.taken")["message"]

    assert first.shop.look(first.id)[1].name in message


def test_pauses_grow_from_seconds_to_a_day() -> None:
    pauses = [pause(attempts) for attempts in range(1, 40)]

    assert pauses[0] == timedelta(seconds=10)
    assert pauses == sorted(pauses)
    assert pauses[-1] == timedelta(days=1)
    assert sum((each for each in pauses[:8]), timedelta()) < timedelta(hours=1)


def test_after_a_month_without_proof_it_is_given_up_and_can_be_asked_for_again(
    site: MakeSite, names: Names, later: Callable[..., None]
) -> None:
    mine = site()
    mine.add()
    looks = 0
    for _ in range(60):
        before = mine.one()["checkedAt"]
        later(days=1)
        looks += mine.one()["checkedAt"] != before
        if mine.one()["status"] == "FAILED":
            break

    failed = mine.one()
    assert (failed["status"], failed["nextCheckAt"]) == ("FAILED", None)
    assert 28 <= looks <= 31
    assert mine.shop.mails(mine.owner).count("domain_ended") == 1
    letter = mine.shop.messages(mine.owner)[-1]
    assert (letter.facts["how"], letter.facts["days"]) == ("given_up", 30)
    assert "TXT" in letter.facts["reason"]

    mine.shop.clock.advance(seconds=20)
    assert mine.check()["status"] == "WAITING_FOR_DNS"
    assert prove(names, mine)["status"] == "ACTIVE"


def test_looking_again_is_limited(site: MakeSite) -> None:
    mine = site()
    domain = mine.add()["id"]
    mine.run_jobs()

    answer = mine.post(f"/{domain}/check")

    refused(answer, 429, "domains.checked_just_now")
    assert 1 <= int(answer.headers["Retry-After"]) <= 15
    mine.shop.clock.advance(seconds=15)
    data_of(mine.post(f"/{domain}/check"), 202)


def test_one_that_leads_elsewhere_is_warned_about_then_taken_off(
    site: MakeSite, names: Names, served: Cluster, later: Callable[..., None], run_jobs: Callable[[], int]
) -> None:
    mine = site()
    prove(names, mine)
    data_of(mine.choose(HOST, confirm=True))
    mine.shop.runs(mine.id)
    names.publish(f"{HOST}. A 203.0.113.9")

    later(hours=7)
    failing = mine.one()
    assert (failing["status"], [each["code"] for each in failing["problems"]]) == (
        "FAILING",
        ["proof_missing", "points_elsewhere"],
    )
    assert failing["graceUntil"] is not None
    assert HOST in served.served
    assert mine.shop.mails(mine.owner)[-1] == "domain_failing"

    later(days=6)
    assert mine.one()["status"] == "FAILING"
    assert mine.shop.mails(mine.owner).count("domain_failing") == 1

    later(days=1, hours=1)
    gone = mine.one()
    assert gone["status"] == "TAKEN_OFF"
    assert HOST not in served.served
    assert mine.all()["primaryHost"] == mine.own_host
    assert mine.shop.mails(mine.owner)[-1] == "domain_ended"
    other = site()
    assert prove(names, other)["status"] == "ACTIVE"
    mine.shop.clock.advance(seconds=20)
    refused(mine.post(f"/{gone['id']}/check"), 409, "domains.taken")


def test_one_that_comes_back_within_its_grace_stays(
    site: MakeSite, names: Names, later: Callable[..., None]
) -> None:
    mine = site()
    prove(names, mine)
    right = records(mine)
    names.publish()
    later(hours=7)
    assert mine.one()["status"] == "FAILING"

    names.publish(*right)
    later(hours=1)

    assert (mine.one()["status"], mine.one()["graceUntil"], mine.codes()) == ("ACTIVE", None, [])
    names.publish()
    later(days=8)
    assert mine.one()["status"] == "FAILING", "the grace begins anew"


@pytest.mark.parametrize("fault", ["silent", "servfail"])
def test_a_broken_name_server_takes_nothing_off(
    site: MakeSite, names: Names, later: Callable[..., None], fault: str
) -> None:
    mine = site()
    prove(names, mine)
    names.publish(*records(mine), f";! {HOST}. {fault}")

    for _ in range(3):
        later(days=10)

    assert mine.one()["status"] == "ACTIVE"
    assert mine.codes() in (["dns_silent"], ["dns_failed"])


def test_a_broken_dns_of_our_own_takes_nothing_off(
    site: MakeSite, names: Names, later: Callable[..., None]
) -> None:
    mine = site()
    mine.add()
    lines = [records(mine)[0], f"{HOST}. A 192.0.2.1"]
    names.publish(*lines, f"{mine.own_host}. A 192.0.2.1")
    mine.run_jobs()
    assert mine.one()["status"] == "ACTIVE"
    names.publish(*lines)

    for _ in range(3):
        later(days=10)

    assert mine.one()["status"] == "ACTIVE"


def test_the_proof_must_stay(site: MakeSite, names: Names, later: Callable[..., None]) -> None:
    mine = site()
    prove(names, mine)
    names.publish(records(mine)[1])

    later(hours=7)

    assert (mine.one()["status"], mine.codes()) == ("FAILING", ["proof_missing"])


def test_the_primary_address_is_told_and_shown_everywhere(site: MakeSite, names: Names) -> None:
    mine = site()
    prove(names, mine)

    assert mine.all()["restartsOnChange"] is True
    refused(mine.choose(HOST), 400, "domains.restart_not_confirmed")
    found = data_of(mine.choose(HOST, confirm=True))

    assert (found["primaryHost"], found["ownHost"]) == (HOST, mine.own_host)
    detail = mine.client.get(f"/api/v1/subscriptions/{mine.id}", headers=mine.headers)
    [shown] = data_of(detail)["subscription"]["instances"]
    assert (shown["customDomain"], shown["subdomain"], shown["status"]) == (HOST, mine.own_host, "RESTARTING")
    assert HOST in shown["publicUrl"]

    refused(mine.choose(None, confirm=True), 400, "instances.wrong_state")
    mine.shop.runs(mine.id)
    data_of(mine.choose(None, confirm=True))
    assert mine.all()["primaryHost"] == mine.own_host


def test_what_does_not_know_its_address_needs_no_restart(site: MakeSite, names: Names) -> None:
    mine = site("uptime-kuma", "BASIC")
    prove(names, mine)

    assert mine.all()["restartsOnChange"] is False
    data_of(mine.choose(HOST))

    assert mine.shop.look(mine.id)[1].status.value == "RUNNING"


def test_only_an_active_domain_becomes_primary(site: MakeSite) -> None:
    mine = site()
    mine.add()

    refused(mine.choose(HOST, confirm=True), 400, "domains.not_active")
    answer = mine.client.put(
        f"{mine.path}/primary", json={"domainId": str(uuid.uuid4())}, headers=mine.headers
    )
    refused(answer, 404, "domains.no_such_domain")


def test_removing_the_primary_domain_asks_first_and_frees_it_at_once(
    site: MakeSite, names: Names, served: Cluster
) -> None:
    mine = site()
    prove(names, mine)
    data_of(mine.choose(HOST, confirm=True))
    mine.shop.runs(mine.id)

    refused(mine.remove(), 400, "domains.restart_not_confirmed")
    found = data_of(mine.remove(confirm=True))

    assert (found["domains"], found["primaryHost"]) == ([], mine.own_host)
    other = site()
    assert other.add()["status"] == "WAITING_FOR_DNS"
    mine.run_jobs()
    assert HOST not in served.served


def test_a_domain_that_comes_again_has_a_new_proof(site: MakeSite) -> None:
    mine = site()
    old = mine.add()["records"][0]["value"]
    data_of(mine.remove())

    assert mine.add()["records"][0]["value"] != old


def test_with_the_instance_its_domains_go(app: Flask, site: MakeSite, names: Names) -> None:
    mine = site()
    prove(names, mine)
    data_of(mine.choose(HOST, confirm=True))
    mine.shop.cancel(mine.owner, mine.id)

    with app.app_context():
        [row] = session().scalars(select(CustomDomain))
        assert (row.status.value, row.next_check_at) == ("REMOVED", None)
    assert mine.shop.look(mine.id)[1].public_host == mine.own_host
    assert prove(names, site())["status"] == "ACTIVE"


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


def test_every_act_is_in_the_audit_book(app: Flask, site: MakeSite, names: Names) -> None:
    mine = site()
    prove(names, mine)
    data_of(mine.choose(HOST, confirm=True))
    data_of(mine.remove(confirm=True))

    with app.app_context():
        rows = session().scalars(
            select(AuditEntry).where(AuditEntry.action.like("domain.%")).order_by(AuditEntry.id)
        )
        assert [(row.action, row.details["host"]) for row in rows] == [
            ("domain.added", HOST),
            ("domain.verified", HOST),
            ("domain.active", HOST),
            ("domain.made_primary", HOST),
            ("domain.removed", HOST),
        ]


def test_addresses_from_the_settings_are_shown_and_count(
    app: Flask, settings: Settings, site: MakeSite, names: Names
) -> None:
    ours = Settings(
        database_url=settings.database.database_url,
        redis_url=settings.redis.redis_url,
        minispod_env="test",
        public_addresses="192.0.2.7, 2001:DB8::7",
        dns_nameservers="192.0.2.53, 192.0.2.54:5353, [2001:db8::53]:53, 2001:db8::54",
    )
    app.extensions["minispod.settings"] = ours
    try:
        shown = site().add("example.org")["records"]
    finally:
        app.extensions["minispod.settings"] = settings

    assert [(each["type"], each["value"]) for each in shown[2:]] == [
        ("A", "192.0.2.7"),
        ("AAAA", "2001:db8::7"),
    ]
