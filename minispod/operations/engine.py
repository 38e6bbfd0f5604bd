"""Bring an operation to its end, step by step: claim, carry out, settle; resumable at every step.

`claim` and `settle` run in units of work of their own and lock the instance, then the operation; `carrying.carry_out`
talks between them. A step that was interrupted is repeated; one that writes data is thrown away with its attempt
instead. The number of the claim (`turn`) tells a worker that was overtaken.
"""

import uuid
from dataclasses import replace
from datetime import datetime, timedelta

from minispod.backups import keeping
from minispod.backups.errors import BackupBroken, BackupOver
from minispod.backups.models import Backup, BackupPart, BackupReason, BackupStatus
from minispod.catalog.recipes import get_recipe
from minispod.cluster import outages
from minispod.instances import controls, exposing, volumes
from minispod.instances.models import Instance, InstanceVolume
from minispod.instances.namespace_manifests import namespace_manifests
from minispod.instances.naming import claim_name
from minispod.instances.specifying import spec_of, walls_of
from minispod.instances.states import IN_TRANSITION, InstanceStatus, VolumeStatus, Wanted
from minispod.instances.workbench import backup_commands
from minispod.kernel import outbox
from minispod.kernel.database import lock, session
from minispod.kernel.sealed import Sealer
from minispod.kernel.tasks import Task
from minispod.operations import ending
from minispod.operations.models import Operation
from minispod.operations.orders import Answer, Report, StepOrder
from minispod.operations.plans import OTHER_DATA, USES_STORE, WRITES_DATA, is_switched, step_after, words_of
from minispod.operations.rules import OperationRules
from minispod.operations.states import OperationKind, OperationStatus, Step

_SOON = timedelta(seconds=2)
_NOW = timedelta(0)
_REFUSED = timedelta(seconds=30)
_INTERRUPTED = "The work was interrupted."
_DELETED = "The instance is being deleted."
_NODE_IS_BACK = "The server answers again, with all the data: nothing has to be restored."
_EXPIRED = "The subscription has ended, so the instance stays stopped."
_BUSY = "The instance did not come to rest in time."
_TOO_SLOW = {
    Step.QUIESCE: "The application could not be stopped in time.",
    Step.OPEN_OLD: "The data could not be opened in time.",
    Step.OPEN_FRESH: "A new volume could not be prepared in time.",
    Step.PROVE: "The new version did not become ready in time.",
}


def claim(
    operation_id: uuid.UUID, *, rules: OperationRules, sealer: Sealer, at: datetime
) -> StepOrder | timedelta | None:
    """Take up the next step; a span when it must wait, None when nothing is left. Locks instance and operation."""
    found = _lock(operation_id)
    if found is None:
        return None
    operation, instance = found
    operation.turn += 1
    if operation.status is OperationStatus.PENDING:
        operation.status, operation.started_at = OperationStatus.RUNNING, at
    _look_around(operation, instance, at)
    if operation.step is Step.BEGIN:
        wait = _begin(operation, instance, rules, at)
        if wait is not None:
            return wait
    if operation.step is Step.SWITCH:
        _switch(operation, instance, rules, sealer, at)
    if operation.step is Step.ENDED:
        ending.end(operation, instance, at=at)
        return None
    if operation.step in (Step.QUIESCE, Step.COPY_LIVE) and any(
        outbox.is_leased(task, str(instance.id), at) for task in (Task.RECONCILE_INSTANCE, Task.ROTATE_SECRET)
    ):
        return _SOON  # it may still be started, or given another password, by a worker that began before
    return _order(operation, instance, rules, sealer, at)


