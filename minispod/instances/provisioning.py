"""Bring the cluster to what is wanted of one instance: claim, carry out, settle.

`claim` and `settle` run in units of work of their own; `carry_out` talks to the cluster between them
and holds no database connection. A crash anywhere leaves a row that says what is still to be done.
What an outcome means for the subscription is decided above, in subscriptions/fulfilment.
"""

import contextlib
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from minispod.audit import trail
from minispod.catalog.recipes import get_recipe
from minispod.cluster.port import (
    ClusterPort,
    ClusterRefused,
    ClusterUnavailable,
    Manifest,
    PortTaken,
    WorkloadSighting,
)
from minispod.instances import exposing, lost_nodes, volumes
from minispod.instances.errors import NoPortLeft
from minispod.instances.manifests import instance_manifests, spec_hash
from minispod.instances.models import Instance
from minispod.instances.namespace_manifests import namespace_manifests
from minispod.instances.naming import object_names
from minispod.instances.specifying import ClusterRules, spec_of, walls_of
from minispod.instances.states import HEALTHY, InstanceStatus, Wanted
from minispod.instances.uptime import watching
from minispod.kernel.actor import Actor
from minispod.kernel.database import lock
from minispod.kernel.sealed import Sealer

_LOOK_EVERY = 0.5
_HEALTH_LENGTH = 300
# Seconds before a silent cluster is asked again; it may ask for more (Retry-After), but not for ever.
_SHORTEST_SILENCE, _LONGEST_SILENCE = 10, 300
_LOST_PAUSE = 15


@dataclass(frozen=True, slots=True)
class WorkOrder:
    """All that is needed to carry out one wish; no secret shows when it is printed."""

    instance_id: uuid.UUID
    generation: int
    wanted: Wanted
    namespace: str
    workload: str
    objects: list[Manifest] = field(repr=False)
    hash: str = ""
    is_applied: bool = False
    closes: bool = False  # what led to it from outside goes, if it is there


