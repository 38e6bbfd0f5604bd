"""States of a custom domain and of its certificate."""

from enum import StrEnum


class DomainStatus(StrEnum):
    """How far a custom domain is.

    WAITING_FOR_DNS -> VERIFIED (proven, leads to us) -> ACTIVE (opens); FAILING: stopped leading to us, in its grace.
    FAILED (never proven), TAKEN_OFF (after the grace) and REMOVED hold nothing.
    """

    WAITING_FOR_DNS = "WAITING_FOR_DNS"
    VERIFIED = "VERIFIED"
    ACTIVE = "ACTIVE"
    FAILING = "FAILING"
    FAILED = "FAILED"
    TAKEN_OFF = "TAKEN_OFF"
    REMOVED = "REMOVED"


HOLDING = (DomainStatus.VERIFIED, DomainStatus.ACTIVE, DomainStatus.FAILING)
"""Proven: nobody else can have the host, and it is served."""

OPEN = (DomainStatus.WAITING_FOR_DNS, *HOLDING)
"""Looked at again and again; these count towards the plan's limit."""


class CertificateStatus(StrEnum):
    """What is known of a domain's certificate."""

    NOT_NEEDED = "NOT_NEEDED"
    WAITING = "WAITING"
    READY = "READY"
    FAILING = "FAILING"
    UNKNOWN = "UNKNOWN"


class ProblemCode(StrEnum):
    """What keeps a domain from working; the sentences are in wording.py."""

    PROOF_MISSING = "proof_missing"
    PROOF_OTHER = "proof_other"
    NO_SUCH_NAME = "no_such_name"
    NO_ADDRESS = "no_address"
    POINTS_ELSEWHERE = "points_elsewhere"
    POINTS_PARTLY = "points_partly"
    POINTS_INSIDE = "points_inside"
    TARGET_MISSING = "target_missing"
    DNS_SILENT = "dns_silent"
    DNS_FAILED = "dns_failed"
    DNS_LOOP = "dns_loop"
    DNS_TOO_LONG = "dns_too_long"
    HELD_BY_ANOTHER = "held_by_another"
    NOT_PUBLISHED = "not_published"
    CERTIFICATE = "certificate"
