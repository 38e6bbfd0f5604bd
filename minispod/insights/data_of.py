"""The data of one instance in one picture: what is done with them, their copies and volumes, where they could go."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from minispod.backups import deleting, keeping
from minispod.backups.models import Backup
from minispod.cluster import monitoring
from minispod.instances import volumes
from minispod.instances.models import Instance, InstanceVolume
from minispod.instances.states import InstanceStatus
from minispod.kernel.actor import Actor
from minispod.kernel.paging import Page, PageRequest
from minispod.operations import queries
from minispod.operations.models import Operation
from minispod.operations.progress import Progress, progress_of

_SHOWN = 20
_READY = (InstanceStatus.RUNNING, InstanceStatus.STOPPED, InstanceStatus.ERROR)


@dataclass(frozen=True, slots=True)
class Followed:
    """An operation and how far it is."""

    operation: Operation
    progress: Progress


@dataclass(frozen=True, slots=True)
class KeptCopy:
    """A backup, and whether it may be deleted on demand."""

    backup: Backup
    can_delete: bool


@dataclass(frozen=True, slots=True)
class KeptVolume:
    """A volume, and whether its instance can go back to it."""

    volume: InstanceVolume
    can_return: bool


@dataclass(frozen=True, slots=True)
class DataPicture:
    """Everything about an instance's data; `can_begin` says whether something new may be done with them now.

    `is_bound` when a move has to copy them.
    """

    live: Followed | None
    history: Sequence[Followed]
    backups: Page[Backup]
    copies: Sequence[KeptCopy]
    volumes: Sequence[KeptVolume]
    versions: Sequence[str]
    nodes: Sequence[str]
    is_copyable: bool
    is_bound: bool
    can_begin: bool


def live_progress(instance_id: uuid.UUID) -> Followed | None:
    """What is done with the data of an instance now; the caller has checked who asks."""
    live = queries.live_operation(instance_id)
    return Followed(live, progress_of(live)) if live else None


def picture_of(instance: Instance, *, actor: Actor, at: datetime) -> DataPicture:
    """The picture of one instance's data."""
    page = PageRequest(1, _SHOWN)
    history = queries.list_operations(instance.id, page, actor=actor)
    backups = keeping.list_backups(page, actor=actor, instance_id=instance.id, at=at)
    live = live_progress(instance.id)
    every = volumes.list_volumes(instance.id)
    can_return = queries.returnable(every, at)
    return DataPicture(
        live=live,
        history=[Followed(each, progress_of(each)) for each in history.items],
        backups=backups,
        # The newest stays until there is a newer one.
        copies=[
            KeptCopy(each, deleting.is_on_demand(each) and number > 0)
            for number, each in enumerate(backups.items)
        ],
        volumes=[KeptVolume(each, each.number in can_return) for each in every],
        versions=queries.newer_versions(instance),
        nodes=_other_nodes(instance),
        is_copyable=queries.is_copyable(instance),
        is_bound=volumes.may_be_bound(instance, volumes.volume_of(instance.id, instance.volume_number)),
        can_begin=live is None and instance.status in _READY and instance.first_ran_at is not None,
    )


def _other_nodes(instance: Instance) -> list[str]:
    volume = volumes.volume_of(instance.id, instance.volume_number)
    here = (volume.node_name if volume else None) or instance.node_name
    nodes = monitoring.last_picture().nodes
    return [each.name for each in nodes if each.is_ready and each.is_schedulable and each.name != here]
