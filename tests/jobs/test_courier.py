"""The courier puts rows on real queues: all that one act asked for, or none."""

import redis
import rq

from minispod.integrations.redis_queue import RedisCourier
from minispod.kernel.ids import new_id
from minispod.kernel.tasks import Queue


def test_rows_go_to_their_queues_together(redis_url: str) -> None:
    connection = redis.Redis.from_url(redis_url)
    wanted = {new_id(): Queue.PROVISIONING, new_id(): Queue.MONEY, new_id(): Queue.MONEY}

    RedisCourier(redis_url).deliver(wanted)

    for queue in (Queue.PROVISIONING, Queue.MONEY):
        jobs = {job.args[0]: job for job in rq.Queue(queue.value, connection=connection).get_jobs()}
        for row_id in (str(row_id) for row_id, its_queue in wanted.items() if its_queue is queue):
            assert jobs[row_id].timeout == queue.longest_seconds
            jobs[row_id].delete()
    connection.close()
