"""Bring the cluster to what is wanted of one instance: claim, carry out, settle.

`claim` and `settle` run in units of work of their own; `carry_out` talks to the cluster between them
and holds no database connection. A crash anywhere leaves a row that says what is still to be done.
What an outcome means for the subscription is decided above, in subscriptions/fulfilment.
"""

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import select

from minispod.audit import trail
from minispod.catalog.recipes import get_recipe
from minispod.cluster.port import ClusterPort, ClusterRefused, ClusterUnavailable, Manifest, WorkloadSighting
from minispod.instances.manifests import InstanceSpec, instance_manifests, spec_hash
from minispod.instances.models import Instance
from minispod.instances.namespace_manifests import NamespaceSpec, namespace_manifests
from minispod.instances.naming import object_names
from minispod.instances.states import HEALTHY, InstanceStatus, Wanted
from minispod.instances.uptime import watching
from minispod.kernel.actor import Actor
from minispod.kernel.database import lock, session
from minispod.kernel.sealed import Sealer

_LOOK_EVERY = 0.5
_HEALTH_LENGTH = 300


@dataclass(frozen=True, slots=True)
class ClusterRules:
    """What settings say about instances on the cluster; times in seconds."""

    storage_class: str
    ingress_class: str
    ingress_namespace: str
    tls_issuer: str
    cpu_request_ratio: float
    memory_request_ratio: float
    ready_timeout: int
    attempts: int
    retry_seconds: int
    repair_hours: int
    service_accounts_namespace: str = ""
    priority_class: str = ""
    blocked_ranges: tuple[str, ...] = ()


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


class OutcomeKind(StrEnum):
    """How carrying out went."""

    DONE = "done"
    WAITING = "waiting"
    REFUSED = "refused"
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the cluster answered."""

    kind: OutcomeKind
    sighting: WorkloadSighting | None = None
    sentence: str | None = None


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
    if instance.attempt_started_at is None:
        instance.attempt_started_at = at
        instance.attempts += 1
    if instance.status is InstanceStatus.PENDING and instance.wanted is Wanted.RUNNING:
        instance.turn(InstanceStatus.PROVISIONING, at, health="Preparing the instance")
    objects: list[Manifest] = []
    digest = ""
    if instance.wanted is not Wanted.ABSENT:
        spec = _spec(instance, rules, sealer)
        objects = [*namespace_manifests(_namespace(instance, rules)), *instance_manifests(spec)]
        digest = spec_hash(spec)
    return WorkOrder(
        instance.id,
        instance.generation,
        instance.wanted,
        instance.namespace,
        object_names(instance.name).workload,
        objects,
        digest,
    )


def carry_out(
    order: WorkOrder, cluster: ClusterPort, *, patience: float, sleep: Callable[[float], None] = time.sleep
) -> Outcome:
    """Bring the cluster to the wish and look for up to `patience` seconds whether it is there; harmless twice."""
    try:
        if order.wanted is Wanted.ABSENT:
            gone = cluster.delete_instance(order.namespace, str(order.instance_id), with_volume=True)
            return Outcome(OutcomeKind.DONE if gone else OutcomeKind.WAITING)
        cluster.apply(order.objects)
        waited = 0.0
        while True:
            sighting = cluster.see(order.namespace, order.workload)
            if sighting is not None and _has_arrived(order, sighting):
                return Outcome(OutcomeKind.DONE, sighting)
            # What is in trouble will not come right in seconds; the worker is free for others meanwhile.
            if waited >= patience or (sighting and sighting.trouble):
                break
            sleep(_LOOK_EVERY)
            waited += _LOOK_EVERY
    except ClusterUnavailable as silence:
        return Outcome(OutcomeKind.SILENT, sentence=silence.message)
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
    if outcome.sighting is not None:
        _note(instance, outcome.sighting, at)
    if outcome.kind is OutcomeKind.DONE:
        settlement = _done(instance, actor, at)
        watching.note(instance, is_ready=True, at=at)
        return settlement
    if outcome.kind is OutcomeKind.SILENT:
        # The cluster's silence is not the instance's fault: the attempt's time starts again.
        instance.attempt_started_at = at
        instance.turn(instance.status, at, health="Waiting for the cluster to answer")
        return Settlement(Result.WAITING, timedelta(seconds=10))
    if outcome.sentence:
        instance.turn(instance.status, at, health=outcome.sentence[:_HEALTH_LENGTH])
    settlement = _not_yet(instance, outcome, rules, actor, at)
    watching.note(instance, is_ready=outcome.sighting is not None and outcome.sighting.is_ready, at=at)
    return settlement


def _has_arrived(order: WorkOrder, sighting: WorkloadSighting) -> bool:
    if sighting.spec_hash != order.hash:
        return False
    return sighting.is_stopped if order.wanted is Wanted.STOPPED else sighting.is_ready


def _note(instance: Instance, sighting: WorkloadSighting, at: datetime) -> None:
    instance.pod_name = sighting.pod_name
    instance.node_name = sighting.node_name
    instance.restarts = sighting.restarts
    instance.last_health_check_at = at


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
    if outcome.kind is OutcomeKind.WAITING and not out_of_time:
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


def _spec(instance: Instance, rules: ClusterRules, sealer: Sealer) -> InstanceSpec:
    return InstanceSpec(
        instance_id=instance.id,
        subscription_id=instance.subscription_id,
        user_id=instance.user_id,
        namespace=instance.namespace,
        name=instance.name,
        service_slug=instance.service_slug,
        recipe=get_recipe(instance.service_slug),
        host=instance.host,
        public_url=instance.public_url,
        cpu_milli=instance.cpu_milli,
        memory_mb=instance.memory_mb,
        storage_gb=instance.storage_gb,
        secrets=sealer.open(instance.sealed_secrets),
        replicas=0 if instance.wanted is Wanted.STOPPED else 1,
        restarted_at=instance.restart_wish_at,
        storage_class=rules.storage_class or None,
        ingress_class=rules.ingress_class,
        tls=instance.tls,
        tls_issuer=rules.tls_issuer or None,
        cpu_request_ratio=rules.cpu_request_ratio,
        memory_request_ratio=rules.memory_request_ratio,
        priority_class=rules.priority_class or None,
    )


def _namespace(instance: Instance, rules: ClusterRules) -> NamespaceSpec:
    """The walls around all of a customer's instances that have something in the cluster."""
    rows = session().scalars(
        select(Instance).where(
            Instance.user_id == instance.user_id, Instance.status != InstanceStatus.TERMINATED
        )
    )
    living = list(rows)
    rolling = [each for each in living if not get_recipe(each.service_slug).keeps_data]
    return NamespaceSpec(
        namespace=instance.namespace,
        user_id=instance.user_id,
        cpu_milli=sum(each.cpu_milli for each in living),
        memory_mb=sum(each.memory_mb for each in living),
        storage_gb=sum(each.storage_gb for each in living),
        instances=len(living),
        rolling_cpu_milli=max((each.cpu_milli for each in rolling), default=0),
        rolling_memory_mb=max((each.memory_mb for each in rolling), default=0),
        cpu_request_ratio=rules.cpu_request_ratio,
        memory_request_ratio=rules.memory_request_ratio,
        ingress_namespace=rules.ingress_namespace,
        private_ranges=rules.blocked_ranges,
        service_accounts_namespace=rules.service_accounts_namespace,
    )


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
