"""What an act would do with many instances, before it is asked for: which it takes, and why not the others.

Asks the rules that the acts themselves refuse by, without their locks: what changes meanwhile is refused when its turn
comes. Two statements, however many instances there are.
"""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import select

from minispod.accounts.models import User
from minispod.instances import controls
from minispod.instances.models import Instance
from minispod.instances.states import Control
from minispod.kernel.database import session
from minispod.kernel.errors import Refusal
from minispod.operations import requesting
from minispod.operations.models import Operation
from minispod.operations.states import LIVE
from minispod.subscriptions import data_care, operating
from minispod.subscriptions.bulk.errors import NothingChosen, TooManyChosen
from minispod.subscriptions.bulk.states import BulkAct
from minispod.subscriptions.models import Subscription

MOST = 2_000
"""So many instances are acted on in one batch."""

_CONTROLS = {
    BulkAct.START: Control.START,
    BulkAct.STOP: Control.STOP,
    BulkAct.RESTART: Control.RESTART,
    BulkAct.RETRY: Control.RETRY,
}
_MUST_BE_PAID = frozenset({BulkAct.START, BulkAct.RETRY})


@dataclass(frozen=True, slots=True)
class Foreseen:
    """One instance, its owner, and why nothing would be done with it; None when the act takes it."""

    instance: Instance
    owner: User
    refusal: Refusal | None


def foresee(act: BulkAct, instance_ids: Collection[uuid.UUID]) -> Sequence[Foreseen]:
    """What would become of each, by name. Refuses NothingChosen, TooManyChosen."""
    if not instance_ids:
        raise NothingChosen()
    if len(instance_ids) > MOST:
        raise TooManyChosen(most=MOST)
    rows = session().execute(
        select(Instance, User, Subscription)
        .join(User, User.id == Instance.user_id)
        .join(Subscription, Subscription.id == Instance.subscription_id)
        .where(Instance.id.in_(instance_ids))
        .order_by(Instance.name)
    )
    found = rows.all()
    running = select(Operation).where(Operation.instance_id.in_(instance_ids), Operation.status.in_(LIVE))
    live = {each.instance_id: each for each in session().scalars(running)}
    return [
        Foreseen(instance, owner, _why_not(act, instance, subscription, live.get(instance.id)))
        for instance, owner, subscription in found
    ]


def _why_not(
    act: BulkAct, instance: Instance, subscription: Subscription, live: Operation | None
) -> Refusal | None:
    if act is BulkAct.BACK_UP:
        return data_care.why_not(subscription) or requesting.why_no_backup(instance, live)
    unpaid = operating.why_not(subscription) if act in _MUST_BE_PAID else None
    return unpaid or controls.why_not(_CONTROLS[act], instance.status)
