"""Namespaces of customers who have nothing left in the cluster: found here, deleted by a job.

A namespace goes only when every instance in it is gone for a while, by a decision recorded on each of
them. The name stays the customer's: the next order makes the namespace again. One that was marked and is still found
in the cluster (whoever marked it died) is taken up again.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import exists, select

from minispod.instances.models import Instance, Tenancy
from minispod.instances.orphan_models import Orphan, OrphanKind
from minispod.instances.states import InstanceStatus
from minispod.kernel.database import session

_QUIET_FOR = timedelta(minutes=10)


def claim_empty_namespaces(at: datetime, limit: int = 20) -> Sequence[str]:
    """Mark namespaces as cleared and return their names; whoever gets a name deletes it."""
    busy = exists().where(
        Instance.user_id == Tenancy.user_id,
        (Instance.status != InstanceStatus.TERMINATED) | (Instance.updated_at > at - _QUIET_FOR),
    )
    left_behind = exists().where(Orphan.kind == OrphanKind.NAMESPACE, Orphan.name == Tenancy.namespace)
    rows = (
        session()
        .scalars(
            select(Tenancy)
            .where(Tenancy.cleared_at.is_(None) | left_behind, ~busy)
            .order_by(Tenancy.created_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        .all()
    )
    for row in rows:
        row.cleared_at = at
    return [row.namespace for row in rows]


def is_still_cleared(namespace: str) -> bool:
    """Tell whether nobody has come back to it since it was claimed."""
    cleared = session().scalar(select(Tenancy.cleared_at).where(Tenancy.namespace == namespace))
    return cleared is not None


def give_back(namespace: str) -> None:
    """The namespace could not be deleted; it is claimed again later."""
    row = session().scalar(select(Tenancy).where(Tenancy.namespace == namespace).with_for_update())
    if row is not None:
        row.cleared_at = None
