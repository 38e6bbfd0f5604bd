"""Custom domains over the wire: who may have which, and what is told while it is not right yet."""

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select

from minispod.audit.models import AuditEntry
from minispod.kernel.database import session
from minispod.settings import Settings
from tests.api.domains.conftest import Cluster, MakeSite
from tests.factories.domains import HOST, prove, records
from tests.plugins.app import Person, data_of, refused
from tests.plugins.names import Names


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
    assert mine.codes() == ["no_address"]

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
        (
            ["{proof}", "{host}. CNAME db.corp.", "db.corp. A 10.0.0.7", "{own}. A 192.0.2.1"],
            ["points_inside"],
        ),
        (["{proof}", "{host}. CNAME gone.example.net."], ["target_missing"]),
        (["{proof}", "{host}. CNAME a.example.net.", "a.example.net. CNAME {host}."], ["dns_loop"]),
        (["{proof}", ";! {host}. servfail"], ["dns_failed"]),
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


@pytest.mark.usefixtures("hasty_dns")
def test_a_name_server_that_says_nothing_is_told_as_such(site: MakeSite, names: Names) -> None:
    mine = site()
    mine.add()
    names.publish(records(mine)[0], f";! {HOST}. silent")

    mine.run_jobs()

    assert (mine.codes(), mine.one()["status"]) == (["dns_silent"], "WAITING_FOR_DNS")


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
