"""Reads of joins, for staff: nothing here belongs to a customer, and no token comes out."""

import uuid
from collections.abc import Sequence

from sqlalchemy import select

from minispod.cluster.joining.errors import NoSuchJoin
from minispod.cluster.joining.models import NodeJoin
from minispod.cluster.joining.states import LIVE
from minispod.kernel.database import session

_SHOWN = 20


def get_join(join_id: uuid.UUID) -> NodeJoin:
    """One join; raise NoSuchJoin."""
    found = session().get(NodeJoin, join_id, populate_existing=True)
    if found is None:
        raise NoSuchJoin()
    return found


def list_joins() -> Sequence[NodeJoin]:
    """The newest joins, those that are live first."""
    is_over = NodeJoin.state.not_in(LIVE)
    wanted = select(NodeJoin).order_by(is_over, NodeJoin.requested_at.desc(), NodeJoin.id.desc())
    return session().scalars(wanted.limit(_SHOWN)).all()
