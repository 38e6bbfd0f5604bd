"""The rules: which alerts the facts of a moment ask for. Pure.

What nobody can know is not judged: while the cluster is silent, or was not looked at of late, the alerts about nodes
and instances keep their last state instead of a storm of new ones, and the silence is the one alert.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from minispod.alerts.facts import Facts, InstanceFact, NodeUse
from minispod.alerts.kinds import Rule
from minispod.kernel.tasks import Task

Subject = tuple[Rule, str, str]

CLUSTER = ("cluster", "cluster")
_ON_NODES = frozenset({Rule.NODE_DOWN, Rule.NODE_FULL, Rule.ADD_NODE})
_ON_INSTANCES = frozenset({Rule.INSTANCE_DOWN, Rule.INSTANCE_RESTARTS, Rule.VOLUME_FULL})
_NEEDS_CLUSTER = frozenset(
    {
        Task.RECONCILE_INSTANCE,
        Task.PUBLISH_DOMAINS,
        Task.FIND_ORPHANS,
        Task.RESOLVE_ORPHAN,
        Task.ROTATE_SECRET,
        Task.RUN_OPERATION,
        Task.DRILL_BACKUP,
        Task.WORK_ON_NODE,
    }
)
# What is open ends only so many points below its threshold: a figure that swings around it raises one alert.
_SLACK = 5


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From when on something is an alert; percentages are whole, of what can be given."""

    silent_after: timedelta
    node_down_after: timedelta
    instance_down_after: timedelta
    restarts_per_hour: int
    full_percent: int
    add_node_cpu_percent: int
    add_node_memory_percent: int
    # A look at nodes or instances that is older says nothing about now.
    nodes_fresh: timedelta
    looks_fresh: timedelta


@dataclass(frozen=True, slots=True)
class Finding:
    """One reason for an alert; the facts are shown to staff.

    `occasion`: a name for what has just happened; None for a condition that lasts.
    """

    rule: Rule
    subject_kind: str
    subject_id: str
    name: str
    facts: dict[str, Any] = field(default_factory=dict)
    occasion: str | None = None

    @property
    def subject(self) -> Subject:
        """What makes it the same alert."""
        return self.rule, self.subject_kind, self.subject_id


@dataclass(frozen=True, slots=True)
class Verdict:
    """What there is, and about which rules anything can be said: only alerts of those may end."""

    findings: tuple[Finding, ...]
    judged: frozenset[Rule]


def judge(facts: Facts, limits: Thresholds, *, standing: Collection[Subject], at: datetime) -> Verdict:
    """Apply all rules; `standing` are the subjects of the alerts that are open."""
    unknown: frozenset[Rule] = frozenset()
    if facts.silent_since is not None or not _is_fresh(facts.nodes_at, limits.nodes_fresh, at):
        unknown |= _ON_NODES
    if facts.silent_since is not None or not _is_fresh(facts.looked_at, limits.looks_fresh, at):
        unknown |= _ON_INSTANCES
    judged = frozenset(rule for rule in Rule if rule.nature.ends_by_itself) - unknown
    found = (
        *_cluster(facts, limits, at),
        *_nodes(facts, limits, standing, at),
        *_instances(facts, limits, standing, at),
        *_data(facts),
        *_work(facts, standing),
        *_money(facts),
    )
    return Verdict(tuple(each for each in found if each.rule in judged), judged)


def _is_fresh(looked_at: datetime | None, limit: timedelta, at: datetime) -> bool:
    return looked_at is not None and at - looked_at <= limit


def _cluster(facts: Facts, limits: Thresholds, at: datetime) -> Iterator[Finding]:
    since = facts.silent_since
    if since is not None and at - since >= limits.silent_after:
        yield Finding(Rule.CLUSTER_SILENT, *CLUSTER, "the cluster", {"since": since.isoformat()})


