"""The proof that money adds up: every night, and when somebody asks for it."""

from datetime import timedelta
from zoneinfo import ZoneInfo

from minispod.jobs.work import Work
from minispod.kernel import outbox
from minispod.kernel.actor import system
from minispod.kernel.tasks import Task
from minispod.kernel.unit_of_work import release_connection, unit_of_work
from minispod.ports import Ports
from minispod.proof import history, proving
from minispod.settings import Settings


def prove_money(work: Work) -> timedelta | None:
    """Carry out the proof with no unit of work open, then write down what it found."""
    release_connection()
    proof = proving.prove(work.now())
    with unit_of_work(work.ports.courier):
        history.record(
            proof,
            cause=work.lease.args["cause"],
            asked_by=work.lease.args["asked_by"],
            actor=system("proof"),
        )
    return None


def fan_out_proof(ports: Ports, settings: Settings) -> None:
    """Ask for the proof of this night unless it was made."""
    at = ports.clock.now()
    zone = ZoneInfo(settings.business.billing_timezone)
    with unit_of_work(ports.courier):
        if history.is_due(at, hour=settings.operation.proof_hour, zone=zone):
            outbox.ensure(Task.PROVE_MONEY, key="night", at=at, cause="night", asked_by="the clock")
