"""Carry out what administrators do with nodes: one step after another, each claimed, carried out and settled."""

import uuid
from datetime import timedelta

import structlog

from minispod.jobs.observation import poll_nodes
from minispod.jobs.work import Work
from minispod.kernel.errors import Unavailable
from minispod.kernel.unit_of_work import release_connection, unit_of_work
from minispod.operations.nodes import carrying, engine
from minispod.operations.nodes.states import NodeStep
from minispod.rules import cluster_rules

log = structlog.get_logger()

_NOW = timedelta(0)


def work_on_node(work: Work) -> timedelta | None:
    """Take the next step; the pages know a mark at once, and not with the next reading of the nodes."""
    operation_id = uuid.UUID(work.lease.args["operation_id"])
    again: timedelta | None = _NOW
    while again == _NOW:
        with unit_of_work(work.ports.courier):
            order = engine.claim(operation_id, rules=cluster_rules(work.settings), at=work.now())
        if order is None or isinstance(order, timedelta):
            return order
        release_connection()
        try:
            report = carrying.carry_out(order, work.ports.cluster, is_wanted=lambda: _is_wanted(operation_id))
        except Unavailable:
            with unit_of_work():
                engine.pause(order, at=work.now())
            raise
        if order.step is NodeStep.MARK and report.failure is None:
            poll_nodes(work.ports, work.settings)
        with unit_of_work(work.ports.courier):
            again = engine.settle(order, report, at=work.now())
        log.info(
            "node.step",
            node=order.node,
            act=order.act.value,
            step=order.step.value,
            waiting=len(report.waiting),
            failure=report.failure,
        )
    return again


def _is_wanted(operation_id: uuid.UUID) -> bool:
    """Ask, and give the connection back: the cluster is spoken with next."""
    try:
        return engine.is_wanted(operation_id)
    finally:
        release_connection()
