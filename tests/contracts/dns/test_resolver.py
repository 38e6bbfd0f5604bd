"""The resolver against a name server that speaks real DNS: every answer and every fault is told apart."""

import socket
import time
from pathlib import Path

import pytest

from minispod.instances.domains.resolver import DnsAnswer, Finding
from minispod.integrations.dns import DnsResolver
from minispod.kernel.unit_of_work import unit_of_work
from minispod.simulator.names.__main__ import main
from minispod.simulator.names.answering import FAULTS

HOST = "shop.example.com"


def test_addresses_of_both_kinds_are_found(names):
    names.publish(f"{HOST}. A 192.0.2.1", f"{HOST}. A 192.0.2.2", f"{HOST}. AAAA 2001:db8::1")

    found = names.resolver().addresses(HOST)

    assert found.finding is Finding.FOUND
    assert sorted(found.values) == ["192.0.2.1", "192.0.2.2", "2001:db8::1"]
    assert found.aliases == ()


def test_texts_in_several_pieces_are_one(names):
    names.publish(f'_minispod.{HOST}. TXT "abc" "def"', f'_minispod.{HOST}. TXT "other"')

    assert sorted(names.resolver().texts(f"_minispod.{HOST}").values) == ["abcdef", "other"]


@pytest.mark.parametrize("fault", ["", f";! {HOST}. first-link"])
def test_aliases_are_followed_whether_told_at_once_or_one_by_one(names, fault):
    names.publish(
        f"{HOST}. CNAME www.Example.net.",
        "www.example.net. CNAME a.example.org.",
        "a.example.org. A 192.0.2.7",
        fault,
    )

    found = names.resolver().addresses(HOST)

    assert found == DnsAnswer(Finding.FOUND, ("192.0.2.7",), ("www.example.net", "a.example.org"))


def test_an_alias_to_nowhere_is_no_such_name_with_its_way(names):
    names.publish(f"{HOST}. CNAME gone.example.net.")

    assert names.resolver().addresses(HOST) == DnsAnswer(Finding.NO_SUCH_NAME, (), ("gone.example.net",))


def test_a_name_that_is_not_there_and_one_without_such_records_differ(names):
    names.publish(f'{HOST}. TXT "here"')

    assert names.resolver().addresses(HOST) == DnsAnswer(Finding.EMPTY)
    assert names.resolver().addresses("other.example.com") == DnsAnswer(Finding.NO_SUCH_NAME)


@pytest.mark.parametrize(
    ("fault", "finding"),
    [
        ("servfail", Finding.FAILED),
        ("refused", Finding.FAILED),
        ("garbage", Finding.SILENT),
        ("silent", Finding.SILENT),
    ],
)
def test_servers_in_trouble_are_told_apart(names, fault, finding):
    names.publish(f"{HOST}. A 192.0.2.1", f";! {HOST}. {fault}")
    begun = time.monotonic()

    answer = names.resolver(timeout=0.6).addresses(HOST)

    assert answer.finding is finding
    assert not answer.is_definite
    assert time.monotonic() - begun < 15, "a patient one waits for 20 s"


def test_nobody_there_is_silence():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        address = taken.getsockname()

    assert DnsResolver([address], 0.6).texts(HOST).finding is Finding.SILENT


def test_what_is_cut_is_asked_again_over_tcp(names):
    names.publish(f"{HOST}. A 192.0.2.1", f";! {HOST}. cut")

    assert names.resolver().addresses(HOST).values == ("192.0.2.1",)


def test_an_answer_too_large_for_udp_comes_whole(names):
    texts = [f'_minispod.{HOST}. TXT "{number:0200d}"' for number in range(60)]
    names.publish(*texts)

    assert len(names.resolver().texts(f"_minispod.{HOST}").values) == 60


@pytest.mark.parametrize("fault", ["", f";! {HOST}. first-link"])
def test_a_circle_of_aliases_is_a_loop(names, fault):
    names.publish(f"{HOST}. CNAME b.example.com.", f"b.example.com. CNAME {HOST}.", fault)

    assert names.resolver().addresses(HOST).finding is Finding.LOOP


def test_a_name_that_is_its_own_alias_is_a_loop(names):
    names.publish(f"{HOST}. CNAME {HOST}.")

    assert names.resolver().addresses(HOST).finding is Finding.LOOP


@pytest.mark.parametrize("fault", ["", ";! {}. first-link"])
def test_too_many_aliases_are_too_many(names, fault):
    links = [f"h{number}.example.com. CNAME h{number + 1}.example.com." for number in range(18)]
    names.publish(
        *links,
        "h18.example.com. A 192.0.2.1",
        *(fault.format(f"h{number}.example.com") for number in range(18)),
    )

    assert names.resolver().addresses("h0.example.com").finding is Finding.TOO_LONG


def test_wildcards_answer_for_what_has_no_records_of_its_own(names):
    names.publish("*.toko.example.com. A 192.0.2.1", 'own.toko.example.com. TXT "x"')

    assert names.resolver().addresses("shop.toko.example.com").values == ("192.0.2.1",)
    assert names.resolver().addresses("own.toko.example.com").finding is Finding.EMPTY


def test_a_changed_zone_counts_at_once(names):
    resolver = names.resolver()
    names.publish(f"{HOST}. A 192.0.2.1")
    assert resolver.addresses(HOST).values == ("192.0.2.1",)

    names.publish(f"{HOST}. A 192.0.2.99")

    assert resolver.addresses(HOST).values == ("192.0.2.99",)


def test_the_dns_is_not_asked_within_a_unit_of_work(app, context, names):
    with unit_of_work(), pytest.raises(RuntimeError):
        names.resolver().texts(HOST)


def test_every_fault_is_explained_and_an_unknown_one_keeps_the_zone(names):
    names.publish(f"{HOST}. A 192.0.2.1")
    assert names.resolver().addresses(HOST).values

    names.publish(f"{HOST}. A 192.0.2.2", f";! {HOST}. explode")

    assert names.resolver().addresses(HOST).values == ("192.0.2.1",)
    assert all(FAULTS.values())


def test_a_port_that_is_taken_is_said(tmp_path: Path, capsys):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))

        status = main(["--port", str(taken.getsockname()[1]), "--zone", str(tmp_path / "zone")])

    assert status == 2
    assert "cannot listen" in capsys.readouterr().err
