"""The gateway's notices: stored before anything is made of them, claimed by whoever settles them.

A notice is a reason to ask the gateway, never a proof of payment. Kept are the facts an auditor needs;
personal data, card numbers and the signature (which also fits other statuses) are not.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, bindparam, case, exists, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from minispod.audit import trail
from minispod.kernel import outbox
from minispod.kernel.actor import Actor
from minispod.kernel.database import UtcTime, run, session, table_of
from minispod.kernel.ids import new_id
from minispod.kernel.tasks import Task
from minispod.payments.cases import Announced, Detail
from minispod.payments.errors import NoSuchTransaction
from minispod.payments.gateway import Notice
from minispod.payments.models import GatewayNotice, TopUp

_KEPT_FACTS = frozenset(
    {
        "transaction_time",
        "settlement_time",
        "expiry_time",
        "status_message",
        "status_code",
        "fraud_status",
        "payment_type",
        "gross_amount",
        "refund_amount",
        "acquirer",
        "issuer",
        "transaction_type",
        "bank",
        "store",
        "payment_code",
        "biller_code",
        "bill_key",
        "permata_va_number",
        "approval_code",
        "channel_response_code",
        "channel_response_message",
    }
)
_FACT_LENGTH = 200
_ABANDONED_AFTER = timedelta(minutes=1)
# Far longer than a job pauses: what is still not settled then was refused, and is tried again.
_FORGOTTEN_AFTER = timedelta(hours=1)
_GIVEN_UP_AFTER = timedelta(days=30)

_notices, _topups = table_of(GatewayNotice), table_of(TopUp)
_IS_OURS = exists().where(_topups.c.order_id == bindparam("asked_for"))
_NEW = insert(_notices).values(
    settled_at=case((_IS_OURS, None), else_=bindparam("now", type_=UtcTime())),
    verdict=case((_IS_OURS, None), else_=Detail.UNKNOWN_ORDER.value),
)
# Repeated bytes are settled again: the gateway may know more by now.
_KEEP = _NEW.on_conflict_do_update(
    index_elements=["digest"],
    set_={
        "received_at": _NEW.excluded.received_at,
        "queued_at": None,
        "settled_at": _NEW.excluded.settled_at,
        "deliveries": _notices.c.deliveries + 1,
    },
).returning(*_notices.c)


@dataclass(frozen=True, slots=True)
class KeptNotice:
    """A stored notice that waits for the gateway's word on it."""

    id: uuid.UUID
    order_id: str
    announced: Announced

    @property
    def transaction_id(self) -> str:
        """What to ask the gateway about: some channels know their own id only."""
        return self.announced.transaction_id


def keep(notice: Notice, *, at: datetime) -> KeptNotice | None:
    """Store the notice, or count its repetition; None when it is about no order of ours and so settled."""
    values = {
        "id": new_id(),
        "digest": notice.received_digest,
        "order_id": notice.order_id,
        "transaction_id": notice.transaction_id,
        "transaction_status": _clean(notice.transaction_status, 40),
        "gross_amount": notice.gross_amount,
        "currency": _clean(notice.currency, 10),
        "merchant_id": _clean(notice.merchant_id, 50),
        "facts": _facts(notice.body),
        "deliveries": 1,
        "received_at": at,
    }
    row = run(_KEEP, values | {"now": at, "asked_for": notice.order_id}).one()
    return _kept(row) if row.settled_at is None else None


def claim(notice_id: uuid.UUID) -> KeptNotice | None:
    """Return a notice that is not settled yet; None when it is."""
    row = session().get(GatewayNotice, notice_id, populate_existing=True)
    return _kept(row) if row is not None and row.settled_at is None else None


def replay(notice_id: uuid.UUID, *, topup_id: uuid.UUID, actor: Actor, at: datetime) -> KeptNotice:
    """Take up a stored notice of this top-up's order once more; raises NoSuchTransaction. Harmless at any time."""
    row = session().get(GatewayNotice, notice_id, populate_existing=True)
    topup = session().get(TopUp, topup_id)
    if row is None or topup is None or row.order_id != topup.gateway_order_id:
        raise NoSuchTransaction()
    trail.record(
        actor,
        trail.Action.TOPUP_NOTICE_REPLAYED,
        at=at,
        subject_kind="topup",
        subject_id=topup_id,
        said=row.transaction_status,
        transaction_id=row.transaction_id,
    )
    return _kept(row)


def settle(notice_id: uuid.UUID, detail: Detail, *, at: datetime) -> None:
    """Write down what was made of the notice. The caller holds the top-up's lock."""
    session().execute(
        update(GatewayNotice).where(GatewayNotice.id == notice_id).values(settled_at=at, verdict=detail.value)
    )


def leave_to_job(notice_id: uuid.UUID, *, at: datetime) -> None:
    """Have a job settle the notice, because the gateway is silent at the moment."""
    queued = session().scalar(
        update(GatewayNotice)
        .where(GatewayNotice.id == notice_id, GatewayNotice.settled_at.is_(None))
        .values(queued_at=at)
        .returning(GatewayNotice.id)
    )
    if queued is not None:
        outbox.later(Task.SETTLE_NOTICE, key=str(notice_id), at=at, notice_id=str(notice_id))


def list_abandoned(at: datetime, limit: int = 200) -> Sequence[uuid.UUID]:
    """Notices nobody settles: the process died before it did, or the gateway refused to speak about them."""
    never_queued = GatewayNotice.queued_at.is_(None) & (GatewayNotice.received_at < at - _ABANDONED_AFTER)
    wanted = (
        select(GatewayNotice.id)
        .where(
            GatewayNotice.settled_at.is_(None),
            GatewayNotice.received_at > at - _GIVEN_UP_AFTER,
            or_(never_queued, GatewayNotice.queued_at < at - _FORGOTTEN_AFTER),
        )
        .order_by(GatewayNotice.received_at)
        .limit(limit)
    )
    return session().scalars(wanted).all()


def _kept(row: GatewayNotice | Row[Any]) -> KeptNotice:
    announced = Announced(
        transaction_id=row.transaction_id,
        transaction_status=row.transaction_status,
        gross_amount=row.gross_amount,
        currency=row.currency,
        merchant_id=row.merchant_id,
    )
    return KeptNotice(row.id, row.order_id, announced)


def _facts(body: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: _clean(value, _FACT_LENGTH)
        for name, value in body.items()
        if name in _KEPT_FACTS and isinstance(value, str)
    }


def _clean(text: str | None, length: int) -> str | None:
    """Text the database can hold: PostgreSQL takes neither NUL nor lone surrogates."""
    if text is None:
        return None
    return text.encode("utf-8", "replace").decode().replace("\x00", "?")[:length]
