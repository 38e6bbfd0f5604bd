"""Reads of top-ups. The customer-facing ones filter by owner (decision 41)."""

import uuid
from collections.abc import Sequence

from sqlalchemy import select

from minispod.kernel.actor import Actor
from minispod.kernel.database import session
from minispod.payments.errors import RefundUnderWay
from minispod.payments.models import GatewayLook, TopUp, TopUpRefund
from minispod.payments.states import RefundState


def find_topup(topup_id: uuid.UUID, *, actor: Actor) -> TopUp | None:
    """The top-up as it is now, if the actor may see it."""
    topup = session().get(TopUp, topup_id, populate_existing=True)
    return topup if topup is not None and actor.may_see(topup.user_id) else None


def list_looks(topup_id: uuid.UUID, limit: int) -> Sequence[GatewayLook]:
    """What the gateway answered when we asked about a top-up, newest first; for staff."""
    wanted = select(GatewayLook).where(GatewayLook.topup_id == topup_id)
    return session().scalars(wanted.order_by(GatewayLook.last_at.desc()).limit(limit)).all()


def list_refunds(topup_id: uuid.UUID) -> Sequence[TopUpRefund]:
    """The refunds asked for of a top-up, newest first; for staff."""
    wanted = select(TopUpRefund).where(TopUpRefund.topup_id == topup_id)
    return session().scalars(wanted.order_by(TopUpRefund.asked_at.desc(), TopUpRefund.id.desc())).all()


def list_siblings(topup: TopUp) -> Sequence[TopUp]:
    """The other payments of the same order, oldest first; for staff."""
    first = topup.second_of or topup.id
    wanted = select(TopUp).where((TopUp.id == first) | (TopUp.second_of == first), TopUp.id != topup.id)
    return session().scalars(wanted.order_by(TopUp.number)).all()


def refuse_while_refunding(topup_id: uuid.UUID) -> None:
    """Raise RefundUnderWay while a refund is not decided; the caller holds the top-up's lock."""
    under_way = (RefundState.ASKED, RefundState.SENT)
    wanted = select(TopUpRefund.id).where(TopUpRefund.topup_id == topup_id, TopUpRefund.state.in_(under_way))
    if session().scalar(wanted) is not None:
        raise RefundUnderWay()
