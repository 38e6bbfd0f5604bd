"""What follows when an account was deactivated: its applications, one subscription at a time."""

import uuid
from datetime import timedelta

import structlog

from minispod.jobs.work import Work
from minispod.kernel.actor import system
from minispod.kernel.faultpoints import Step
from minispod.kernel.unit_of_work import unit_of_work
from minispod.rules import business_rules
from minispod.subscriptions import departures
from minispod.subscriptions.departures import Applications

log = structlog.get_logger()


def follow_deactivation(work: Work) -> timedelta | None:
    """Stop or cancel one subscription, as staff chose."""
    args = work.lease.args
    subscription_id, applications = uuid.UUID(args["subscription_id"]), Applications(args["applications"])
    with unit_of_work(work.ports.courier, Step.CANCEL_SUBSCRIPTION):
        done = departures.follow(
            subscription_id,
            applications,
            by=args["by"],
            token_version=int(args["token_version"]),
            rules=business_rules(work.settings),
            actor=system("deactivation"),
            at=work.now(),
        )
    if done:
        log.info("deactivation.followed", subscription_id=str(subscription_id), act=applications.value)
    return None
