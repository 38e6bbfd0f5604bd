"""Scenes of changed, refunded and ended promises, of the papers about them, and of a repair by the proof."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select, text

from minispod.audit.models import AuditEntry
from minispod.cluster.port import ClusterRefused, ClusterUnavailable, Manifest
from minispod.kernel.actor import system
from minispod.kernel.database import db, session
from minispod.kernel.faultpoints import FaultPoint, Step
from minispod.kernel.unit_of_work import unit_of_work
from minispod.papers.models import Paper
from minispod.proof import history
from minispod.proof.models import ProofDifference
from minispod.proof.proving import prove
from minispod.subscriptions.states import ChangeState
from tests.admin.conftest import Browser
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


class _FullCluster:
    """A cluster without room for one size of an instance, which does not answer about any other."""

    def __init__(self, memory_mb: int) -> None:
        self._refused = f"'memory': '{memory_mb}Mi'"

    def apply(self, objects: Sequence[Manifest]) -> None:
        """Refuse the size, else be silent."""
        workloads = [each for each in objects if each["kind"] in ("Deployment", "StatefulSet")]
        if self._refused in str(workloads):
            raise ClusterRefused("No node has enough free memory.")
        raise ClusterUnavailable()


class AReturnedUpgrade(AnUpgrade):
    """The cluster cannot hold the new size: plan, slot and money go back, and the old size is tried."""

    steps = (Step.CLAIM_INSTANCE, Step.SETTLE_INSTANCE)

    def set(self, stage: Stage) -> None:
        super().set(stage)
        assert super().act(stage).status_code == 200
        attempts = stage.shop.settings.cluster.provision_attempts - 1
        stage.shop.put(stage.props["id"], attempts=attempts, attempt_started_at=None)
        memory = stage.shop.look(stage.props["id"])[1].memory_mb
        stage.shop.ports.change(cluster=_FullCluster(memory))

    def act(self, stage: Stage) -> object:
        return stage.run_jobs()

    def repeat(self, stage: Stage, cut: FaultPoint) -> None:
        """Nobody does anything: the work is still there."""

    def end(self, stage: Stage) -> None:
        assert stage.entries() == {"period": 1, "upgrade": 1, "upgrade_refund": 1}
        [change] = stage.shop.changes(stage.props["id"])
        assert (change.state, change.refunded) == (ChangeState.RETURNED, change.charged)
        assert stage.balance == CREDIT - PRICE
        assert (stage.shop.used(stage.plan), stage.shop.used(stage.props["higher"])) == (1, 0)
        assert stage.shop.look(stage.props["id"])[0].plan_id == stage.plan
        assert stage.shop.mails(stage.customer).count("plan_change_returned") == 1


class ARepair(Scene):
    """An administrator has a wallet computed anew, and presses again when no answer came."""

    steps = (Step.REPAIR_DIFFERENCE,)
    page = "/admin/money/proof"

    def set(self, stage: Stage) -> None:
        spoil = text("UPDATE wallets SET balance = balance + 7 WHERE user_id = :id")
        with stage.app.app_context():
            with unit_of_work():
                session().execute(spoil, {"id": stage.customer.id})
            found = prove(stage.clock.now())
            with unit_of_work():
                run = history.record(found, cause="night", asked_by="the clock", actor=system("proof"))
            wanted = select(ProofDifference.id).where(ProofDifference.run_id == run.id)
            stage.props["id"] = session().scalars(wanted).one()
            db.session.remove()

    def act(self, stage: Stage) -> Any:
        browser = Browser(stage.app.test_client())
        browser.sign_in(stage.staff.email)
        browser.get(self.page)
        return browser.post(f"{self.page}/differences/{stage.props['id']}/repair", self.page)

    def repeat(self, stage: Stage, cut: FaultPoint) -> None:
        assert self.act(stage).status_code == 303

    def end(self, stage: Stage) -> None:
        assert (stage.entries(), stage.balance) == ({}, CREDIT)
        with stage.app.app_context():
            done = select(AuditEntry.action).where(
                AuditEntry.action.in_(("wallet.rebuilt", "proof.repaired"))
            )
            assert sorted(session().scalars(done)) == ["proof.repaired", "wallet.rebuilt"]


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


SCENES: tuple[Scene, ...] = (
    AnUpgrade(),
    AReturnedUpgrade(),
    ARepair(),
    ARefundOfACharge(),
    AnEndBefore(),
    APaper(),
)
