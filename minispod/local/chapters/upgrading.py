"""A higher plan: what it would cost, that exactly this is charged, and that the instance really grows."""

from typing import Any

from minispod.local.timeline import eventually
from minispod.local.visit import HIGHER_PLAN, SERVICE, Visit, check

LEFT_OVER = 10_000
LOWER_PLAN = "FREE"


def upgrade(visit: Visit) -> None:
    """Ask for the price, be refused without the credit, top up, and pay what was quoted."""
    told, me = visit.told, visit.me
    plan, path = visit.plans[SERVICE, HIGHER_PLAN], f"/subscriptions/{visit.subscription}/upgrade"
    wish = {"newPlanId": plan["id"]}
    with told.step(f"asks what {HIGHER_PLAN} costs for the days that are left"):
        offer = _offer(visit, plan["id"])
        quoted = offer["upgradeCost"]
        told.remark(f"{quoted:,} for {offer['proratedDays']} days; {offer['reason']}")
    with told.step("cannot upgrade without credit"):
        code = "wallet.insufficient_credit"
        told.remark(me.refused("PUT", path, wish, status=400, code=code))
    with told.step(f"cannot move down to {LOWER_PLAN}"):
        lower = {"newPlanId": visit.plans[SERVICE, LOWER_PLAN]["id"]}
        code = "subscriptions.not_an_upgrade"
        told.remark(me.refused("PUT", path, lower, status=400, code=code))
    with told.step(f"tops up what is missing and {LEFT_OVER:,} more"):
        topup = visit.top_up(quoted - visit.credit + LEFT_OVER)
        told.remark(f"{topup.amount:,}")
    with told.step("upgrades and pays what was quoted"):
        quoted = _offer(visit, plan["id"])["upgradeCost"]
        done = me.call("PUT", path, wish)
        check(done["upgradeCost"] == done["actualCharge"] == quoted, f"{quoted:,} was quoted: {done}")
        visit.moved(-quoted)
        told.remark(f"{quoted:,}")


def watch_it_grow(visit: Visit) -> None:
    """Wait until the change is done: the pod has the size of the new plan."""
    told = visit.told
    with told.step("the change of plan is done"):
        eventually(
            lambda: _is_done(visit),
            within=visit.around.patience,
            every=0.5,
            otherwise="it is still under way",
        )
        visit.until_healthy()
    with told.step("the instance has its new size"):
        plan = visit.shown()["plan"]
        check(plan["planType"] == HIGHER_PLAN, f"The subscription shows {plan}")
        eventually(
            lambda: plan["cpuMilli"] in _cpu_limits(visit),
            within=visit.around.patience,
            otherwise=f"no pod of it may use {plan['cpuMilli']} millicores",
        )
        told.remark(f"{plan['cpuMilli']} millicores, {plan['memoryMb']} MB")
    with told.step("finds the change in the mailbox"):
        visit.expect_mail("plan_changed")


def _offer(visit: Visit, plan_id: str) -> dict[str, Any]:
    shown = visit.me.call("GET", f"/subscriptions/{visit.subscription}/billing-info")
    offers: list[dict[str, Any]] = shown["availableUpgrades"]
    return next(offer for offer in offers if offer["id"] == plan_id)


def _is_done(visit: Visit) -> bool:
    """What the administrator's page says of the change; RETURNED would be its other end."""
    page = visit.office.read(f"/admin/subscriptions/{visit.subscription}")
    check(">Returned</span>" not in page, "The change was taken back: it did not run in its new size.")
    return ">Done</span>" in page


def _cpu_limits(visit: Visit) -> set[float]:
    """How many millicores the containers of the customer's pods may use, as the administrator's list of pods says."""
    namespace = visit.instance()["namespace"]
    pods = visit.office.call("GET", "/k8s/pods")["pods"]
    limits = [
        container["resources"]["limits"]["cpu"]
        for pod in pods
        if pod["namespace"] == namespace
        for container in pod["containers"]
    ]
    return {millicores_of(limit) for limit in limits if limit}


def millicores_of(text: str) -> float:
    """A quantity as Kubernetes writes it: "1500m" or "2"."""
    return float(text.removesuffix("m")) * (1 if text.endswith("m") else 1000)
