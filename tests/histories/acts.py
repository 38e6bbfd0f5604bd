"""What can be done in the shop. `number` says which one, how much, how long; who has nothing of the kind does nothing.

Every act is what a door would do: it opens its own units of work and commits. A `Refusal` is an answer like another;
a database that gave up (deadlock, time over) is not, though it is a refusal to customers.
"""

import uuid
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import TypeVar

from sqlalchemy import select

from minispod.instances.provisioning import OutcomeKind
from minispod.kernel.actor import system
from minispod.kernel.database import session
from minispod.kernel.errors import Refusal, Unavailable
from minispod.kernel.unit_of_work import unit_of_work
from minispod.payments import notices, polling, refunding, reviewing, settling, topups
from minispod.payments.models import TopUp
from minispod.payments.states import TopUpState
from minispod.proof.checks import CHECKS
from minispod.wallet import adjusting
from minispod.wallet.adjusting import AdjustmentRules, Correction
from minispod.wallet.models import Adjustment
from minispod.wallet.states import AdjustmentState
from tests.factories.payments import put_topup
from tests.histories.bank import Payment
from tests.histories.world import World
from tests.plugins.app import PASSWORD, Person
from tests.proofs import assert_proven

# What names work that is put off, until the clock does it.
LATE = ("live-period", "paper-waiting", "adjustment-waiting", "wallet-witness")
DAYS = (1, 6, 8, 25, 31, 40, 0)
AMOUNTS = (10_000, 50_000, 120_000, 400_000)
GIVEN_BACK = ("refund", "partial_refund", "chargeback", "deny")
RULES = AdjustmentRules(confirm_above=100_000, expires_after=timedelta(hours=72))
# One for each plan of the shelf; the two for free ones are refused.
CODES = ("LESS15", "PROSAVE", "LESS15", "FREEBIE", "TWICE", "FREEBIE")
# The plans of the service that has three, by their places on the shelf.
LADDER = (1, 0, 4)
GATEWAY = system("payment gateway")
# Whoever acts at the same moment should meet: only the newest are taken.
NEWEST = 4
# From here on numbers repeat a request: the same key again.
KEYED = 8

Doing = Callable[[World, Person, int], object]
T = TypeVar("T")


def perform(world: World, kind: str, who: int, number: int) -> bool:
    """Do one act for one of the customers; False when it was refused."""
    try:
        ACTS[kind](world, world.customers[who % len(world.customers)], number)
    except Unavailable:
        raise
    except Refusal:
        return False
    return True


def order(world: World, who: Person, number: int) -> None:
    _order(world, who, number, None)


def order_with_coupon(world: World, who: Person, number: int) -> None:
    _order(world, who, number, CODES[number % len(CODES)])


def redeem(world: World, who: Person, number: int) -> None:
    world.shop.redeem(
        who, "LESS15" if number == 3 else ("TWICE", "GIFT")[number % 2], request_key=_key(number)
    )


def cancel(world: World, who: Person, number: int) -> None:
    for owner, subscription in _one(world, who, number):
        world.shop.cancel(owner, subscription)


def auto_renew(world: World, who: Person, number: int) -> None:
    for owner, subscription in _one(world, who, number):
        world.shop.auto_renew(owner, subscription, number % 4 == 0)


def upgrade(world: World, who: Person, number: int) -> None:
    for owner, subscription in _one(world, who, number):
        world.shop.upgrade(owner, subscription, _rung(world, number), _key(number))


def topup(world: World, who: Person, number: int) -> None:
    """Open one, pay it, and have the gateway say so; every fourth is left unpaid."""
    amount = AMOUNTS[number % len(AMOUNTS)]
    with world.app.app_context():
        made = put_topup(who.id, at=world.clock.now(), amount=amount)
    world.topups.append(made.id)
    if number % 4 != 3:
        _tell(world, world.bank.pay(made.order_id, amount), 1)


def pays(world: World, who: Person, number: int) -> None:
    """Pay any order, whether or not it was paid before; the gateway speaks of it later."""
    if world.topups:
        with world.app.app_context():
            found = session().get_one(TopUp, _newest(world.topups, number))
        world.bank.pay(found.order_id, found.amount)