def settle(order: StepOrder, report: Report, *, rules: OperationRules, at: datetime) -> timedelta | None:
    """Write down what became of a step; how long to wait before the next, None when another worker is at it."""
    found = _lock(order.operation_id)
    if found is None or found[0].turn != order.turn:
        return None
    operation, instance = found
    if report.answer is Answer.WAITING and _is_in_time(operation, instance, rules, at):
        return _SOON
    if report.answer is not Answer.DONE and operation.is_going_back:
        return _REFUSED  # the way back is never given up, and asks no cluster without end
    if report.answer is not Answer.DONE:
        sentence = report.sentence or _TOO_SLOW.get(operation.step, _INTERRUPTED)
        operation.must_stand_still = operation.must_stand_still or report.is_command
        fail_attempt(operation, sentence, at=at, is_final=report.is_final)
        return _NOW
    try:
        _take_effect(operation, instance, report, at)
    except (BackupBroken, BackupOver) as refusal:
        fail_attempt(operation, refusal.message, at=at)
        return _NOW
    if operation.step is Step.UNDO and operation.may_retry and operation.attempts < rules.attempts:
        pause: timedelta = rules.retry * 2 ** (operation.attempts - 1)
        operation.error = None
        operation.take_step(Step.BEGIN, at)
        return pause
    operation.take_step(step_after(operation), at)
    return _NOW


def is_wanted(operation_id: uuid.UUID) -> bool:
    """Tell whether the work is still to be done, for a worker in the middle of it; locks nothing."""
    operation = session().get(Operation, operation_id, populate_existing=True)
    if operation is None or not operation.is_live:
        return False
    instance = session().get_one(Instance, operation.instance_id, populate_existing=True)
    return operation.is_going_back or _why_not(operation, instance) is None


def fail_attempt(operation: Operation, sentence: str, *, at: datetime, is_final: bool = False) -> None:
    """Turn round: whatever this attempt has made is removed next."""
    if operation.backup_id is not None:
        backup = keeping.get_backup(operation.backup_id, actor=ending.OURSELVES)
        if backup.status is BackupStatus.RUNNING:
            keeping.fail(backup.id, sentence, at)
    operation.error = sentence
    operation.may_retry = not is_final
    operation.take_step(Step.GO_BACK if is_switched(operation) else Step.UNDO, at)


def _lock(operation_id: uuid.UUID) -> tuple[Operation, Instance] | None:
    known = session().get(Operation, operation_id)
    if known is None:
        return None
    instance = controls.lock_instance(known.instance_id)
    operation: Operation | None = lock(Operation, operation_id)
    return (operation, instance) if operation is not None and operation.is_live else None


def _look_around(operation: Operation, instance: Instance, at: datetime) -> None:
    """Turn round when the instance is wanted otherwise meanwhile, or when a worker died in the middle of data."""
    if operation.is_going_back or operation.step is Step.ENDED:
        return
    objection = _why_not(operation, instance)
    if objection is not None:
        fail_attempt(operation, objection, at=at, is_final=True)
    elif operation.is_under_way:
        fail_attempt(operation, _INTERRUPTED, at=at)


def _why_not(operation: Operation, instance: Instance) -> str | None:
    """Why an operation is called off: whoever wants the instance gone or stopped meanwhile has his way."""
    if operation.backup_reason is BackupReason.BEFORE_DELETE:
        return None if instance.awaits_last_backup else _DELETED
    if instance.wanted is Wanted.ABSENT:
        return _DELETED
    if is_switched(operation):
        return None
    if operation.resumes and instance.wanted is Wanted.STOPPED:
        return _EXPIRED
    if operation.kind is OperationKind.EVACUATE and outages.outage_of(operation.avoid_node or "") is None:
        return _NODE_IS_BACK
    return None


def _begin(operation: Operation, instance: Instance, rules: OperationRules, at: datetime) -> timedelta | None:
    """Begin an attempt; a span while the instance is on its way somewhere else."""
    is_last = operation.backup_reason is BackupReason.BEFORE_DELETE
    if not instance.is_held and not is_last and instance.status in IN_TRANSITION:
        if at - operation.step_since <= _allowed(instance, rules):
            return _SOON * 2
        operation.attempts += 1
        fail_attempt(operation, _BUSY, at=at)
        return None
    operation.attempts += 1
    operation.old_volume = instance.volume_number
    if _can_copy_live(operation, instance):
        operation.take_step(Step.COPY_LIVE, at)
        return None
    operation.resumes = instance.wanted is Wanted.RUNNING
    if not instance.is_held and not is_last:
        controls.hold(instance, health=words_of(operation), at=at)
    operation.take_step(step_after(operation), at)
    return None


