"""What passes between claim, carry out and settle of one step: frozen values, and the hands to work with."""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from minispod.backups.models import BackupPart
from minispod.backups.vault import KeptPart, Vault
from minispod.cluster.port import ClusterPort, Manifest
from minispod.instances.manifests import InstanceSpec
from minispod.operations.states import Step


class Overtaken(Exception):
    """Somebody else works on the operation now, or it was called off: this worker lets go."""


@dataclass(frozen=True, slots=True)
class Hands:
    """What a step is carried out with; `watch` raises Overtaken when the worker is to let go."""

    cluster: ClusterPort
    vault: Vault
    watch: Callable[[], None]

    def watched(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """The same chunks, as long as the worker is to go on."""
        for chunk in chunks:
            self.watch()
            yield chunk


@dataclass(frozen=True, slots=True)
class StepOrder:
    """All that is needed to carry out one step; no secret shows when it is printed.

    `spec` is the instance as the step needs it: on the volume and in the version that it works with.
    """

    operation_id: uuid.UUID
    turn: int
    step: Step
    spec: InstanceSpec = field(repr=False)
    walls: list[Manifest] = field(repr=False)
    # On which node the workbench of a fresh volume is to be, or is not to be.
    node: str | None = None
    avoid_nodes: tuple[str, ...] = ()
    # The running application's pod.
    pod_name: str | None = None
    # Data will be copied: the file store must answer before anything is stopped.
    uses_store: bool = False
    # The pod's node is dead: nobody waits for it.
    is_forced: bool = False
    # Nodes that do not answer: what runs there is not asked whether it has ended.
    lost_nodes: frozenset[str] = frozenset()
    # Where the parts of the backup that is made go, by name.
    keys: dict[str, str] = field(default_factory=dict)
    # The parts of the backup that is restored, by name.
    parts: dict[str, BackupPart] = field(default_factory=dict)
    # The claims that are to go on the way back.
    doomed_claims: tuple[str, ...] = ()


class Answer(StrEnum):
    """How a step went."""

    DONE = "done"
    WAITING = "waiting"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Report:
    """What became of a step; `is_final` when another attempt will not help.

    `is_command` when a command in a container failed, and not one of those that carry its data.
    """

    answer: Answer
    sentence: str | None = None
    is_final: bool = False
    is_command: bool = False
    node: str | None = None
    kept: tuple[tuple[str, KeptPart], ...] = ()


DONE = Report(Answer.DONE)
WAITING = Report(Answer.WAITING)
