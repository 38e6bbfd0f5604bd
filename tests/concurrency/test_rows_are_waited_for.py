"""What an act decides on, it reads locked: while somebody else holds the row, it waits before it has read anything.

Whoever only waits with its UPDATE has decided on what was there before. So each act of the money paths is begun here
while another transaction holds the row, and the statement with which it waits must be the one that reads it. Debits
decide in the statement that takes the credit: they are in test_debits.
"""

import re
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from minispod.instances.provisioning import OutcomeKind
from minispod.kernel.actor import system
from minispod.kernel.database import session
from minispod.papers import issuing as papers
from minispod.papers.models import Paper
from minispod.payments import polling, refunding, reviewing, settling, topups
from minispod.payments.errors import TopUpNotHeld
from minispod.payments.gateway import Checkout, GatewayStatus, PaymentGroup
from minispod.payments.models import TopUp, TopUpRefund
from minispod.payments.states import RefundState, TopUpState
from minispod.promotions import issuing as coupons
from minispod.promotions.states import CouponStatus
from minispod.rules import business_rules, paper_rules, topup_rules
from minispod.subscriptions import revival, slots
from minispod.wallet import adjusting, rebuilding
from tests.concurrency.waiting import REASON, Act, Scene, holding, waits_with
from tests.factories.coupons import put_coupon
from tests.factories.payments import PAYER
from tests.plugins.app import MERCHANT, Person
from tests.plugins.shop import Shop

ME = system("tests")


@pytest.fixture
def scene(shop: Shop, customer: Person, administrator: Person, plan_id: Callable[..., uuid.UUID]) -> Scene:
    return Scene(shop, customer, administrator, plan_id)


def paid(topup: TopUp, payer: str = PAYER) -> GatewayStatus:
    return GatewayStatus(
        found=True,
        transaction_id=payer,
        transaction_status="settlement",
        gross_amount=topup.amount,
        currency="IDR",
        merchant_id=MERCHANT,
        payment_type="qris",
    )


# Each prepares its rows and gives the table, the key of the row that is held, and the act that needs it.
Prepared = tuple[str, Any, Act]


def rebuild_a_wallet(scene: Scene) -> Prepared:
    scene.do(lambda: session().execute(text("UPDATE wallets SET total_spent = 1, total_top_up = 1")))
    return (
        "wallets",
        scene.customer.id,
        lambda: scene.do(
            lambda: rebuilding.rebuild(scene.customer.id, actor=scene.staff.actor, at=scene.clock.now())
        ),
    )


def decline_an_adjustment(scene: Scene) -> Prepared:
    waiting = scene.adjustment()
    return (
        "adjustments",
        waiting.id,
        lambda: scene.do(
            lambda: adjusting.decline(waiting.id, actor=scene.staff.actor, at=scene.clock.now())
        ),
    )


def poll_a_topup(scene: Scene) -> Prepared:
    topup = scene.topup()
    return "topups", topup.id, lambda: scene.do(lambda: polling.claim(topup.id, at=scene.clock.now()))


def ask_about_a_topup(scene: Scene) -> Prepared:
    topup = scene.topup()
    ask = lambda: polling.claim_now(topup.id, actor=scene.staff.actor, at=scene.clock.now())  # noqa: E731
    return "topups", topup.id, lambda: scene.do(ask)


def order_a_refund(scene: Scene) -> Prepared:
    topup = scene.topup(TopUpState.PAID)
    return (
        "topups",
        topup.id,
        lambda: scene.do(
            lambda: refunding.ask(
                topup.id, amount=None, reason=REASON, actor=scene.staff.actor, at=scene.clock.now()
            )
        ),
    )


def settle_a_topup(scene: Scene) -> Prepared:
    topup = scene.topup()
    return "topups", topup.id, lambda: _settle(scene, topup, paid(topup))


def settle_a_second_payment(scene: Scene) -> Prepared:
    topup = scene.topup(TopUpState.PAID)
    twice = paid(topup, "tx-that-came-too")
    _settle(scene, topup, twice)
    with scene.app.app_context():
        second = session().query(TopUp).filter(TopUp.second_of == topup.id).one()
    return "topups", second.id, lambda: _settle(scene, topup, twice)


def cancel_a_topup(scene: Scene) -> Prepared:
    topup = scene.topup()
    return (
        "topups",
        topup.id,
        lambda: scene.do(lambda: topups.claim_cancel(topup.id, actor=scene.customer.actor)),
    )


