"""Custom domains as time passes: looked at later and later, warned about, taken off, and never for our own faults."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from minispod.instances.domains.checking import pause
from tests.api.domains.conftest import Cluster, MakeSite
from tests.factories.domains import HOST, prove, records
from tests.plugins.app import data_of, refused
from tests.plugins.names import Names


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


@pytest.mark.usefixtures("hasty_dns")
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
