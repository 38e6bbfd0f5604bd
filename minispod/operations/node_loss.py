"""When a node is lost: whose instances it touches, who is told what, and how they come back elsewhere.

Kubernetes itself moves what every node can run. What is tied to the dead node (a volume on its disk) comes back with
it, or is restored elsewhere from the newest backup: by a click of staff, or by the clock where that is switched on.
"""

import uuid
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, or_, select

from minispod.accounts.models import User
from minispod.backups.models import Backup
from minispod.catalog.models import Service
from minispod.cluster import outages
from minispod.cluster.models import NodeOutage
from minispod.instances import volumes
from minispod.instances.controls import ensure_reconciled
from minispod.instances.models import Instance, InstanceVolume
from minispod.instances.queries import get_instance
from minispod.instances.states import InstanceStatus, VolumeStatus
from minispod.kernel.actor import Actor
from minispod.kernel.database import session
from minispod.kernel.errors import Refusal
from minispod.notifications import post
from minispod.notifications.messages import MessageKind
from minispod.operations import queries, requesting
from minispod.operations.errors import NodeAnswers
from minispod.operations.models import Operation
from minispod.operations.states import LIVE

Transaction = Callable[[], AbstractContextManager[object]]

# A node that reboots, or a network that hiccups, alarms nobody.
_TOLD_AFTER = timedelta(seconds=60)
# After its outage began: who takes a node out by mistake has put it back by then, and staff are told of it until then.
_GONE_AFTER = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Touched:
    """An instance that a lost node touches: `is_bound` when its data lie on that node only, `backup` of these data."""

    instance: Instance
    owner: User
    service: str
    is_bound: bool
    backup: Backup | None
    operation: Operation | None

    @property
    def url(self) -> str | None:
        """The address that the customer opens; None when it is not a web page."""
        return self.instance.public_url if self.instance.is_web else None

    def loss(self, at: datetime) -> timedelta | None:
        """How much would be lost if it was restored from its newest backup now; None when there is none."""
        return at - self.backup.taken_at if self.backup is not None else None


def touched_by(node_name: str) -> Sequence[Touched]:
    """The instances whose data lie on a node, and those that were last seen running there; for staff and for us.

    One statement, however many they are.
    """
    lies_there = and_(InstanceVolume.node_name == node_name, InstanceVolume.is_node_bound.is_(True))
    rows = session().execute(
        select(Instance, User, Service.name, InstanceVolume, Backup, Operation)
        .join(User, User.id == Instance.user_id)
        .outerjoin(Service, Service.slug == Instance.service_slug)
        .outerjoin(
            InstanceVolume,
            and_(InstanceVolume.instance_id == Instance.id, InstanceVolume.status == VolumeStatus.ACTIVE),
        )
        .outerjoin(
            Backup,
            and_(
                Backup.id == queries.newest_usable_id(Instance.id),
                # What there is from before a restore or a reset is of other data.
                or_(InstanceVolume.data_since.is_(None), Backup.taken_at >= InstanceVolume.data_since),
            ),
        )
        .outerjoin(Operation, and_(Operation.instance_id == Instance.id, Operation.status.in_(LIVE)))
        .where(
            Instance.status != InstanceStatus.TERMINATED,
            or_(
                lies_there,
                and_(Instance.node_name == node_name, InstanceVolume.is_node_bound.is_not(True)),
            ),
        )
        .order_by(Instance.name)
    )
    return [
        Touched(
            instance,
            owner,
            service or instance.service_slug,
            bool(volume and volume.is_node_bound),
            backup,
            operation,
        )
        for instance, owner, service, volume, backup, operation in rows
    ]


def tell(*, at: datetime) -> None:
    """Tell owners of outages that last, and of their end; each once. Administrators are told by the alert book."""
    for outage in outages.lock_untold(at - _TOLD_AFTER):
        for each in touched_by(outage.node_name):
            _tell_loss(outage, each, at)
        outage.told_at = at
    for outage in outages.lock_over():
        for each in touched_by(outage.node_name):
            if each.is_bound and each.operation is None:
                _tell_return(outage, each, at)
        outage.end_told_at = at