def _can_copy_live(operation: Operation, instance: Instance) -> bool:
    """Tell whether the copy is taken beside the running application.

    Only a command that failed there leads to the way that stops it: nobody's application stands still because a file
    store is silent, or because a worker died.
    """
    return (
        operation.kind is OperationKind.BACKUP
        and operation.backup_reason is not BackupReason.BEFORE_DELETE
        and not operation.must_stand_still
        and instance.status is InstanceStatus.RUNNING
        and instance.pod_name is not None
        and get_recipe(instance.service_slug).consistency == "live"
    )


def _switch(
    operation: Operation, instance: Instance, rules: OperationRules, sealer: Sealer, at: datetime
) -> None:
    """Let the instance run on the fresh volume, or on one that was kept; the old one is kept for a while."""
    if operation.kind is OperationKind.RESCHEDULE:
        instance.preferred_node = operation.target_node
        operation.take_step(step_after(operation), at)
        return
    if operation.target_volume is None and operation.fresh_volume is None:
        # An empty one, made by whoever starts the application.
        operation.fresh_volume = volumes.open_fresh(instance, at=at).number
    before = volumes.volume_of(instance.id, instance.volume_number)
    volume = volumes.switch(
        instance,
        operation.target_volume or operation.fresh_volume or 0,
        reason=operation.kind.value.lower(),
        keep=rules.keep_retired,
        fenced_node=operation.avoid_node,
        at=at,
    )
    if operation.kind in OTHER_DATA:
        volume.data_since = at
    elif before is not None:
        volume.data_since = before.data_since
    if operation.target_version is not None:
        instance.version = operation.target_version
    if operation.kind is OperationKind.RETURN:
        _take_along(volume, instance, sealer)
    if operation.source_backup_id is not None:
        instance.sealed_secrets = sealer.seal(_secrets(operation, instance, sealer))
    operation.take_step(step_after(operation), at)


def _take_along(volume: InstanceVolume, instance: Instance, sealer: Sealer) -> None:
    """The version that wrote the volume and the secrets that lie in it come back with it."""
    instance.version = volume.version or instance.version
    if volume.sealed_secrets is not None:
        own, theirs = sealer.open(instance.sealed_secrets), sealer.open(volume.sealed_secrets)
        instance.sealed_secrets = sealer.seal({**own, **theirs})
    volume.version = volume.sealed_secrets = None


def _order(
    operation: Operation, instance: Instance, rules: OperationRules, sealer: Sealer, at: datetime
) -> StepOrder:
    step = operation.step
    if step is Step.OPEN_FRESH and operation.fresh_volume is None:
        operation.fresh_volume = volumes.open_fresh(instance, at=at).number
    is_fresh = step in (Step.OPEN_FRESH, Step.FILL, Step.CLOSE_FRESH)
    version = (is_fresh and operation.target_version) or instance.version
    number = operation.fresh_volume if is_fresh and operation.fresh_volume else instance.volume_number
    if not instance.is_gone:
        exposing.catch_up(instance, rules=rules.cluster.tcp, sealer=sealer, at=at)
    spec = replace(
        spec_of(instance, rules.cluster, sealer, at),
        recipe=get_recipe(instance.service_slug).at(version),
        volume_number=number,
        replicas=1 if step is Step.PROVE else 0,
    )
    if is_fresh:
        spec = replace(spec, secrets=_secrets(operation, instance, sealer))
    if step in WRITES_DATA:
        operation.is_under_way = True
    return StepOrder(
        operation.id,
        operation.turn,
        step,
        spec,
        namespace_manifests(walls_of(instance, rules.cluster)),
        node=operation.target_node if step is Step.OPEN_FRESH else None,
        avoid_nodes=(operation.avoid_node,) if operation.avoid_node and is_fresh else (),
        pod_name=instance.pod_name,
        uses_store=step is Step.QUIESCE and operation.kind in USES_STORE,
        is_forced=operation.kind is OperationKind.EVACUATE,
        lost_nodes=frozenset(outages.open_outages()),
        keys=_keys(operation, instance, rules, at) if step in (Step.COPY, Step.COPY_LIVE) else {},
        parts=_parts(operation) if step is Step.FILL else {},
        doomed_claims=_doomed_claims(instance) if step is Step.UNDO else (),
    )


