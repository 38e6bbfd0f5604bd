"""Repairs: only where a figure is wrong that the ledger or the subscriptions say better; once, locked, written down."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from minispod.audit.models import AuditEntry
from minispod.catalog.errors import NoSuchPlan
from minispod.kernel.actor import system
from minispod.kernel.database import session
from minispod.kernel.outbox import OutboxRow
from minispod.kernel.tasks import Task
from minispod.kernel.unit_of_work import unit_of_work
from minispod.promotions import recounting
from minispod.promotions.errors import MoreUsesThanAllowed, NoSuchCoupon
from minispod.promotions.errors import NothingToRecount as CouponCounted
from minispod.promotions.models import Coupon
from minispod.proof import history, repairs
from minispod.proof.checks import CHECKS
from minispod.proof.errors import NoSuchDifference, NotRepairable, RepairedAlready
from minispod.proof.models import ProofDifference
from minispod.proof.proving import prove
from minispod.subscriptions import live_sizes, slots
from minispod.subscriptions.errors import MoreLiveThanSlots, NothingToRecount
from minispod.wallet import rebuilding
from minispod.wallet.errors import LedgerBroken, NoSuchWallet, NothingToRebuild
from minispod.wallet.models import Wallet
from tests.domain.proof.conftest import Story
from tests.domain.proof.damages import DAMAGES
from tests.plugins.app import Person
from tests.proofs import assert_proven

BY_NAME = {damage.what: damage for damage in DAMAGES}
REPAIRABLE = (
    "a balance that grew by itself",
    "a debt nobody has",
    "a total that is off",
    "another total that is off",
    "a slot nobody holds",
    "a live instance that was not noted",
    "a coupon used once more than is known",
)


def _differences(app: Flask, story: Story) -> list[ProofDifference]:
    with app.app_context():
        proof = prove(story.now())
        with unit_of_work():
            run = history.record(proof, cause="staff", asked_by="Ayu", actor=system("proof"))
        return list(session().scalars(select(ProofDifference).where(ProofDifference.run_id == run.id)))


def _repair(app: Flask, story: Story, id_: uuid.UUID, by: Person) -> Any:
    with app.app_context(), unit_of_work():
        return repairs.repair(id_, actor=by.actor, at=story.now())


def _coupon(app: Flask, code: str) -> uuid.UUID:
    with app.app_context():
        return session().scalars(select(Coupon.id).where(Coupon.code == code)).one()


def _actions(app: Flask) -> list[str]:
    with app.app_context():
        return list(session().scalars(select(AuditEntry.action).order_by(AuditEntry.id)))


def test_repairs_are_for_known_checks_and_every_repairable_damage_is_tried() -> None:
    assert set(repairs.REPAIRS) <= {check.name for check in CHECKS}
    assert {name for what in REPAIRABLE for name in BY_NAME[what].named} == set(repairs.REPAIRS)


@pytest.mark.parametrize("what", REPAIRABLE)
def test_a_repair_makes_it_add_up_and_is_written_into_the_book(
    what: str, story: Story, app: Flask, administrator: Person
) -> None:
    BY_NAME[what].plant(story)
    [found] = _differences(app, story)

    repaired = _repair(app, story, found.id, administrator)

    assert (repaired.repaired_by, repaired.repaired_at) == ("Ayu Admin", story.now())
    actions = set(_actions(app))
    assert len(actions & {"wallet.rebuilt", "plan.recounted", "room.recounted", "coupon.recounted"}) == 1
    assert "proof.repaired" in actions
    with app.app_context():
        assert_proven(story.now())
        asked = session().scalars(select(OutboxRow).where(OutboxRow.task == Task.PROVE_MONEY.value)).all()
    assert [row.args["cause"] for row in asked] == ["repair"]


@pytest.mark.parametrize(
    "what",
    [
        "a balance that grew by itself",
        "a slot nobody holds",
        "a live instance that was not noted",
        "a coupon used once more than is known",
    ],
)
def test_two_at_once_repair_once(
    what: str, story: Story, app: Flask, administrator: Person, at_once: Callable[..., list[Any]]
) -> None:
    BY_NAME[what].plant(story)
    [found] = _differences(app, story)

    came = at_once(2, lambda _: _repair(app, story, found.id, administrator))

    assert sorted(type(each).__name__ for each in came) == ["ProofDifference", RepairedAlready.__name__]
    assert _actions(app).count("proof.repaired") == 1
    with app.app_context():
        assert_proven(story.now())


def test_two_differences_of_one_wallet_at_once_are_one_change(
    story: Story, app: Flask, administrator: Person, at_once: Callable[..., list[Any]]
) -> None:
    for what in ("a balance that grew by itself", "a total that is off"):
        BY_NAME[what].plant(story)
    found = [each.id for each in _differences(app, story)]
    assert len(found) == 2

    came = at_once(2, lambda number: _repair(app, story, found[number], administrator))

    assert sorted(type(each).__name__ for each in came) == [NothingToRebuild.__name__, "ProofDifference"]
    with app.app_context():
        assert_proven(story.now())


def test_two_sizes_that_are_wrong_are_one_change(story: Story, app: Flask, administrator: Person) -> None:
    BY_NAME["an instance of another size than was noted"].plant(story)
    first, second = _differences(app, story)
    facts = {
        tuple(each.facts[name] for name in ("size", "noted", "live_instances")) for each in (first, second)
    }
    [was] = [each for each in facts if each[0] == "1000m CPU, 1024 MB"]
    assert facts == {was, ("1000m CPU, 1025 MB", 0, 1)}
    assert was[1] == was[2] + 1

    _repair(app, story, first.id, administrator)
    with pytest.raises(NothingToRecount):
        _repair(app, story, second.id, administrator)

    with app.app_context():
        [line] = session().scalars(select(AuditEntry).where(AuditEntry.action == "room.recounted"))
        assert line.details["changed"] == {size: [noted, live] for size, noted, live in facts}
        assert_proven(story.now())


def test_money_that_moves_meanwhile_is_not_lost(
    story: Story, app: Flask, administrator: Person, at_once: Callable[..., list[Any]]
) -> None:
    BY_NAME["a total that is off"].plant(story)
    [found] = _differences(app, story)

    def act(number: int) -> None:
        if number:
            story.shop.credit(story.owner, 1_000)
        else:
            _repair(app, story, found.id, administrator)

    came = at_once(6, act)

    assert not any(isinstance(each, Exception) for each in came), came
    with app.app_context():
        assert_proven(story.now())


def test_a_spoilt_balance_on_which_something_was_posted_is_left_to_a_person(
    story: Story, app: Flask, administrator: Person
) -> None:
    """The entry that began at the spoilt balance shows that it was used; taking it back may take spent credit."""
    BY_NAME["a balance that grew by itself"].plant(story)
    BY_NAME["an entry that begins elsewhere"].plant(story)
    found = next(each for each in _differences(app, story) if each.check == "wallet-balance")

    with pytest.raises(LedgerBroken):
        _repair(app, story, found.id, administrator)

    with app.app_context():
        assert prove(story.now()).named == ["wallet-balance", "ledger-chain"]


def test_what_no_button_may_repair_is_refused(story: Story, app: Flask, administrator: Person) -> None:
    BY_NAME["an entry that begins elsewhere"].plant(story)
    [found] = _differences(app, story)

    with pytest.raises(NotRepairable):
        _repair(app, story, found.id, administrator)
    with pytest.raises(NoSuchDifference):
        _repair(app, story, uuid.uuid4(), administrator)


def test_a_wallet_whose_entries_have_a_break_is_left_alone(
    story: Story, app: Flask, administrator: Person
) -> None:
    BY_NAME["the credit of a top-up removed from the ledger"].plant(story)
    found = next(each for each in _differences(app, story) if each.check == "wallet-balance")

    with pytest.raises(LedgerBroken):
        _repair(app, story, found.id, administrator)

    with app.app_context():
        assert session().get_one(ProofDifference, found.id).repaired_at is None


def test_credit_that_appears_wakes_what_waited_for_it(
    story: Story, app: Flask, administrator: Person
) -> None:
    story.change("UPDATE wallets SET balance = balance - 9 WHERE user_id = :id", id=story.owner.id)
    [found] = _differences(app, story)

    _repair(app, story, found.id, administrator)

    with app.app_context():
        keys = session().scalars(select(OutboxRow.key).where(OutboxRow.task == Task.CREDIT_ARRIVED.value))
        assert str(story.owner.id) in keys.all()
        assert session().get_one(Wallet, story.owner.id).gateway_debt == 0


def test_the_acts_look_for_themselves(story: Story, app: Flask, administrator: Person) -> None:
    plan = story.shop.look(story.renewing)[0].plan_id
    tries = (
        (rebuilding.rebuild, story.owner.id, NothingToRebuild),
        (rebuilding.rebuild, uuid.uuid4(), NoSuchWallet),
        (slots.recount, plan, NothingToRecount),
        (slots.recount, uuid.uuid4(), NoSuchPlan),
        (live_sizes.repair, uuid.uuid4(), NothingToRecount),
        (recounting.recount, _coupon(app, "GIFT"), CouponCounted),
        (recounting.recount, uuid.uuid4(), NoSuchCoupon),
    )
    for act, subject, refusal in tries:
        with app.app_context(), pytest.raises(refusal), unit_of_work():
            act(subject, actor=administrator.actor, at=story.now())

    story.change("UPDATE plans SET total_quota = 1, used_quota = 1 WHERE id = :id", id=plan)
    with app.app_context(), pytest.raises(MoreLiveThanSlots), unit_of_work():
        slots.recount(plan, actor=administrator.actor, at=story.now())
    coupon = _coupon(app, "GIFT")
    story.change(
        "INSERT INTO coupon_redemptions (id, coupon_id, user_id, type, number, credit_amount, entry_id, details,"
        " redeemed_at) SELECT gen_random_uuid(), coupon_id, :owner, type, 1, credit_amount, gen_random_uuid(),"
        " details, redeemed_at FROM coupon_redemptions WHERE coupon_id = :coupon",
        owner=story.owner.id,
        coupon=coupon,
    )
    story.change("UPDATE coupons SET max_uses = 1 WHERE id = :coupon", coupon=coupon)
    with app.app_context(), pytest.raises(MoreUsesThanAllowed), unit_of_work():
        recounting.recount(coupon, actor=administrator.actor, at=story.now())


def test_counting_uses_again_while_the_coupon_is_used_is_right(
    story: Story,
    app: Flask,
    administrator: Person,
    person: Callable[..., Person],
    at_once: Callable[..., Any],
) -> None:
    BY_NAME["a coupon used once more than is known"].plant(story)
    [found] = _differences(app, story)
    guests = [person() for _ in range(5)]

    def act(number: int) -> None:
        if number < len(guests):
            story.shop.redeem(guests[number], "GIFT")
        else:
            _repair(app, story, found.id, administrator)

    came = at_once(6, act)

    assert not any(isinstance(each, Exception) for each in came), came
    with app.app_context():
        assert session().get_one(Coupon, _coupon(app, "GIFT")).used_count == 6
        assert_proven(story.now())


def test_counting_again_while_slots_are_taken_is_right(
    story: Story,
    app: Flask,
    administrator: Person,
    person: Callable[..., Person],
    at_once: Callable[..., Any],
) -> None:
    BY_NAME["a slot nobody holds"].plant(story)
    [found] = _differences(app, story)
    plan = story.shop.look(story.renewing)[0].plan_id
    buyers = [person(credit=60_000) for _ in range(5)]

    def act(number: int) -> None:
        if number < len(buyers):
            story.shop.order(buyers[number], plan)
        else:
            _repair(app, story, found.id, administrator)

    came = at_once(6, act)

    assert not any(isinstance(each, Exception) for each in came), came
    with app.app_context():
        assert_proven(story.now())
