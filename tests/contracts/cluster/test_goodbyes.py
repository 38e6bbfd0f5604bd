"""Databases are told to end and are given the time for it: seen in their last words. Only with --cluster.

No recipe needs a preStop hook: the images answer the signal that Kubernetes sends by finishing in order.
"""

import threading
import time

import pytest

LAST_WORDS = {
    "postgresql": ("app", "database system is shut down"),
    "mariadb": ("app", "Shutdown complete"),
    "redis": ("app", "bye bye"),
    "wordpress": ("database", "Shutdown complete"),
}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("slug", LAST_WORDS)
def test_database_finishes_in_order_when_it_is_stopped(target, customer, slug):
    container, expected = LAST_WORDS[slug]
    spec = customer.spec(slug)
    customer.apply(spec)
    target.eventually(lambda: target.cluster.see(spec.namespace, spec.name).is_ready)
    lines: list[str] = []
    stream = target.web.follow_logs(spec.namespace, spec.name, container=container, lines=1)
    reader = threading.Thread(target=lines.extend, args=(stream,), daemon=True)
    reader.start()
    began = time.monotonic()

    target.cluster.scale(spec.namespace, spec.name, 0)

    target.eventually(lambda: target.cluster.see(spec.namespace, spec.name).is_stopped)
    took = time.monotonic() - began
    reader.join(timeout=60)
    stream.close()
    assert any(expected in line for line in lines), lines[-10:]
    assert took < spec.recipe.termination_seconds
