"""What a dead node means for the instances on it: a sentence for their owners, and room for their replacements."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from minispod.cluster import outages
from minispod.instances import volumes
from minispod.instances.models import Instance

_TIED = (
    "the server that holds its data does not answer; it comes back with the server, or is restored on another one "
    "from its last backup"
)
_LOOSE = "its server does not answer; it is being started on another one"


@dataclass(frozen=True, slots=True)
class LostNodes:
    """The nodes that do not answer now, and which instances' data are tied to a node."""

    names: frozenset[str]
    ties: Mapping[uuid.UUID, str]

    def reason(self, instance: Instance) -> str | None:
        """Why an instance is away, for its owner; None when no lost node is the reason."""
        if self.ties.get(instance.id) in self.names:
            return _TIED
        return _LOOSE if self.displaces(instance) else None

    def displaces(self, instance: Instance) -> bool:
        """Tell whether its pod stays on a lost node, in the cluster's books, while another takes its place."""
        return instance.node_name in self.names


def look() -> LostNodes:
    """The nodes that are lost now, as last read."""
    names = frozenset(outages.open_outages())
    return LostNodes(names, volumes.ties() if names else {})
