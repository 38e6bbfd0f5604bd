"""What an instance writes and what happens to it, asked of the cluster; the caller has checked the owner.

First what is wanted is taken from the row, then the cluster is asked with no connection held.
"""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime

from minispod.catalog.recipes import APP, get_recipe
from minispod.cluster.events import WorkloadEvent
from minispod.cluster.lines import level_of, moment_of, readable, split_stamp
from minispod.cluster.port import ClusterPort, LogPlace, Manifest, NoSuchObject
from minispod.instances.errors import NoSuchContainer
from minispod.instances.models import Instance
from minispod.instances.naming import object_names

MOST_LINES = 1000


@dataclass(frozen=True, slots=True)
class Subject:
    """An instance's workload in the cluster, and the names of its containers: the application first."""

    namespace: str
    workload: str
    containers: tuple[str, ...]

    @classmethod
    def of(cls, instance: Instance) -> "Subject":
        """The workload of an instance."""
        names = tuple(get_recipe(instance.service_slug).containers)
        return cls(instance.namespace, object_names(instance.name).workload, names)


@dataclass(frozen=True, slots=True)
class Log:
    """The last lines of one container; `previous`: of its run before the present one."""

    container: str
    previous: bool
    lines: Sequence[str]


@dataclass(frozen=True, slots=True)
class LogPart:
    """Lines that were written, and the place after which to read on; None before the first line of all."""

    lines: Sequence[str]
    place: LogPlace | None


@dataclass(frozen=True, slots=True)
class TimedLine:
    """A line, when it was written, and how severe it calls itself."""

    at: datetime | None
    level: str
    text: str


def read_log(
    subject: Subject, cluster: ClusterPort, *, container: str | None, lines: int, previous: bool
) -> Log:
    """The last lines, without colours and blank ones; none of what is not there. Raise NoSuchContainer."""
    wanted = container or APP
    if wanted not in subject.containers:
        raise NoSuchContainer(containers=list(subject.containers))
    try:
        found = cluster.tail_logs(
            subject.namespace,
            subject.workload,
            container=wanted,
            lines=min(lines, MOST_LINES),
            previous=previous,
        )
    except NoSuchObject:
        found = []
    shown = [text for line in found if (text := readable(line))]
    return Log(wanted, previous, shown)


def read_timed_log(subject: Subject, cluster: ClusterPort, *, lines: int) -> Sequence[TimedLine]:
    """The last lines of the application with time and level; none of what is not there."""
    try:
        found = cluster.tail_logs(
            subject.namespace, subject.workload, container=APP, lines=min(lines, MOST_LINES), timed=True
        )
    except NoSuchObject:
        found = []
    split = [split_stamp(line) for line in found]
    return [
        TimedLine(moment_of(stamp) if stamp else None, level_of(shown), shown)
        for stamp, text in split
        if (shown := readable(text))
    ]


def read_on(
    subject: Subject, cluster: ClusterPort, *, container: str, lines: int, after: LogPlace | None
) -> LogPart:
    """What was written after a place, or the last lines; nothing, at the same place, of what is not there.

    Raise NoSuchContainer.
    """
    if container not in subject.containers:
        raise NoSuchContainer(containers=list(subject.containers))
    try:
        stream = cluster.follow_logs(
            subject.namespace,
            subject.workload,
            container=container,
            lines=min(lines, MOST_LINES),
            after=after,
            goes_on=False,
        )
    except NoSuchObject:
        return LogPart((), after)
    with closing(stream):
        shown = [text for line in stream if (text := readable(line))]
    return LogPart(shown, stream.place or after)


def read_objects(instance: Instance, cluster: ClusterPort) -> Sequence[Manifest]:
    """What the cluster has of an instance; nothing of what is not there."""
    try:
        return cluster.objects_of(instance.namespace, str(instance.id))
    except NoSuchObject:
        return []


def read_events(subject: Subject, cluster: ClusterPort) -> Sequence[WorkloadEvent]:
    """What happened lately, newest first; nothing of what is not there."""
    try:
        return cluster.events_of(subject.namespace, subject.workload)
    except NoSuchObject:
        return []
