"""Commands that fail in ways no cluster fails on demand: each is one of the port's refusals, never a short stream."""

import time

import pytest

from minispod.cluster.port import ClusterUnavailable, CommandFailed
from minispod.integrations.kubernetes import commands
from minispod.integrations.kubernetes.adapter import KubernetesCluster
from minispod.integrations.kubernetes.client import KubernetesClient
from tests.contracts.cluster.conftest import Customer, Target, pull_lever
from tests.contracts.cluster.workbenches import run, sleeping, write

CONTENT = bytes(300_000)
DATA = "/var/lib/ghost/content"


@pytest.fixture
def target(kubernetes_simulator):
    """The simulator."""
    kubeconfig = kubernetes_simulator["kubeconfig"]
    adapter, bare = KubernetesCluster(kubeconfig, timeout=(5, 5)), KubernetesClient(kubeconfig)
    return Target(kubeconfig, None, 60.0, kubernetes_simulator, adapter, adapter, bare)


@pytest.fixture
def bench(target):
    """A pod with a shell, with some content; everything is healed afterwards."""
    customer = Customer(target)
    spec, pod = sleeping(target, customer)
    write(target, spec, pod, f"{DATA}/x", CONTENT)
    yield target, spec, pod
    pull_lever(target.simulator, "clear")
    target.cluster.delete_namespace(customer.namespace)


def fail(bench, how, **more):
    target, spec, pod = bench
    pull_lever(target.simulator, "exec", namespace=spec.namespace, pod=pod, how=how, **more)


def read(bench):
    return run(*bench, "cat", f"{DATA}/x")


@pytest.mark.parametrize("after_bytes", [0, 1, 200_000])
def test_connection_that_is_cut_is_never_a_short_stream(bench, after_bytes):
    fail(bench, "cut", after_bytes=after_bytes)

    with pytest.raises(ClusterUnavailable):
        read(bench)

    assert read(bench) == CONTENT


def test_connection_that_is_cut_while_writing_is_told(bench):
    fail(bench, "cut")

    with pytest.raises(ClusterUnavailable):
        write(*bench, f"{DATA}/y", bytes(5_000_000))


def test_image_without_a_shell_is_told_as_such(bench):
    fail(bench, "missing", times=2)

    with pytest.raises(CommandFailed, match="could not run a shell") as failed:
        run(*bench, "sh", "-c", "echo hello")
    assert failed.value.exit_status is None
    with pytest.raises(CommandFailed, match="could not run a shell"):
        write(*bench, f"{DATA}/y", b"y")


def test_complaint_is_passed_on_to_a_limit(bench):
    fail(bench, "exit", status=2, message="disk full " * 400 + "at last")

    with pytest.raises(CommandFailed) as failed:
        read(bench)

    assert failed.value.exit_status == 2
    assert failed.value.complaint.endswith("at last")
    assert len(failed.value.complaint) <= commands.COMPLAINT_LIMIT
    assert "disk full" not in failed.value.message, "it may hold the customer's data"


def test_command_that_says_nothing_for_too_long_is_left(bench, monkeypatch):
    monkeypatch.setattr(commands, "SILENCE_SECONDS", 0.5)
    fail(bench, "slow", seconds=10, times=2)
    begun = time.monotonic()

    with pytest.raises(ClusterUnavailable):
        read(bench)
    with pytest.raises(ClusterUnavailable):
        write(*bench, f"{DATA}/y", bytes(20_000_000))

    assert time.monotonic() - begun < 20, "so long the commands would have taken"


def test_slow_command_is_waited_for(bench):
    fail(bench, "slow", seconds=1)

    assert read(bench) == CONTENT


@pytest.mark.parametrize(
    ("weather", "refusal"), [({"status": 503}, ClusterUnavailable), ({"status": 500}, ClusterUnavailable)]
)
def test_server_in_trouble_is_unavailable(bench, weather, refusal):
    pull_lever(bench[0].simulator, "fail_next", verb="get", kind="pods/exec", **weather)

    with pytest.raises(refusal):
        read(bench)

    assert read(bench) == CONTENT


def test_silent_server_is_unavailable_within_the_time_limit(bench):
    pull_lever(bench[0].simulator, "go_silent", seconds=60, how="hang")
    begun = time.monotonic()

    with pytest.raises(ClusterUnavailable):
        read(bench)

    assert time.monotonic() - begun < 30, "it is silent for a minute"


def test_node_that_dies_cuts_its_commands(bench):
    target, spec, pod = bench
    node = target.cluster.see_pod(spec.namespace, pod).node_name
    output = target.cluster.read_from(spec.namespace, pod, "app", ["cat", "/dev/zero"])
    next(output)

    pull_lever(target.simulator, "node", node=node, power="off")
    try:
        with pytest.raises(ClusterUnavailable):
            list(output)
        with pytest.raises(ClusterUnavailable):
            read(bench)
        assert not target.cluster.delete_pod(spec.namespace, pod)
        target.cluster.delete_pod(spec.namespace, pod, force=True)
        assert target.cluster.see_pod(spec.namespace, pod) is None
    finally:
        pull_lever(target.simulator, "node", node=node, power="on")
