"""What every controller works with."""

from dataclasses import dataclass

from minispod.simulator.kubernetes.controllers.images import Images
from minispod.simulator.kubernetes.dials import Dials
from minispod.simulator.kubernetes.reactor import Reactor
from minispod.simulator.kubernetes.recorder import Recorder
from minispod.simulator.kubernetes.registry import Registry
from minispod.simulator.kubernetes.removal import Removal
from minispod.simulator.kubernetes.store import Store


@dataclass(frozen=True, slots=True)
class Context:
    """The tools of a controller."""

    store: Store
    registry: Registry
    removal: Removal
    reactor: Reactor
    recorder: Recorder
    dials: Dials
    images: Images
