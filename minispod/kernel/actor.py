"""Who does something, and from where: the value that every act takes and the audit trail keeps."""

import ipaddress
import uuid
from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What an account may do."""

    ADMINISTRATOR = "ADMINISTRATOR"
    USER = "USER"


class ActorKind(StrEnum):
    """In which capacity somebody acts."""

    CUSTOMER = "customer"
    STAFF = "staff"
    SYSTEM = "system"
    ANONYMOUS = "anonymous"


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody who acts; `user_id` is None for the system and for visitors."""

    kind: ActorKind
    user_id: uuid.UUID | None = None
    name: str = ""
    address: str | None = None

    @property
    def is_staff(self) -> bool:
        """Tell whether this actor may use the administration."""
        return self.kind is ActorKind.STAFF

    @property
    def is_system(self) -> bool:
        """Tell whether a job acts, not a person."""
        return self.kind is ActorKind.SYSTEM

    def may_see(self, owner_id: uuid.UUID) -> bool:
        """Tell whether things of `owner_id` are visible to this actor."""
        return self.is_staff or self.is_system or self.user_id == owner_id


def system(name: str) -> Actor:
    """The platform itself, acting through the job `name`."""
    return Actor(ActorKind.SYSTEM, name=name)


def visitor(address: str | None = None) -> Actor:
    """Somebody who has not signed in."""
    return Actor(ActorKind.ANONYMOUS, name="visitor", address=address)


def place_of(address: str | None) -> str:
    """What counts as one place: an IPv4 address, or the /64 that one IPv6 customer has for themselves."""
    try:
        parsed = ipaddress.ip_address(address or "")
    except ValueError:
        return "nowhere"
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(parsed.ipv4_mapped or ipaddress.ip_network((parsed, 64), strict=False).network_address)
    return str(parsed)
