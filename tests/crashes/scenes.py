"""The money paths, each as a scene: how it is set, what is cut off in the middle, who goes on, and how it must end.

Not a plugin: conftest.py hands a Stage to each scene. A scene names the steps that its act passes.
"""

import json
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from flask import Flask
from sqlalchemy import func, select

from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import db, session
from minispod.kernel.faultpoints import FaultPoint, Side, Step
from minispod.payments.models import GatewayNotice, TopUp
from minispod.payments.states import TopUpState
from minispod.promotions.models import Coupon
from minispod.promotions.states import CouponType
from minispod.wallet.models import LedgerEntry, Wallet
from tests.admin.conftest import Browser
from tests.factories.coupons import put_coupon
from tests.factories.payments import Levers, put_topup
from tests.plugins.app import Person
from tests.plugins.shop import Shop
from tests.proofs import assert_coupons_add_up, assert_proven

NOTICES = Path(__file__).parents[1] / "fixtures" / "midtrans" / "notifications"
PRICE = 50_000
CREDIT = 500_000
TOP_UP = 100_000
WANTED = {"amount": TOP_UP, "paymentMethod": "QRIS"}


@dataclass
class Stage:
    """One customer's shop, and what happens around it."""

    app: Flask
    clock: FrozenClock
    customer: Person
    staff: Person
    shop: Shop
    levers: Levers
    plan: uuid.UUID
    plan_id: Callable[..., uuid.UUID]
    tick: Callable[[str], None]
    run_jobs: Callable[[], int]
    headers: Callable[[Person], dict[str, str]]
    administrator: Callable[[], Person]
    props: dict[str, Any] = field(default_factory=dict)

    def call(
        self, method: str, path: str, body: Any = None, key: str | None = None, who: Person | None = None
    ) -> Any:
        """One request of the customer or of `who`; the answer, whatever it is."""
        headers = self.headers(who or self.customer) | ({"Idempotency-Key": key} if key else {})
        return self.app.test_client().open(f"/api/v1{path}", method=method, json=body, headers=headers)

    def decide(self, topup: Any, act: str, **form: str) -> None:
        """One act of an administrator about a top-up, from its page."""
        browser, page = Browser(self.app.test_client()), f"/admin/money/topups/{topup}"
        browser.sign_in(self.staff.email)
        browser.get(page)
        browser.post(f"{page}/{act}", page, **form)

    def let_time_pass(self) -> None:
        """An hour with workers, poll and calendar running."""
        for _ in range(6):
            self.clock.advance(minutes=10)
            self.tick("poll-topups")
            self.tick("advance-calendar")
            self.run_jobs()

    def entries(self) -> dict[str, int]:
        """How many entries of each kind the ledger has, the opening one left out."""
        with self.app.app_context():
            counted = select(LedgerEntry.kind, func.count()).group_by(LedgerEntry.kind)
            rows = session().execute(counted).all()
            return {kind.value: count for kind, count in rows if kind.value != "opening"}

    @property
    def balance(self) -> int:
        """The customer's credit; the books must add up."""
        with self.app.app_context():
            # The shop of the tests takes money back without a top-up.
            assert_proven(self.clock.now(), apart_from=["topup-reversals"])
            return session().get_one(Wallet, self.customer.id, populate_existing=True).balance

    def topups(self) -> list[TopUp]:
        """All top-ups, oldest first."""
        with self.app.app_context():
            return list(session().scalars(select(TopUp).order_by(TopUp.number)))

    def put_topup(self, **fields: Any) -> TopUp:
        """A top-up that stands already."""
        with self.app.app_context():
            made = put_topup(self.customer.id, at=self.clock.now(), **fields)
            db.session.remove()
            return made

    def put_coupon(self, code: str, type_: CouponType = CouponType.CREDIT_TOPUP, **terms: Any) -> None:
        """A coupon that is valid."""
        with self.app.app_context():
            put_coupon(code, type_, at=self.clock.now(), **terms)
            db.session.remove()

    def uses(self) -> dict[str, int]:
        """How often each coupon counts as used; the counters must agree with the redemptions."""
        with self.app.app_context():
            assert_coupons_add_up()
            return dict(session().execute(select(Coupon.code, Coupon.used_count)).all())


