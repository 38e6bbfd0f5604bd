"""Hooks of the web server. Its options are where it is started: the Procfile, the Dockerfile, the demo's table."""

import gc
from typing import Any


def when_ready(server: Any) -> None:
    """Leave what was loaded before the fork (`--preload`) out of all collections.

    A collection writes into every object it looks at, and what a worker writes to is no longer shared with the others.
    """
    gc.collect()
    gc.freeze()


def post_worker_init(worker: Any) -> None:
    """Let requests that wait for the cluster end as soon as the worker is told to."""
    from minispod.api.patience import patience_of

    patience_of(worker.wsgi).end_when(lambda: not worker.alive)
