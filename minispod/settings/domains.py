"""Settings of custom domains."""

import ipaddress

from pydantic import Field, field_validator

from minispod.settings.shapes import Group, Texts


class DomainSettings(Group):
    """Custom domains, and the DNS that proves them."""

    public_addresses: Texts = Field(
        (),
        description=(
            "IP addresses (comma-separated) under which the ingress is reached; a custom domain may lead there. "
            "Empty: where the instance's own host leads."
        ),
    )
    dns_nameservers: Texts = Field(
        (),
        description="Name servers (comma-separated, address or address:port) to ask; empty: the system's own.",
    )
    dns_timeout_seconds: float = Field(
        3, gt=0, le=10, description="How long the DNS may take to answer one question about a domain."
    )
    domain_recheck_hours: int = Field(
        6, ge=1, le=168, description="A custom domain that works is looked at again after this time."
    )
    domain_grace_days: int = Field(
        7, ge=1, le=60, description="A custom domain that leads elsewhere is taken off after this time."
    )
    domain_give_up_days: int = Field(
        30, ge=1, le=365, description="A custom domain that was never proven is given up after this time."
    )

    @field_validator("public_addresses")
    @classmethod
    def _are_addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(str(ipaddress.ip_address(text)) for text in value)

    @field_validator("dns_nameservers")
    @classmethod
    def _are_servers(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for text in value:
            split_server(text)
        return value


def split_server(text: str) -> tuple[str, int]:
    """Address and port of a name server; ValueError when it is none."""
    host, colon, port = text.rpartition(":")
    is_whole = not colon or (":" in host and not host.startswith("["))
    address = ipaddress.ip_address((text if is_whole else host).strip("[]"))
    number = 53 if is_whole else int(port)
    if not 0 < number < 65_536:
        raise ValueError("a port is a number from 1 to 65535")
    return str(address), number
