"""Hooks of the web server. Its options are where it is started: the Procfile, the Dockerfile, the demo's table."""

import gc
import threading
from typing import Any

# Longer than browsers' proxies and Node.js keep a connection: who hangs up first meets requests that are on their way.
# With gthread an idle connection holds no thread.
keepalive = 75


def when_ready(server: Any) -> None:
    """Make before the fork (`--preload`) what all workers share, and leave it out of their collections.

    A collection writes into every object it looks at, and what a worker writes to is no longer shared with the others.
    """
    if not server.cfg.preload_app:
        return
    from sqlalchemy.orm import configure_mappers

    from minispod.catalog.recipes import all_recipes

    configure_mappers()
    _make_templates(server.app.wsgi())
    all_recipes()  # otherwise read by the first order of each worker, under its locks
    _rehearse(server.app.wsgi())
    gc.collect()
    gc.freeze()


def _make_templates(app: Any) -> None:
    """Compile what every page of the administration consists of, and the first one."""
    for name in app.jinja_env.list_templates(extensions=["html"]):
        if name.startswith(("admin/_", "admin/today/")):
            app.jinja_env.get_template(name)


def _rehearse(app: Any) -> None:
    """Answer a few requests that anybody may make: what the first ones make in a process, no worker makes for itself.

    Routing, SQL, how rows are read and answers written. Nothing stays open: a connection cannot be shared by workers.
    Where the database or Redis is silent, workers do it later.
    """
    from minispod.integrations.redis_queue import connection
    from minispod.kernel.database import db

    client = app.test_client()
    for path in (
        "/livez",
        "/readyz",
        "/api/v1/catalog/services",
        "/api/v1/catalog/categories",
        "/admin/login",
    ):
        client.get(path)
    # Counters are tidied up in the background. A fork copies locks, but nobody who would give them back.
    for thread in set(threading.enumerate()) - {threading.current_thread()}:
        thread.join(1)
    with app.app_context():
        db.engine.dispose()
    connection(app.extensions["minispod.settings"].redis.redis_url).connection_pool.disconnect()


def post_worker_init(worker: Any) -> None:
    """Let requests that wait for the cluster end as soon as the worker is told to."""
    from minispod.api.patience import patience_of

    patience_of(worker.wsgi).end_when(lambda: not worker.alive)
