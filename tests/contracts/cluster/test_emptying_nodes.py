"""A node is taken out of service and emptied: what leaves, what waits, and what comes back.

Needs two nodes that take pods.
"""

from collections.abc import Iterator

import pytest

from minispod.cluster.draining import Keeper
from minispod.cluster.port import NoSuchObject
from minispod.instances.manifests import instance_manifests
from minispod.instances.namespace_manifests import namespace_manifests
from minispod.integrations.kubernetes.client import ApiSaidNo
from minispod.integrations.kubernetes.translation import INSTANCE_LABEL
from tests.contracts.cluster.conftest import Customer, Target
from tests.contracts.cluster.workbenches import pod_of, ready_instance

NO_SUCH = "no-such-node"


@pytest.fixture
def cordoned(target: Target) -> Iterator[list[str]]:
    """Nodes that a test takes out of service; they are put back."""
    nodes: list[str] = []
    yield nodes
    for node in nodes:
        target.cluster.set_schedulable(node, is_schedulable=True)


def cordon(target: Target, cordoned: list[str], node: str) -> None:
    """Take a node out of service until the test ends."""
    cordoned.append(node)
    target.cluster.set_schedulable(node, is_schedulable=False)


def takes_pods(target: Target, node: str) -> bool:
    """What the reading of the nodes says of one."""
    return next(each.is_schedulable for each in target.cluster.nodes() if each.name == node)


def node_of(target: Target, spec) -> str:
    """Where the instance runs."""
    return str(target.cluster.see(spec.namespace, spec.name).node_name)


def policy(target: Target) -> str:
    """The version of disruption budgets that this server knows."""
    try:
        target.bare.get("/apis/policy/v1")
    except ApiSaidNo:
        return "v1beta1"
    return "v1"


def test_a_node_is_taken_out_of_service_and_put_back(target, cordoned):
    node = next(each.name for each in target.cluster.nodes() if each.is_schedulable)

    cordon(target, cordoned, node)
    target.cluster.set_schedulable(node, is_schedulable=False)  # as often as one likes

    assert not takes_pods(target, node)
    target.cluster.set_schedulable(node, is_schedulable=True)
    target.cluster.set_schedulable(node, is_schedulable=True)
    target.eventually(lambda: takes_pods(target, node))


def test_a_node_that_is_not_there_is_no_node(target):
    with pytest.raises(NoSuchObject):
        target.cluster.set_schedulable(NO_SUCH, is_schedulable=False)
    assert list(target.cluster.pods_on(NO_SUCH)) == []


def test_the_pods_of_a_node_say_who_keeps_them_and_what_they_mount(target, customer):
    spec, pod = ready_instance(target, customer, "postgresql")

    [found] = [each for each in target.cluster.pods_on(node_of(target, spec)) if each.name == pod]

    assert found.keeper is Keeper.CONTROLLER
    assert found.claims == (spec.names.claim,)
    assert found.instance_id == str(spec.instance_id)
    assert [found.is_leaving, found.is_over, found.is_workbench] == [False] * 3


def test_what_has_no_data_there_leaves_for_another_node(target, customer, cordoned):
    spec, pod = _without_data(target, customer)
    home = node_of(target, spec)
    cordon(target, cordoned, home)

    assert target.cluster.evict(spec.namespace, pod).is_accepted

    target.eventually(lambda: _runs_elsewhere(target, spec, home))
    target.eventually(lambda: pod not in [each.name for each in target.cluster.pods_on(home)])


def test_what_is_tied_to_its_node_waits_for_it_and_keeps_its_volume(target, customer, cordoned):
    spec, pod = ready_instance(target, customer, "postgresql")
    home = node_of(target, spec)
    cordon(target, cordoned, home)
    [place] = [each for each in target.cluster.volumes() if each.claim == spec.names.claim]
    assert place.nodes == (home,)

    assert target.cluster.evict(spec.namespace, pod).is_accepted

    target.eventually(lambda: _waits(target, spec))
    [kept] = [each for each in target.cluster.volumes() if each.claim == spec.names.claim]
    assert kept == place

    target.cluster.set_schedulable(home, is_schedulable=True)
    pod_of(target, spec)
    assert node_of(target, spec) == home


def test_a_disruption_budget_is_respected(target, customer):
    spec, pod = ready_instance(target, customer, "postgresql")
    version = policy(target)
    budget = {
        "apiVersion": f"policy/{version}",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "keep-it", "namespace": spec.namespace},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {INSTANCE_LABEL: str(spec.instance_id)}}},
    }
    address = f"/apis/policy/{version}/namespaces/{spec.namespace}/poddisruptionbudgets"
    target.bare.create(address, budget)
    target.eventually(
        lambda: target.bare.get(f"{address}/keep-it").get("status", {}).get("currentHealthy") == 1
    )

    refused = target.cluster.evict(spec.namespace, pod)

    assert not refused.is_accepted
    assert "disruption budget" in refused.refusal
    assert pod_of(target, spec) == pod

    target.bare.delete(f"{address}/keep-it")
    target.eventually(lambda: target.cluster.evict(spec.namespace, pod).is_accepted)


def test_a_pod_that_is_gone_has_left(target, customer):
    spec, _ = ready_instance(target, customer, "redis")

    assert target.cluster.evict(spec.namespace, "long-gone").is_accepted
    assert target.cluster.evict("no-such-namespace-of-ours", "long-gone").is_accepted


def _without_data(target: Target, customer: Customer):
    """A running instance whose volume is no volume: nothing ties it to its node."""
    spec = customer.spec("uptime-kuma")
    customer.room = {"memory_mb": 2 * spec.memory_mb, "cpu_milli": 2 * spec.cpu_milli, "instances": 2}
    objects = [each for each in customer_objects(customer, spec) if each["kind"] != "PersistentVolumeClaim"]
    for each in objects:
        if each["kind"] == "Deployment":
            for volume in each["spec"]["template"]["spec"]["volumes"]:
                if volume.pop("persistentVolumeClaim", None):
                    volume["emptyDir"] = {}
    target.cluster.apply(objects)
    return spec, pod_of(target, spec)


def customer_objects(customer: Customer, spec):
    """Everything of a customer with one instance."""
    return [*namespace_manifests(customer.walls()), *instance_manifests(spec)]


def _runs_elsewhere(target: Target, spec, home: str) -> bool:
    seen = target.cluster.see(spec.namespace, spec.name)
    return bool(seen.is_ready and seen.node_name != home)


def _waits(target: Target, spec) -> bool:
    seen = target.cluster.see(spec.namespace, spec.name)
    return bool(not seen.is_ready and seen.node_name is None and seen.trouble)
