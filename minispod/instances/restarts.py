"""Restarts of instances as they were seen, so that their rate can be told: one row for each look that saw new ones."""

import uuid
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Index, delete, func, select
from sqlalchemy.orm import Mapped

from minispod.cluster.port import WorkloadSighting
from minispod.instances.models import Instance
from minispod.kernel.database import Base, Identified, session


class RestartsSeen(Identified, Base):
    """So many restarts came to one instance since the look before. No foreign key: instances are never deleted."""

    __tablename__ = "restarts_seen"
    __table_args__ = (Index("ix_restarts_seen_at", "at"),)

    instance_id: Mapped[uuid.UUID]
    at: Mapped[datetime]
    restarts: Mapped[int]


def note(instance: Instance, sighting: WorkloadSighting, *, at: datetime) -> None:
    """Take over what was seen; the containers of another pod count from nothing."""
    is_same = instance.pod_name == sighting.pod_name and sighting.restarts >= instance.restarts
    new = sighting.restarts - (instance.restarts if is_same else 0)
    instance.restarts = sighting.restarts
    if new:
        session().add(RestartsSeen(instance_id=instance.id, at=at, restarts=new))


def counted_since(since: datetime, until: datetime) -> Sequence[tuple[uuid.UUID, str, int]]:
    """Id, name and number of restarts of each instance that had any in (since, until]."""
    total = func.sum(RestartsSeen.restarts)
    rows = session().execute(
        select(Instance.id, Instance.name, total)
        .join(RestartsSeen, RestartsSeen.instance_id == Instance.id)
        .where(RestartsSeen.at > since, RestartsSeen.at <= until)
        .group_by(Instance.id, Instance.name)
        .order_by(Instance.name)
    )
    return [(id_, name, int(restarts)) for id_, name, restarts in rows]


def forget(before: datetime) -> None:
    """Remove what is older."""
    session().execute(delete(RestartsSeen).where(RestartsSeen.at < before))
