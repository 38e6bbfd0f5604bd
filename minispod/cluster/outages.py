"""Nodes that do not answer: since when, and whether they came back. Noted with every reading of the nodes.

A node that was there and is missing from the list counts too: whoever removes one by hand removes the data on it. Its
outage ends, as removed, once nothing is tied to it (operations/node_loss).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import and_, exists, or_, select
from sqlalchemy.dialects.postgresql import insert

from minispod.cluster.models import ClusterState, NodeOutage, NodeReading
from minispod.cluster.port import NodeSighting
from minispod.kernel.database import session
from minispod.kernel.ids import new_id


def note(before: Sequence[NodeSighting], now: Sequence[NodeSighting], at: datetime) -> None:
    """Open and close outages by two pictures of the nodes, one after the other."""
    well = {node.name for node in now if node.is_ready}
    ill = {node.name for node in [*before, *now]} - well
    lasting = open_outages()
    new = [{"id": new_id(), "node_name": name, "began_at": at} for name in sorted(ill - set(lasting))]
    if new:
        # Two readings at once find the same.
        session().execute(insert(NodeOutage).on_conflict_do_nothing(), new)
    for name in well & set(lasting):
        lasting[name].ended_at = at


def open_outages() -> Mapping[str, NodeOutage]:
    """The outages that last, by the name of the node."""
    rows = session().scalars(select(NodeOutage).where(NodeOutage.ended_at.is_(None)))
    return {row.node_name: row for row in rows}


def outage_of(node_name: str) -> NodeOutage | None:
    """The outage of a node that lasts; None while it answers."""
    return open_outages().get(node_name)


def out_of_reach() -> frozenset[str]:
    """Nodes on whose disks nobody can look now: those that do not answer, and those that were removed for good."""
    newest = select(ClusterState.answered_at).scalar_subquery()
    is_listed = exists().where(NodeReading.at == newest, NodeReading.name == NodeOutage.node_name)
    is_gone = and_(NodeOutage.is_removed, ~is_listed)
    wanted = select(NodeOutage.node_name).where(or_(NodeOutage.ended_at.is_(None), is_gone))
    return frozenset(session().scalars(wanted))


def lock_untold(until: datetime) -> Sequence[NodeOutage]:
    """Outages that began before `until`, last, and that nobody was told of; locked, what another tells is left."""
    wanted = select(NodeOutage).where(
        NodeOutage.ended_at.is_(None), NodeOutage.told_at.is_(None), NodeOutage.began_at <= until
    )
    return session().scalars(wanted.with_for_update(skip_locked=True)).all()


def lock_over() -> Sequence[NodeOutage]:
    """Outages that people were told of, that are over, and whose end nobody was told of; locked likewise."""
    wanted = select(NodeOutage).where(
        NodeOutage.ended_at.is_not(None), NodeOutage.told_at.is_not(None), NodeOutage.end_told_at.is_(None)
    )
    return session().scalars(wanted.with_for_update(skip_locked=True)).all()
