"""How full the workers are, and whether it is time for another one: the words for it, written once. Pure.

Judged is what is used; where nothing measures that, what is requested. Workers are well used between 70 and 80 per
cent. Above the thresholds of the alert that asks for another node they should get company, all together or a single
one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from minispod.alerts.judging import Thresholds
from minispod.cluster.capacity import workers_of
from minispod.cluster.port import NodeSighting
from minispod.insights.outlook import Outlook
from minispod.insights.today import Utilisation, utilisation

BAND = (70, 80)


class Tone(StrEnum):
    """How urgent it is; the names of the pages' colours."""

    GOOD = "good"
    WARN = "warn"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Advice:
    """One sentence for an administrator."""

    tone: Tone
    sentence: str


@dataclass(frozen=True, slots=True)
class Level:
    """How much of what can be given is taken, in whole per cent; `is_measured`: used, else requested."""

    cpu: int
    memory: int
    is_measured: bool

    def exceeds(self, limits: Thresholds) -> bool:
        """Tell whether another worker is due."""
        return self.cpu > limits.add_node_cpu_percent or self.memory > limits.add_node_memory_percent

    @property
    def words(self) -> str:
        """Both shares, and what they are shares of."""
        if self.is_measured:
            return f"{self.cpu} % of CPU and {self.memory} % of memory are used"
        return f"{self.cpu} % of CPU and {self.memory} % of memory are requested"


def level_of(used: Utilisation) -> Level | None:
    """How full workers are; None where they can give nothing."""
    if not used.cpu_allocatable or not used.memory_allocatable:
        return None
    is_measured = used.cpu_used is not None and used.memory_used is not None
    cpu, memory = (
        (used.cpu_used or 0, used.memory_used or 0)
        if is_measured
        else (used.cpu_requested, used.memory_requested)
    )
    return Level(
        round(cpu / used.cpu_allocatable * 100), round(memory / used.memory_allocatable * 100), is_measured
    )


def advise(nodes: Sequence[NodeSighting], outlook: Outlook | None, limits: Thresholds) -> Sequence[Advice]:
    """What to know and do about the workers, the most urgent first; nothing while no worker was seen."""
    together = utilisation(nodes)
    level = level_of(together) if together else None
    if level is None:
        return []
    found = [_judge(level, limits), *_single(nodes, level, limits), *_loss(outlook)]
    urgency = list(Tone)
    return sorted(found, key=lambda each: -urgency.index(each.tone))


def _judge(level: Level, limits: Thresholds) -> Advice:
    low, high = BAND
    if level.exceeds(limits):
        return Advice(
            Tone.BAD,
            f"{level.words}: add a worker. Above {limits.add_node_cpu_percent} % of CPU or "
            f"{limits.add_node_memory_percent} % of memory customers feel it.",
        )
    fullest = max(level.cpu, level.memory)
    if fullest >= low:
        place = (
            f"in the band of {low} to {high} %" if fullest <= high else f"above the band of {low} to {high} %"
        )
        return Advice(
            Tone.GOOD if fullest <= high else Tone.WARN, f"{level.words}: {place}. Plan the next worker."
        )
    return Advice(Tone.GOOD, f"{level.words}: below the band of {low} to {high} %, there is room to sell.")


def _single(nodes: Sequence[NodeSighting], together: Level, limits: Thresholds) -> list[Advice]:
    """Single workers that are too full while the others are not."""
    if together.exceeds(limits):
        return []
    levels = [(node.name, level_of(one)) for node in workers_of(nodes) if (one := utilisation([node]))]
    return [
        Advice(
            Tone.WARN,
            f"{name} alone is too full: {level.words}. Move something away from it, or add a worker.",
        )
        for name, level in levels
        if level is not None and level.exceeds(limits)
    ]


def _loss(outlook: Outlook | None) -> list[Advice]:
    if outlook is None or outlook.survives:
        return []
    return [
        Advice(
            Tone.BAD,
            f"If {outlook.largest.name} is lost, the others do not hold everything. Add a worker before selling more.",
        )
    ]
