"""What is read of a cluster: all workloads at once, nodes, usage, logs that go on, the staff's lists."""

import threading
import time

import pytest

from minispod.cluster import monitoring
from minispod.cluster.port import ClusterPort


@pytest.fixture
def running(target, customer):
    """A running instance."""
    spec = customer.spec("ghost-blog")
    customer.apply(spec)
    target.eventually(lambda: target.cluster.see(spec.namespace, spec.name).is_ready)
    return spec


def test_adapter_is_a_cluster_port(target):
    port: ClusterPort = target.cluster

    assert port.version().startswith("v1.")


def test_all_workloads_are_seen_at_once(target, running):
    seen = {each.instance_id: each for each in target.cluster.see_all()}

    assert seen[str(running.instance_id)].is_ready
    assert seen[str(running.instance_id)] == target.cluster.see(running.namespace, running.name)


def test_nodes_show_what_is_reserved_on_them(target, running):
    node = target.cluster.see(running.namespace, running.name).node_name
    nodes = {each.name: each for each in target.cluster.nodes()}

    assert nodes[node].is_ready
    assert nodes[node].is_schedulable
    assert nodes[node].cpu_requested >= 63
    assert nodes[node].memory_requested >= 128
    assert nodes[node].memory_allocatable > 1000
    assert nodes[node].pods_running >= 1


def test_usage_is_measured(target, running):
    pod = target.cluster.see(running.namespace, running.name).pod_name

    def ask():
        return next((each for each in target.cluster.usages() if each.pod_name == pod), None)

    usage = target.eventually(ask)

    assert usage.namespace == running.namespace
    assert usage.memory_mb > 0


def test_log_is_followed_until_it_is_closed(target, running):
    stream = target.web.follow_logs(running.namespace, running.name, container="app", lines=10)
    lines: list[str] = []
    reader = threading.Thread(target=lines.extend, args=(stream,), daemon=True)
    reader.start()
    target.eventually(
        lambda: lines or target.web.tail_logs(running.namespace, running.name, container="app", lines=10)
    )
    time.sleep(0.2)

    stream.close()
    reader.join(timeout=60)

    assert not reader.is_alive()
    assert all("\n" not in line for line in lines)


def test_six_lists_keep_their_promise_to_the_front_end(target, running):
    cluster = target.web
    node = monitoring.list_nodes(cluster)[0]
    assert node["status"] == "Ready"
    assert node["capacity"]["memory"].endswith("Ki")
    assert monitoring.get_node(cluster, node["name"])["uid"]

    deployment = next(each for each in monitoring.list_deployments(cluster) if each["name"] == running.name)
    assert deployment["readyReplicas"] == 1
    assert deployment["unavailableReplicas"] == 0
    assert deployment["images"] == [running.recipe.image]

    pod = next(each for each in monitoring.list_pods(cluster) if each["namespace"] == running.namespace)
    assert pod["status"] == "Running"
    assert pod["containers"][0]["ready"] is True
    assert pod["containers"][0]["image"] == running.recipe.image

    namespace = next(
        each for each in monitoring.list_namespaces(cluster) if each["name"] == running.namespace
    )
    assert namespace["labels"]["minispod.com/managed"] == "true"

    service = next(each for each in monitoring.list_network_services(cluster) if each["name"] == running.name)
    assert service["ports"][0]["port"] == 80
    assert service["endpoints"] == [pod["podIP"]]

    ingress = next(each for each in monitoring.list_ingresses(cluster) if each["name"] == running.name)
    assert ingress["hosts"] == [running.host]
    assert ingress["paths"][0]["serviceName"] == running.name
