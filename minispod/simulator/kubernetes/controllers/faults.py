"""Faults that levers put into containers: crash when started, so many times or until healed."""

from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from minispod.simulator.kubernetes.controllers.pod_run import PodRun
from minispod.simulator.kubernetes.machinery.jsonish import Json


@dataclass(frozen=True, slots=True)
class Fault:
    """How a container ends."""

    exit_code: int
    reason: str
    after_seconds: float = 1.0


@dataclass(slots=True)
class Planned:
    """A fault that waits for containers of some pods to start."""

    namespace: str
    pattern: str
    fault: Fault
    times: int


@dataclass(slots=True)
class Faults:
    """All planned faults."""

    planned: list[Planned] = field(default_factory=list)

    def plan(self, namespace: str, pattern: str, fault: Fault, times: int) -> None:
        """Containers of pods whose name fits the pattern will end this way, `times` times."""
        self.planned.append(Planned(namespace, pattern, fault, times))

    def heal(self, namespace: str | None = None, pattern: str | None = None) -> None:
        """Forget the plans for a namespace and pattern, or all of them."""
        self.planned = [
            one
            for one in self.planned
            if namespace not in (None, one.namespace) or pattern not in (None, one.pattern)
        ]

    def take(self, run: PodRun, pod: Json | None) -> Fault | None:
        """The fault for a container that starts now, used up by one."""
        if pod is None:
            return None
        for one in self.planned:
            if one.namespace == run.namespace and fnmatchcase(run.name, one.pattern):
                one.times -= 1
                if one.times <= 0:
                    self.planned.remove(one)
                return one.fault
        return None
