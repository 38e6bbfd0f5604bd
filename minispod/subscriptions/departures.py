"""What becomes of a customer's applications when the account is deactivated, and how a customer is deleted.

Deactivating leaves them running unless staff choose otherwise (decision 19); the choice is carried out by a job, one
subscription at a time, because each takes locks of its own (docs/adr/0005). Lock order: tickets, accounts, then a
subscription; a deletion waits for no wallet.
"""

import uuid
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Select, exists, func, select
from sqlalchemy import delete as delete_rows
from sqlalchemy.exc import IntegrityError

from minispod.accounts import stewardship
from minispod.accounts.models import User
from minispod.audit import trail
from minispod.instances import controls
from minispod.instances.states import Wanted
from minispod.kernel import outbox
from minispod.kernel.actor import Actor
from minispod.kernel.database import lock, session
from minispod.kernel.money import format_rupiah
from minispod.kernel.tasks import Task
from minispod.notifications import post
from minispod.payments.models import TopUp
from minispod.subscriptions.cancellation import force_cancel
from minispod.subscriptions.errors import CreditLeft, StillSubscribed
from minispod.subscriptions.models import Subscription
from minispod.subscriptions.queries import lock_instance_of, lock_own
from minispod.subscriptions.rules import BusinessRules
from minispod.subscriptions.states import LIVE
from minispod.tickets import leaving
from minispod.wallet.models import LedgerEntry, Wallet


class Applications(StrEnum):
    """What becomes of the applications of somebody who is deactivated."""

    LEAVE = "leave"
    STOP = "stop"
    CANCEL = "cancel"


def deactivate(user_id: uuid.UUID, applications: Applications, *, actor: Actor, at: datetime) -> User:
    """Block the account at once; its applications follow right after the commit, if they are to.

    Refuses NoSuchUser, OwnAccount, LastAdministrator.
    """
    user = stewardship.block(user_id, actor=actor, at=at, applications=applications.value)
    if applications is not Applications.LEAVE:
        for subscription_id in session().scalars(_live(user_id).order_by(Subscription.id)):
            outbox.later(
                Task.FOLLOW_DEACTIVATION,
                key=str(subscription_id),
                at=at,
                subscription_id=str(subscription_id),
                applications=applications.value,
                by=actor.name,
                token_version=str(user.token_version),
            )
    return user


def follow(
    subscription_id: uuid.UUID,
    applications: Applications,
    *,
    by: str,
    token_version: int,
    rules: BusinessRules,
    actor: Actor,
    at: datetime,
) -> bool:
    """Stop or cancel one subscription of a deactivated account; False when there is nothing (any more) to do.

    `token_version` is the account's as that deactivation left it: a later one has a choice of its own.
    """
    if not _still_holds(subscription_id, token_version):
        return False
    subscription = lock_own(subscription_id, actor=actor)
    if not subscription.is_active:
        return False
    reason = f"The account was deactivated by {by}."
    if applications is Applications.CANCEL:
        force_cancel(subscription_id, reason=reason, with_refund=False, rules=rules, actor=actor, at=at)
        return True
    instance = lock_instance_of(subscription)
    if instance.wanted is not Wanted.RUNNING:
        return False
    controls.halt(instance, at=at)
    trail.record(
        actor,
        trail.Action.INSTANCE_CONTROLLED,
        at=at,
        subject_kind="instance",
        subject_id=instance.id,
        act="stop",
        reason=reason,
    )
    return True


def delete(user_id: uuid.UUID, *, forfeits: int = 0, actor: Actor, at: datetime) -> bool:
    """Delete the account; with a history of money it is anonymised and stays. True when it is gone altogether.

    Refuses NoSuchUser, OwnAccount, LastAdministrator, and StillSubscribed: nobody's data go with one click. Nor does
    their credit: CreditLeft, unless whoever deletes says that so much (`forfeits`) may be lost, or the account was
    deactivated before. (The front end that there is cannot say it; it can deactivate.)
    """
    user = _hold(user_id, actor)
    live = session().scalar(select(func.count()).select_from(_live(user_id).subquery())) or 0
    if live:
        raise StillSubscribed(activeSubscriptions=live)
    credit = _credit_of(user_id)
    if credit > forfeits and user.is_active:
        raise CreditLeft(
            f"This customer still has {format_rupiah(credit)} of credit, which is lost with the account. "
            "Pay it back first, or deactivate the customer before you delete the account.",
            creditBalance=credit,
        )
    post.forget(user_id)
    leaving.forget_customer(user_id, actor=actor, at=at)
    if not _has_history(user_id) and _removed(user):
        trail.record(actor, trail.Action.ACCOUNT_DELETED, at=at, subject_kind="user", subject_id=user_id)
        return True
    stewardship.anonymise(user, actor=actor, at=at, forfeited=credit or None)
    return False


def _hold(user_id: uuid.UUID, actor: Actor) -> User:
    """The account and all its tickets, locked: the tickets first, as whoever writes into one does."""
    while True:
        held = leaving.hold_tickets(user_id)
        attempt = session().begin_nested()
        user = stewardship.lock_to_delete(user_id, actor=actor)
        if leaving.has_no_other(user_id, held):
            attempt.commit()
            return user
        # One was opened in between. Somebody may hold it and wait for the account: let go, and begin with it.
        attempt.rollback()


def _still_holds(subscription_id: uuid.UUID, token_version: int) -> bool:
    """Whether the owner's account is deactivated as it was then; locked, so that nobody reactivates it meanwhile."""
    owner_id = session().scalar(select(Subscription.user_id).where(Subscription.id == subscription_id))
    owner: User | None = lock(User, owner_id) if owner_id else None
    return owner is not None and not owner.is_active and owner.token_version == token_version


def _live(user_id: uuid.UUID) -> Select[uuid.UUID]:
    return select(Subscription.id).where(Subscription.user_id == user_id, Subscription.status.in_(LIVE))


def _credit_of(user_id: uuid.UUID) -> int:
    # Read, not locked: a deletion waits for no wallet.
    return max(0, session().scalar(select(Wallet.balance).where(Wallet.user_id == user_id)) or 0)


def _has_history(user_id: uuid.UUID) -> bool:
    kept = (LedgerEntry, TopUp, Subscription)
    return any(session().scalar(select(exists().where(each.user_id == user_id))) for each in kept)


def _removed(user: User) -> bool:
    """Remove wallet and account; False when something else still refers to them, or is just about to."""
    if not _is_wallet_free(user.id):
        return False
    try:
        with session().begin_nested():
            session().execute(delete_rows(Wallet).where(Wallet.user_id == user.id))
            session().execute(delete_rows(User).where(User.id == user.id))
    except IntegrityError:
        return False
    session().expunge(user)
    return True


def _is_wallet_free(user_id: uuid.UUID) -> bool:
    """Whether nobody is just moving money; the wallet is locked then.

    Whoever holds it writes a history, and waits for the account to refer to it: to wait for them would be a deadlock.
    """
    mine = Wallet.user_id == user_id
    if not session().scalar(select(exists().where(mine))):
        return True
    return session().scalar(select(Wallet.user_id).where(mine).with_for_update(skip_locked=True)) is not None
