"""How nodes were when they were not well: conditions that came and went, noted with every reading of the nodes.

That a node does not answer is an outage (outages.py), because people are told of it; both are read together here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from sqlalchemy import delete, or_, select
from sqlalchemy.dialects.postgresql import insert

from minispod.cluster.models import NodeOutage, NodeSpell
from minispod.cluster.port import NodeSighting
from minispod.kernel.database import session
from minispod.kernel.ids import new_id

OUT_OF_SERVICE = "OutOfService"
NOT_READY = "NotReady"
REMOVED = "Removed"
Row = TypeVar("Row", NodeSpell, NodeOutage)

_LONGEST_NAME = 120
_SHOWN = 50


@dataclass(frozen=True, slots=True)
class Spell:
    """A span in which something was wrong; it lasts while `ended_at` is None."""

    condition: str
    began_at: datetime
    ended_at: datetime | None


def note(now: Sequence[NodeSighting], at: datetime) -> None:
    """Open and close spells by one reading of all nodes."""
    wrong = {(node.name, condition) for node in now for condition in _wrong_with(node)}
    open_rows = session().scalars(select(NodeSpell).where(NodeSpell.ended_at.is_(None)))
    lasting = {(row.node_name, row.condition): row for row in open_rows}
    new = [
        {"id": new_id(), "node_name": name, "condition": condition, "began_at": at}
        for name, condition in sorted(wrong - set(lasting))
    ]
    if new:
        # Two readings at once (a drain has its own) find the same.
        session().execute(insert(NodeSpell).on_conflict_do_nothing(), new)
    for key in set(lasting) - wrong:
        lasting[key].ended_at = at


def list_spells(node_name: str, since: datetime) -> Sequence[Spell]:
    """What was wrong with a node since then, newest first; the newest fifty."""
    named = [Spell(row.condition, row.began_at, row.ended_at) for row in _rows(NodeSpell, node_name, since)]
    away = [
        Spell(REMOVED if row.is_removed else NOT_READY, row.began_at, row.ended_at)
        for row in _rows(NodeOutage, node_name, since)
    ]
    return sorted([*named, *away], key=lambda spell: spell.began_at, reverse=True)[:_SHOWN]


def forget(*, before: datetime) -> None:
    """Remove spells that ended before."""
    session().execute(delete(NodeSpell).where(NodeSpell.ended_at < before))


def _rows(model: type[Row], node_name: str, since: datetime) -> Sequence[Row]:
    lately = or_(model.ended_at.is_(None), model.ended_at >= since)
    wanted = select(model).where(model.node_name == node_name, lately)
    return session().scalars(wanted.order_by(model.began_at.desc()).limit(_SHOWN)).all()


def _wrong_with(node: NodeSighting) -> set[str]:
    """Conditions that should not hold. Of a node that does not answer nothing is known: that is its outage."""
    wrong = {
        condition[:_LONGEST_NAME]
        for condition, status in node.conditions.items()
        if condition != "Ready" and status == "True"
    }
    # A control plane that takes no customers is as it should be.
    return wrong | (
        {OUT_OF_SERVICE} if node.is_ready and not (node.is_schedulable or node.is_control_plane) else set()
    )
