"""What we ask of the DNS, in our own words; `integrations/dns.py` answers for real.

No answer raises: whatever went wrong is a finding, because the customer is told about it.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Finding(StrEnum):
    """How a question to the DNS ended."""

    FOUND = "found"
    EMPTY = "empty"
    NO_SUCH_NAME = "no_such_name"
    FAILED = "failed"
    SILENT = "silent"
    LOOP = "loop"
    TOO_LONG = "too_long"


@dataclass(frozen=True, slots=True)
class DnsAnswer:
    """What was found under a name; `aliases` are the names that CNAME records led through, in order."""

    finding: Finding
    values: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()

    @property
    def is_definite(self) -> bool:
        """Tell whether the DNS has spoken, rather than been silent or broken."""
        return self.finding in (Finding.FOUND, Finding.EMPTY, Finding.NO_SUCH_NAME)


class Resolver(Protocol):
    """The DNS of the world, through the name servers of the settings."""

    def texts(self, name: str) -> DnsAnswer:
        """The TXT records of a name, following CNAME records."""
        ...

    def addresses(self, host: str) -> DnsAnswer:
        """The IPv4 and IPv6 addresses of a host, following CNAME records."""
        ...