def _nodes(
    facts: Facts, limits: Thresholds, standing: Collection[Subject], at: datetime
) -> Iterator[Finding]:
    for lost in facts.lost_nodes:
        if at - lost.since >= limits.node_down_after:
            told = {"since": lost.since.isoformat(), "movable": lost.movable, "bound": lost.bound}
            yield Finding(Rule.NODE_DOWN, "node", lost.name, lost.name, {**told, "bare": lost.bare})
    away = {each.name for each in facts.lost_nodes}
    for node in facts.nodes:
        subject = (Rule.NODE_FULL, "node", node.name)
        full = _above(limits.full_percent, subject, standing)
        if node.name not in away and (_reaches(node.cpu, full) or _reaches(node.memory, full)):
            yield Finding(*subject, node.name, _figures(node))
    subject = (Rule.ADD_NODE, *CLUSTER)
    cpu = _above(limits.add_node_cpu_percent, subject, standing)
    memory = _above(limits.add_node_memory_percent, subject, standing)
    busy = [
        each
        for each in facts.nodes
        if each.is_worker and (_exceeds(each.cpu, cpu) or _exceeds(each.memory, memory))
    ]
    if busy:
        names = ", ".join(each.name for each in busy[:10])
        yield Finding(*subject, names[:200], {"nodes": names, "count": len(busy)})


def _instances(
    facts: Facts, limits: Thresholds, standing: Collection[Subject], at: datetime
) -> Iterator[Finding]:
    away = {each.name for each in facts.lost_nodes}
    for down in facts.down:
        # What waits for a lost node is told with the node.
        if down.since and at - down.since >= limits.instance_down_after and down.node not in away:
            yield _of(Rule.INSTANCE_DOWN, down, since=down.since.isoformat(), node=down.node)
    for each in facts.restarted:
        if each.number >= limits.restarts_per_hour:
            yield _of(Rule.INSTANCE_RESTARTS, each, restarts=each.number)
    for each in facts.volumes:
        full = _above(limits.full_percent, (Rule.VOLUME_FULL, "instance", each.id), standing)
        if each.of and each.number * 100 >= full * each.of:
            percent = each.number * 100 // each.of
            yield _of(Rule.VOLUME_FULL, each, percent=percent, of_mb=each.of)


def _data(facts: Facts) -> Iterator[Finding]:
    yield from (_of(Rule.INSTANCE_FAILED, each, reason=each.reason) for each in facts.failed)
    yield from (_of(Rule.CERTIFICATE_ENDS, each, ends_at=_iso(each.since)) for each in facts.certificates)
    yield from (_of(Rule.BACKUP_FAILED, each, **_backup(each)) for each in facts.backups_failed)
    yield from (_of(Rule.BACKUP_OVERDUE, each, **_backup(each)) for each in facts.backups_overdue)
    yield from (_of(Rule.DELETION_WAITS, each, reason=each.reason) for each in facts.undecided)


def _work(facts: Facts, standing: Collection[Subject]) -> Iterator[Finding]:
    for late in facts.late:
        # While the cluster is silent its work waits, as it should; what was an alert before stays one.
        waits_rightly = facts.silent_since is not None and late.task in _NEEDS_CLUSTER
        if not waits_rightly or (Rule.JOB_STUCK, "task", late.task) in standing:
            figures = {"total": late.total, "failing": late.failing, "since": late.since.isoformat()}
            yield Finding(Rule.JOB_STUCK, "task", late.task, late.task.replace("_", " "), figures)
    if facts.unsent is not None:
        figures = {"total": facts.unsent.total, "since": facts.unsent.since.isoformat()}
        yield Finding(Rule.MAIL_STUCK, "mail", "outgoing", "outgoing mail", figures)


def _money(facts: Facts) -> Iterator[Finding]:
    for held in facts.held:
        told = {"number": held.number, "amount": held.amount, "reason": held.reason}
        yield Finding(Rule.PAYMENT_HELD, "topup", held.id, held.number, told)
    if facts.proof is not None:
        figures = {"differences": facts.proof.differences, "unfinished": facts.proof.unfinished}
        yield Finding(Rule.PROOF_DIFFERS, "proof", facts.proof.digest, "the nightly proof", figures)


def _of(rule: Rule, fact: InstanceFact, **facts: Any) -> Finding:
    return Finding(rule, "instance", fact.id, fact.name, facts)


def _backup(fact: InstanceFact) -> dict[str, Any]:
    return {"newest_at": _iso(fact.since), "reason": fact.reason}


def _figures(node: NodeUse) -> dict[str, Any]:
    return {
        "cpu": None if node.cpu is None else round(node.cpu),
        "memory": None if node.memory is None else round(node.memory),
    }


def _above(percent: int, subject: Subject, standing: Iterable[Subject]) -> int:
    return percent - _SLACK if subject in standing else percent


def _reaches(value: float | None, limit: int) -> bool:
    return value is not None and value >= limit


def _exceeds(value: float | None, limit: int) -> bool:
    return value is not None and value > limit


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at is not None else None