class OutcomeKind(StrEnum):
    """How carrying out went."""

    DONE = "done"
    WAITING = "waiting"
    REFUSED = "refused"
    SILENT = "silent"
    PORT_TAKEN = "port_taken"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the cluster answered."""

    kind: OutcomeKind
    sighting: WorkloadSighting | None = None
    sentence: str | None = None
    retry_after: int | None = None


class Result(StrEnum):
    """What an outcome did to the instance."""

    STALE = "stale"
    RUNS_FIRST = "runs_first"
    RUNS_AGAIN = "runs_again"
    STOPPED = "stopped"
    GONE = "gone"
    WAITING = "waiting"
    TRYING_AGAIN = "trying_again"
    GAVE_UP = "gave_up"


@dataclass(frozen=True, slots=True)
class Settlement:
    """The result and, when there is more to do, how long to wait before it."""

    result: Result
    again_after: timedelta | None = None


def claim(instance_id: uuid.UUID, *, rules: ClusterRules, sealer: Sealer, at: datetime) -> WorkOrder | None:
    """Begin or continue an attempt and return what is to be done; None when nothing is. Locks the instance."""
    instance: Instance | None = lock(Instance, instance_id)
    if instance is None or instance.is_gone:
        return None
    if instance.status is InstanceStatus.ERROR and instance.wanted is Wanted.RUNNING:
        return None
    if instance.awaits_last_backup or (instance.is_held and instance.wanted is not Wanted.ABSENT):
        return None  # an operation works on it, and asks again when it lets go
    if instance.first_ran_at is None or not instance.version:
        instance.version = get_recipe(instance.service_slug).version
    if instance.attempt_started_at is None:
        instance.attempt_started_at = at
        instance.attempt_applied = False
        instance.attempts += 1
    if instance.status is InstanceStatus.PENDING and instance.wanted is Wanted.RUNNING:
        instance.turn(InstanceStatus.PROVISIONING, at, health="Preparing the instance")
    objects: list[Manifest] = []
    digest = ""
    if instance.wanted is not Wanted.ABSENT:
        exposing.catch_up(instance, rules=rules.tcp, sealer=sealer, at=at)
        spec = spec_of(instance, rules, sealer, at)
        objects = [*namespace_manifests(walls_of(instance, rules)), *instance_manifests(spec)]
        digest = spec_hash(spec)
    return WorkOrder(
        instance.id,
        instance.generation,
        instance.wanted,
        instance.namespace,
        object_names(instance.name).workload,
        objects,
        digest,
        instance.attempt_applied,
        closes=not instance.is_web and instance.tcp_port is None,
    )


def carry_out(
    order: WorkOrder,
    cluster: ClusterPort,
    *,
    patience: float,
    is_needed_elsewhere: Callable[[], bool] = lambda: False,
    sleep: Callable[[float], None] = time.sleep,
) -> Outcome:
    """Bring the cluster to the wish and look whether it is there; harmless twice.

    Looks for up to `patience` seconds, less when `is_needed_elsewhere` says that other work waits for this worker.
    """
    try:
        if order.wanted is Wanted.ABSENT:
            gone = cluster.delete_instance(order.namespace, str(order.instance_id), with_volume=True)
            return Outcome(OutcomeKind.DONE if gone else OutcomeKind.WAITING)
        if not order.is_applied:
            cluster.apply(order.objects)
            if order.closes:
                cluster.prune(order.namespace, str(order.instance_id), order.objects)
        waited = 0.0
        while True:
            sighting = cluster.see(order.namespace, order.workload)
            if sighting is not None and _has_arrived(order, sighting):
                return Outcome(OutcomeKind.DONE, sighting)
            # What is in trouble will not come right in seconds; the worker is free for others meanwhile.
            if waited >= patience or (sighting and sighting.trouble) or is_needed_elsewhere():
                break
            sleep(_LOOK_EVERY)
            waited += _LOOK_EVERY
    except ClusterUnavailable as silence:
        return Outcome(OutcomeKind.SILENT, sentence=silence.message, retry_after=silence.retry_after)
    except PortTaken:
        return Outcome(OutcomeKind.PORT_TAKEN)
    except ClusterRefused as refusal:
        return Outcome(OutcomeKind.REFUSED, sentence=refusal.message)
    trouble = sighting.trouble if sighting else None
    kind = OutcomeKind.REFUSED if trouble and trouble.is_final else OutcomeKind.WAITING
    return Outcome(kind, sighting, trouble.sentence if trouble else None)


def settle(
    order: WorkOrder, outcome: Outcome, *, rules: ClusterRules, actor: Actor, at: datetime
) -> Settlement:
    """Write the outcome of an order; locks the instance. A changed wish makes the outcome stale."""
    instance: Instance | None = lock(Instance, order.instance_id)
    if instance is None or instance.is_gone:
        return Settlement(Result.STALE)
    if instance.generation != order.generation:
        return Settlement(Result.STALE, timedelta(0))
    if instance.is_held and instance.wanted is not Wanted.ABSENT:
        return Settlement(Result.STALE)
    if outcome.sighting is not None:
        _note(instance, outcome.sighting, at)
    if outcome.kind is not OutcomeKind.SILENT:
        # What is missing or different is applied again in the next round.
        instance.attempt_applied = outcome.sighting is not None and outcome.sighting.spec_hash == order.hash
    if outcome.kind is OutcomeKind.DONE:
        settlement = _done(instance, actor, at)
        watching.note(instance, is_ready=True, at=at)
        return settlement
    if (excused := _excused(instance, outcome, at)) is not None:
        return excused
    if outcome.kind is OutcomeKind.PORT_TAKEN:
        with contextlib.suppress(NoPortLeft):  # then the same is tried again until the attempt's time is over
            exposing.move_to_another_port(instance, rules=rules.tcp, actor=actor, at=at)
    if outcome.sentence:
        instance.turn(instance.status, at, health=outcome.sentence[:_HEALTH_LENGTH])
    settlement = _not_yet(instance, outcome, rules, actor, at)
    watching.note(instance, is_ready=outcome.sighting is not None and outcome.sighting.is_ready, at=at)
    return settlement


def _excused(instance: Instance, outcome: Outcome, at: datetime) -> Settlement | None:
    """What is not the instance's own fault uses up no time of its attempt: a silent cluster, a dead node."""
    if outcome.kind is OutcomeKind.SILENT:
        pause = min(max(outcome.retry_after or 0, _SHORTEST_SILENCE), _LONGEST_SILENCE)
        health = "Waiting for the cluster to answer"
    elif (reason := lost_nodes.look().reason(instance)) is not None:
        # It comes back with its node, or a person decides.
        pause, health = _LOST_PAUSE, f"Waiting: {reason}"[:_HEALTH_LENGTH]
    else:
        return None
    instance.attempt_started_at = at
    instance.turn(instance.status, at, health=health)
    return Settlement(Result.WAITING, timedelta(seconds=pause))