class Scene(ABC):
    """One money path. `steps` are passed by `act`; `repeat` is what people do who got no answer."""

    steps: tuple[Step, ...]

    def set(self, stage: Stage) -> None:  # noqa: B027 - many acts need nothing before
        """Bring the shop to the moment before."""

    @abstractmethod
    def act(self, stage: Stage) -> object:
        """What is cut off."""

    def repeat(self, stage: Stage, cut: FaultPoint) -> None:  # noqa: B027 - jobs have nobody who repeats
        """What the people outside do after it was cut off there."""

    @abstractmethod
    def end(self, stage: Stage) -> None:
        """How it must have ended, wherever it was cut off."""


class AnOrder(Scene):
    """A customer orders; the front end repeats with the same key."""

    steps = (Step.ORDER,)

    def act(self, stage: Stage) -> object:
        return stage.call("POST", "/subscriptions", {"planId": str(stage.plan)}, key="an-order")

    def repeat(self, stage: Stage, cut: FaultPoint) -> None:
        assert self.act(stage).status_code in (200, 201)

    def end(self, stage: Stage) -> None:
        assert (stage.entries(), stage.balance) == ({"period": 1}, CREDIT - PRICE)
        assert stage.shop.used(stage.plan) == 1


class ACancellation(Scene):
    """What never ran is cancelled and paid back; a customer who saw no answer tries again."""

    steps = (Step.CANCEL_SUBSCRIPTION,)

    def set(self, stage: Stage) -> None:
        stage.props["id"] = stage.shop.order(stage.customer, stage.plan)

    def act(self, stage: Stage) -> object:
        return stage.call("DELETE", f"/subscriptions/{stage.props['id']}")

    def repeat(self, stage: Stage, cut: FaultPoint) -> None:
        self.act(stage)

    def end(self, stage: Stage) -> None:
        assert (stage.entries(), stage.balance) == ({"period": 1, "period_refund": 1}, CREDIT)
        assert stage.shop.used(stage.plan) == 0


