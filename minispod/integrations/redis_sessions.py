"""The SessionStore on Redis: small JSON records that end by themselves. Losing them loses nothing but sign-ins."""

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from itertools import islice
from typing import Any

import redis

from minispod.accounts.staff_sessions import SessionsUnavailable
from minispod.integrations.redis_queue import connection
from minispod.kernel.unit_of_work import refuse_inside_unit_of_work

_PREFIX = "minispod:admin:"
_PART = 1000


class RedisSessions:
    """Keeps records under our own prefix."""

    def __init__(self, url: str) -> None:
        self._redis = connection(url)

    def load(self, key: str) -> dict[str, Any] | None:
        """Return the record; None when it is gone or unreadable."""
        refuse_inside_unit_of_work()
        try:
            found = self._redis.get(_PREFIX + key)
        except redis.RedisError as error:
            raise SessionsUnavailable() from error
        return _read(found)

    def save(self, key: str, values: Mapping[str, Any], life: timedelta) -> None:
        """Keep the record for `life`."""
        refuse_inside_unit_of_work()
        try:
            self._redis.set(_PREFIX + key, json.dumps(dict(values)), ex=max(1, int(life.total_seconds())))
        except redis.RedisError as error:
            raise SessionsUnavailable() from error

    def drop(self, key: str) -> None:
        """Forget the record."""
        refuse_inside_unit_of_work()
        try:
            self._redis.delete(_PREFIX + key)
        except redis.RedisError as error:
            raise SessionsUnavailable() from error

    def list(self, beginning: str) -> Iterator[dict[str, Any]]:
        """Records whose key begins so; the whole store is passed over once, a part at a time."""
        refuse_inside_unit_of_work()
        try:
            keys = iter(set(self._redis.scan_iter(f"{_PREFIX}{beginning}*", count=_PART)))
            while part := list(islice(keys, _PART)):
                kept = self._redis.mget(part)
                yield from (values for each in kept if (values := _read(each)) is not None)  # type: ignore[union-attr]
        except redis.RedisError as error:
            raise SessionsUnavailable() from error

    def count(self, key: str, window: timedelta) -> int:
        """Count one more event; the window begins with the first one."""
        refuse_inside_unit_of_work()
        try:
            pipe = self._redis.pipeline(transaction=True)
            # Set first: a counter without an end, left by a crash between two commands, would lock somebody out.
            pipe.set(_PREFIX + key, 0, ex=int(window.total_seconds()), nx=True)
            pipe.incr(_PREFIX + key)
            return int(pipe.execute()[-1])
        except redis.RedisError as error:
            raise SessionsUnavailable() from error


def _read(found: Any) -> dict[str, Any] | None:
    try:
        values = json.loads(found) if found is not None else None
    except ValueError:
        return None
    return values if isinstance(values, dict) else None
