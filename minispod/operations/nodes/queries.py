"""Reads of acts on nodes, for staff: nothing here belongs to a customer."""

import uuid
from collections.abc import Mapping, Sequence

from sqlalchemy import select

from minispod.accounts.models import User
from minispod.instances.models import Instance
from minispod.kernel.database import session
from minispod.operations.models import Operation
from minispod.operations.nodes.errors import NoSuchNodeOperation
from minispod.operations.nodes.models import NodeOperation
from minispod.operations.nodes.states import LIVE


def get(operation_id: uuid.UUID) -> NodeOperation:
    """One act; raise NoSuchNodeOperation."""
    found = session().get(NodeOperation, operation_id)
    if found is None:
        raise NoSuchNodeOperation()
    return found


def live_on(node: str) -> NodeOperation | None:
    """What is being done with a node now."""
    wanted = select(NodeOperation).where(NodeOperation.node_name == node, NodeOperation.status.in_(LIVE))
    return session().scalar(wanted)


def newest(node: str, limit: int = 10) -> Sequence[NodeOperation]:
    """What was done with a node lately, newest first."""
    wanted = select(NodeOperation).where(NodeOperation.node_name == node)
    newest_first = wanted.order_by(NodeOperation.requested_at.desc(), NodeOperation.id.desc())
    return session().scalars(newest_first.limit(limit)).all()


def instances_of(operation: NodeOperation) -> Sequence[tuple[Instance, User]]:
    """The instances that were on the node when it was asked for, with their owners, as they stand now."""
    ids = [uuid.UUID(each) for each in operation.instances]
    wanted = select(Instance, User).join(User, User.id == Instance.user_id).where(Instance.id.in_(ids))
    return [(instance, owner) for instance, owner in session().execute(wanted.order_by(Instance.name))]


def moves_of(operation: NodeOperation) -> Mapping[uuid.UUID, Operation]:
    """The moves that a drain has asked for, by instance."""
    ids = [uuid.UUID(each) for each in operation.moves.values()]
    return {
        each.instance_id: each for each in session().scalars(select(Operation).where(Operation.id.in_(ids)))
    }
