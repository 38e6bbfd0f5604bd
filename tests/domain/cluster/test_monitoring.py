"""The nodes' history and the last picture: kept through silence, honest about its age."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from minispod.cluster import monitoring
from minispod.cluster.capacity import Allocatable, Request, allocatable_of
from minispod.cluster.models import ClusterState
from minispod.cluster.port import NodeSighting
from minispod.kernel.database import find, session
from minispod.kernel.questions import Question
from minispod.kernel.unit_of_work import unit_of_work

pytestmark = pytest.mark.usefixtures("context")

NOON = datetime(2026, 11, 20, 5, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
WORKER = NodeSighting(
    name="worker-1",
    is_ready=True,
    is_schedulable=True,
    is_control_plane=False,
    cpu_allocatable=12_000,
    memory_allocatable=32_000,
    cpu_capacity=12_000,
    memory_capacity=32_768,
    pods_allocatable=110,
    cpu_requested=500,
    memory_requested=1_024,
    pods_running=2,
    cpu_used=None,
    memory_used=2_048,
    version="v1.32.4+k3s1",
    addresses=("10.0.0.2", "worker-1"),
    conditions={"Ready": "True"},
    created_at=NOON - timedelta(days=30),
)
OTHER = replace(WORKER, name="worker-2")


def poll(at, *nodes):
    with unit_of_work():
        monitoring.record_nodes(nodes, at)


def silence(at):
    with unit_of_work():
        monitoring.record_silence(at)


def test_before_the_first_poll_nothing_is_known():
    picture = monitoring.last_picture()

    assert picture.nodes == ()
    assert picture.seen_at is None
    assert picture.age(NOON) is None


def test_last_picture_is_what_the_nodes_said_last():
    poll(NOON, WORKER, OTHER)
    poll(NOON + MINUTE, replace(WORKER, pods_running=3))

    picture = monitoring.last_picture()

    assert picture.nodes == (replace(WORKER, pods_running=3),)
    assert picture.age(NOON + 3 * MINUTE) == 2 * MINUTE
    assert picture.silent_since is None


def test_picture_stays_through_silence_that_counts_from_its_beginning():
    poll(NOON, WORKER)
    silence(NOON + MINUTE)
    silence(NOON + 2 * MINUTE)

    picture = monitoring.last_picture()

    assert picture.nodes == (WORKER,)
    assert picture.seen_at == NOON
    assert picture.silent_since == NOON + MINUTE


def test_silence_before_the_first_answer_is_known_too():
    silence(NOON)

    assert monitoring.last_picture().silent_since == NOON


def test_answer_ends_the_silence():
    silence(NOON)
    poll(NOON + MINUTE, WORKER)

    assert monitoring.last_picture().silent_since is None


def test_late_writer_does_not_bring_the_past_back():
    poll(NOON + MINUTE, replace(WORKER, pods_running=9))
    poll(NOON, WORKER)

    assert monitoring.last_picture().nodes[0].pods_running == 9


def held():
    """What is noted of the workers; None: nothing."""
    rows = find(Question(select(*monitoring.ALLOCATABLE).where(monitoring.HAS_SEEN_NODES)), {})
    return monitoring.allocatable_in(rows[0]) if rows else None


@pytest.mark.parametrize(
    "nodes",
    [
        [WORKER, OTHER],
        [WORKER, replace(OTHER, cpu_allocatable=16_000, memory_allocatable=8_000, pods_allocatable=250)],
        [WORKER, replace(OTHER, is_schedulable=False)],
        [WORKER, replace(OTHER, is_control_plane=True)],
        [replace(WORKER, is_control_plane=True), replace(OTHER, is_control_plane=True)],
        [replace(WORKER, is_schedulable=False), replace(OTHER, is_control_plane=True)],
        [replace(WORKER, is_ready=False)],
    ],
)
def test_what_the_workers_hold_is_what_the_picture_says(nodes):
    poll(NOON, replace(WORKER, cpu_allocatable=1))
    poll(NOON + MINUTE, *nodes)

    assert held() == allocatable_of(monitoring.last_picture().nodes)


def test_what_the_workers_hold_is_the_later_readings_and_outlasts_silence():
    silence(NOON)
    assert held() is None
    poll(NOON + MINUTE, WORKER, OTHER)
    poll(NOON, WORKER)
    silence(NOON + 2 * MINUTE)

    assert held() == Allocatable(24_000, 64_000, 220, Request(12_000, 32_000))


def test_a_cluster_that_lists_no_nodes_holds_nobody_knows_what():
    poll(NOON, WORKER)
    poll(NOON + MINUTE)

    assert held() is None
    assert monitoring.last_picture().nodes == ()


def test_what_the_workers_hold_cannot_be_half_known():
    poll(NOON, WORKER)

    with pytest.raises(IntegrityError, match="allocatable_is_whole"), unit_of_work():
        session().execute(update(ClusterState).values(pods_allocatable=None))