def calls_off(world: World, who: Person, number: int) -> None:
    """The customer no longer wants to pay."""
    if not world.topups:
        return
    topup_id = _newest(world.topups, number)
    with world.app.app_context():
        owner = session().get_one(TopUp, topup_id).user_id
        actor = next(each.actor for each in world.customers if each.id == owner)
        session().rollback()
        with unit_of_work():
            look = topups.claim_cancel(topup_id, actor=actor)
        status = topups.carry_out_cancel(look, world.bank)
        with unit_of_work():
            topups.settle_cancel(topup_id, status, merchant_id="", actor=actor, at=world.clock.now())


def told(world: World, who: Person, number: int) -> None:
    """The gateway announces a payment: for the first time, once more, or how it was some time ago."""
    _tell(world, _payment(world, who, number), number // NEWEST)


def given_back(world: World, who: Person, number: int) -> None:
    """Money leaves at the gateway, and it says so."""
    payment = _payment(world, who, number)
    world.bank.give_back(payment, GIVEN_BACK[number // 3], payment.amount // 2)
    _tell(world, payment, len(payment.said) - 1)


def asks_refund(world: World, who: Person, number: int) -> None:
    """Staff have the gateway give a payment back; a job does it."""
    if world.topups:
        amount = None if number % 2 else AMOUNTS[0]
        with world.app.app_context(), unit_of_work():
            refunding.ask(
                _newest(world.topups, number),
                amount=amount,
                reason="paid by mistake",
                actor=_staff(world, number).actor,
                at=world.clock.now(),
            )


def decides(world: World, who: Person, number: int) -> None:
    """Staff accept or close the oldest payment that is held."""
    actor, at = _staff(world, number).actor, world.clock.now()
    with world.app.app_context():
        held = session().scalar(select(TopUp.id).where(TopUp.state == TopUpState.REVIEW).order_by(TopUp.id))
        session().rollback()
        if held is None:
            return
        with unit_of_work():
            look = reviewing.claim(held, actor=actor)
        status = polling.carry_out(look, world.bank)
        with unit_of_work():
            if number % 2:
                reviewing.accept(held, status, reason="it came in", merchant_id="", actor=actor, at=at)
            else:
                reviewing.close(
                    held,
                    status,
                    reason="sent back",
                    is_returned=True,
                    merchant_id="",
                    actor=actor,
                    at=at,
                )


def move(world: World, who: Person, number: int) -> None:
    """Staff move it up or down, now and then for nothing."""
    for _, subscription in _one(world, who, number // 2):
        plan = _rung(world, number)
        world.shop.change_plan(_staff(world, number), subscription, plan, is_waived=number % 4 == 0)


def refund(world: World, who: Person, number: int) -> None:
    for _, subscription in _one(world, who, number):
        world.shop.refund(_staff(world, number), subscription, AMOUNTS[number % 2] + number, _key(number))


def extend(world: World, who: Person, number: int) -> None:
    for _, subscription in _one(world, who, number):
        world.shop.extend(_staff(world, number), subscription, DAYS[number % 6])


def force_cancel(world: World, who: Person, number: int) -> None:
    for _, subscription in _one(world, who, number):
        world.shop.force_cancel(_staff(world, number), subscription, with_refund=number % 3 > 0)


def adjust(world: World, who: Person, number: int) -> None:
    """Staff correct a wallet; what is large waits for a second person."""
    delta = AMOUNTS[number % len(AMOUNTS)] * (-1 if number % 3 == 0 else 1)
    wanted = Correction(who.id, delta, "counted again", may_owe=number % 2 == 0)
    with world.app.app_context(), unit_of_work():
        adjusting.request(
            wanted,
            request_key=_key(number),
            rules=RULES,
            actor=_staff(world, number).actor,
            at=world.clock.now(),
        )


def confirms(world: World, who: Person, number: int) -> None:
    """Staff approve or decline the oldest correction that waits."""
    actor, at = _staff(world, number).actor, world.clock.now()
    with world.app.app_context():
        wanted = select(Adjustment.id).where(Adjustment.state == AdjustmentState.PENDING)
        waiting = session().scalar(wanted.order_by(Adjustment.id))
        session().rollback()
        if waiting is None:
            return
        with unit_of_work():
            if number % 4:
                adjusting.approve(waiting, password=PASSWORD, bcrypt_rounds=4, actor=actor, at=at)
            else:
                adjusting.decline(waiting, actor=actor, at=at)


def concludes(world: World, who: Person, number: int) -> None:
    """The cluster has come to what is wanted, or gives up on it."""
    for _, subscription in _one(world, who, number):
        if number % 4:
            world.shop.conclude(subscription, OutcomeKind.DONE)
        else:
            world.shop.gives_up(subscription)


def calendar(world: World, who: Person, number: int) -> None:
    """The clock asks for whatever is due, and somebody works at it."""
    world.tick("advance-calendar")
    world.work(2)


def works(world: World, who: Person, number: int) -> None:
    world.work(1 + number % 3)


def polls(world: World, who: Person, number: int) -> None:
    world.tick("poll-topups")


def closes_day(world: World, who: Person, number: int) -> None:
    """Closing balances are written, corrections nobody confirmed expire, paid time is noted down."""
    world.tick("snapshot-wallets" if number % 2 else "expire-adjustments")
    world.tick("note-paid-time")


def numbers_papers(world: World, who: Person, number: int) -> None:
    world.number_papers()


def proves(world: World, who: Person, number: int) -> None:
    """What holds afterwards holds at any moment, except that work by the clock may be late."""
    with world.app.app_context():
        assert_proven(world.clock.now(), CHECKS, apart_from=LATE)


def settle_all(world: World) -> None:
    """The gateway has the last word on every payment, and all that was put off is done."""
    for payment in world.bank.payments:
        with suppress(Refusal):
            _tell(world, payment, len(payment.said) - 1)
    for name in ("advance-calendar", "expire-adjustments", "snapshot-wallets", "complete-papers"):
        world.tick(name)
    world.work()
    world.number_papers()


def _order(world: World, who: Person, number: int, coupon: str | None) -> None:
    plan = world.plans[number % len(world.plans)]
    made = world.shop.place(who, plan, coupon=coupon, request_key=_key(number))
    if (who, made.subscription.id) not in world.subscriptions:
        world.subscriptions.append((who, made.subscription.id))


def _tell(world: World, payment: Payment, number: int) -> None:
    """As the webhook: store the notice, ask, settle."""
    with world.app.app_context():
        with unit_of_work():
            kept = notices.keep(payment.notice(number), at=world.clock.now())
        assert kept is not None
        status = world.bank.status(payment.id)
        with unit_of_work():
            settling.settle_notice(kept, status, merchant_id="", actor=GATEWAY, at=world.clock.now())


def _one(world: World, who: Person, number: int) -> list[tuple[Person, uuid.UUID]]:
    """One of the newest subscriptions, whosever it is, with its owner; while there is none it is ordered first."""
    if not world.subscriptions:
        _order(world, who, number, None)
    return [_newest(world.subscriptions, number)]


def _payment(world: World, who: Person, number: int) -> Payment:
    """One of the newest payments; while there is none it is made first."""
    if not world.bank.payments:
        topup(world, who, 0)
    return _newest(world.bank.payments, number)


def _newest(made: list[T], number: int) -> T:
    return made[-1 - number % min(NEWEST, len(made))]


def _rung(world: World, number: int) -> uuid.UUID:
    """A plan to move to: mostly of the service that has the most of them."""
    return world.plans[LADDER[number % 3] if number < 11 else number % len(world.plans)]


def _staff(world: World, number: int) -> Person:
    return world.staff[number % len(world.staff)]


def _key(number: int) -> str | None:
    return f"request-{number}" if number >= KEYED else None


ACTS: dict[str, Doing] = {
    each.__name__: each
    for each in (
        order,
        order_with_coupon,
        redeem,
        cancel,
        auto_renew,
        upgrade,
        topup,
        pays,
        calls_off,
        told,
        given_back,
        asks_refund,
        decides,
        move,
        refund,
        extend,
        force_cancel,
        adjust,
        confirms,
        concludes,
        calendar,
        works,
        polls,
        closes_day,
        numbers_papers,
        proves,
    )
}
