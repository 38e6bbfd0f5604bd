"""What the DNS must say for a domain to be proven, and what takes one off: pure, case by case."""

import pytest

from minispod.instances.domains.hosts import proof_name
from minispod.instances.domains.inside import hidden, is_inside
from minispod.instances.domains.judging import Seen, judge, look_up
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


class Answers:
    """A DNS that proves the domain and has these addresses."""

    def __init__(self, addresses):
        self._addresses = addresses

    def texts(self, name):
        assert name == proof_name(HOST)
        return PROVEN

    def addresses(self, host):
        return self._addresses[host]


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
        (found("10.0.0.7"), "points_inside"),
        (found("192.0.2.1", "fe80::1"), "points_inside"),
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


@pytest.mark.parametrize(
    "address",
    [
        "10.1.2.3",
        "172.31.0.9",
        "192.168.7.7",
        "127.0.0.1",
        "169.254.169.254",
        "100.64.3.3",
        "0.0.0.0",
        "::1",
        "fd00:10::5",
        "fe80::1",
        "::ffff:10.0.0.5",
        "64:ff9b::a00:5",
    ],
)
def test_an_inside_address_is_never_shown_and_never_ours(address):
    resolver = Answers({OWN: found(address), HOST: found(address, "203.0.113.9", aliases=("db.corp",))})

    seen = look_up(resolver, host=HOST, own_host=OWN, addresses=())
    problems = judge(seen, host=HOST, own_host=OWN, token=TOKEN).problems

    assert [each["code"] for each in problems] == ["points_elsewhere", "points_inside"]
    assert problems[0]["found"] == "203.0.113.9"
    for language in ("en", "id"):
        assert address not in sentences(problems, language)
    only = look_up(
        Answers({OWN: found(address), HOST: found(address)}), host=HOST, own_host=OWN, addresses=()
    )
    verdict_of_only = judge(only, host=HOST, own_host=OWN, token=TOKEN)
    assert [each["code"] for each in verdict_of_only.problems] == ["points_inside"]
    assert not verdict_of_only.is_definite, "our own host leads inside: that is not the customer's fault"


def test_an_inside_address_counts_when_the_settings_name_it():
    resolver = Answers({HOST: found("10.0.0.80")})

    seen = look_up(resolver, host=HOST, own_host=OWN, addresses=("10.0.0.80",))

    assert judge(seen, host=HOST, own_host=OWN, token=TOKEN).is_right


def test_what_another_name_says_is_not_shown():
    proof = found("password=hunter2", aliases=("secrets.corp",))
    way = DnsAnswer(Finding.NO_SUCH_NAME, (), ("gone.example.net", "build-7.corp"))

    problems = judge(Seen(proof, way, OURS), host=HOST, own_host=OWN, token=TOKEN).problems

    assert [each["code"] for each in problems] == ["proof_other", "target_missing"]
    told = sentences(problems) + sentences(problems, "id")
    assert "hunter2" not in told
    assert "corp" not in told
    assert "gone.example.net" in told


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "dial tcp 10.43.0.1:80: connect: connection refused",
            "dial tcp […]:80: connect: connection refused",
        ),
        ('Get "http://[fd00::7]:8089/": dial', 'Get "http://[[…]]:8089/": dial'),
        ("at fe80::1: no route", "at […]: no route"),
        ("::ffff:10.0.0.5 and ::1", "::ffff:[…] and […]"),
        ("203.0.113.9, 2001:db8::7 at 12:34:56", "203.0.113.9, 2001:db8::7 at 12:34:56"),
        ("version 10.0.0.5.1, v1.10.0", "version 10.0.0.5.1, v1.10.0"),
        ("mac 00:1b:44:11:3a:b7: a::b::c 999.1.1.1", "mac 00:1b:44:11:3a:b7: a::b::c 999.1.1.1"),
    ],
)
def test_inside_addresses_are_taken_out_of_texts(text, shown):
    assert hidden(text) == shown
    assert not is_inside(text)


def test_a_text_in_the_dns_may_hold_an_address_too():
    [problem] = judge(Seen(found("db=10.0.0.5"), ALIAS, OURS), host=HOST, own_host=OWN, token=TOKEN).problems

    assert problem["found"] == "db=[…]"