class AnOrderWithACoupon(AnOrder):
    """A customer orders with a coupon that one order may use."""

    def set(self, stage: Stage) -> None:
        stage.put_coupon("SAVE20", CouponType.SUBSCRIPTION_DISCOUNT, max_uses=1)

    def act(self, stage: Stage) -> object:
        wish = {"planId": str(stage.plan), "couponCode": "SAVE20"}
        return stage.call("POST", "/subscriptions", wish, key="an-order")

    def end(self, stage: Stage) -> None:
        assert (stage.entries(), stage.balance) == ({"period": 1}, CREDIT - PRICE * 80 // 100)
        assert stage.uses() == {"SAVE20": 1}


class ACancellationWithACoupon(ACancellation):
    """What never ran gives back what was paid, and the coupon."""

    def set(self, stage: Stage) -> None:
        stage.put_coupon("SAVE20", CouponType.SUBSCRIPTION_DISCOUNT)
        stage.props["id"] = stage.shop.place(stage.customer, stage.plan, coupon="SAVE20").subscription.id

    def end(self, stage: Stage) -> None:
        super().end(stage)
        assert stage.uses() == {"SAVE20": 0}


class ARedemption(Scene):
    """A customer turns a coupon into credit that one may use twice; the front end repeats with the same key."""

    steps = (Step.REDEEM_COUPON,)

    def set(self, stage: Stage) -> None:
        stage.put_coupon("GIFT", max_uses_per_user=2)

    def act(self, stage: Stage) -> Any:
        return stage.call("POST", "/wallet/redeem-coupon", {"couponCode": "GIFT"}, key="a-gift")

    def repeat(self, stage: Stage, cut: FaultPoint) -> None:
        assert self.act(stage).status_code == 200

    def end(self, stage: Stage) -> None:
        assert (stage.entries(), stage.balance) == ({"coupon": 1}, CREDIT + 50_000)
        assert stage.uses() == {"GIFT": 1}


class ARegistration(Scene):
    """Somebody registers and gets the welcome bonus; who saw no answer registers again."""

    steps = (Step.REGISTER,)
    wish: ClassVar[dict[str, str]] = {
        "name": "Siti",
        "email": "siti@example.com",
        "password": "correct horse",
    }

    def set(self, stage: Stage) -> None:
        stage.put_coupon("HELLO", CouponType.WELCOME_BONUS)

    def act(self, stage: Stage) -> Any:
        return stage.app.test_client().post("/api/v1/auth/register", json=self.wish)

    def repeat(self, stage: Stage, cut: FaultPoint) -> None:
        assert self.act(stage).status_code in (201, 409)

    def end(self, stage: Stage) -> None:
        assert (stage.entries(), stage.balance) == ({"coupon": 1}, CREDIT)
        assert stage.uses() == {"HELLO": 1}


class ARenewal(Scene):
    """A month is over; the calendar charges the next."""

    steps = (Step.FAN_OUT_CALENDAR, Step.TAKE_WORK, Step.ADVANCE, Step.END_WORK)

    def set(self, stage: Stage) -> None:
        id_ = stage.shop.order(stage.customer, stage.plan)
        stage.shop.put(id_, first_running_at=stage.clock.now())
        stage.run_jobs()
        stage.clock.advance(days=31)

    def act(self, stage: Stage) -> object:
        stage.tick("advance-calendar")
        return stage.run_jobs()

    def end(self, stage: Stage) -> None:
        assert (stage.entries(), stage.balance) == ({"period": 2}, CREDIT - 2 * PRICE)


class ARevival(Scene):
    """Credit arrives for what waited for it."""

    steps = (Step.REVIVE,)

    def set(self, stage: Stage) -> None:
        id_ = stage.shop.order(stage.customer, stage.plan)
        stage.shop.put(id_, first_running_at=stage.clock.now())
        stage.shop.take_back(stage.customer, CREDIT - PRICE)
        stage.run_jobs()
        stage.clock.advance(days=32)
        stage.tick("advance-calendar")
        stage.run_jobs()
        assert stage.shop.look(id_)[0].grace_until is not None
        stage.shop.credit(stage.customer, TOP_UP)

    def act(self, stage: Stage) -> object:
        return stage.run_jobs()

    def end(self, stage: Stage) -> None:
        assert stage.entries() == {"period": 2, "topup_reversal": 1}
        assert stage.balance == TOP_UP - PRICE


class AnAdjustment(Scene):
    """An administrator corrects a wallet; the form is sent again with the same key."""

    steps = (Step.ADJUST,)
    amount = 25_000

    def set(self, stage: Stage) -> None:
        stage.props["staff"] = stage.administrator()

    def act(self, stage: Stage) -> Any:
        body = {"amount": self.amount, "reason": "Goodwill after the outage"}
        path = f"/admin/wallets/users/{stage.customer.id}/add-credit"
        return stage.call("POST", path, body, key="an-adjustment", who=stage.props["staff"])

    def repeat(self, stage: Stage, cut: FaultPoint) -> None:
        assert self.act(stage).status_code == 200

    def end(self, stage: Stage) -> None:
        assert (stage.entries(), stage.balance) == ({"adjustment": 1}, CREDIT + self.amount)


class AnApproval(AnAdjustment):
    """Another administrator confirms a large correction, and presses again when no answer came."""

    steps = (Step.APPROVE_ADJUSTMENT,)
    amount = 5_000_000

    def set(self, stage: Stage) -> None:
        super().set(stage)
        stage.props["id"] = super().act(stage).get_json()["data"]["adjustment"]["id"]
        stage.props["second"] = stage.administrator()

    def act(self, stage: Stage) -> Any:
        path = f"/admin/wallets/adjustments/{stage.props['id']}/approve"
        return stage.call("POST", path, who=stage.props["second"])

    def repeat(self, stage: Stage, cut: FaultPoint) -> None:
        assert self.act(stage).status_code in (200, 409)


class ATopUp(Scene):
    """A customer asks for a payment page, gets one in the end, and pays on it."""

    steps = (Step.OPEN_TOPUP, Step.ASK_CHECKOUT, Step.ATTACH_CHECKOUT)

    def act(self, stage: Stage) -> Any:
        return stage.call("POST", "/wallet/topup", WANTED, key="a-top-up")

    def repeat(self, stage: Stage, cut: FaultPoint) -> None:
        stage.clock.advance(minutes=2)
        self.pay(stage, self.act(stage))

    def pay(self, stage: Stage, answer: Any) -> None:
        """Pay on the page that was answered."""
        assert answer.status_code == 201, answer.get_json()
        token = answer.get_json()["data"]["transaction"]["snapToken"]
        stage.levers.event(stage.levers.choose(token), "pay")

    def end(self, stage: Stage) -> None:
        assert [topup.state for topup in stage.topups()] == [TopUpState.PAID]
        assert (stage.entries(), stage.balance) == ({"topup": 1}, CREDIT + TOP_UP)


class ARefusedTopUp(ATopUp):
    """The gateway refuses the page; the customer wishes anew, gets a page and pays."""

    steps = (Step.REFUSE_CHECKOUT,)

    def set(self, stage: Stage) -> None:
        stage.levers.fault("status", status=400, body="json")

    def repeat(self, stage: Stage, cut: FaultPoint) -> None:
        stage.clock.advance(minutes=2)
        self.pay(stage, stage.call("POST", "/wallet/topup", WANTED, key="once-more"))

    def end(self, stage: Stage) -> None:
        assert [topup.state for topup in stage.topups()].count(TopUpState.PAID) == 1
        assert (stage.entries(), stage.balance) == ({"topup": 1}, CREDIT + TOP_UP)


class ACancelledTopUp(Scene):
    """A customer calls a top-up off that nobody paid."""

    steps = (Step.CLAIM_CANCEL, Step.ASK_CANCEL, Step.SETTLE_CANCEL)

    def set(self, stage: Stage) -> None:
        answer = stage.call("POST", "/wallet/topup", WANTED, key="to-be-cancelled").get_json()["data"][
            "transaction"
        ]
        stage.props["id"] = answer["transactionId"]
        stage.levers.choose(answer["snapToken"])

    def act(self, stage: Stage) -> object:
        return stage.call("POST", f"/wallet/transactions/{stage.props['id']}/cancel")

    def repeat(self, stage: Stage, cut: FaultPoint) -> None:
        self.act(stage)

    def end(self, stage: Stage) -> None:
        assert [topup.state for topup in stage.topups()] == [TopUpState.CANCELLED]
        assert (stage.entries(), stage.balance) == ({}, CREDIT)


class ANotice(Scene):
    """The gateway announces a payment, and announces it again when it got no answer."""

    steps = (Step.KEEP_NOTICE, Step.ASK_STATUS, Step.SETTLE_NOTICE)
    file = "bank_transfer_bca_settlement.json"

    def set(self, stage: Stage) -> None:
        raw = (NOTICES / self.file).read_bytes()
        said = json.loads(raw)
        amount = int(float(said["gross_amount"]))
        stage.props |= {"raw": raw, "amount": amount}
        stage.levers.answer_about(raw, {key: value for key, value in said.items() if key != "signature_key"})
        stage.put_topup(order_id=said["order_id"], amount=amount)

    def act(self, stage: Stage) -> Any:
        return stage.app.test_client().post(
            "/api/v1/wallet/webhook/midtrans", data=stage.props["raw"], content_type="application/json"
        )

    def repeat(self, stage: Stage, cut: FaultPoint) -> None:
        # What was stored is ours to finish, also when the gateway never comes back.
        if cut in (FaultPoint(Side.BEFORE, Step.KEEP_NOTICE), FaultPoint(Side.AFTER, Step.SETTLE_NOTICE)):
            assert self.act(stage).status_code == 200

    def end(self, stage: Stage) -> None:
        assert [topup.state for topup in stage.topups()] == [TopUpState.PAID]
        assert (stage.entries(), stage.balance) == ({"topup": 1}, CREDIT + stage.props["amount"])


class ANoticeInSilence(ANotice):
    """The gateway announces a payment and then does not answer for a while."""

    steps = (Step.LEAVE_NOTICE,)

    def set(self, stage: Stage) -> None:
        super().set(stage)
        stage.levers.silent()

    def repeat(self, stage: Stage, cut: FaultPoint) -> None:
        stage.levers.lift()


class ANoticeLeftToAJob(ANoticeInSilence):
    """The worker settles what was left to it."""

    steps = (Step.TAKE_WORK, Step.CLAIM_NOTICE, Step.SETTLE_NOTICE, Step.END_WORK)

    def set(self, stage: Stage) -> None:
        super().set(stage)
        assert super().act(stage).status_code == 200
        stage.levers.lift()
        stage.clock.advance(minutes=1)

    def act(self, stage: Stage) -> object:
        return stage.run_jobs()


class APoll(Scene):
    """A payment that nobody announced is found by asking."""

    steps = (Step.FAN_OUT_TOPUPS, Step.CLAIM_POLL, Step.ASK_STATUS, Step.SETTLE_POLL)

    def set(self, stage: Stage) -> None:
        answer = stage.call("POST", "/wallet/topup", WANTED, key="to-be-polled").get_json()["data"][
            "transaction"
        ]
        stage.props["id"] = answer["transactionId"]
        stage.levers.event(stage.levers.choose(answer["snapToken"]), "pay")
        stage.clock.advance(minutes=2)

    def act(self, stage: Stage) -> object:
        stage.tick("poll-topups")
        return stage.run_jobs()

    def end(self, stage: Stage) -> None:
        assert [topup.state for topup in stage.topups()] == [TopUpState.PAID]
        assert (stage.entries(), stage.balance) == ({"topup": 1}, CREDIT + TOP_UP)


class ALook(APoll):
    """A customer who came back from the payment page looks whether the money is there."""

    steps = (Step.ASK_STATUS, Step.SETTLE_LOOK)

    def act(self, stage: Stage) -> object:
        return stage.call("GET", f"/wallet/transactions/{stage.props['id']}/status")


class AnAskedLook(APoll):
    """An administrator asks the gateway about a payment nobody announced."""

    steps = (Step.CLAIM_ASK, Step.ASK_STATUS, Step.SETTLE_ASK)

    def act(self, stage: Stage) -> object:
        return stage.decide(stage.props["id"], "ask")


class AReplay(ANoticeInSilence):
    """An administrator replays a notice that was stored while the gateway was silent."""

    steps = (Step.REPLAY_NOTICE, Step.ASK_STATUS, Step.SETTLE_NOTICE)

    def set(self, stage: Stage) -> None:
        super().set(stage)
        assert super().act(stage).status_code == 200
        stage.levers.lift()

    def act(self, stage: Stage) -> object:
        with stage.app.app_context():
            notice = session().scalars(select(GatewayNotice.id)).one()
            db.session.remove()
        return stage.decide(stage.topups()[0].id, f"notices/{notice}/replay")

    def repeat(self, stage: Stage, cut: FaultPoint) -> None:
        self.act(stage)


class AnAcceptance(Scene):
    """Another sum came in than was asked for; an administrator accepts it, and tries again without an answer."""

    steps = (Step.CLAIM_REVIEW, Step.ASK_STATUS, Step.ACCEPT_TOPUP)
    came_in = 90_000

    def set(self, stage: Stage) -> None:
        topup = stage.put_topup(amount=TOP_UP)
        stage.levers.seed(topup.order_id, self.came_in, payment_type="qris", status="settlement")
        stage.clock.advance(minutes=2)
        stage.tick("poll-topups")
        stage.run_jobs()
        assert [each.state for each in stage.topups()] == [TopUpState.REVIEW]
        stage.props["id"] = topup.id

    def act(self, stage: Stage) -> object:
        return stage.decide(stage.props["id"], "accept", reason="The bank shows it")

    def repeat(self, stage: Stage, cut: FaultPoint) -> None:
        self.act(stage)

    def end(self, stage: Stage) -> None:
        assert [(each.state, each.amount) for each in stage.topups()] == [(TopUpState.PAID, self.came_in)]
        assert (stage.entries(), stage.balance) == ({"topup": 1}, CREDIT + self.came_in)


class AClosing(AnAcceptance):
    """An administrator sent the odd sum back by hand and closes the top-up."""

    steps = (Step.CLAIM_REVIEW, Step.ASK_STATUS, Step.CLOSE_TOPUP)

    def act(self, stage: Stage) -> object:
        return stage.decide(stage.props["id"], "close", reason="Sent back by transfer", returned="yes")

    def end(self, stage: Stage) -> None:
        assert [each.state for each in stage.topups()] == [TopUpState.FAILED]
        assert (stage.entries(), stage.balance) == ({}, CREDIT)


class ARefund(Scene):
    """An administrator has a part of a payment given back; a worker does it at the gateway."""

    steps = (Step.ORDER_REFUND, Step.CLAIM_REFUND, Step.SEND_REFUND, Step.SETTLE_REFUND)
    part = 40_000

    def set(self, stage: Stage) -> None:
        topup = stage.put_topup(amount=TOP_UP)
        stage.props["payment"] = stage.levers.seed(
            topup.order_id, TOP_UP, payment_type="qris", status="settlement"
        )
        stage.props["id"] = topup.id
        stage.clock.advance(minutes=2)
        stage.tick("poll-topups")
        stage.run_jobs()
        assert stage.balance == CREDIT + TOP_UP

    def act(self, stage: Stage) -> object:
        stage.decide(stage.props["id"], "refund", amount=str(self.part), reason="The customer asked")
        return stage.run_jobs()

    def repeat(self, stage: Stage, cut: FaultPoint) -> None:
        if cut == FaultPoint(Side.BEFORE, Step.ORDER_REFUND):
            self.act(stage)

    def end(self, stage: Stage) -> None:
        left = TOP_UP - self.part
        assert [each.state for each in stage.topups()] == [TopUpState.PARTIALLY_REFUNDED]
        assert (stage.entries(), stage.balance) == ({"topup": 1, "topup_reversal": 1}, CREDIT + left)
        assert stage.levers.refunds(stage.props["payment"]) == [self.part]


class AClosedPage(ACancelledTopUp):
    """A customer calls a top-up off before a method was picked: the payment page is closed."""

    steps = (Step.CLOSE_PAGE, Step.SETTLE_CANCEL)

    def set(self, stage: Stage) -> None:
        answer = stage.call("POST", "/wallet/topup", WANTED, key="never-picked").get_json()["data"]
        stage.props["id"] = answer["transaction"]["transactionId"]


SCENES: tuple[Scene, ...] = (
    AnOrder(),
    ACancellation(),
    AnOrderWithACoupon(),
    ACancellationWithACoupon(),
    ARedemption(),
    ARegistration(),
    ARenewal(),
    ARevival(),
    AnAdjustment(),
    AnApproval(),
    ATopUp(),
    ARefusedTopUp(),
    ACancelledTopUp(),
    ANotice(),
    ANoticeInSilence(),
    ANoticeLeftToAJob(),
    APoll(),
    ALook(),
    AnAskedLook(),
    AReplay(),
    AnAcceptance(),
    AClosing(),
    ARefund(),
    AClosedPage(),
)
