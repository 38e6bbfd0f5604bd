"""Faults that levers put into containers: crash when started, so many times or until healed; commands that fail."""

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


@dataclass(slots=True)
class CommandFault:
    """How the next commands in some containers fail: an exit status, a missing program, a cut, or slowness."""

    namespace: str
    pod: str
    container: str
    how: str
    times: int = 1
    status: int = 1
    message: str = ""
    after_bytes: int = 0
    seconds: float = 1.0


class CommandFaults:
    """All planned faults of commands."""

    def __init__(self) -> None:
        self._planned: list[CommandFault] = []

    def plan(self, fault: CommandFault) -> None:
        """Let commands that fit fail, `times` times."""
        self._planned.append(fault)

    def clear(self) -> None:
        """Forget all plans."""
        self._planned.clear()

    def take(self, run: PodRun, container: str) -> CommandFault | None:
        """The fault for a command that starts now, used up by one."""
        for one in self._planned:
            fits = one.namespace == run.namespace and fnmatchcase(run.name, one.pod)
            if fits and fnmatchcase(container, one.container):
                one.times -= 1
                if one.times <= 0:
                    self._planned.remove(one)
                return one
        return None
