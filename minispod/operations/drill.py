"""The drill: a backup is restored where nobody runs, read back, and thrown away; its date is what `proven_at` says.

Each drill has a namespace of its own, which goes with it, whatever happened. The newest backup of each instance is a
candidate; those of instances that were proven longest ago, or never, come first.
"""

import uuid
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from sqlalchemy import func, select

from minispod.audit import trail
from minispod.backups import keeping
from minispod.backups.errors import BackupBroken, BackupKeyLost
from minispod.backups.models import Backup, BackupPart, BackupStatus
from minispod.catalog.recipes import generate_secrets, get_recipe
from minispod.cluster.port import ClusterRefused, CommandFailed, Manifest, NoSuchObject
from minispod.instances.creation import AddressRules
from minispod.instances.exposing import passing_exposure
from minispod.instances.manifests import InstanceSpec
from minispod.instances.models import Instance
from minispod.instances.namespace_manifests import namespace_manifests
from minispod.instances.naming import DRILL_PREFIX, workbench_name
from minispod.instances.specifying import ClusterRules, walls_around
from minispod.instances.workbench import backup_commands, restore_commands, workbench_manifests
from minispod.kernel import outbox
from minispod.kernel.actor import Actor
from minispod.kernel.database import lock, session
from minispod.kernel.tasks import Task
from minispod.operations import telling
from minispod.operations.models import Drill
from minispod.operations.orders import Hands

log = structlog.get_logger()

_LOOK_EVERY = 1.0
_CPU_MILLI = 500
_GIGABYTE = 2**30
# What is read back may differ a little from what was written: a dump names the moment, a server its own settings.
_LEAST_SHARE = 0.75


@dataclass(frozen=True, slots=True)
class DrillOrder:
    """All that is needed to carry out one drill; no secret shows when it is printed."""

    drill_id: uuid.UUID
    backup_id: uuid.UUID
    spec: InstanceSpec = field(repr=False)
    walls: list[Manifest] = field(repr=False)
    parts: dict[str, BackupPart] = field(repr=False)
    patience: float = 300.0


def request_due(*, every: timedelta, sample: int, at: datetime) -> int:
    """Ask for a drill of `sample` backups if the last one is `every` ago; returns how many were asked for."""
    last = session().scalar(select(func.max(Drill.requested_at)))
    if last is not None and last > at - every:
        return 0
    chosen = _longest_unproven(sample)
    for backup_id in chosen:
        drill = Drill(backup_id=backup_id, requested_at=at)
        session().add(drill)
        session().flush()  # its id is asked for now
        outbox.later(Task.DRILL_BACKUP, key=str(drill.id), at=at, drill_id=str(drill.id))
    return len(chosen)


def claim(
    drill_id: uuid.UUID, *, rules: ClusterRules, addresses: AddressRules, at: datetime
) -> DrillOrder | None:
    """What is to be restored, and where; None when it is done, or the backup was removed meanwhile."""
    drill: Drill | None = lock(Drill, drill_id)
    if drill is None or drill.ended_at is not None:
        return None
    backup = session().get_one(Backup, drill.backup_id)
    if backup.status is not BackupStatus.DONE or backup.removed_at is not None:
        return None
    instance = session().get_one(Instance, backup.instance_id)
    spec = _spec(drill, backup, instance, rules, addresses, at)
    parts = {part.name: part for part in keeping.parts_of(backup.id)}
    patience = float(max(rules.ready_timeout, spec.recipe.start_seconds))
    return DrillOrder(
        drill.id, backup.id, spec, namespace_manifests(walls_around(spec, rules)), parts, patience
    )


def carry_out(order: DrillOrder, hands: Hands, *, wait: Callable[[float], None]) -> str | None:
    """Restore and read back in a namespace made for it; why it failed, None when all is well.

    Raises Unavailable, Overtaken; the namespace is asked to go in any case.
    """
    namespace = order.spec.namespace
    _until(lambda: hands.cluster.delete_namespace(namespace), order.patience, hands, wait)
    try:
        hands.cluster.apply(order.walls)
        return _restore(order, hands, wait) or _read_back(order, hands)
    except (BackupBroken, BackupKeyLost, ClusterRefused) as refusal:
        return refusal.message
    except (CommandFailed, NoSuchObject) as failure:
        return f"The data could not be restored: {failure.message}"
    finally:
        hands.cluster.delete_namespace(namespace)


