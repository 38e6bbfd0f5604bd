"""When another worker is due, in words: by what is used, together and one by one."""

from dataclasses import replace

import pytest

from minispod.insights.advice import Tone, advise
from minispod.rules import alert_thresholds
from minispod.settings import Settings
from tests.factories.nodes import worker

LIMITS = alert_thresholds(
    Settings(minispod_env="test", database_url="postgresql://x@y/z", redis_url="redis://x/0")
)


def advised(nodes, limits=LIMITS):
    return advise(nodes, None, limits)


def _node(name: str, cpu: int | None, memory: int | None, **more: object):
    """A worker of 10 CPU and 10 GB of which so many per cent are used."""
    return worker(
        name,
        memory_mb=10_000,
        cpu_allocatable=10_000,
        cpu_used=None if cpu is None else cpu * 100,
        memory_used=None if memory is None else memory * 100,
        **more,
    )


@pytest.mark.parametrize(
    ("cpu", "memory", "tone", "says"),
    [
        (10, 69, Tone.GOOD, "below the band"),
        (70, 10, Tone.GOOD, "in the band"),
        (10, 80, Tone.GOOD, "in the band"),
        (80, 10, Tone.GOOD, "in the band"),
        (10, 81, Tone.WARN, "above the band"),
        (10, 85, Tone.WARN, "above the band"),
        (81, 10, Tone.BAD, "add a worker"),
        (10, 86, Tone.BAD, "add a worker"),
    ],
)
def test_the_band_and_the_limits(cpu, memory, tone, says):
    [advice] = advised([_node("worker-1", cpu, memory), _node("worker-2", cpu, memory)])

    assert advice.tone is tone
    assert says in advice.sentence
    assert f"{cpu} % of CPU and {memory} % of memory are used" in advice.sentence


def test_a_single_full_worker_is_named_and_comes_first():
    found = advised([_node("worker-1", 90, 10), _node("worker-2", 10, 10)])

    assert [each.tone for each in found] == [Tone.WARN, Tone.GOOD]
    assert "worker-1 alone" in found[0].sentence


def test_without_metrics_what_is_requested_counts():
    [advice] = advised([_node("worker-1", None, None, cpu_requested=9_000, memory_requested=1_000)])

    assert advice.tone is Tone.BAD
    assert "90 % of CPU and 10 % of memory are requested" in advice.sentence


def test_what_was_never_seen_gives_no_advice():
    assert list(advised([])) == []


def test_the_limits_are_those_of_the_alert():
    full = [_node("worker-1", 60, 60), _node("worker-2", 60, 60)]

    [advice] = advised(full, replace(LIMITS, add_node_cpu_percent=50))

    assert advice.tone is Tone.BAD
    assert "Above 50 % of CPU or 85 % of memory" in advice.sentence
