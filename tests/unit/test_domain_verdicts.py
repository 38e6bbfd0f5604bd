"""What the DNS must say for a domain to be proven, and what takes one off: pure, case by case."""

import pytest

from minispod.instances.domains.judging import Seen, judge
from minispod.instances.domains.resolver import DnsAnswer, Finding
from minispod.instances.domains.states import ProblemCode
from minispod.instances.domains.wording import sentence, sentences

HOST, OWN, TOKEN = "shop.example.com", "k7m2qa.n8n.minispod.example", "minispod-0123"
OURS = frozenset({"192.0.2.1", "2001:db8::1"})
PROVEN = DnsAnswer(Finding.FOUND, (TOKEN,))
ALIAS = DnsAnswer(Finding.FOUND, ("203.0.113.77",), ("www.example.net", OWN))


def verdict(proof=PROVEN, way=ALIAS, ours=OURS):
    found = judge(Seen(proof, way, ours), host=HOST, own_host=OWN, token=TOKEN)
    return [each["code"] for each in found.problems], found.is_definite


def found(*values, aliases=()):
    return DnsAnswer(Finding.FOUND, values, aliases)


@pytest.mark.parametrize(
    "proof",
    [PROVEN, found("v=spf1 -all", TOKEN), found(f'"{TOKEN}"'), found(f" {TOKEN} "), found(TOKEN, TOKEN)],
)
@pytest.mark.parametrize(
    "way",
    [
        ALIAS,
        DnsAnswer(Finding.NO_SUCH_NAME, (), (OWN,)),
        DnsAnswer(Finding.SILENT, (), (OWN,)),
        found("192.0.2.1"),
        found("192.0.2.1", "2001:db8::1"),
        found("2001:db8::1", aliases=("flattened.example.net",)),
    ],
)
def test_both_records_right_is_proven(proof, way):
    assert verdict(proof, way) == ([], False)


@pytest.mark.parametrize(
    ("proof", "code"),
    [
        (DnsAnswer(Finding.NO_SUCH_NAME), "proof_missing"),
        (DnsAnswer(Finding.EMPTY), "proof_missing"),
        (found("minispod-0124"), "proof_other"),
        (found(TOKEN.upper()), "proof_other"),
        (found(TOKEN + "x"), "proof_other"),
    ],
)
def test_a_proof_that_is_not_there_is_definite(proof, code):
    assert verdict(proof) == ([code], True)


@pytest.mark.parametrize(
    ("way", "code"),
    [
        (DnsAnswer(Finding.NO_SUCH_NAME), "no_such_name"),
        (DnsAnswer(Finding.EMPTY), "no_address"),
        (DnsAnswer(Finding.NO_SUCH_NAME, (), ("gone.example.net",)), "target_missing"),
        (found("203.0.113.9"), "points_elsewhere"),
        (found("203.0.113.9", "192.0.2.1"), "points_partly"),
        (found("203.0.113.9", aliases=("evil." + OWN,)), "points_elsewhere"),
    ],
)
def test_a_way_that_leads_elsewhere_is_definite(way, code):
    assert verdict(way=way) == ([code], True)


@pytest.mark.parametrize(
    ("finding", "code"),
    [
        (Finding.SILENT, "dns_silent"),
        (Finding.FAILED, "dns_failed"),
        (Finding.LOOP, "dns_loop"),
        (Finding.TOO_LONG, "dns_too_long"),
    ],
)
def test_a_dns_in_trouble_is_told_and_proves_nothing_either_way(finding, code):
    assert verdict(way=DnsAnswer(finding)) == ([code], False)
    assert verdict(proof=DnsAnswer(finding)) == ([code], False)
    assert verdict(proof=DnsAnswer(Finding.EMPTY), way=DnsAnswer(finding)) == (["proof_missing", code], True)


def test_not_knowing_our_own_addresses_is_nobodys_fault():
    assert verdict(way=found("192.0.2.1"), ours=frozenset()) == (["points_elsewhere"], False)


@pytest.mark.parametrize("code", ProblemCode)
def test_every_problem_has_its_sentence_in_both_languages(code):
    problem = {"code": code.value, "name": HOST, "found": "203.0.113.9", "wanted": OWN}

    english, indonesian = sentence(problem), sentence(problem, "id")

    assert HOST in english
    assert HOST in indonesian
    assert english != indonesian
    assert sentences([problem, problem]) == f"{english} {english}"
    assert "{" not in english + indonesian
    assert sentence({"code": code.value, "name": "{0.__class__}"})


def test_what_strangers_write_is_cut_and_cannot_hurt():
    proof = found(*(f"\x00\x1b[31m{{wanted}}{'x' * 5000}" for _ in range(50)))

    told = judge(Seen(proof, ALIAS, OURS), host=HOST, own_host=OWN, token=TOKEN).problems[0]

    assert len(told["found"]) < 600
    assert told["found"].isprintable()
    assert "{wanted}" in sentence(told)
