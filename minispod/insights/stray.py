"""What nobody owns in the cluster, with the people and instances it may have to do with. For staff; only reads."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from minispod.accounts.models import User
from minispod.instances import orphans
from minispod.instances.models import Instance
from minispod.instances.orphan_models import Orphan
from minispod.kernel.database import session
from minispod.subscriptions import adopting


@dataclass(frozen=True, slots=True)
class Stray:
    """An orphan, whose namespace it lies in, and the instance that could take it."""

    orphan: Orphan
    owner: User | None
    instance: Instance | None
    can_adopt: bool


@dataclass(frozen=True, slots=True)
class Strays:
    """What nobody owns, and beside it what a recipe trial made that may still run."""

    items: Sequence[Stray]
    trials: Sequence[Orphan]


def list_stray(*, at: datetime) -> Strays:
    """List what nobody owns, as last found."""
    rows, trials = orphans.list_orphans(at=at)
    return Strays([_stray(row) for row in rows], trials)


def _stray(row: Orphan) -> Stray:
    owner = session().get(User, row.user_id) if row.user_id else None
    instance = session().get(Instance, row.instance_id) if row.instance_id else None
    return Stray(row, owner, instance, adopting.can_adopt(row))
