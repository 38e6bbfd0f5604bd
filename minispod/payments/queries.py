"""Reads of top-ups. The customer-facing ones filter by owner (decision 41)."""

import uuid

from sqlalchemy import select

from minispod.kernel.actor import Actor
from minispod.kernel.database import page_of, session
from minispod.kernel.paging import Page, PageRequest
from minispod.payments.models import GatewayNotice, TopUp


def find_topup(topup_id: uuid.UUID, *, actor: Actor) -> TopUp | None:
    """The top-up as it is now, if the actor may see it."""
    topup = session().get(TopUp, topup_id, populate_existing=True)
    return topup if topup is not None and actor.may_see(topup.user_id) else None


def list_notices(page: PageRequest, *, order_id: str | None = None) -> Page[GatewayNotice]:
    """List the gateway's notices for staff, newest first."""
    wanted = select(GatewayNotice).order_by(GatewayNotice.received_at.desc(), GatewayNotice.id.desc())
    if order_id:
        wanted = wanted.where(GatewayNotice.order_id == order_id)
    return page_of(wanted, page)
