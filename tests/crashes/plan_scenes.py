"""Scenes of changed, refunded and ended promises, and of the papers about them."""

from typing import Any

from sqlalchemy import func, select

from minispod.kernel.database import session
from minispod.kernel.faultpoints import FaultPoint, Step
from minispod.papers.models import Paper
from tests.crashes.scenes import CREDIT, PRICE, Scene, Stage

REASON = "An outage of three hours"


class AnUpgrade(Scene):
    """A customer moves up; the front end repeats with the same key."""

    steps = (Step.CHANGE_PLAN,)

    def set(self, stage: Stage) -> None:
        stage.props["id"] = stage.shop.order(stage.customer, stage.plan)
        stage.shop.put(stage.props["id"], first_ran_at=stage.clock.now(), status="RUNNING")
        stage.props["higher"] = stage.plan_id("n8n-automation", "PRO")

    def act(self, stage: Stage) -> Any:
        body = {"newPlanId": str(stage.props["higher"])}
        return stage.call("PUT", f"/subscriptions/{stage.props['id']}/upgrade", body, key="an-upgrade")

    def repeat(self, stage: Stage, cut: FaultPoint) -> None:
        assert self.act(stage).status_code == 200

    def end(self, stage: Stage) -> None:
        assert stage.entries() == {"period": 1, "upgrade": 1}
        [change] = stage.shop.changes(stage.props["id"])
        assert stage.balance == CREDIT - PRICE - change.charged
        assert (stage.shop.used(stage.plan), stage.shop.used(stage.props["higher"])) == (0, 1)


class ARefundOfACharge(Scene):
    """Staff give a part back; the form is sent again with the same key."""

    steps = (Step.REFUND_CHARGE,)

    def set(self, stage: Stage) -> None:
        stage.props["id"] = stage.shop.order(stage.customer, stage.plan)
        stage.props["staff"] = stage.administrator()

    def act(self, stage: Stage) -> Any:
        path = f"/admin/subscriptions/{stage.props['id']}/refund"
        body = {"amount": 10_000, "reason": REASON}
        return stage.call("POST", path, body, key="a-refund", who=stage.props["staff"])

    def repeat(self, stage: Stage, cut: FaultPoint) -> None:
        assert self.act(stage).status_code == 200

    def end(self, stage: Stage) -> None:
        assert stage.entries() == {"period": 1, "period_refund": 1}
        assert stage.balance == CREDIT - PRICE + 10_000


class AnEndBefore(Scene):
    """Staff let a subscription expire before its time, and try again when no answer came."""

    steps = (Step.EXPIRE_SUBSCRIPTION,)

    def set(self, stage: Stage) -> None:
        stage.props["id"] = stage.shop.order(stage.customer, stage.plan)
        stage.props["staff"] = stage.administrator()

    def act(self, stage: Stage) -> Any:
        path = f"/admin/subscriptions/{stage.props['id']}/expire"
        return stage.call("PUT", path, {"reason": REASON}, who=stage.props["staff"])

    def repeat(self, stage: Stage, cut: FaultPoint) -> None:
        self.act(stage)

    def end(self, stage: Stage) -> None:
        assert (stage.entries(), stage.shop.used(stage.plan)) == ({"period": 1}, 0)
        assert stage.shop.look(stage.props["id"])[0].status.value == "EXPIRED"


class APaper(Scene):
    """The invoice of an order gets its number."""

    steps = (Step.ISSUE_PAPERS,)

    def set(self, stage: Stage) -> None:
        stage.shop.order(stage.customer, stage.plan)

    def act(self, stage: Stage) -> object:
        return stage.run_jobs()

    def end(self, stage: Stage) -> None:
        with stage.app.app_context():
            numbered = session().execute(select(Paper.kind, Paper.position).order_by(Paper.position)).all()
            assert [(kind.value, position) for kind, position in numbered] == [("INVOICE", 1)]
            assert session().scalar(select(func.count()).select_from(Paper)) == 1


SCENES: tuple[Scene, ...] = (AnUpgrade(), ARefundOfACharge(), AnEndBefore(), APaper())
