"""What the stand-in answers: records, aliases followed like a resolver follows them, wildcards, and faults."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
import dns.zonefile

FAULTS = {
    "servfail": "answers SERVFAIL",
    "refused": "answers REFUSED",
    "silent": "does not answer",
    "garbage": "answers what is no DNS message",
    "cut": "cuts every answer over UDP, so that it must be asked over TCP",
    "first-link": "tells only the first of several CNAME records",
}
_MARK = ";!"
_LONGEST_CHAIN = 20

Key = tuple[dns.name.Name, dns.rdatatype.RdataType]


@dataclass(frozen=True, slots=True)
class Zone:
    """Everything the stand-in knows."""

    records: dict[Key, dns.rrset.RRset] = field(default_factory=dict)
    faults: dict[dns.name.Name, str] = field(default_factory=dict)

    @classmethod
    def read(cls, text: str) -> "Zone":
        """Read a zone file; names without a last dot are whole names too."""
        records = {
            (each.name, each.rdtype): each
            for each in dns.zonefile.read_rrsets(
                text, rdclass="IN", default_ttl=60, origin=".", relativize=False
            )
        }
        return cls(records, dict(_faults(text)))

    def answer(self, query: dns.message.Message, *, over_udp: bool) -> bytes | None:
        """The bytes of the answer to a question; None for silence."""
        question = query.question[0]
        fault = self.faults.get(question.name, "")
        if fault == "silent":
            return None
        if fault == "garbage":
            return b"\x00\x01not a message"
        reply = dns.message.make_response(query, recursion_available=True)
        if fault in ("servfail", "refused"):
            reply.set_rcode(dns.rcode.from_text(fault.upper()))
        elif fault == "cut" and over_udp:
            reply.flags |= dns.flags.TC
        else:
            self._fill(reply, question.name, question.rdtype, only_first=fault == "first-link")
        return reply.to_wire()

    def _fill(
        self,
        reply: dns.message.Message,
        name: dns.name.Name,
        kind: dns.rdatatype.RdataType,
        *,
        only_first: bool,
    ) -> None:
        passed: set[dns.name.Name] = set()
        while name not in passed and len(passed) < _LONGEST_CHAIN:
            passed.add(name)
            found = self._find(name, kind)
            if found is not None:
                reply.answer.append(found)
                return
            alias = self._find(name, dns.rdatatype.CNAME)
            if alias is None:
                if not self._exists(name):
                    reply.set_rcode(dns.rcode.NXDOMAIN)
                return
            reply.answer.append(alias)
            if only_first:
                return
            name = alias[0].target

    def _find(self, name: dns.name.Name, kind: dns.rdatatype.RdataType) -> dns.rrset.RRset | None:
        """The records under a name, or under the nearest wildcard if it has none of any kind itself."""
        for candidate in (name, *_wildcards(name)):
            found = self.records.get((candidate, kind))
            if found is not None:
                return dns.rrset.from_rdata_list(name, found.ttl, list(found))
            if self._is_there(candidate):
                return None
        return None

    def _exists(self, name: dns.name.Name) -> bool:
        return self._is_there(name) or any(map(self._is_there, _wildcards(name)))

    def _is_there(self, name: dns.name.Name) -> bool:
        return any(known.is_subdomain(name) for known, _ in self.records)


def _wildcards(name: dns.name.Name) -> Iterator[dns.name.Name]:
    star = dns.name.from_text("*", None)
    while len(name) > 1:
        name = name.parent()
        yield star + name


def _faults(text: str) -> Iterator[tuple[dns.name.Name, str]]:
    for line in text.splitlines():
        if line.startswith(_MARK):
            name, fault = line.removeprefix(_MARK).split()
            if fault not in FAULTS:
                raise ValueError(f"unknown fault {fault}; there are {', '.join(FAULTS)}")
            yield dns.name.from_text(name), fault
