"""Work off what administrators asked for many instances: one after another, each in a unit of work of its own."""

import uuid
from datetime import timedelta

import structlog

from minispod.jobs.work import Work
from minispod.kernel.errors import Refusal, TimeIsUp, Unavailable
from minispod.kernel.ids import new_id
from minispod.kernel.unit_of_work import unit_of_work
from minispod.subscriptions.bulk import working

log = structlog.get_logger()

# So many turns, then others have the worker: a turn that is refused ends at once.
_TURNS = 50


def work_on_batch(work: Work) -> timedelta | None:
    """Give the next instances their turn, until one must wait."""
    batch_id = uuid.UUID(work.lease.args["batch_id"])
    for _ in range(_TURNS):
        with unit_of_work(work.ports.courier):
            following = working.look(batch_id, at=work.now())
        if following is None or isinstance(following, timedelta):
            return following
        try:
            with unit_of_work(work.ports.courier):
                working.act(batch_id, following, at=work.now())
        except (Unavailable, TimeIsUp):
            raise
        except Refusal as refusal:
            with unit_of_work():
                working.refuse(batch_id, following, refusal.message, at=work.now())
        except Exception:
            reference = str(new_id())
            log.exception("bulk.turn_crashed", batch_id=str(batch_id), turn=following, reference=reference)
            with unit_of_work():
                working.fail(batch_id, following, reference, at=work.now())
    return timedelta(0)
