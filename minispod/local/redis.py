"""A real Redis for one machine: loopback only, password only; durable ones append every write to a file.

Not for production. Only the binary is used; its configuration is ours, because the wheel's own start listens on
every interface and outlives Python.
"""

import os
from collections.abc import Set
from pathlib import Path

import redis

from minispod.local import binaries, places, servers
from minispod.local.processes import Program
from minispod.local.servers import Server, ServerPlan


def start_redis(state_dir: Path, *, durable: bool) -> Server:
    """A Redis that answers; a durable one finds its data again next time."""
    log = state_dir.with_name(f"{state_dir.name}.log")
    places.make_passable(log.parent)
    return servers.start(lambda: plan_redis(state_dir, durable=durable), log=log)


def plan_redis(state_dir: Path, *, durable: bool, avoid: Set[int] = frozenset()) -> ServerPlan:
    """Write the configuration and say how to run Redis on it."""
    account = places.unprivileged_account()
    home = places.home_for(state_dir, account)
    password = places.remembered_secret(home / "password")
    port = places.remembered_port(home / "port", avoid=avoid)
    settings = {
        "bind": places.LOOPBACK,
        "port": port,
        "protected-mode": "yes",
        "requirepass": password,
        "dir": f'"{home}"',
        "appendonly": "yes" if durable else "no",
        "save": '""',  # no snapshots: the log of writes alone is the truth
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
    }
    # In a file, because command lines are public.
    configuration = home / "redis.conf"
    places.write_private(configuration, "".join(f"{name} {value}\n" for name, value in settings.items()))
    if account is not None:
        os.chown(configuration, account.uid, account.gid)
    url = f"redis://:{password}@{places.LOOPBACK}:{port}/0"
    return ServerPlan(
        name="Redis",
        url=url,
        program=Program(
            argv=(str(binaries.redis_binary(account)), str(configuration)),
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"},
            account=account,
        ),
        answers=lambda: _answers(url),
        remarks=()
        if home == state_dir
        else (f"Redis keeps its data in {home}, for its user cannot enter {state_dir}.",),
    )


def _answers(url: str) -> bool:
    client = redis.Redis.from_url(url, socket_timeout=2)
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
    finally:
        client.close()
