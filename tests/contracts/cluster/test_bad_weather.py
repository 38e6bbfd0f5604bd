"""An API that fails in the ways real ones do: each becomes one of the port's refusals."""

import pytest

from minispod.cluster.port import ClusterRefused, ClusterUnavailable
from minispod.integrations.kubernetes.adapter import KubernetesCluster
from tests.contracts.cluster.conftest import pull_lever


@pytest.fixture
def simulator(kubernetes_simulator):
    """The simulator, with good weather again afterwards."""
    yield kubernetes_simulator
    pull_lever(kubernetes_simulator, "clear")


@pytest.fixture
def cluster(simulator):
    """Our adapter, a little impatient."""
    return KubernetesCluster(simulator["kubeconfig"], timeout=(5, 5))


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_server_in_trouble_is_unavailable(simulator, cluster, status):
    pull_lever(simulator, "fail_next", verb="list", kind="Node", status=status)

    with pytest.raises(ClusterUnavailable):
        cluster.nodes()

    assert cluster.nodes()


def test_server_that_names_a_pause_is_given_it(simulator, cluster):
    pull_lever(simulator, "fail_next", verb="list", kind="Node", status=429, retry_after=17)

    with pytest.raises(ClusterUnavailable) as silence:
        cluster.nodes()

    assert silence.value.retry_after == 17


@pytest.mark.parametrize("status", [400, 403, 409, 422])
def test_server_that_says_no_has_refused(simulator, cluster, status):
    pull_lever(simulator, "fail_next", verb="list", kind="Node", status=status, message="no, " * 400)

    with pytest.raises(ClusterRefused) as refusal:
        cluster.nodes()

    assert refusal.value.details["status"] == status
    assert len(refusal.value.message) <= 300


@pytest.mark.parametrize("how", ["hang", "refuse", "503"])
def test_silence_is_unavailable_and_ends(simulator, cluster, how):
    pull_lever(simulator, "go_silent", seconds=60, how=how)
    with pytest.raises(ClusterUnavailable):
        cluster.version()

    pull_lever(simulator, "clear")

    assert cluster.version()


def test_crowded_quota_is_tried_again(simulator, cluster):
    message = "Operation cannot be fulfilled on resourcequotas: the object has been modified; please apply your changes"
    pull_lever(simulator, "fail_next", verb="apply", kind="Namespace", status=409, times=2, message=message)
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "user-crowded"}}

    cluster.apply([namespace])

    assert not cluster.delete_namespace("user-crowded")
