"""One look at a cluster of many instances: questions asked, seconds and memory; and what a day of usage takes.

The cluster is the simulator, a process of its own beside us: its answers take their part of the two cores.
"""

import hashlib
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg2
from flask import Flask

from bench import grounds
from minispod.catalog.recipes import generate_secrets, get_recipe
from minispod.instances.manifests import InstanceSpec, instance_manifests
from minispod.integrations.kubernetes.adapter import KubernetesCluster
from minispod.integrations.kubernetes.client import KubernetesClient
from minispod.jobs import observation, usage
from minispod.kernel.database import db
from minispod.local.timeline import StoryStopped
from minispod.ports import Ports
from minispod.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
PER_NAMESPACE = 10
_ROUNDS = 5
_START_SECONDS, _READY_SECONDS = 20.0, 900.0
_SAMPLED_HOURS = 24


class CountingClient(KubernetesClient):
    """Counts what it asks."""

    asked = 0

    def _send(self, *args: Any, **kwargs: Any) -> Any:
        self.asked += 1
        return super()._send(*args, **kwargs)


@dataclass(frozen=True, slots=True)
class Ground:
    """A filled database and a cluster on which all of it runs."""

    app: Flask
    ports: Ports
    settings: Settings
    client: CountingClient


def measure(instances: int) -> None:
    """Let `instances` run on the simulator, look at them again and again, and print what one look takes."""
    with grounds.database() as (url, _), _simulator() as kubeconfig:
        grounds.fill(url, instances)
        began = time.monotonic()
        cluster = KubernetesCluster(kubeconfig)
        client = cluster._client = CountingClient(kubeconfig)
        _deploy(client, cluster, instances)
        _steady(url)
        print(f"{instances:,} instances run on the simulator (made in {time.monotonic() - began:.0f} s)\n")
        app = grounds.application(url)
        ports: Ports = replace(app.extensions["minispod.ports"], cluster=cluster)
        ground = Ground(app, ports, app.extensions["minispod.settings"], client)
        with app.app_context():
            _time(ground, "look at all (observe-cluster)", observation.observe_cluster)
            _time(ground, "one sample of all (sample-usage)", usage.sample_usage)
            _measure_day(ground, url)
            db.engine.dispose()
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"  memory of this process, at most {most:8.1f} MB")


def _time(ground: Ground, name: str, job: Callable[[Ports, Settings], None]) -> None:
    seconds, processor, asked = [], [], 0
    for _ in range(_ROUNDS):
        before, clock, own = ground.client.asked, time.monotonic(), time.process_time()
        job(ground.ports, ground.settings)
        seconds.append(time.monotonic() - clock)
        processor.append(time.process_time() - own)
        asked = ground.client.asked - before
        db.session.remove()
    print(f"{name}\n  questions to the cluster {asked:8,}")
    print(
        f"  seconds, first / least / most {seconds[0]:6.2f} {min(seconds):6.2f} {max(seconds):6.2f}   (aim: under 3)"
    )
    print(f"  of that our own processor, least {min(processor):6.2f}\n")


def _measure_day(ground: Ground, url: str) -> None:
    """A day of samples for every instance, rolled up, with what it takes on disk."""
    rows = _execute(url, _DAY_OF_SAMPLES, {"hours": _SAMPLED_HOURS})
    clock = time.monotonic()
    usage.roll_up_usage(ground.ports, ground.settings)
    seconds = time.monotonic() - clock
    sizes = _sizes(url)
    print(f"A day of usage: {rows:,} samples")
    print(f"  rolled up into hours, all of them at once {seconds:8.2f} s")
    for table, count, size in sizes:
        print(f"  {table:<16} {count:>10,} rows {size / 2**20:9.1f} MB with indexes")
    print()


_DAY_OF_SAMPLES = """
    INSERT INTO usage_samples (instance_id, at, cpu_milli, memory_mb, storage_mb)
    SELECT id, moment, (random() * 1000)::int, (random() * 1024)::int, (random() * 10240)::int
    FROM generate_series(date_trunc('hour', now()) - make_interval(hours => %(hours)s),
                         date_trunc('hour', now()) - interval '1 minute', interval '1 minute') moment, instances
"""


def _execute(url: str, statement: str, values: dict[str, Any]) -> int:
    connection = psycopg2.connect(url)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(statement, values)
            return cursor.rowcount
    finally:
        connection.close()


def _sizes(url: str) -> list[tuple[str, int, int]]:
    connection = psycopg2.connect(url)
    try:
        with connection, connection.cursor() as cursor:
            found = []
            for table in ("usage_samples", "usage_rollups"):
                cursor.execute(f"SELECT count(*), pg_total_relation_size('{table}') FROM {table}")
                count, size = cursor.fetchone() or (0, 0)
                found.append((table, int(count), int(size)))
            return found
    finally:
        connection.close()


def _steady(url: str) -> None:
    """What is running was applied just now: nothing has to be put back to work."""
    statement = """
        UPDATE instances SET applied_at = now(), first_ran_at = now(),
                             namespace = 'bench-' || (substr(name, 5)::int - 1) / %(each)s
    """
    _execute(url, statement, {"each": PER_NAMESPACE})


def _deploy(client: KubernetesClient, cluster: KubernetesCluster, instances: int) -> None:
    for node in client.items("/api/v1/nodes"):
        room = {"pods": "2000", "memory": "4000Gi", "cpu": "2000"}
        status = {"capacity": room, "allocatable": room}
        client.merge(f"/api/v1/nodes/{node['metadata']['name']}/status", {"status": status}, "bench")
    recipe = get_recipe("n8n-automation")
    for number in range(1, instances + 1):
        namespace = f"bench-{(number - 1) // PER_NAMESPACE}"
        if number % PER_NAMESPACE == 1:
            cluster.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}])
        ids = {name: UUID(_md5(f"{letter}{number}")) for name, letter in _IDS.items()}
        spec = InstanceSpec(
            **ids,
            namespace=namespace,
            name=f"n8n-{number}",
            service_slug=recipe.slug,
            recipe=recipe,
            host=f"{number}.example.com",
            public_url=f"http://{number}.example.com",
            cpu_milli=1000,
            memory_mb=1024,
            storage_gb=10,
            secrets=generate_secrets(recipe),
            tls=False,
        )
        cluster.apply(instance_manifests(spec))
    deadline = time.monotonic() + _READY_SECONDS
    while (ready := sum(each.is_ready for each in cluster.see_all())) < instances:
        if time.monotonic() > deadline:
            raise StoryStopped(f"only {ready} of {instances} instances became ready on the simulator")
        time.sleep(1)


_IDS = {"instance_id": "i", "subscription_id": "b", "user_id": "u"}


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


@contextmanager
def _simulator() -> Iterator[str]:
    """A Kubernetes simulator of our own; gives the path of its kubeconfig."""
    directory = Path(tempfile.mkdtemp(prefix="minispod-bench-"))
    kubeconfig, ready, log = directory / "kubeconfig", directory / "ready.json", directory / "log"
    command = [sys.executable, "-m", "minispod.simulator.kubernetes", "--ingress-port", "0", "--speed", "20"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--kubeconfig", str(kubeconfig), "--ready-file", str(ready)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=output,
            stderr=output,
        )
    try:
        deadline = time.monotonic() + _START_SECONDS
        while not ready.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                raise StoryStopped(f"the simulator did not start:\n{log.read_text(errors='replace')[-1500:]}")
            time.sleep(0.05)
        yield str(kubeconfig)
    finally:
        process.terminate()
        process.wait(10)
        shutil.rmtree(directory, ignore_errors=True)
