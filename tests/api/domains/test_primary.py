"""The primary address: told to the application, shown everywhere, given up with the domain or the instance."""

import uuid

from flask import Flask
from sqlalchemy import select

from minispod.instances.domains.models import CustomDomain
from minispod.kernel.database import session
from tests.api.domains.conftest import Cluster, MakeSite
from tests.factories.domains import HOST, prove
from tests.plugins.app import data_of, refused
from tests.plugins.names import Names


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
