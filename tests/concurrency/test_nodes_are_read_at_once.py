"""A drain reads the nodes right after its mark, beside the reading of the clock: both find the same, once."""

from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy import func, select

from minispod.cluster import monitoring
from minispod.cluster.models import NodeOutage, NodeReading, NodeSpell
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.kernel.unit_of_work import unit_of_work
from tests.concurrency.waiting import holding, waits_with
from tests.factories.nodes import worker

WELL = worker()


@pytest.mark.parametrize(
    ("seen", "model", "others"),
    [
        (
            replace(WELL, is_schedulable=False),
            NodeSpell,
            "INSERT INTO node_spells (id, node_name, condition, began_at)"
            " VALUES (gen_random_uuid(), :name, 'OutOfService', :at)",
        ),
        (
            replace(WELL, is_ready=False),
            NodeOutage,
            "INSERT INTO node_outages (id, node_name, began_at) VALUES (gen_random_uuid(), :name, :at)",
        ),
    ],
    ids=["out of service", "away"],
)
def test_two_readings_that_find_the_same_note_it_once(app: Flask, clock: FrozenClock, seen, model, others):
    def read() -> None:
        with app.app_context(), unit_of_work():
            monitoring.record_nodes([seen], clock.now())

    with holding(app, others, name=WELL.name, at=clock.now()) as other:
        assert "INSERT" in waits_with(app, other, read)

    with app.app_context():
        assert session().scalar(select(func.count()).select_from(model)) == 1
        assert session().scalar(select(func.count()).select_from(NodeReading)) == 1
