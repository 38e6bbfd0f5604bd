"""The money paths, each as a scene: how it is set, what is cut off in the middle, who goes on, and how it must end.

Not a plugin: conftest.py hands a Stage to each scene. A scene names the steps that its act passes.
"""

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import func, select

from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import db, session
from minispod.kernel.faultpoints import FaultPoint, Side, Step
from minispod.payments.models import TopUp
from minispod.payments.states import TopUpState
from minispod.wallet import statements
from minispod.wallet.models import LedgerEntry, Wallet
from tests.factories.payments import Levers, put_topup
from tests.plugins.app import Person
from tests.plugins.shop import Shop

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
    shop: Shop
    levers: Levers
    plan: uuid.UUID
    tick: Callable[[str], None]
    run_jobs: Callable[[], int]
    headers: Callable[[Person], dict[str, str]]
    props: dict[str, Any] = field(default_factory=dict)

    def call(self, method: str, path: str, body: Any = None, key: str | None = None) -> Any:
        """One request of the customer; the answer, whatever it is."""
        headers = self.headers(self.customer) | ({"Idempotency-Key": key} if key else {})
        return self.app.test_client().open(f"/api/v1{path}", method=method, json=body, headers=headers)

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
            assert not statements.differences()
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


class Scene:
    """One money path. `steps` are passed by `act`; `repeat` is what people do who got no answer."""

    steps: tuple[Step, ...]

    def set(self, stage: Stage) -> None:
        """Bring the shop to the moment before."""

    def act(self, stage: Stage) -> object:
        """What is cut off."""
        raise NotImplementedError

    def repeat(self, stage: Stage, cut: FaultPoint) -> None:
        """What the people outside do after it was cut off there."""

    def end(self, stage: Stage) -> None:
        """How it must have ended, wherever it was cut off."""
        raise NotImplementedError


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
        assert stage.entries() == {"period": 2, "topup_reversal": 1, "adjustment": 1}
        assert stage.balance == TOP_UP - PRICE


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


SCENES: tuple[Scene, ...] = (
    AnOrder(),
    ACancellation(),
    ARenewal(),
    ARevival(),
    ATopUp(),
    ARefusedTopUp(),
    ACancelledTopUp(),
    ANotice(),
    ANoticeInSilence(),
    ANoticeLeftToAJob(),
    APoll(),
    ALook(),
)
