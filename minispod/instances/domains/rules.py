"""What settings say about custom domains."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class DomainRules:
    """Which names are ours, which addresses lead to us, whether we issue certificates, and how long we are patient."""

    base_domain: str
    addresses: tuple[str, ...]
    issues_certificates: bool
    recheck: timedelta
    grace: timedelta
    give_up: timedelta
