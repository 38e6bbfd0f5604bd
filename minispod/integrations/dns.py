"""Resolver over real DNS, through dnspython: UDP first, TCP where an answer is cut, every question bounded in time.

CNAME records are followed here, because a name server may tell only the first of them.
"""

import threading
import time
from collections.abc import Sequence

import dns.exception
import dns.message
import dns.name
import dns.nameserver
import dns.rdatatype
import dns.resolver
import structlog

from minispod.instances.domains.resolver import DnsAnswer, Finding
from minispod.kernel.unit_of_work import refuse_inside_unit_of_work

log = structlog.get_logger()

_LONGEST_CHAIN = 8


class DnsResolver:
    """The DNS through given name servers (address and port), or through the system's own."""

    def __init__(self, nameservers: Sequence[tuple[str, int]] = (), timeout: float = 3.0) -> None:
        """Prepare; nothing is read or asked before the first question. `timeout`: seconds for one whole question."""
        self._nameservers = tuple(nameservers)
        self._timeout = timeout
        self._lock = threading.Lock()
        self._opened: dns.resolver.Resolver | None = None

    def texts(self, name: str) -> DnsAnswer:
        """The TXT records of a name."""
        refuse_inside_unit_of_work()
        return self._follow(name, (dns.rdatatype.TXT,))

    def addresses(self, host: str) -> DnsAnswer:
        """The addresses of a host."""
        refuse_inside_unit_of_work()
        return self._follow(host, (dns.rdatatype.A, dns.rdatatype.AAAA))

    def _follow(self, name: str, types: Sequence[dns.rdatatype.RdataType]) -> DnsAnswer:
        """Ask for a name and for whatever it is another name of, until records come or the way ends."""
        deadline = time.monotonic() + self._timeout
        asked = dns.name.from_text(name)
        aliases: list[str] = []
        for _ in range(_LONGEST_CHAIN):
            finding, values, passed = self._ask(asked, types, deadline)
            for alias in passed:
                text = _text(alias)
                if text in aliases or text == name:
                    return DnsAnswer(Finding.LOOP, (), tuple(aliases))
                aliases.append(text)
            if finding is not Finding.EMPTY or not passed:
                return DnsAnswer(finding, values, tuple(aliases))
            if len(aliases) >= _LONGEST_CHAIN:
                break
            asked = passed[-1]
        return DnsAnswer(Finding.TOO_LONG, (), tuple(aliases))

    def _ask(
        self, name: dns.name.Name, types: Sequence[dns.rdatatype.RdataType], deadline: float
    ) -> tuple[Finding, tuple[str, ...], list[dns.name.Name]]:
        """One round: every type under one name, with the aliases that the answers went through."""
        rounds = [self._ask_one(name, kind, deadline) for kind in types]
        values = [value for _, found, _ in rounds for value in found]
        passed = max((aliases for _, _, aliases in rounds), key=len)
        if values:
            # A name server that cannot answer for one kind of address does no harm where the other is there.
            return Finding.FOUND, tuple(values), passed
        endings = [finding for finding, _, _ in rounds if finding is not Finding.EMPTY]
        return (endings[0] if endings else Finding.EMPTY), (), passed

    def _ask_one(
        self, name: dns.name.Name, kind: dns.rdatatype.RdataType, deadline: float
    ) -> tuple[Finding, list[str], list[dns.name.Name]]:
        left = deadline - time.monotonic()
        if left <= 0:
            return Finding.SILENT, [], []
        try:
            answer = self._resolver().resolve(
                name, kind, raise_on_no_answer=False, lifetime=left, search=False
            )
        except dns.resolver.NXDOMAIN as absence:
            return Finding.NO_SUCH_NAME, [], _aliases(absence.kwargs["responses"].get(name))
        except (dns.resolver.LifetimeTimeout, dns.resolver.NoResolverConfiguration):
            return Finding.SILENT, [], []
        except dns.resolver.NoNameservers as refusal:
            return _why_refused(refusal), [], []
        except dns.exception.DNSException as trouble:
            log.warning("dns.odd_answer", error=type(trouble).__name__)
            return Finding.FAILED, [], []
        values = [_value(record) for record in answer.rrset or ()]
        return (Finding.FOUND if values else Finding.EMPTY), values, _aliases(answer.response)

    def _resolver(self) -> dns.resolver.Resolver:
        with self._lock:
            if self._opened is None:
                self._opened = dns.resolver.Resolver(configure=not self._nameservers)
                if self._nameservers:
                    self._opened.nameservers = [
                        dns.nameserver.Do53Nameserver(address, port) for address, port in self._nameservers
                    ]
                self._opened.timeout = max(0.5, self._timeout / 2)
            return self._opened


def _aliases(response: dns.message.Message | None) -> list[dns.name.Name]:
    """The names that the CNAME records of one answer lead to, in order."""
    if not isinstance(response, dns.message.QueryMessage):
        return []
    return [each[0].target for each in response.resolve_chaining().cnames]


def _why_refused(refusal: dns.resolver.NoNameservers) -> Finding:
    """Tell a circle of CNAME records, an error for an answer, and nobody there apart."""
    found = Finding.SILENT
    for _, _, _, error, response in refusal.kwargs.get("errors", ()):
        if isinstance(error, dns.message.ChainTooLong):
            links = [each for each in response.answer if each.rdtype == dns.rdatatype.CNAME]
            is_circle = {each[0].target for each in links} <= {each.name for each in links}
            return Finding.LOOP if is_circle else Finding.TOO_LONG
        if response is not None or isinstance(error, dns.exception.DNSException):
            found = Finding.FAILED
    return found


def _value(record: object) -> str:
    strings = getattr(record, "strings", None)
    if strings is not None:
        return b"".join(strings).decode("utf-8", "replace")
    return str(record)


def _text(name: dns.name.Name) -> str:
    return name.to_text(omit_final_dot=True).lower()
