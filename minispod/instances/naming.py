"""Names of an instance: namespace, objects, host, addresses. Pure; asks nobody.

Names are made once, when the instance is created, and stored on it: a changed pattern must never
rename what already runs. Everything here fits DNS: lower case, 63 characters a label.
"""

import re
import uuid
from dataclasses import dataclass
from string import Formatter
from urllib.parse import urlsplit, urlunsplit

_LABEL = 63
_HOST = 253
_LONGEST_SUFFIX = len("-secrets")
_PLACES = frozenset({"instance", "service", "domain"})
TRIAL_PREFIX = "try-"
DRILL_PREFIX = "drill-"
"""How namespaces of recipe trials and of drills begin, which go by themselves; those of customers begin otherwise."""
_SCHEME_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class ObjectNames:
    """The names of the objects that belong to one instance, all from its stored name."""

    workload: str
    network_service: str
    ingress: str
    claim: str
    secret: str
    certificate: str
    public_entry: str


def namespace_for(user_id: uuid.UUID) -> str:
    """Name the namespace of a customer; one each."""
    return f"user-{user_id.hex}"


def instance_name(service_slug: str, code: str) -> str:
    """Name an instance after its service and a short random code: "n8n-automation-k7m2qa"."""
    room = _LABEL - _LONGEST_SUFFIX - len(code) - 1
    slug = _dns_label(service_slug)[:room].rstrip("-")
    return f"{slug}-{_dns_label(code)}"


def object_names(name: str, volume_number: int = 1) -> ObjectNames:
    """Name the objects of the instance called `name`; the network service has its plain name, for DNS."""
    return ObjectNames(
        workload=name,
        network_service=name,
        ingress=name,
        claim=claim_name(name, volume_number),
        secret=f"{name}-secrets",
        certificate=f"{name}-tls",
        public_entry=f"{name}-public",
    )


def claim_name(name: str, number: int) -> str:
    """Name the claim of an instance's volume of this number; the first is 1."""
    return f"{name}-data" if number == 1 else f"{name}-data-{number}"


def claim_number(name: str, claim: str) -> int | None:
    """The number of the volume whose claim this is; None when it is no claim of the instance called `name`."""
    tail = claim.removeprefix(claim_name(name, 1))
    number = 1 if not tail else int(tail[1:]) if re.fullmatch(r"-[0-9]{1,9}", tail) else 0
    return number if number and claim_name(name, number) == claim else None


def workbench_name(name: str) -> str:
    """Name the workbench of an instance, and its Secret."""
    return f"{name}-workbench"


def check_host_pattern(pattern: str) -> None:
    """Raise ValueError unless the pattern names the instance and the domain, and nothing unknown."""
    used = {place for _, place, _, _ in Formatter().parse(pattern) if place is not None}
    if used - _PLACES:
        raise ValueError(f"unknown placeholder in the host pattern: {', '.join(sorted(used - _PLACES))}")
    if not {"instance", "domain"} <= used:
        raise ValueError("the host pattern must contain {instance} and {domain}")


def host_for(pattern: str, *, code: str, service_slug: str, domain: str) -> str:
    """Give an instance its host name by the configured pattern; ValueError when it does not fit DNS."""
    check_host_pattern(pattern)
    host = pattern.format(
        instance=_dns_label(code), service=_dns_label(service_slug), domain=domain.strip(".")
    )
    if len(host) > _HOST or any(not 0 < len(label) <= _LABEL for label in host.split(".")):
        raise ValueError(f"the host name does not fit DNS: {host[:80]}")
    return host.lower()


def public_url(scheme: str, host: str, port: int | None = None) -> str:
    """Give the address customers open; the port only where it is not the scheme's own."""
    if port is None or port == _SCHEME_PORTS.get(scheme):
        return f"{scheme}://{host}"
    return f"{scheme}://{host}:{port}"


def with_host(url: str, host: str) -> str:
    """Give the same address at another host; scheme and port stay."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{host}:{parts.port}" if parts.port else host))


def connect_url(own_url: str, name: str) -> str:
    """Give the address of our page that says how to connect to a database."""
    return f"{own_url}/connect/{name}"


def inside_host(name: str, namespace: str) -> str:
    """Give the name under which one customer's other instances reach this one."""
    return f"{object_names(name).network_service}.{namespace}.svc"


def _dns_label(text: str) -> str:
    label = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    if not label:
        raise ValueError("nothing of this name can be used in DNS")
    return label if label[0].isalpha() else f"x-{label}"
