"""Hooks of the web server. Its options are where it is started: the Procfile, the Dockerfile, the demo's table."""

from typing import Any

# Longer than browsers' proxies and Node.js keep a connection: who hangs up first meets requests that are on their way.
# With gthread an idle connection holds no thread.
keepalive = 75


def post_worker_init(worker: Any) -> None:
    """Let requests that wait for the cluster end as soon as the worker is told to."""
    from minispod.api.patience import patience_of

    patience_of(worker.wsgi).end_when(lambda: not worker.alive)
