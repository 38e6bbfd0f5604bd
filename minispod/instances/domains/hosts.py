"""Which names may become a custom domain, and in which form they are kept. Pure.

A host is kept in ASCII (punycode), in lower case and without the last dot, so that one name is one text.
"""

import ipaddress
import re

import idna

from minispod.instances.domains.errors import BadHost

PROOF_LABEL = "_minispod"
"""The TXT record that proves a host stands at this label before it."""

_LONGEST_TYPED = 300
# The name of the proving record must fit DNS (253) too.
_LONGEST_HOST = 253 - len(PROOF_LABEL) - 1
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
# Only the suffixes customers here are likely to type by mistake: nobody but a registry could prove one anyway.
_SECONDS = {
    "id": "ac biz co desa go kop mil my net or ponpes sch web",
    "uk": "ac co gov ltd me net org plc sch",
    "au": "com net org",
    "br": "com net org",
    "cn": "com net org",
    "hk": "com net org",
    "jp": "ac co ne or",
    "kr": "co or",
    "my": "com net org",
    "nz": "co net org",
    "sg": "com net org",
    "th": "co in or",
    "tw": "com net org",
}
# Endings that the public DNS never has; what answers to them is somebody's inside, ours included.
_SPECIAL = frozenset(("local", "internal", "arpa", "invalid", "onion", "svc", "lan", "home"))
_SUFFIXES = frozenset(f"{name}.{land}" for land, names in _SECONDS.items() for name in names.split())


def normalise(typed: str, *, base_domain: str) -> str:
    """Give the host in the form it is kept in; raise BadHost with a sentence that says what is wrong."""
    text = typed.strip()
    if not text:
        raise BadHost("Write the domain, such as shop.example.com.")
    if len(text) > _LONGEST_TYPED:
        raise BadHost("This name is too long for DNS.")
    if "*" in text:
        raise BadHost("Wildcards are not possible; add each name by itself.")
    if re.search(r"[\s/:@?#\\,]", text):
        raise BadHost("Write the name only, such as shop.example.com, without https:// and without a path.")
    host = _in_ascii(text)
    labels = host.split(".")
    if _is_address(host, labels):
        raise BadHost("This is an IP address; a domain has a name, such as shop.example.com.")
    if len(labels) < 2:
        raise BadHost("Write the whole name with its ending, such as shop.example.com.")
    if len(host) > _LONGEST_HOST:
        raise BadHost("This name is too long for DNS.")
    _require_somebodys(host)
    if host == base_domain or host.endswith(f".{base_domain}"):
        raise BadHost("Names below our own domain are given by us; add a domain of your own.")
    return host


def _require_somebodys(host: str) -> None:
    if host in _SUFFIXES:
        raise BadHost(f"Anybody may register names below {host}; write your own, such as shop.{host}.")
    if host.rpartition(".")[2] in _SPECIAL:
        raise BadHost("Names with this ending are not in the public DNS.")


def proof_name(host: str) -> str:
    """Name the TXT record that proves a host."""
    return f"{PROOF_LABEL}.{host}"


def shown(host: str) -> str:
    """Write a host as people read it, in their own script."""
    try:
        return idna.decode(host)
    except idna.IDNAError:
        return host


def _in_ascii(text: str) -> str:
    try:
        return idna.encode(text, uts46=True, std3_rules=True).decode("ascii").removesuffix(".").lower()
    except UnicodeError:
        raise BadHost(
            "This is no name that DNS knows. Use letters, digits and hyphens between dots, such as shop.example.com."
        ) from None


def _is_address(host: str, labels: list[str]) -> bool:
    # Browsers take a name that ends in a number for an IPv4 address, also in old short and hexadecimal forms.
    if _NUMBER.fullmatch(labels[-1]):
        return True
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
