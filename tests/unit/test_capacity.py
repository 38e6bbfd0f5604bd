"""Capacity: the reference cluster gives the promised figures, and no order slips past a full one."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minispod.cluster import capacity
from minispod.cluster.capacity import Load, Request
from tests.factories.nodes import worker

WORKER = worker()
PLATFORM = dataclasses.replace(
    WORKER, name="platform", is_control_plane=True, memory_allocatable=65_536, cpu_allocatable=16_000
)
REFERENCE = [PLATFORM, WORKER, dataclasses.replace(WORKER, name="worker-2")]
SMALL = capacity.request_of(1000, 1024, cpu_ratio=0.25, memory_ratio=0.5)


def _more(request, *, load, nodes, reserve):
    return capacity.how_many_more(capacity.room_of(nodes, reserve=reserve), request, load=load)


def _fits(request, **cluster):
    return _more(request, **cluster) > 0


def test_plan_of_one_gigabyte_requests_a_quarter_core_and_half_a_gigabyte():
    assert Request(250, 512) == SMALL


@pytest.mark.parametrize(("reserve", "instances"), [(0.36, 81), (0.40, 76)])
def test_reference_cluster_holds_what_the_business_counts_on(reserve, instances):
    assert _more(SMALL, load=Load(), nodes=REFERENCE, reserve=reserve) == instances


def test_the_last_place_is_sold_once():
    almost = capacity.load_of([(SMALL, 80)])
    full = capacity.load_of([(SMALL, 81)])

    assert _fits(SMALL, load=almost, nodes=REFERENCE, reserve=0.36)
    assert not _fits(SMALL, load=full, nodes=REFERENCE, reserve=0.36)


def test_lost_worker_leaves_no_room_to_sell():
    dead = dataclasses.replace(REFERENCE[2], is_ready=False, is_schedulable=False)
    load = capacity.load_of([(SMALL, 60)])

    assert _more(SMALL, load=load, nodes=[PLATFORM, WORKER, dead], reserve=0.36) == 0


def test_cpu_limits_too_but_without_reserve():
    weak = [dataclasses.replace(WORKER, cpu_allocatable=1_000)]

    assert _more(SMALL, load=Load(), nodes=weak, reserve=0.36) == 4


def test_what_is_bigger_than_every_worker_never_fits():
    assert not _fits(Request(250, 40_000), load=Load(), nodes=REFERENCE, reserve=0)


def test_pod_slots_of_the_nodes_are_a_limit():
    tiny = Request(1, 1)

    assert _more(tiny, load=Load(), nodes=REFERENCE, reserve=0.36) == 140


def test_single_machine_that_is_everything_may_be_used():
    assert _more(SMALL, load=Load(), nodes=[PLATFORM], reserve=0.36) > 0


def test_no_node_no_room():
    assert _more(SMALL, load=Load(), nodes=[], reserve=0.36) == 0


def test_the_largest_worker_is_the_one_with_the_most_memory():
    big = dataclasses.replace(WORKER, name="big", memory_allocatable=40_000)

    assert capacity.largest_of([PLATFORM, WORKER, big]) == big
    assert capacity.largest_of([dataclasses.replace(WORKER, is_schedulable=False)]) is None


def test_what_finds_no_place_after_a_loss():
    left = [PLATFORM, WORKER]

    assert capacity.missing_of(capacity.load_of([(SMALL, 40)]), left) == Load()
    assert capacity.missing_of(capacity.load_of([(SMALL, 66)]), left) == Load(4_500, 1_024, 0)


@given(
    cpu=st.integers(1, 4000),
    memory=st.integers(1, 8192),
    reserve=st.floats(0, 0.9),
    count=st.integers(0, 300),
)
def test_as_many_fit_as_are_promised_and_not_one_more(cpu, memory, reserve, count):
    request = Request(cpu, memory)
    more = _more(request, load=capacity.load_of([(SMALL, count)]), nodes=REFERENCE, reserve=reserve)

    filled = capacity.load_of([(SMALL, count), (request, more)])

    assert not _fits(request, load=filled, nodes=REFERENCE, reserve=reserve)
    if more:
        one_less = capacity.load_of([(SMALL, count), (request, more - 1)])
        assert _fits(request, load=one_less, nodes=REFERENCE, reserve=reserve)
