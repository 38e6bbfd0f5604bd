"""Adjustments with the people in them, for staff. Reads only."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import aliased

from minispod.accounts.models import User
from minispod.kernel.actor import Actor
from minispod.kernel.database import first_of, page_of, session
from minispod.kernel.paging import Page, PageRequest
from minispod.wallet.errors import NoSuchAdjustment
from minispod.wallet.models import Adjustment, LedgerEntry
from minispod.wallet.states import AdjustmentState


@dataclass(frozen=True, slots=True)
class ListedAdjustment:
    """An adjustment, whose wallet it is about, who asked, who decided, and the entry it made."""

    adjustment: Adjustment
    owner: User
    requester: User
    decider: User | None
    entry: LedgerEntry | None


def list_adjustments(
    page: PageRequest, *, state: AdjustmentState | None = None, user_id: uuid.UUID | None = None
) -> Page[ListedAdjustment]:
    """List adjustments, newest first."""
    query = _joined().order_by(Adjustment.requested_at.desc(), Adjustment.id.desc())
    if state is not None:
        query = query.where(Adjustment.state == state)
    if user_id is not None:
        query = query.where(Adjustment.user_id == user_id)
    found: Page[ListedAdjustment] = page_of(query, page, shape=lambda row: ListedAdjustment(*row))
    return found


def waiting(*, at: datetime, limit: int) -> Page[ListedAdjustment]:
    """Those that wait for a second confirmation, the one that expires first at the front."""
    query = (
        _joined()
        .where(Adjustment.state == AdjustmentState.PENDING, Adjustment.expires_at > at)
        .order_by(Adjustment.expires_at, Adjustment.id)
    )
    found: Page[ListedAdjustment] = first_of(query, limit, shape=lambda row: ListedAdjustment(*row))
    return found


def get_adjustment(adjustment_id: uuid.UUID, *, actor: Actor) -> ListedAdjustment:
    """One as it is now; raise NoSuchAdjustment, also to anybody but staff."""
    row = (
        session()
        .execute(_joined().where(Adjustment.id == adjustment_id).execution_options(populate_existing=True))
        .one_or_none()
    )
    if row is None or not actor.is_staff:
        raise NoSuchAdjustment()
    return ListedAdjustment(*row)


def _joined() -> Select[*tuple[Any, ...]]:
    owner, requester, decider = aliased(User), aliased(User), aliased(User)
    return (
        select(Adjustment, owner, requester, decider, LedgerEntry)
        .join(owner, owner.id == Adjustment.user_id)
        .join(requester, requester.id == Adjustment.requested_by)
        .outerjoin(decider, decider.id == Adjustment.decided_by)
        .outerjoin(LedgerEntry, LedgerEntry.id == Adjustment.entry_id)
    )