def _keys(operation: Operation, instance: Instance, rules: OperationRules, at: datetime) -> dict[str, str]:
    """Open a backup, and tell where its parts go."""
    reason = operation.backup_reason or BackupReason.ON_DEMAND
    backup = keeping.begin(instance, reason, rules.keep_backup_days, at)
    operation.backup_id = backup.id
    commands = backup_commands(get_recipe(instance.service_slug).at(instance.version))
    return {each.part: keeping.key_of(instance.id, backup.id, each.part) for each in commands}


def _parts(operation: Operation) -> dict[str, BackupPart]:
    source = operation.source_backup_id or operation.backup_id
    return {part.name: part for part in keeping.parts_of(source)} if source else {}


def _secrets(operation: Operation, instance: Instance, sealer: Sealer) -> dict[str, str]:
    """The instance's secrets with its data: its own, but for those that the restored data were made with."""
    own = sealer.open(instance.sealed_secrets)
    source = session().get(Backup, operation.source_backup_id) if operation.source_backup_id else None
    if source is None or source.sealed_secrets is None:
        return own
    theirs = sealer.open(source.sealed_secrets)
    needed = get_recipe(instance.service_slug).secrets_of_data
    return {**own, **{name: theirs[name] for name in needed if name in theirs}}


def _filling(instance: Instance) -> list[InstanceVolume]:
    return [each for each in volumes.list_volumes(instance.id) if each.status is VolumeStatus.FILLING]


def _doomed_claims(instance: Instance) -> tuple[str, ...]:
    """What was being filled; of an instance that is gone, whatever a step has made after its end."""
    doomed = volumes.list_volumes(instance.id) if instance.is_gone else _filling(instance)
    return tuple(claim_name(instance.name, each.number) for each in doomed)


def _take_effect(operation: Operation, instance: Instance, report: Report, at: datetime) -> None:
    """What a step that is done means for the rows."""
    step = operation.step
    if step in (Step.COPY, Step.COPY_LIVE) and operation.backup_id is not None:
        for name, kept in report.kept:
            keeping.add_part(operation.backup_id, name, kept)
        keeping.finish(operation.backup_id, at)
    elif step is Step.OPEN_FRESH and operation.fresh_volume is not None:
        fresh = volumes.volume_of(instance.id, operation.fresh_volume)
        if fresh is not None:
            fresh.node_name = report.node
    elif step is Step.GO_BACK:
        _switch_back(operation, instance, at)
    elif step is Step.UNDO:
        for each in _filling(instance):
            volumes.forget(each, at=at)
        operation.fresh_volume = None


def _switch_back(operation: Operation, instance: Instance, at: datetime) -> None:
    """The new version did not come up: old volume, old version, and the fresh volume goes."""
    fresh = volumes.volume_of(instance.id, instance.volume_number)
    if operation.old_volume is not None and operation.old_volume != instance.volume_number:
        volumes.switch(instance, operation.old_volume, reason="failed_upgrade", keep=_NOW, at=at)
        if fresh is not None:
            fresh.status = VolumeStatus.FILLING
    if operation.from_version is not None:
        instance.version = operation.from_version


def _is_in_time(operation: Operation, instance: Instance, rules: OperationRules, at: datetime) -> bool:
    """Tell whether a step may go on waiting; the way back is never given up."""
    if operation.step not in _TOO_SLOW:
        return True
    return at - operation.step_since <= _allowed(instance, rules)


def _allowed(instance: Instance, rules: OperationRules) -> timedelta:
    recipe = get_recipe(instance.service_slug)
    return timedelta(
        seconds=max(rules.cluster.ready_timeout, recipe.start_seconds, 2 * recipe.termination_seconds)
    )