def attach_a_checkout(scene: Scene) -> Prepared:
    topup = scene.topup()
    checkout = Checkout("token", "https://pay.example/token")
    return (
        "topups",
        topup.id,
        lambda: scene.do(lambda: topups.attach_checkout(topup.id, checkout, at=scene.clock.now())),
    )


def repeat_a_topup(scene: Scene) -> Prepared:
    topup = scene.topup(request_key="a-top-up")
    return "topups", topup.id, lambda: _open_topup(scene, "a-top-up")


def switch_a_coupon(scene: Scene) -> Prepared:
    coupon = _coupon(scene)
    return (
        "coupons",
        coupon,
        lambda: scene.do(
            lambda: coupons.set_status(
                [coupon], CouponStatus.DISABLED, actor=scene.staff.actor, at=scene.clock.now()
            )
        ),
    )


def change_a_coupon(scene: Scene) -> Prepared:
    coupon = _coupon(scene)
    return (
        "coupons",
        coupon,
        lambda: scene.do(
            lambda: coupons.change(coupon, {"name": "Another"}, actor=scene.staff.actor, at=scene.clock.now())
        ),
    )


def cancel_a_subscription(scene: Scene) -> Prepared:
    mine = scene.subscription()
    return "subscriptions", mine, lambda: scene.shop.cancel(scene.customer, mine)


def advance_a_subscription(scene: Scene) -> Prepared:
    mine = scene.subscription()
    scene.clock.advance(days=40)
    return "subscriptions", mine, lambda: scene.shop.advance(mine)


def conclude_a_provisioning(scene: Scene) -> Prepared:
    mine = scene.shop.order(scene.customer, scene.find_plan())
    return "subscriptions", mine, lambda: scene.shop.conclude(mine, OutcomeKind.DONE)


def revive_a_subscription(scene: Scene) -> Prepared:
    mine = scene.expired()
    scene.shop.credit(scene.customer, 1_000_000)
    return (
        "subscriptions",
        mine,
        lambda: scene.do(
            lambda: revival.revive(
                mine, rules=business_rules(scene.shop.settings), actor=ME, at=scene.clock.now()
            )
        ),
    )


def order_again(scene: Scene) -> Prepared:
    mine = scene.expired()
    scene.shop.credit(scene.customer, 1_000_000)
    return "subscriptions", mine, lambda: scene.shop.order(scene.customer, scene.find_plan())


def upgrade_an_instance(scene: Scene) -> Prepared:
    mine = scene.subscription()
    _, instance = scene.shop.look(mine)
    return (
        "instances",
        instance.id,
        lambda: scene.shop.upgrade(scene.customer, mine, scene.find_plan(tier="PRO")),
    )


def recount_a_plan(scene: Scene) -> Prepared:
    plan = scene.find_plan()
    scene.do(lambda: session().execute(text("UPDATE plans SET used_quota = 1 WHERE id = :id"), {"id": plan}))
    return (
        "plans",
        plan,
        lambda: scene.do(lambda: slots.recount(plan, actor=scene.staff.actor, at=scene.clock.now())),
    )


def issue_papers_of_a_series(scene: Scene) -> Prepared:
    mine = scene.subscription()
    _issue(scene)
    scene.shop.upgrade(scene.customer, mine, scene.find_plan(tier="PRO"))
    return "paper_counters", f"INV-{scene.clock.now():%Y%m}", lambda: _issue(scene)


def issue_a_paper(scene: Scene) -> Prepared:
    scene.subscription()
    with scene.app.app_context():
        waiting = session().query(Paper).filter(Paper.number.is_(None)).one()
    return "papers", waiting.id, lambda: _issue(scene)


ACTS = (
    rebuild_a_wallet,
    decline_an_adjustment,
    poll_a_topup,
    ask_about_a_topup,
    order_a_refund,
    settle_a_topup,
    settle_a_second_payment,
    cancel_a_topup,
    attach_a_checkout,
    repeat_a_topup,
    switch_a_coupon,
    change_a_coupon,
    cancel_a_subscription,
    advance_a_subscription,
    conclude_a_provisioning,
    revive_a_subscription,
    order_again,
    upgrade_an_instance,
    recount_a_plan,
    issue_papers_of_a_series,
    issue_a_paper,
)
KEYS = {"wallets": "user_id", "paper_counters": "series"}


