"""The targets of the suite: the simulator always, the cluster of KUBECONFIG with --cluster.

Where an old release lacks what a scenario is about, the scenario asks `target.at_least(minor)` and states what that
release does instead; nothing is skipped.
"""

import os
from collections.abc import Iterator

import pytest
from kubernetes import config

from tests.contracts.kubernetes.target import Room, Target, new_room


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each scenario once per target."""
    if "target" in metafunc.fixturenames:
        names = ["simulator", "kubernetes"] if metafunc.config.getoption("--cluster") else ["simulator"]
        metafunc.parametrize("target", names, indirect=True, scope="session")


@pytest.fixture(scope="session")
def target(request: pytest.FixtureRequest) -> Target:
    """The simulator, or the real cluster."""
    if request.param == "simulator":
        facts = request.getfixturevalue("kubernetes_simulator").facts
        api = config.new_client_from_config(facts["kubeconfig"])
        return Target("simulator", api, facts["ingress"], 15.0)
    api = config.new_client_from_config(os.environ["KUBECONFIG"])
    address = os.environ.get("INGRESS_ADDRESS")
    return Target("kubernetes", api, f"http://{address}" if address else None, 90.0)


@pytest.fixture
def room(target: Target) -> Iterator[Room]:
    """A fresh namespace in which pods can be made, deleted at the end."""
    room = new_room(target)
    yield room
    target.ask("DELETE", f"/api/v1/namespaces/{room.name}")
