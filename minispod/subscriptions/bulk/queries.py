"""Reads of acts on many instances, for staff: nothing here belongs to a customer."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select

from minispod.accounts.models import User
from minispod.instances.models import Instance
from minispod.kernel.database import page_of, session
from minispod.kernel.paging import Page, PageRequest
from minispod.subscriptions.bulk.errors import NoSuchBatch
from minispod.subscriptions.bulk.models import BulkBatch, BulkItem
from minispod.subscriptions.bulk.states import OPEN, ItemState


@dataclass(frozen=True, slots=True)
class Progress:
    """A batch and how many of its instances are in each state."""

    batch: BulkBatch
    counts: Mapping[ItemState, int]

    @property
    def whole(self) -> int:
        """How many instances there are."""
        return sum(self.counts.values())

    @property
    def ended(self) -> int:
        """How many are at their end, whatever it was."""
        return self.whole - sum(self.counts.get(state, 0) for state in OPEN)


@dataclass(frozen=True, slots=True)
class Turn:
    """One instance of a batch, as it stands now."""

    item: BulkItem
    instance: Instance
    owner: User


def get_progress(batch_id: uuid.UUID) -> Progress:
    """One batch; raise NoSuchBatch."""
    batch = session().get(BulkBatch, batch_id, populate_existing=True)
    if batch is None:
        raise NoSuchBatch()
    return _counted([batch])[0]


def list_turns(batch_id: uuid.UUID, page: PageRequest, *, state: ItemState | None = None) -> Page[Turn]:
    """The instances of a batch in their order; or those in one state."""
    wanted = (
        select(BulkItem, Instance, User)
        .join(Instance, Instance.id == BulkItem.instance_id)
        .join(User, User.id == Instance.user_id)
        .where(BulkItem.batch_id == batch_id)
        .order_by(BulkItem.position)
        .execution_options(populate_existing=True)
    )
    if state is not None:
        wanted = wanted.where(BulkItem.state == state)
    found: Page[Turn] = page_of(wanted, page, shape=lambda row: Turn(*row))
    return found


def list_batches(page: PageRequest) -> Page[Progress]:
    """All batches, newest first."""
    newest = select(BulkBatch).order_by(BulkBatch.requested_at.desc(), BulkBatch.id.desc())
    found: Page[BulkBatch] = page_of(newest, page)
    return Page(_counted(found.items), found.total, found.page, found.limit)


def count_live() -> int:
    """How many batches are not at their end."""
    return session().scalar(select(func.count()).where(BulkBatch.ended_at.is_(None))) or 0


def _counted(batches: Sequence[BulkBatch]) -> list[Progress]:
    rows = session().execute(
        select(BulkItem.batch_id, BulkItem.state, func.count())
        .where(BulkItem.batch_id.in_([each.id for each in batches]))
        .group_by(BulkItem.batch_id, BulkItem.state)
    )
    counts: dict[uuid.UUID, dict[ItemState, int]] = {each.id: {} for each in batches}
    for batch_id, state, number in rows:
        counts[batch_id][state] = int(number)
    return [Progress(each, counts[each.id]) for each in batches]
