"""The Courier on RQ: puts the id of an outbox row on a queue. PostgreSQL stays the truth."""

import uuid
from collections.abc import Mapping
from functools import lru_cache

import redis
import rq
from redis.backoff import NoBackoff
from redis.retry import Retry

from minispod.kernel.errors import Unavailable
from minispod.kernel.tasks import Queue

_RUN = "minispod.worker.run_row"
_SECONDS = 2


@lru_cache(maxsize=4)
def connection(url: str) -> redis.Redis:
    """One client per address, with short timeouts: nobody waits long for a queue."""
    # The library's own repeats, of connecting and of each command, would multiply the time limits.
    no_more = Retry(NoBackoff(), 0)
    return redis.Redis.from_url(url, socket_connect_timeout=_SECONDS, socket_timeout=_SECONDS, retry=no_more)


def blocking_connection(url: str) -> redis.Redis:
    """A client for a worker, which waits on the queue for longer than a web request would."""
    return redis.Redis.from_url(url, socket_connect_timeout=_SECONDS, socket_keepalive=True)


class RedisCourier:
    """Delivers row ids to RQ workers."""

    def __init__(self, url: str) -> None:
        self._redis = connection(url)

    def deliver(self, rows: Mapping[uuid.UUID, Queue]) -> None:
        """Enqueue all rows or none, in one message; raise Unavailable when Redis does not answer."""
        try:
            with self._redis.pipeline() as message:
                for row_id, queue in rows.items():
                    rq.Queue(queue.value, connection=self._redis).enqueue(
                        _RUN,
                        str(row_id),
                        result_ttl=300,
                        failure_ttl=7 * 24 * 3600,
                        job_timeout=queue.longest_seconds,
                        pipeline=message,
                    )
                message.execute()
        except redis.RedisError as error:
            raise Unavailable("The queue does not answer.") from error


def is_answering(url: str) -> bool:
    """Tell whether Redis answers a ping."""
    try:
        return bool(connection(url).ping())
    except redis.RedisError:
        return False