def _has_arrived(order: WorkOrder, sighting: WorkloadSighting) -> bool:
    if sighting.spec_hash != order.hash:
        return False
    return sighting.is_stopped if order.wanted is Wanted.STOPPED else sighting.is_ready


def _note(instance: Instance, sighting: WorkloadSighting, at: datetime) -> None:
    instance.pod_name = sighting.pod_name
    instance.node_name = sighting.node_name
    instance.restarts = sighting.restarts
    instance.last_health_check_at = at
    volumes.note_nodes(instance.id)


def _done(instance: Instance, actor: Actor, at: datetime) -> Settlement:
    instance.attempts = 0
    instance.attempt_started_at = None
    instance.last_error = None
    instance.repair_until = None
    instance.applied_at = at
    if instance.wanted is Wanted.ABSENT:
        instance.turn(InstanceStatus.TERMINATED, at)
        instance.pod_name = instance.node_name = None
        instance.cpu_usage = instance.memory_usage = None
        volumes.forget_all(instance, at=at)
        exposing.give_back(instance)
        _audit(instance, trail.Action.INSTANCE_DELETED, actor, at)
        return Settlement(Result.GONE)
    if instance.wanted is Wanted.STOPPED:
        if instance.status is InstanceStatus.STOPPED:  # only its size changed
            return Settlement(Result.STOPPED)
        instance.turn(InstanceStatus.STOPPED, at)
        instance.last_stopped_at = at
        _audit(instance, trail.Action.INSTANCE_STOPPED, actor, at)
        return Settlement(Result.STOPPED)
    was_running = instance.status is InstanceStatus.RUNNING
    instance.turn(InstanceStatus.RUNNING, at, health=HEALTHY)
    if was_running:
        return Settlement(Result.RUNS_AGAIN)
    instance.last_started_at = at
    _audit(instance, trail.Action.INSTANCE_RUNNING, actor, at)
    if instance.first_ran_at is None:
        instance.first_ran_at = at
        return Settlement(Result.RUNS_FIRST)
    return Settlement(Result.RUNS_AGAIN)


def _not_yet(
    instance: Instance, outcome: Outcome, rules: ClusterRules, actor: Actor, at: datetime
) -> Settlement:
    started = instance.attempt_started_at or at
    # A recipe that starts slowly is not cut short: a first installation may not survive that.
    allowed = max(rules.ready_timeout, get_recipe(instance.service_slug).start_seconds)
    out_of_time = at - started >= timedelta(seconds=allowed)
    if outcome.kind in (OutcomeKind.WAITING, OutcomeKind.PORT_TAKEN) and not out_of_time:
        return Settlement(Result.WAITING, timedelta(seconds=2))
    if instance.wanted is not Wanted.RUNNING:
        # Stopping and deleting are never given up: what was promised to end must end.
        return Settlement(Result.WAITING, timedelta(seconds=15))
    sentence = outcome.sentence or "The instance did not become ready in time."
    instance.last_error = sentence
    if instance.attempts < rules.attempts:
        pause = timedelta(seconds=rules.retry_seconds * 2 ** (instance.attempts - 1))
        instance.attempt_started_at = None
        instance.restart_wish_at = at + pause  # a fresh pod, not the old one's back-off
        return Settlement(Result.TRYING_AGAIN, pause)
    instance.attempt_started_at = None
    instance.turn(InstanceStatus.ERROR, at, health=sentence[:_HEALTH_LENGTH])
    if instance.first_ran_at is None:
        instance.repair_until = instance.repair_until or at + timedelta(hours=rules.repair_hours)
    _audit(instance, trail.Action.INSTANCE_FAILED, actor, at, reason=sentence)
    return Settlement(Result.GAVE_UP)


def _audit(instance: Instance, action: trail.Action, actor: Actor, at: datetime, **details: str) -> None:
    trail.record(
        actor,
        action,
        at=at,
        subject_kind="instance",
        subject_id=instance.id,
        name=instance.name,
        **details,
    )
