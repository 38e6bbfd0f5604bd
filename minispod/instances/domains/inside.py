"""Addresses that mean something only inside a network: private, loopback, link-local. Pure.

Our name servers may answer for names that the world does not know. A customer may have such a name asked by leading a
record there, so what is found is never shown, and never taken for the way to us.
"""

import re
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

_NETWORKS = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "::/127",
        "fc00::/7",
        "fe80::/10",
        "fec0::/10",
    )
)
# Behind these an IPv4 address is written as an IPv6 one (RFC 4291, RFC 6052).
_CARRIERS = tuple(ip_network(text) for text in ("::ffff:0:0/96", "64:ff9b::/96"))
_WRITTEN = (
    re.compile(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.]*\d)"),
    re.compile(r"(?<![0-9A-Fa-f:.])[0-9A-Fa-f]*(?::[0-9A-Fa-f]*){2,}"),
)
_HIDDEN = "[…]"


def is_inside(address: str) -> bool:
    """Tell whether this is an address that nobody outside can reach; False for what is no address."""
    try:
        found = _carried(ip_address(address.partition("%")[0]))
    except ValueError:
        return False
    return any(found.version == network.version and found in network for network in _NETWORKS)


def hidden(text: str) -> str:
    """The same text without the inside addresses that are written in it."""
    for written in _WRITTEN:
        text = written.sub(lambda match: _cover(match[0]), text)
    return text


def _carried(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    if any(address.version == carrier.version and address in carrier for carrier in _CARRIERS):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def _cover(written: str) -> str:
    # A colon that ends a word belongs to the sentence.
    bare = written if written.endswith("::") else written.rstrip(":")
    return _HIDDEN + written[len(bare) :] if is_inside(bare) else written
