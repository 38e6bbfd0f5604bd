"""The history of nodes: readings become hours and days, the last picture is spared, and what was wrong is told."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from minispod.cluster import history, monitoring, spells
from minispod.cluster.history import NODES, Span
from minispod.cluster.models import NodeReading, NodeRollup
from minispod.cluster.port import NodeSighting
from minispod.kernel.database import session
from minispod.kernel.rollups import Grain, KeepRules
from minispod.kernel.unit_of_work import unit_of_work
from tests.factories.nodes import worker

pytestmark = pytest.mark.usefixtures("context")

NOON = datetime(2026, 11, 1, 5, 0, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
RULES = KeepRules(ZoneInfo("Asia/Jakarta"), 2 * DAY, 35 * DAY, 400 * DAY)
WELL = worker(cpu_requested=1_000, memory_requested=4_000, cpu_used=500, memory_used=2_000)
ILL = replace(WELL, conditions={"Ready": "True", "MemoryPressure": "True", "DiskPressure": "False"})


def poll(at: datetime, *nodes: NodeSighting) -> None:
    with unit_of_work():
        monitoring.record_nodes(nodes, at)


def roll_up(at: datetime) -> None:
    more = True
    while more:
        with unit_of_work():
            more = NODES.roll_up(RULES, at=at)


def pieces(grain: Grain) -> list[NodeRollup]:
    wanted = select(NodeRollup).where(NodeRollup.grain == grain)
    return list(session().scalars(wanted.order_by(NodeRollup.starts_at)))


def test_readings_become_hours_and_hours_days():
    poll(NOON, WELL)
    poll(
        NOON + 30 * MINUTE,
        replace(WELL, cpu_requested=3_000, is_ready=False, cpu_used=None, memory_used=None),
    )
    poll(NOON + HOUR, WELL)
    poll(NOON + 2 * DAY, WELL)

    roll_up(NOON + 2 * DAY + HOUR)

    first, second, *_ = pieces(Grain.HOUR)
    assert (first.starts_at, first.samples, first.ready_samples, first.used_samples) == (NOON, 2, 1, 1)
    assert (first.cpu_requested_avg, first.cpu_requested_max) == (2_000, 3_000)
    assert (first.cpu_used_avg, first.memory_used_max) == (500, 2_000)
    assert second.samples == 1
    [day, *_] = pieces(Grain.DAY)
    assert (day.samples, day.ready_samples, day.used_samples) == (3, 2, 2)
    assert (day.cpu_requested_avg, day.cpu_requested_max) == (1_667, 3_000)
    assert day.starts_at == datetime(2026, 10, 31, 17, 0, tzinfo=UTC), "midnight of the shop"


def test_rolling_up_twice_changes_nothing():
    for minute in range(0, 180, 10):
        poll(NOON + minute * MINUTE, WELL)
    roll_up(NOON + 3 * HOUR)
    once = [(each.starts_at, each.samples) for each in pieces(Grain.HOUR)]

    roll_up(NOON + 3 * HOUR)
    roll_up(NOON + 3 * HOUR + 10 * MINUTE)

    again = [(each.starts_at, each.samples) for each in pieces(Grain.HOUR)]
    assert again[: len(once)] == once


def test_old_readings_go_when_they_are_part_of_an_hour_but_never_the_last_picture():
    poll(NOON, WELL)
    poll(NOON + MINUTE, WELL)
    long_after = NOON + 30 * DAY

    with unit_of_work():
        NODES.forget_samples(RULES, at=long_after)
    assert len(session().scalars(select(NodeReading)).all()) == 2, "nothing was made of them yet"

    roll_up(long_after)
    with unit_of_work():
        NODES.forget_samples(RULES, at=long_after)

    [kept] = session().scalars(select(NodeReading))
    assert kept.at == NOON + MINUTE
    assert monitoring.last_picture().nodes == (WELL,)


@pytest.mark.parametrize("span", list(Span))
def test_a_history_joins_what_was_rolled_up_with_what_was_not(span):
    for minute in range(0, 150, 30):
        poll(NOON + minute * MINUTE, WELL, worker("another"))
    before = history.node_history("worker-1", span, NOON + 3 * HOUR)
    roll_up(NOON + 2 * HOUR + 6 * MINUTE)

    after = history.node_history("worker-1", span, NOON + 3 * HOUR)

    assert len(before) == 5
    assert [each.at for each in after] == sorted(each.at for each in after)
    assert {(each.cpu_requested, each.cpu_used) for each in after} == {(1_000, 500)}
    assert after[-1].at == NOON + 2 * HOUR
    if span in (Span.WEEK, Span.MONTH):
        assert [each.at for each in after] == [NOON, NOON + HOUR, NOON + 2 * HOUR]


def test_what_was_wrong_has_a_beginning_and_an_end():
    poll(NOON, WELL)
    poll(NOON + 13 * MINUTE, ILL)
    poll(NOON + 14 * MINUTE, ILL)
    poll(NOON + 19 * MINUTE, WELL)
    poll(NOON + 20 * MINUTE, replace(WELL, is_ready=False, conditions={"Ready": "Unknown"}))
    poll(NOON + 26 * MINUTE, replace(WELL, is_schedulable=False))

    told = spells.list_spells("worker-1", NOON)

    assert [
        (each.condition, each.began_at - NOON, each.ended_at and each.ended_at - NOON) for each in told
    ] == [
        ("OutOfService", 26 * MINUTE, None),
        ("NotReady", 20 * MINUTE, 26 * MINUTE),
        ("MemoryPressure", 13 * MINUTE, 19 * MINUTE),
    ]


def test_a_control_plane_that_takes_no_customers_is_as_it_should_be():
    poll(NOON, worker("control-1", is_control_plane=True, is_schedulable=False))

    assert list(spells.list_spells("control-1", NOON)) == []


def test_old_spells_are_forgotten_but_not_those_that_last():
    poll(NOON, ILL)
    poll(NOON + MINUTE, replace(WELL, is_schedulable=False))

    with unit_of_work():
        spells.forget(before=NOON + DAY)

    assert [each.condition for each in spells.list_spells("worker-1", NOON)] == ["OutOfService"]
