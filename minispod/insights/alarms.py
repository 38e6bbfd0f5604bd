"""What the rules of the alert book look at, read in a constant number of statements. Only reads.

While the cluster is silent the last known picture is read all the same: what it is worth, `alerts/judging` says.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Uuid, and_, case, cast, exists, func, or_, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Mapped

from minispod.alerts.facts import (
    Facts,
    HeldPayment,
    InstanceFact,
    LostNode,
    NodeUse,
    ProofFact,
    WaitingTask,
)
from minispod.backups.models import Backup, BackupStatus, TroubleKind
from minispod.backups.standing import Standing, in_trouble, standings
from minispod.cluster.models import ClusterState, NodeOutage, NodeReading
from minispod.insights import backups
from minispod.instances import restarts
from minispod.instances.models import Instance, InstanceVolume
from minispod.instances.states import InstanceStatus, VolumeStatus, Wanted
from minispod.instances.uptime.models import AvailabilitySpan, ClusterWatch
from minispod.instances.uptime.models import Standing as Uptime
from minispod.instances.usage.models import UsageSample
from minispod.kernel.database import session
from minispod.kernel.outbox import OutboxRow
from minispod.kernel.tasks import Task
from minispod.notifications.models import DeliveryState, Notification
from minispod.operations.nodes.models import NodeOperation
from minispod.operations.nodes.states import NodeAct, NodeActStatus
from minispod.payments.models import TopUp
from minispod.payments.states import TopUpState
from minispod.proof import history

_HOUR = timedelta(hours=1)
# Figures of use are averaged over this time, and measured volumes not older than it.
_MINUTES = timedelta(minutes=15)
# Certificates are renewed a month ahead; what is left two weeks before the end was not.
_CERTIFICATE_LATE = timedelta(days=14)
_FAILURES = 6
_MAIL_FAILURES = 3


def read(*, backup_alarm: timedelta, late_after: timedelta, at: datetime) -> Facts:
    """Everything the rules look at, at this moment."""
    state = session().get(ClusterState, 1, populate_existing=True)
    failed, overdue = _troubled_backups(backup_alarm, at)
    return Facts(
        silent_since=state.silent_since if state else None,
        nodes_at=state.answered_at if state else None,
        looked_at=session().scalar(select(func.max(ClusterWatch.until))),
        lost_nodes=_lost_nodes(state.answered_at if state else None),
        nodes=_node_use(state.answered_at if state else None),
        down=_down(),
        failed=_failed(),
        restarted=[
            InstanceFact(str(id_), name, number=n) for id_, name, n in restarts.counted_since(at - _HOUR, at)
        ],
        volumes=_volumes(at),
        certificates=_certificates(at),
        backups_failed=failed,
        backups_overdue=overdue,
        undecided=[
            InstanceFact(str(e.instance.id), e.instance.name, reason=e.error) for e in backups.undecided()
        ],
        late=_late_work(late_after, at),
        unsent=_unsent(late_after, at),
        held=_held(),
        proof=_proof(at),
    )


def _lost_nodes(newest: datetime | None) -> list[LostNode]:
    """Nodes that do not answer, with how many instances they touch; the same instances as `node_loss.touched_by`.

    Not among them is one that was taken out of service and then out of the cluster, once nothing is tied to it.
    """
    is_bound = InstanceVolume.is_node_bound.is_(True)
    touches = or_(
        and_(InstanceVolume.node_name == NodeOutage.node_name, is_bound),
        and_(Instance.node_name == NodeOutage.node_name, InstanceVolume.is_node_bound.is_not(True)),
    )
    has_backup = exists().where(
        Backup.instance_id == Instance.id, Backup.status == BackupStatus.DONE, Backup.removed_at.is_(None)
    )
    touched = (
        select(
            NodeOutage.node_name,
            func.count()
            .filter(func.coalesce(InstanceVolume.is_node_bound, False).is_(False))
            .label("movable"),
            func.count().filter(is_bound).label("bound"),
            func.count().filter(is_bound, ~has_backup).label("bare"),
        )
        .select_from(Instance)
        .outerjoin(
            InstanceVolume,
            and_(InstanceVolume.instance_id == Instance.id, InstanceVolume.status == VolumeStatus.ACTIVE),
        )
        .join(NodeOutage, and_(NodeOutage.ended_at.is_(None), touches))
        .where(Instance.status != InstanceStatus.TERMINATED)
        .group_by(NodeOutage.node_name)
        .subquery()
    )
    last_act = (
        select(NodeOperation.act)
        .where(NodeOperation.node_name == NodeOutage.node_name, NodeOperation.status == NodeActStatus.DONE)
        .order_by(NodeOperation.requested_at.desc())
        .limit(1)
        .scalar_subquery()
    )
    is_listed = exists().where(NodeReading.at == newest, NodeReading.name == NodeOutage.node_name)
    rows = session().execute(
        select(NodeOutage.node_name, NodeOutage.began_at, touched.c.movable, touched.c.bound, touched.c.bare)
        .outerjoin(touched, touched.c.node_name == NodeOutage.node_name)
        .where(
            NodeOutage.ended_at.is_(None),
            or_(
                is_listed,
                touched.c.node_name.is_not(None),
                func.coalesce(last_act, NodeAct.UNCORDON) == NodeAct.UNCORDON,
            ),
        )
        .order_by(NodeOutage.node_name)
    )
    return [
        LostNode(name, since, movable or 0, bound or 0, bare or 0)
        for name, since, movable, bound, bare in rows
    ]


def _node_use(newest: datetime | None) -> list[NodeUse]:
    """The nodes of the newest picture, averaged over the minutes before it."""
    if newest is None:
        return []

    def share(used: Mapped[int | None], of: Mapped[int]) -> ColumnElement[Any]:
        return func.avg(used * 100.0 / func.nullif(of, 0))

    is_there = func.bool_or(NodeReading.at == newest)
    # As `capacity.workers_of`: where every node is both, all of them are workers.
    has_workers = (
        select(NodeReading.name).where(NodeReading.at == newest, ~NodeReading.is_control_plane).exists()
    )
    is_worker = func.bool_and(
        and_(NodeReading.is_schedulable, or_(~NodeReading.is_control_plane, ~has_workers))
    )
    rows = session().execute(
        select(
            NodeReading.name,
            share(NodeReading.cpu_used, NodeReading.cpu_allocatable),
            share(NodeReading.memory_used, NodeReading.memory_allocatable),
            is_worker,
        )
        .where(NodeReading.at > newest - _MINUTES, NodeReading.at <= newest)
        .group_by(NodeReading.name)
        .having(is_there)
        .order_by(NodeReading.name)
    )
    return [NodeUse(name, _float(cpu), _float(memory), worker) for name, cpu, memory, worker in rows]


def _down() -> list[InstanceFact]:
    """Instances that were seen down; of one that failed for good the alert is another.

    What is tied to a node by its data is on that node also while its pod waits for it, and is on none.
    """
    rows = session().execute(
        select(
            Instance.id,
            Instance.name,
            AvailabilitySpan.began_at,
            func.coalesce(InstanceVolume.node_name, Instance.node_name),
        )
        .join(AvailabilitySpan, AvailabilitySpan.instance_id == Instance.id)
        .outerjoin(
            InstanceVolume,
            and_(
                InstanceVolume.instance_id == Instance.id,
                InstanceVolume.status == VolumeStatus.ACTIVE,
                InstanceVolume.is_node_bound.is_(True),
            ),
        )
        .where(
            AvailabilitySpan.ended_at.is_(None),
            AvailabilitySpan.standing == Uptime.DOWN,
            Instance.status != InstanceStatus.ERROR,
        )
        .order_by(Instance.name)
    )
    return [InstanceFact(str(id_), name, since, node) for id_, name, since, node in rows]


def _failed() -> list[InstanceFact]:
    rows = session().execute(
        select(Instance.id, Instance.name, func.coalesce(Instance.last_error, Instance.health_status))
        .where(Instance.status == InstanceStatus.ERROR, Instance.wanted != Wanted.ABSENT)
        .order_by(Instance.name)
    )
    return [InstanceFact(str(id_), name, reason=reason) for id_, name, reason in rows]


def _volumes(at: datetime) -> list[InstanceFact]:
    """What was last measured of each volume, in megabytes."""
    newest = (
        select(UsageSample.instance_id, UsageSample.storage_mb)
        .ext(distinct_on(UsageSample.instance_id))
        .where(UsageSample.at > at - _MINUTES, UsageSample.at <= at, UsageSample.storage_mb.is_not(None))
        .order_by(UsageSample.instance_id, UsageSample.at.desc())
        .subquery()
    )
    rows = session().execute(
        select(Instance.id, Instance.name, newest.c.storage_mb, Instance.storage_gb * 1024)
        .join(newest, newest.c.instance_id == Instance.id)
        .where(Instance.status != InstanceStatus.TERMINATED)
        .order_by(Instance.name)
    )
    return [InstanceFact(str(id_), name, number=used, of=size) for id_, name, used, size in rows]


def _certificates(at: datetime) -> list[InstanceFact]:
    rows = session().execute(
        select(Instance.id, Instance.name, Instance.certificate_ends_at)
        .where(
            Instance.certificate_ends_at < at + _CERTIFICATE_LATE,
            Instance.status != InstanceStatus.TERMINATED,
            Instance.wanted == Wanted.RUNNING,
        )
        .order_by(Instance.name)
    )
    return [InstanceFact(str(id_), name, ends_at) for id_, name, ends_at in rows]


def _troubled_backups(alarm: timedelta, at: datetime) -> tuple[list[InstanceFact], list[InstanceFact]]:
    """Those whose backups fail, and those whose newest one is too old."""
    found: dict[TroubleKind, list[InstanceFact]] = {kind: [] for kind in TroubleKind}
    for row in session().execute(standings().where(in_trouble(at, alarm)).order_by(Instance.name)):
        standing = Standing(*row)
        kind = standing.trouble(at, alarm)
        if kind is not None:
            found[kind].append(_of_standing(standing))
    return found[TroubleKind.FAILED], found[TroubleKind.OVERDUE]


def _of_standing(standing: Standing) -> InstanceFact:
    return InstanceFact(
        str(standing.instance.id),
        standing.instance.name,
        since=standing.newest.taken_at if standing.newest else None,
        reason=standing.failed.error if standing.failed else None,
    )


def _late_work(limit: timedelta, at: datetime) -> list[WaitingTask]:
    """Work that is long overdue and with nobody, or that has failed again and again for as long, by kind."""
    is_free = or_(OutboxRow.leased_until.is_(None), OutboxRow.leased_until < at)
    is_overdue = and_(OutboxRow.run_after < at - limit, is_free)
    keeps_failing = and_(
        OutboxRow.last_error.is_not(None), OutboxRow.attempts >= _FAILURES, OutboxRow.created_at < at - limit
    )
    since = case((is_overdue, OutboxRow.run_after), else_=OutboxRow.created_at)
    rows = session().execute(
        select(
            OutboxRow.task,
            func.count(),
            func.count().filter(OutboxRow.last_error.is_not(None)),
            func.min(since),
        )
        .where(or_(is_overdue, keeps_failing))
        .group_by(OutboxRow.task)
        .order_by(OutboxRow.task)
    )
    return [WaitingTask(task, total, failing, oldest) for task, total, failing, oldest in rows]


def _unsent(limit: timedelta, at: datetime) -> WaitingTask | None:
    """Messages that were tried several times and wait for long; found by their work, of which there is little."""
    total, since = (
        session()
        .execute(
            select(func.count(), func.min(Notification.created_at))
            .join(OutboxRow, cast(OutboxRow.args["message_id"].astext, Uuid) == Notification.id)
            .where(
                OutboxRow.task == Task.DELIVER_MESSAGE.value,
                Notification.state == DeliveryState.QUEUED,
                Notification.attempts >= _MAIL_FAILURES,
                Notification.created_at < at - limit,
            )
        )
        .one()
    )
    return WaitingTask(Task.DELIVER_MESSAGE.value, total, total, since) if total else None


def _held() -> list[HeldPayment]:
    rows = session().scalars(select(TopUp).where(TopUp.state == TopUpState.REVIEW).order_by(TopUp.number))
    return [HeldPayment(str(row.id), row.custom_id, int(row.amount), row.review_reason) for row in rows]


def _proof(at: datetime) -> ProofFact | None:
    standing = history.standing(at)
    run = standing.run
    if run is None or (standing.open == 0 and run.unfinished == 0):
        return None
    return ProofFact(run.digest, standing.open, run.unfinished)


def _float(value: Any) -> float | None:
    return float(value) if value is not None else None