def settle(order: DrillOrder, failure: str | None, *, actor: Actor, at: datetime) -> None:
    """Write down how it went; a failure calls the administrators."""
    drill: Drill | None = lock(Drill, order.drill_id)
    if drill is None or drill.ended_at is not None:
        return
    drill.ended_at, drill.error = at, failure
    backup: Backup | None = lock(Backup, order.backup_id)
    if backup is None:
        return
    if failure is None:
        backup.proven_at = at
    trail.record(
        actor,
        trail.Action.BACKUP_PROVEN if failure is None else trail.Action.BACKUP_NOT_PROVEN,
        at=at,
        subject_kind="backup",
        subject_id=backup.id,
        instance_id=str(backup.instance_id),
        error=failure,
    )
    if failure is not None:
        telling.call_for_drill(drill, session().get_one(Instance, backup.instance_id), at=at)


def _longest_unproven(sample: int) -> Sequence[uuid.UUID]:
    newest = (
        select(
            Backup.id,
            func.row_number()
            .over(partition_by=Backup.instance_id, order_by=(Backup.taken_at.desc(), Backup.id.desc()))
            .label("place"),
            func.max(Backup.proven_at).over(partition_by=Backup.instance_id).label("proven_at"),
        )
        .where(Backup.status == BackupStatus.DONE, Backup.removed_at.is_(None))
        .subquery()
    )
    wanted = (
        select(newest.c.id)
        .where(newest.c.place == 1)
        .order_by(newest.c.proven_at.asc().nulls_first(), newest.c.id)
        .limit(sample)
    )
    return session().scalars(wanted).all()


def _spec(
    drill: Drill,
    backup: Backup,
    instance: Instance,
    rules: ClusterRules,
    addresses: AddressRules,
    at: datetime,
) -> InstanceSpec:
    recipe = get_recipe(backup.service_slug).at(backup.version)
    host = f"drill.{addresses.base_domain}"
    return InstanceSpec(
        instance_id=drill.id,
        subscription_id=drill.id,
        user_id=drill.id,
        namespace=f"{DRILL_PREFIX}{drill.id.hex}",
        name="drill",
        service_slug=recipe.slug,
        recipe=recipe,
        host=host,
        public_url=f"{addresses.scheme}://{host}",
        cpu_milli=_CPU_MILLI,
        memory_mb=max(instance.memory_mb, recipe.min_memory_mb),
        storage_gb=2 * backup.plain_size // _GIGABYTE + 1,
        secrets=generate_secrets(recipe),
        replicas=0,
        storage_class=rules.storage_class or None,
        ingress_class=rules.ingress_class,
        tls=False,
        priority_class=rules.priority_class or None,
        exposure=passing_exposure("drill", host, at) if recipe.tls else None,
        cpu_request_ratio=rules.cpu_request_ratio,
        memory_request_ratio=rules.memory_request_ratio,
    )


def _restore(order: DrillOrder, hands: Hands, wait: Callable[[float], None]) -> str | None:
    spec, bench = order.spec, workbench_name(order.spec.name)
    hands.cluster.apply(workbench_manifests(spec, claim=spec.names.claim, storage_gb=spec.storage_gb))
    if not _until(lambda: _is_ready(order, hands), order.patience, hands, wait):
        return "A place to restore it did not become ready in time."
    for each in restore_commands(spec.recipe):
        part = order.parts.get(each.part)
        if part is None:
            return f"The backup lacks the part '{each.part}'."
        chunks = hands.watched(hands.vault.fetch(part))
        hands.cluster.write_to(spec.namespace, bench, each.container, each.command, chunks, part.plain_size)
    return None


def _read_back(order: DrillOrder, hands: Hands) -> str | None:
    """Copy what was restored once more: an empty database or archive is found out by its size."""
    if not _is_ready(order, hands):
        return "The database did not stay up with the restored data."
    for each in backup_commands(order.spec.recipe):
        stream = hands.cluster.read_from(
            order.spec.namespace, workbench_name(order.spec.name), each.container, each.command
        )
        with closing(stream):  # type: ignore[type-var]
            size = sum(len(chunk) for chunk in hands.watched(stream))
        stored = order.parts[each.part].plain_size
        if not size or size < stored * _LEAST_SHARE:
            return f"Of the part '{each.part}' with {stored} bytes only {size} were there after restoring."
    return None


def _is_ready(order: DrillOrder, hands: Hands) -> bool:
    pod = hands.cluster.see_pod(order.spec.namespace, workbench_name(order.spec.name))
    return pod is not None and pod.is_ready


def _until(done: Callable[[], bool], patience: float, hands: Hands, wait: Callable[[float], None]) -> bool:
    waited = 0.0
    while not done():
        hands.watch()
        if waited >= patience:
            return False
        wait(_LOOK_EVERY)
        waited += _LOOK_EVERY
    return True
