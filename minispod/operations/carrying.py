"""Carry out one step: talks to cluster and file store, with no transaction open. Each step may be repeated.

Silence of the other side (Unavailable) is not caught here, except in the middle of data: a stream that broke cannot be
gone on with, so the attempt has failed.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import closing

from minispod.backups.errors import BackupBroken, BackupKeyLost
from minispod.cluster.port import ClusterRefused, CommandFailed, NoSuchObject
from minispod.instances.manifests import instance_manifests, spec_hash
from minispod.instances.naming import workbench_name
from minispod.instances.workbench import backup_commands, restore_commands, workbench_manifests
from minispod.kernel.errors import Unavailable
from minispod.kernel.object_store import ObjectStoreUnavailable
from minispod.operations.orders import DONE, WAITING, Answer, Hands, Report, StepOrder
from minispod.operations.states import Step

_LOOK_EVERY = 0.5
_GIGABYTE = 2**30
_TOO_MUCH = "There is far more data than the plan has storage for; remove some, or choose a bigger plan."


def carry_out(
    order: StepOrder, hands: Hands, *, patience: float, sleep: Callable[[float], None] = time.sleep
) -> Report:
    """Do what the order's step says, and look for up to `patience` seconds whether it is done.

    Raises Unavailable, Overtaken.
    """
    waited = 0.0
    try:
        while True:
            hands.watch()
            report = _ACTS[order.step](order, hands)
            # What is in trouble will not come right in seconds; the worker is free for others meanwhile.
            if report.answer is not Answer.WAITING or report.sentence or waited >= patience:
                return report
            sleep(_LOOK_EVERY)
            waited += _LOOK_EVERY
    except ClusterRefused as refusal:
        return Report(Answer.FAILED, refusal.message)


def _quiesce(order: StepOrder, hands: Hands) -> Report:
    """Stop the application; done when its pod is gone. It goes on running while the store does not answer."""
    namespace, workload = order.spec.namespace, order.spec.names.workload
    if order.uses_store:
        sighting = hands.cluster.see(namespace, workload)
        if sighting is not None and sighting.wanted_replicas:
            try:
                hands.vault.require()
            except ObjectStoreUnavailable as silence:
                return Report(Answer.FAILED, f"The data could not be copied: {silence.message}")
    try:
        hands.cluster.scale(namespace, workload, 0)
    except NoSuchObject:
        return DONE
    sighting = hands.cluster.see(namespace, workload)
    if sighting is None or sighting.is_stopped:
        return DONE
    if order.is_forced and sighting.pod_name:
        # A dead node never says that a pod has ended; whatever is left there is ended when the node returns.
        hands.cluster.delete_pod(namespace, sighting.pod_name, force=True)
    return WAITING


def _open(order: StepOrder, hands: Hands) -> Report:
    """Put a workbench on the volume; done when it is ready for commands."""
    spec = order.spec
    hands.cluster.apply(
        [
            *order.walls,
            *workbench_manifests(
                spec,
                claim=spec.names.claim,
                storage_gb=spec.storage_gb,
                node=order.node,
                avoid=order.avoid_nodes,
            ),
        ]
    )
    pod = hands.cluster.see_pod(spec.namespace, workbench_name(spec.name))
    if pod is None:
        return WAITING
    if pod.is_ready:
        return Report(Answer.DONE, node=pod.node_name)
    if pod.trouble is None:
        return WAITING
    return Report(Answer.FAILED if pod.trouble.is_final else Answer.WAITING, pod.trouble.sentence)


def _close(order: StepOrder, hands: Hands) -> Report:
    """Take the workbench and its Secret away; done when it is gone, and so lets go of the volume."""
    namespace, name = order.spec.namespace, workbench_name(order.spec.name)
    bench = hands.cluster.see_pod(namespace, name)
    is_lost = bench is not None and bench.node_name in order.lost_nodes
    if not hands.cluster.delete_pod(namespace, name, force=is_lost):
        return WAITING
    hands.cluster.delete_secret(namespace, name)
    return DONE


class _TooMuch(Exception):
    """There is far more to copy than the plan has storage."""


def _copy(order: StepOrder, hands: Hands) -> Report:
    """Stream each part from its container into the vault."""
    spec = order.spec
    pod = order.pod_name if order.step is Step.COPY_LIVE else workbench_name(spec.name)
    kept = []
    try:
        for each in backup_commands(spec.recipe):
            stream = hands.cluster.read_from(spec.namespace, pod or "", each.container, each.command)
            with closing(stream):  # type: ignore[type-var]
                bounded = _bounded(hands.watched(stream), _most(spec.storage_gb))
                kept.append((each.part, hands.vault.keep(order.keys[each.part], bounded)))
    except _TooMuch:
        return Report(Answer.FAILED, _TOO_MUCH, is_final=True)
    except CommandFailed as failure:
        return Report(Answer.FAILED, f"The data could not be copied: {failure.message}", is_command=True)
    except (NoSuchObject, Unavailable) as silence:
        return Report(Answer.FAILED, f"The data could not be copied: {silence.message}")
    return Report(Answer.DONE, kept=tuple(kept))


def _most(storage_gb: int) -> int:
    """How many bytes one part may have: a dump is text and larger than its data, holes in files are read as zeros."""
    return (4 * storage_gb + 1) * _GIGABYTE


def _bounded(chunks: Iterator[bytes], most: int) -> Iterator[bytes]:
    """The same chunks; _TooMuch when there are more: nobody's endless file takes the place of everybody's backup."""
    taken = 0
    for chunk in chunks:
        taken += len(chunk)
        if taken > most:
            raise _TooMuch
        yield chunk


def _fill(order: StepOrder, hands: Hands) -> Report:
    """Stream each part of the backup into its container at the workbench."""
    spec = order.spec
    try:
        for each in restore_commands(spec.recipe):
            part = order.parts.get(each.part)
            if part is None:
                return Report(Answer.FAILED, f"The backup lacks the part '{each.part}'.", is_final=True)
            chunks = hands.vault.fetch(part)
            hands.cluster.write_to(
                spec.namespace,
                workbench_name(spec.name),
                each.container,
                each.command,
                hands.watched(chunks),
                part.plain_size,
            )
    except (BackupBroken, BackupKeyLost) as damage:
        return Report(Answer.FAILED, damage.message, is_final=True)
    except (CommandFailed, NoSuchObject) as failure:
        return Report(Answer.FAILED, f"The data could not be written: {failure.message}")
    except Unavailable as silence:
        return Report(Answer.FAILED, f"The data could not be written: {silence.message}")
    return DONE


def _prove(order: StepOrder, hands: Hands) -> Report:
    """Start the application; done when it is ready."""
    spec = order.spec
    hands.cluster.apply([*order.walls, *instance_manifests(spec)])
    sighting = hands.cluster.see(spec.namespace, spec.names.workload)
    if sighting is None or sighting.spec_hash != spec_hash(spec):
        return WAITING
    if sighting.is_ready:
        return Report(Answer.DONE, node=sighting.node_name)
    trouble = sighting.trouble
    if trouble is None:
        return WAITING
    return Report(Answer.FAILED if trouble.is_final else Answer.WAITING, trouble.sentence, is_final=True)


def _undo(order: StepOrder, hands: Hands) -> Report:
    """Remove what the attempt made: the workbench, then the volumes that were being filled."""
    if _close(order, hands) is not DONE:
        return WAITING
    gone = [hands.cluster.delete_claim(order.spec.namespace, claim) for claim in order.doomed_claims]
    return DONE if all(gone) else WAITING


_ACTS: dict[Step, Callable[[StepOrder, Hands], Report]] = {
    Step.COPY_LIVE: _copy,
    Step.QUIESCE: _quiesce,
    Step.OPEN_OLD: _open,
    Step.COPY: _copy,
    Step.CLOSE_OLD: _close,
    Step.OPEN_FRESH: _open,
    Step.FILL: _fill,
    Step.CLOSE_FRESH: _close,
    Step.PROVE: _prove,
    Step.GO_BACK: _quiesce,
    Step.UNDO: _undo,
}
