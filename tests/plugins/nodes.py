"""Nodes that lose their power, and one customer's instance that has to live with it.

On the simulator; with --cluster and NODE_POWER (a command with {act}, "stop" or "start", and {node}) on a real one.
"""

import os
import shlex
import subprocess
import time
from collections.abc import Callable, Iterator

import pytest
import requests
from flask import Flask
from sqlalchemy import select

from minispod.instances.models import Instance
from minispod.instances.states import InstanceStatus
from minispod.integrations.kubernetes.adapter import KubernetesCluster
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import db, session
from minispod.kernel.unit_of_work import unit_of_work
from minispod.operations.models import Operation
from minispod.operations.states import OperationStatus
from tests.plugins.app import Person


def runs_well(row: Instance) -> bool:
    """Whether an instance runs as it should."""
    return row.status is InstanceStatus.RUNNING and row.health_status == "Healthy"


@pytest.fixture
def power(request: pytest.FixtureRequest) -> Iterator[Callable[[str, str], None]]:
    """Cut a node's power ("stop"), or give it back ("start"); what was cut is given back afterwards."""
    cut: list[str] = []

    def pull(act: str, node: str) -> None:
        if request.config.getoption("--cluster"):
            command = os.environ["NODE_POWER"].format(act=act, node=node)
            subprocess.run(shlex.split(command), check=True, timeout=60, stdout=subprocess.DEVNULL)
        else:
            simulator = request.getfixturevalue("kubernetes_simulator")
            answer = requests.post(
                f"{simulator['levers']}/node",
                json={"node": node, "power": "off" if act == "stop" else "on"},
                headers={"Authorization": f"Bearer {simulator['lever_token']}"},
                timeout=5,
            )
            answer.raise_for_status()
        (cut.append if act == "stop" else cut.remove)(node)

    yield pull
    for node in cut:
        pull("start", node)


class Yard:
    """One customer's instance, and everything that happens to it."""

    def __init__(
        self,
        app: Flask,
        clock: FrozenClock,
        run_jobs: Callable[[], int],
        tick: Callable[[str], None],
        cluster: KubernetesCluster,
    ) -> None:
        self.app, self.clock, self.cluster = app, clock, cluster
        self._run_jobs, self._tick = run_jobs, tick

    def row(self) -> Instance:
        """The instance as it stands."""
        with self.app.app_context():
            row = session().scalars(select(Instance)).one()
            db.session.remove()
            return row

    def until(self, is_so: Callable[[Instance], bool], what: str, *, seconds: float = 240) -> Instance:
        """Work, look at the cluster and let time pass until something is so."""
        deadline = time.monotonic() + seconds
        while True:
            self._run_jobs()
            self._tick("poll-nodes")
            self._tick("observe-cluster")
            row = self.row()
            if is_so(row):
                return row
            assert time.monotonic() < deadline, (
                f"not within {seconds} s: {what}; {row.status}, {row.health_status}"
            )
            time.sleep(0.5)
            self.clock.advance(seconds=5)

    def act(self, do: Callable[..., object], *args: object, by: Person) -> None:
        """Have somebody do something with the instance, or ask for it."""
        with self.app.app_context(), unit_of_work():
            do(self.row().id, *args, actor=by.actor, at=self.clock.now())

    def work(self, do: Callable[..., Operation], *args: object, by: Person) -> Instance:
        """Ask for an operation and see it done."""
        self.act(do, *args, by=by)
        return self.until(lambda row: runs_well(row) and not self._is_under_way(), "the operation is done")

    def _is_under_way(self) -> bool:
        with self.app.app_context():
            newest = session().scalars(select(Operation).order_by(Operation.id.desc()).limit(1)).one()
            db.session.remove()
        assert newest.status is not OperationStatus.FAILED, newest.error
        return newest.status is not OperationStatus.DONE

    def pod(self) -> str:
        """The pod in which it runs."""
        name = self.row().pod_name
        assert name is not None
        return name

    def is_up(self, node: str) -> bool:
        """Whether a node answers."""
        return any(each.name == node and each.is_ready for each in self.cluster.nodes())

    def pods_on(self, node: str) -> list[str]:
        """The customer's pods that the cluster has in its books for a node."""
        return [
            each["metadata"]["name"]
            for each in self.cluster.inventory("pods")
            if each["metadata"]["namespace"] == self.row().namespace and each["spec"].get("nodeName") == node
        ]


@pytest.fixture
def yard(
    app: Flask,
    clock: FrozenClock,
    run_jobs: Callable[[], int],
    tick: Callable[[str], None],
    cluster: KubernetesCluster,
) -> Yard:
    """A shop on a cluster whose nodes may die."""
    return Yard(app, clock, run_jobs, tick, cluster)
