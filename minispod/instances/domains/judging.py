"""Does what the DNS says prove a domain, and does it lead to us? Pure.

What is found goes to the customer, who may have had a name of our own network asked: inside addresses are neither shown
nor taken for ours, and texts and names are shown only where the customer's own record has them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from minispod.instances.domains.hosts import proof_name
from minispod.instances.domains.inside import hidden, is_inside
from minispod.instances.domains.resolver import DnsAnswer, Finding, Resolver
from minispod.instances.domains.states import ProblemCode

_MOST_SHOWN = 4
_LONGEST_SHOWN = 120
_TROUBLES = {
    Finding.SILENT: ProblemCode.DNS_SILENT,
    Finding.FAILED: ProblemCode.DNS_FAILED,
    Finding.LOOP: ProblemCode.DNS_LOOP,
    Finding.TOO_LONG: ProblemCode.DNS_TOO_LONG,
}


@dataclass(frozen=True, slots=True)
class Seen:
    """What the DNS said about a domain; `ours` are the addresses that lead to us, none when nobody could tell."""

    proof: DnsAnswer
    way: DnsAnswer
    ours: frozenset[str]

    @property
    def is_way_definite(self) -> bool:
        """Tell whether the DNS has said where it leads; not knowing our own addresses is our fault, not theirs."""
        return self.way.is_definite and bool(self.ours or not self.way.values)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What follows: each problem with its facts; `is_definite` when one of them is more than a silent or broken DNS."""

    problems: tuple[dict[str, Any], ...]
    is_definite: bool

    @property
    def is_right(self) -> bool:
        """Tell whether both records are there and right."""
        return not self.problems


def look_up(resolver: Resolver, *, host: str, own_host: str, addresses: Sequence[str]) -> Seen:
    """Ask the DNS about a domain; where no addresses of ours are configured, those of the instance's own host count.

    An inside address is ours only when it is configured (an installation that serves its own network).
    """
    proof, way = resolver.texts(proof_name(host)), resolver.addresses(host)
    ours = frozenset(addresses)
    if not ours and way.values:
        known = way.values if own_host in way.aliases else resolver.addresses(own_host).values
        ours = frozenset(each for each in known if not is_inside(each))
    return Seen(proof, way, ours)


def judge(seen: Seen, *, host: str, own_host: str, token: str) -> Verdict:
    """Judge what was seen."""
    of_proof, of_way = tuple(_of_proof(seen.proof, host, token)), tuple(_of_way(seen, host, own_host))
    is_definite = (of_proof and seen.proof.is_definite) or (of_way and seen.is_way_definite)
    return Verdict((*of_proof, *of_way), bool(is_definite))


def _of_proof(answer: DnsAnswer, host: str, token: str) -> Iterator[dict[str, Any]]:
    name = proof_name(host)
    if answer.finding in _TROUBLES:
        yield _problem(_TROUBLES[answer.finding], name)
    elif not answer.values:
        yield _problem(ProblemCode.PROOF_MISSING, name, wanted=token)
    elif token not in (value.strip().strip('"') for value in answer.values):
        found = ("…",) if answer.aliases else answer.values
        yield _problem(ProblemCode.PROOF_OTHER, name, found=found, wanted=token)


def _of_way(seen: Seen, host: str, own_host: str) -> Iterator[dict[str, Any]]:
    answer = seen.way
    if own_host in answer.aliases:
        return
    if answer.finding in _TROUBLES:
        yield _problem(_TROUBLES[answer.finding], host)
    elif answer.values:
        foreign = [address for address in answer.values if address not in seen.ours]
        outside = [address for address in foreign if not is_inside(address)]
        if outside:
            partly = len(foreign) < len(answer.values)
            code = ProblemCode.POINTS_PARTLY if partly else ProblemCode.POINTS_ELSEWHERE
            yield _problem(code, host, found=outside, wanted=own_host)
        if len(outside) < len(foreign):
            yield _problem(ProblemCode.POINTS_INSIDE, host, wanted=own_host)
    elif answer.aliases:
        yield _problem(ProblemCode.TARGET_MISSING, host, found=answer.aliases[:1], wanted=own_host)
    else:
        missing = answer.finding is Finding.NO_SUCH_NAME
        code = ProblemCode.NO_SUCH_NAME if missing else ProblemCode.NO_ADDRESS
        yield _problem(code, host, wanted=own_host)


def _problem(code: ProblemCode, name: str, *, found: Sequence[str] = (), wanted: str = "") -> dict[str, Any]:
    told = ", ".join(_shown(value[:_LONGEST_SHOWN]) for value in found[:_MOST_SHOWN])
    return {"code": code.value, "name": name, "found": told, "wanted": wanted}


def _shown(value: str) -> str:
    """What strangers wrote into the DNS, without inside addresses and what no page and no database can hold."""
    return "".join(each if each.isprintable() else "\ufffd" for each in hidden(value))
