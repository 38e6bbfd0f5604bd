"""What keeps a pod where it is, and which pods leave a node that is emptied. Values and one pure judgement.

Left alone are what the node itself or a daemon set keeps there (it would be back at once), what nobody would start
again, and, unless an administrator says so, what has its data on this node only.
"""

from collections.abc import Container
from dataclasses import dataclass
from enum import StrEnum


class Keeper(StrEnum):
    """Who starts a pod again when it is gone."""

    CONTROLLER = "controller"
    DAEMON_SET = "daemon_set"
    NODE = "node"
    NOBODY = "nobody"


class Stay(StrEnum):
    """Why a pod is not sent away."""

    DAEMON_SET = "daemon_set"
    NODE = "node"
    UNMANAGED = "unmanaged"
    BOUND = "bound"


@dataclass(frozen=True, slots=True)
class PlacedPod:
    """A pod of any namespace on one node; `claims` are the volume claims it mounts.

    `is_over`: its containers have ended and will not run again. `is_workbench`: an operation made it, and removes it.
    """

    namespace: str
    name: str
    keeper: Keeper
    claims: tuple[str, ...] = ()
    instance_id: str | None = None
    is_leaving: bool = False
    is_over: bool = False
    is_workbench: bool = False


@dataclass(frozen=True, slots=True)
class Eviction:
    """What the cluster answered: None was accepted; else why not now, in its own words."""

    refusal: str | None = None

    @property
    def is_accepted(self) -> bool:
        """Tell whether the pod is on its way out, or gone already."""
        return self.refusal is None


def stays(pod: PlacedPod, bound: Container[tuple[str, str]], *, stand_still: bool) -> Stay | None:
    """Why this pod is left where it is; None when it is sent away.

    `bound` has namespace and name of the claims whose volumes only this node reaches; `stand_still` sends away what
    mounts one all the same: it waits, stopped, until the node takes pods again.
    """
    if pod.keeper is Keeper.NODE:
        return Stay.NODE
    if pod.keeper is Keeper.DAEMON_SET:
        return Stay.DAEMON_SET
    if pod.keeper is Keeper.NOBODY:
        return Stay.UNMANAGED
    if not stand_still and any((pod.namespace, claim) in bound for claim in pod.claims):
        return Stay.BOUND
    return None
