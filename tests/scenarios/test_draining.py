"""A node is drained with a database on it: it is moved with its data, the node is empty, and it takes pods again."""

import time
import uuid
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select

from minispod.cluster import monitoring
from minispod.integrations.kubernetes.adapter import KubernetesCluster
from minispod.kernel.database import db, session
from minispod.kernel.unit_of_work import unit_of_work
from minispod.operations.models import Operation
from minispod.operations.nodes import requesting
from minispod.operations.nodes.models import NodeOperation
from minispod.operations.nodes.states import BoundChoice, NodeActStatus
from minispod.operations.states import OperationKind, OperationStatus
from tests.plugins.app import Person
from tests.plugins.nodes import Yard, runs_well
from tests.plugins.shop import Shop

WRITE = b"CREATE TABLE words (word text); INSERT INTO words VALUES ('saved before');"
CLIENT = ("psql", "-q", "-U", "admin", "-d", "myapp")
DUMP = ("sh", "-c", "pg_dump -U admin -d myapp --data-only --table=words")

pytestmark = pytest.mark.timeout(600)


def test_a_node_with_a_database_is_drained_and_put_back(
    yard: Yard,
    shop: Shop,
    customer: Person,
    administrator: Person,
    plan_id: Callable[..., uuid.UUID],
    cluster: KubernetesCluster,
) -> None:
    shop.order(customer, plan_id("postgresql", "BASIC"))
    row = yard.until(runs_well, "it runs")
    home = row.node_name
    assert home is not None
    assert row.pod_name is not None
    cluster.write_to(row.namespace, row.pod_name, "app", CLIENT, [WRITE], len(WRITE))

    began = time.monotonic()
    _ask(yard, administrator, lambda **who: requesting.drain(home, BoundChoice.MOVE, **who))
    row = yard.until(lambda row: runs_well(row) and row.node_name != home, "it runs elsewhere", seconds=150)
    yard.until(lambda _: _newest(yard.app).status is NodeActStatus.DONE, "the drain has ended")
    print(f"drain of {home} with a database on it: {time.monotonic() - began:.0f} s")

    assert yard.pods_on(home) == []
    data = b"".join(yard.cluster.read_from(row.namespace, yard.pod(), "app", DUMP))
    assert b"saved before" in data
    with yard.app.app_context():
        [move] = session().scalars(select(Operation)).all()
        assert (move.kind, move.status) == (OperationKind.MOVE, OperationStatus.DONE)
        assert not _takes_pods(home)
        db.session.remove()

    _ask(yard, administrator, lambda **who: requesting.uncordon(home, **who))
    yard.until(lambda _: _newest(yard.app).status is NodeActStatus.DONE, "it takes pods again")
    with yard.app.app_context():
        assert _takes_pods(home)
        db.session.remove()


def _ask(yard: Yard, who: Person, act: Callable[..., NodeOperation]) -> None:
    with yard.app.app_context(), unit_of_work():
        act(actor=who.actor, at=yard.clock.now())


def _newest(app: Flask) -> NodeOperation:
    with app.app_context():
        newest_first = select(NodeOperation).order_by(NodeOperation.requested_at.desc())
        found = session().scalars(newest_first.limit(1)).one()
        db.session.remove()
    return found


def _takes_pods(node: str) -> bool:
    """What the pages say, right after the mark: the nodes are read again at once."""
    return next(each.is_schedulable for each in monitoring.last_picture().nodes if each.name == node)