def let_go(*, listed: Collection[str], at: datetime) -> None:
    """End the outages of nodes that are not in the cluster any more, once no instance waits for them."""
    for outage in outages.open_outages().values():
        is_gone = outage.node_name not in listed and at - outage.began_at >= _GONE_AFTER
        if is_gone and not touched_by(outage.node_name):
            outage.ended_at, outage.is_removed = at, True


def make_way(*, at: datetime) -> None:
    """See to it that what a lost node displaces finds room in its namespace's quota before the cluster replaces it."""
    touched = (each for outage in outages.lock_untold(at) for each in touched_by(outage.node_name))
    for each in sorted(touched, key=lambda each: each.instance.id):  # as the sweep that sees them drift
        if not each.is_bound and each.instance.status is InstanceStatus.RUNNING:
            ensure_reconciled(each.instance, at)


def keep_safe(*, keep: timedelta, at: datetime) -> None:
    """While a node is away, and for `keep` after its return, no volume there is deleted: nobody could look."""
    lost = outages.open_outages()
    if lost:
        volumes.keep_on(lost.keys(), at + keep)


def evacuate(
    node_name: str, *, transaction: Transaction, actor: Actor, at: datetime
) -> tuple[int, Sequence[tuple[str, str]]]:
    """Have everything that is tied to a lost node restored elsewhere from its newest backup.

    Each instance has a transaction of its own: nobody waits for the locks of a whole node, and what a crash left out is
    asked for by the next call. Returns how many restores were asked for, and for each instance that cannot be restored
    its name and the reason. An instance that an operation holds is left out. A node that answers is refused
    (NodeAnswers).
    """
    _require_lost(node_name)
    waiting = [
        (each.instance.id, each.instance.name)
        for each in touched_by(node_name)
        if each.is_bound and each.operation is None
    ]
    asked, refused = 0, []
    for instance_id, name in waiting:
        try:
            with transaction():
                evacuate_one(instance_id, actor=actor, at=at)
            asked += 1
        except Refusal as refusal:
            refused.append((name, refusal.message))
    return asked, refused


def evacuate_one(instance_id: uuid.UUID, *, actor: Actor, at: datetime) -> Operation:
    """The same for one instance; refuses NodeAnswers, and what `requesting.evacuate` refuses."""
    instance = get_instance(instance_id, actor=actor)
    volume = volumes.volume_of(instance.id, instance.volume_number)
    _require_lost((volume.node_name if volume else None) or instance.node_name)
    return requesting.evacuate(instance.id, actor=actor, at=at)


def evacuate_overdue(*, after: timedelta, transaction: Transaction, actor: Actor, at: datetime) -> int:
    """The same by the clock, for every node lost for `after`; returns how many restores were asked for."""
    lost = [outage for outage in outages.open_outages().values() if at - outage.began_at >= after]
    return sum(evacuate(outage.node_name, transaction=transaction, actor=actor, at=at)[0] for outage in lost)


def _require_lost(node_name: str | None) -> None:
    if node_name is None or outages.outage_of(node_name) is None:
        raise NodeAnswers(node=node_name)


def _tell_loss(outage: NodeOutage, touched: Touched, at: datetime) -> None:
    backup = touched.backup
    post.queue(
        MessageKind.NODE_LOST,
        _recipient(touched),
        dedupe_key=f"{MessageKind.NODE_LOST.value}:{outage.id}:{touched.instance.id}",
        at=at,
        facts={
            "service": touched.service,
            "url": touched.url,
            "since": outage.began_at.isoformat(),
            "is_bound": touched.is_bound,
            "backup_at": backup.taken_at.isoformat() if backup else None,
        },
    )


def _tell_return(outage: NodeOutage, touched: Touched, at: datetime) -> None:
    post.queue(
        MessageKind.NODE_BACK,
        _recipient(touched),
        dedupe_key=f"{MessageKind.NODE_BACK.value}:{outage.id}:{touched.instance.id}",
        at=at,
        facts={"service": touched.service, "url": touched.url},
    )


def _recipient(touched: Touched) -> post.Recipient:
    return post.Recipient(touched.owner.name, touched.owner.email, touched.owner.id)
