"""Hooks of the web server. Its options are where it is started: the Procfile, the Dockerfile, the demo's table."""

from typing import Any


def post_worker_init(worker: Any) -> None:
    """Let requests that wait for the cluster end as soon as the worker is told to."""
    from minispod.api.patience import patience_of

    patience_of(worker.wsgi).end_when(lambda: not worker.alive)
