"""Everything that can be done later has somebody who does it, a queue somebody works on, and a sane clock."""

import pytest

from minispod import worker
from minispod.jobs.registry import HANDLERS
from minispod.jobs.schedule import find, schedule
from minispod.kernel.outbox import OutboxRow
from minispod.kernel.tasks import Queue, Task
from minispod.settings import Settings


@pytest.fixture(scope="module")
def settings() -> Settings:
    return Settings(database_url="postgresql://nobody@127.0.0.1:1/none", redis_url="redis://127.0.0.1:1/0")


def test_every_task_has_a_handler_and_every_handler_a_task() -> None:
    assert set(HANDLERS) == set(Task)


def test_every_task_has_a_queue_and_a_lease_longer_than_a_talk_with_the_outside() -> None:
    for task in Task:
        assert task.nature.queue in Queue
        assert 30 <= task.nature.lease_seconds <= 120, task


def test_every_task_fits_its_column() -> None:
    longest = OutboxRow.__table__.c.task.type.length

    assert all(len(task.value) <= longest for task in Task)


def test_no_two_tasks_are_done_by_the_same_function() -> None:
    assert len(set(HANDLERS.values())) == len(HANDLERS)


def test_periodic_jobs_have_unique_names_sane_intervals_and_a_reason(settings: Settings) -> None:
    table = schedule(settings)

    assert len({each.name for each in table}) == len(table)
    for each in table:
        assert find(each.name, settings) == each
        assert 1 <= each.seconds <= 24 * 3600
        assert len(each.reason) > 8
        # RQ job ids allow letters, digits, dash and underscore only.
        assert each.name.replace("-", "").isalnum()


def test_the_outbox_is_swept_and_signs_of_life_are_given(settings: Settings) -> None:
    seconds = {each.name: each.seconds for each in schedule(settings)}

    assert seconds["sweep-outbox"] <= 5
    assert seconds["heartbeat"] <= 20


def test_what_rq_is_told_to_call_exists() -> None:
    from minispod.integrations import redis_queue

    module, _, name = redis_queue._RUN.rpartition(".")

    assert module == worker.__name__
    assert callable(getattr(worker, name))
