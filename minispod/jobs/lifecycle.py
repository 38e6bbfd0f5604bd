"""The calendar and arriving credit. Periodic jobs only select and fan out; acts decide."""

import uuid
from datetime import timedelta

import structlog

from minispod.catalog.errors import PlanSoldOut
from minispod.jobs.work import Work
from minispod.kernel import outbox
from minispod.kernel.actor import system
from minispod.kernel.faultpoints import Step
from minispod.kernel.tasks import Task
from minispod.kernel.unit_of_work import unit_of_work
from minispod.ports import Ports
from minispod.rules import business_rules
from minispod.settings import Settings
from minispod.subscriptions import announcing, expiry, graces, queries, reminders, revival, rounds

log = structlog.get_logger()


def advance_subscription(work: Work) -> timedelta | None:
    """Do what is due for one subscription."""
    subscription_id = uuid.UUID(work.lease.args["subscription_id"])
    with unit_of_work(work.ports.courier, Step.ADVANCE):
        steps = expiry.advance(
            subscription_id, rules=business_rules(work.settings), actor=system("calendar"), at=work.now()
        )
    if steps:
        log.info(
            "subscription.advanced",
            subscription_id=str(subscription_id),
            steps=[step.value for step in steps],
        )
    return None


def credit_arrived(work: Work) -> timedelta | None:
    """Take up again what waited for this customer's money, each in a unit of work of its own."""
    user_id = uuid.UUID(work.lease.args["user_id"])
    rules = business_rules(work.settings)
    for subscription_id in revival.waiting_for_money(user_id):
        try:
            with unit_of_work(work.ports.courier, Step.REVIVE):
                revived = revival.revive(subscription_id, rules=rules, actor=system("revival"), at=work.now())
        except PlanSoldOut:
            # Decision 18: the slot was released at expiry and is taken now; the data stay until retention ends.
            log.warning("subscription.revival_sold_out", subscription_id=str(subscription_id))
            continue
        log.info("subscription.revival", subscription_id=str(subscription_id), revived=revived)
    return None


def send_reminder(work: Work) -> timedelta | None:
    """Send one notice that an administrator asked for and whose turn was not in the request itself."""
    subscription_id, rules = uuid.UUID(work.lease.args["subscription_id"]), business_rules(work.settings)
    with unit_of_work(work.ports.courier):
        if work.lease.args["about"] == "grace":
            graces.remind(subscription_id, is_asked=True, rules=rules, at=work.now())
        else:
            reminders.remind(subscription_id, rules=rules, at=work.now())
    return None


def fan_out_due(ports: Ports, settings: Settings) -> None:
    """Ask for each subscription whose calendar has something to do."""
    at = ports.clock.now()
    with unit_of_work(ports.courier, Step.FAN_OUT_CALENDAR):
        wishes = {str(id_): {"subscription_id": str(id_)} for id_ in queries.due(at)}
        outbox.ensure_each(Task.ADVANCE_SUBSCRIPTION, wishes, at=at)


def fan_out_reminders(ports: Ports, settings: Settings) -> None:
    """Queue the notices that fit today, one unit of work each."""
    at = ports.clock.now()
    rules = business_rules(settings)
    for subscription_id in reminders.ending_soon(at, rules=rules):
        with unit_of_work(ports.courier):
            reminders.remind(subscription_id, rules=rules, at=at)
    for subscription_id in rounds.graces_running(at, limit=None):
        with unit_of_work(ports.courier):
            graces.remind(subscription_id, rules=rules, at=at)


def announce_prices(ports: Ports, settings: Settings) -> None:
    """Tell of prices that will hold for existing subscriptions too, one unit of work each."""
    at = ports.clock.now()
    rules = business_rules(settings)
    for subscription_id in announcing.owed_notice():
        with unit_of_work(ports.courier):
            announcing.announce(subscription_id, rules=rules, actor=system("prices"), at=at)