@pytest.mark.parametrize("prepare", ACTS, ids=lambda act: act.__name__)
def test_an_act_waits_before_it_reads_the_row_it_decides_on(
    scene: Scene, prepare: Callable[[Scene], Prepared]
) -> None:
    table, key, act = prepare(scene)
    held = f"SELECT 1 FROM {table} WHERE {KEYS.get(table, 'id')} = :key FOR NO KEY UPDATE"

    with holding(scene.app, held, key=key) as holder:
        statement = waits_with(scene.app, holder, act)

    assert re.match(rf"SELECT {table}\.", statement), statement or "it did not wait"


def test_what_another_administrator_ended_meanwhile_is_not_ended_again(scene: Scene) -> None:
    topup = scene.topup(TopUpState.REVIEW, review_reason="hold_amount", transaction_id="tx-odd")
    ended = "UPDATE topups SET state = 'FAILED', review_reason = NULL WHERE id = :key"

    with holding(scene.app, ended, key=topup.id) as holder, pytest.raises(TopUpNotHeld):
        waits_with(
            scene.app,
            holder,
            lambda: scene.do(
                lambda: reviewing.close(
                    topup.id,
                    GatewayStatus(found=False),
                    reason=REASON,
                    is_returned=False,
                    merchant_id=MERCHANT,
                    actor=scene.staff.actor,
                    at=scene.clock.now(),
                )
            ),
        )


def test_a_refund_that_ended_meanwhile_is_not_ended_again(scene: Scene) -> None:
    topup = scene.topup(TopUpState.PAID)
    refund = scene.do(
        lambda: refunding.ask(
            topup.id, amount=None, reason=REASON, actor=scene.staff.actor, at=scene.clock.now()
        )
    )
    refused = refunding.RefundOutcome(paid(topup), refusal="412")

    with holding(scene.app, "SELECT 1 FROM topups WHERE id = :key FOR UPDATE", key=topup.id) as holder:
        holder.execute(text("UPDATE topup_refunds SET state = 'DONE' WHERE id = :id"), {"id": refund.id})
        waits_with(
            scene.app,
            holder,
            lambda: scene.do(
                lambda: refunding.settle(
                    refund.id, refused, merchant_id=MERCHANT, actor=ME, at=scene.clock.now()
                )
            ),
        )

    with scene.app.app_context():
        assert session().get_one(TopUpRefund, refund.id).state is RefundState.DONE


def test_an_order_somebody_is_at_is_passed_over(scene: Scene) -> None:
    like_it = scene.topup()

    with holding(
        scene.app, "SELECT 1 FROM topups WHERE id = :key FOR NO KEY UPDATE", key=like_it.id
    ) as holder:
        statement = waits_with(scene.app, holder, lambda: _open_topup(scene, None))

    assert statement == ""
    with scene.app.app_context():
        assert session().query(TopUp).count() == 2


def test_an_adjustment_somebody_decides_on_is_passed_over(scene: Scene) -> None:
    waiting = scene.adjustment()
    later = waiting.expires_at + timedelta(hours=1)

    with holding(
        scene.app, "SELECT 1 FROM adjustments WHERE id = :key FOR NO KEY UPDATE", key=waiting.id
    ) as holder:
        statement = waits_with(
            scene.app, holder, lambda: scene.do(lambda: adjusting.expire_overdue(actor=ME, at=later))
        )

    assert statement == ""


def _settle(scene: Scene, topup: TopUp, status: GatewayStatus) -> Any:
    return scene.do(
        lambda: settling.settle(topup.order_id, status, merchant_id=MERCHANT, actor=ME, at=scene.clock.now())
    )


def _open_topup(scene: Scene, key: str | None) -> Any:
    return scene.do(
        lambda: topups.open_topup(
            scene.customer.id,
            amount=100_000,
            group=PaymentGroup.QRIS,
            rules=topup_rules(scene.shop.settings),
            request_key=key,
            actor=scene.customer.actor,
            at=scene.clock.now(),
        )
    )


def _coupon(scene: Scene) -> uuid.UUID:
    with scene.app.app_context():
        return put_coupon("GIFT", at=scene.clock.now()).id


def _issue(scene: Scene) -> Any:
    return scene.do(
        lambda: papers.issue_waiting(rules=paper_rules(scene.shop.settings), actor=ME, at=scene.clock.now())
    )
