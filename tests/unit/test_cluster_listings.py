"""The staff's lists: exactly the keys that the front end reads, and never a null where it counts."""

import pytest

from minispod.cluster import listings, monitoring
from minispod.cluster.port import NoSuchObject

NODE = {
    "metadata": {
        "name": "worker-1",
        "uid": "u-1",
        "labels": {"kubernetes.io/hostname": "worker-1"},
        "creationTimestamp": "2026-11-20T10:00:00Z",
    },
    "spec": {"taints": [{"key": "k", "effect": "NoSchedule"}]},
    "status": {
        "capacity": {"cpu": "12", "memory": "32Gi", "pods": "110", "ephemeral-storage": "100Gi"},
        "allocatable": {"cpu": "12", "memory": "33554432Ki", "pods": "110"},
        "conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady"}],
        "addresses": [{"type": "InternalIP", "address": "10.0.0.2"}],
        "nodeInfo": {
            "kubeletVersion": "v1.32.4+k3s1",
            "osImage": "Debian 12",
            "kernelVersion": "6.1",
            "containerRuntimeVersion": "containerd://2.0",
            "architecture": "amd64",
        },
    },
}
NODE_METRICS = {
    "metadata": {"name": "worker-1"},
    "timestamp": "2026-11-20T10:01:00Z",
    "window": "10s",
    "usage": {"cpu": "1250m", "memory": "2097152Ki"},
}
POD = {
    "metadata": {"name": "n8n-1", "namespace": "user-1", "labels": {"app": "n8n"}},
    "spec": {
        "nodeName": "worker-1",
        "containers": [
            {
                "name": "app",
                "image": "n8nio/n8n:1",
                "resources": {"requests": {"cpu": "250m"}, "limits": {"memory": "1Gi"}},
                "ports": [{"containerPort": 5678, "name": "http", "protocol": "TCP"}],
                "volumeMounts": [{"name": "data", "mountPath": "/data"}],
            },
            {"name": "other", "image": "busybox:1"},
        ],
    },
    "status": {
        "phase": "Running",
        "podIP": "10.42.0.9",
        "hostIP": "10.0.0.2",
        "conditions": [{"type": "Ready", "status": "True"}],
        "containerStatuses": [{"name": "app", "ready": True, "restartCount": 2, "state": {"running": {}}}],
    },
}
POD_METRICS = {
    "metadata": {"name": "n8n-1", "namespace": "user-1"},
    "timestamp": "2026-11-20T10:01:00Z",
    "window": "10s",
    "containers": [{"name": "app", "usage": {"cpu": "12345678n", "memory": "128Mi"}}],
}


class Inventory:
    """Answers with given objects only; the port itself is tested against real servers."""

    def __init__(self, **objects):
        self.objects = objects

    def inventory(self, kind):
        return self.objects.get(kind, [])


def test_node_with_its_metrics():
    (item,) = monitoring.list_nodes(Inventory(nodes=[NODE], node_metrics=[NODE_METRICS]))

    assert item["name"] == "worker-1"
    assert item["status"] == "Ready"
    assert item["capacity"]["memory"] == "33554432Ki"
    assert item["metrics"]["usage"]["cpu"] == {"raw": "1250m", "millicores": 1250, "cores": 1.25}
    assert item["metrics"]["usage"]["memory"]["gigabytes"] == 2.0
    assert item["addresses"] == [{"type": "InternalIP", "address": "10.0.0.2"}]
    assert item["version"] == "v1.32.4+k3s1"
    assert item["createdAt"] == "2026-11-20T10:00:00.000Z"
    assert item["metrics"]["timestamp"] == "2026-11-20T10:01:00.000Z"


def test_node_without_metrics_or_readiness():
    item = listings.node_item({"metadata": {"name": "w"}}, None)

    assert item["status"] == "NotReady"
    assert item["metrics"] is None
    assert item["capacity"]["memory"] == "0Ki"
    assert item["labels"] == {}


def test_node_by_name_has_more_than_the_list():
    item = monitoring.get_node(Inventory(nodes=[NODE]), "worker-1")

    assert item["uid"] == "u-1"
    assert item["architecture"] == "amd64"
    assert item["taints"] == [{"key": "k", "effect": "NoSchedule"}]


def test_node_that_is_not_there_is_not_found():
    with pytest.raises(NoSuchObject):
        monitoring.get_node(Inventory(nodes=[NODE]), "worker-9")


def test_pod_has_one_list_of_containers_with_status_and_usage():
    (item,) = monitoring.list_pods(Inventory(pods=[POD], pod_metrics=[POD_METRICS]))

    app, other = item["containers"]
    assert (item["status"], item["restarts"], item["nodeName"], item["podIP"]) == (
        "Running",
        2,
        "worker-1",
        "10.42.0.9",
    )
    assert app["image"] == "n8nio/n8n:1"
    assert app["ready"] is True
    assert app["usage"]["cpu"]["millicores"] == 12
    assert app["usage"]["memory"]["megabytes"] == 128.0
    assert app["resources"]["requests"] == {"cpu": "250m", "memory": None}
    assert app["volumeMounts"] == [{"name": "data", "mountPath": "/data", "readOnly": False}]
    assert other["ready"] is False
    assert other["usage"] is None
    assert item["metricsWindow"] == "10s"


def test_pod_that_has_not_started_breaks_nothing():
    item = listings.pod_item(
        {"metadata": {"name": "p", "namespace": "n"}, "spec": {"containers": [{"name": "a"}]}}, None
    )

    assert item["status"] == "Unknown"
    assert item["restarts"] == 0
    assert item["containers"][0]["image"] == ""
    assert item["containers"][0]["usage"] is None


def test_deployment_counts_are_numbers_even_where_the_cluster_says_nothing():
    item = listings.deployment_item(
        {"metadata": {"name": "d", "namespace": "n"}, "spec": {"replicas": 1}, "status": {}}
    )

    counts = ("replicas", "readyReplicas", "availableReplicas", "unavailableReplicas")
    assert [item[key] for key in counts] == [1, 0, 0, 0]
    assert item["images"] == []
    assert item["conditions"] == []


def test_namespace_has_its_labels():
    namespace = {"metadata": {"name": "user-1", "labels": {"a": "b"}}, "status": {"phase": "Terminating"}}

    (item,) = monitoring.list_namespaces(Inventory(namespaces=[namespace]))

    assert item["status"] == "Terminating"
    assert item["labels"] == {"a": "b"}


def test_service_knows_the_pods_behind_it():
    service = {
        "metadata": {"name": "s", "namespace": "user-1"},
        "spec": {
            "type": "LoadBalancer",
            "clusterIP": "10.43.0.1",
            "selector": {"app": "n8n"},
            "ports": [{"port": 80}],
        },
        "status": {"loadBalancer": {"ingress": [{"ip": "10.0.0.2"}]}},
    }
    elsewhere = {**POD, "metadata": {**POD["metadata"], "namespace": "user-2"}}

    (item,) = monitoring.list_network_services(Inventory(services=[service], pods=[POD, elsewhere]))

    assert item["endpoints"] == ["10.42.0.9"]
    assert item["loadBalancerIPs"] == ["10.0.0.2"]
    assert item["externalIPs"] == []
    assert item["ports"][0] == {
        "name": None,
        "port": 80,
        "protocol": "TCP",
        "targetPort": None,
        "nodePort": None,
    }


def test_ingress_names_hosts_paths_and_certificates():
    ingress = {
        "metadata": {"name": "i", "namespace": "user-1"},
        "spec": {
            "ingressClassName": "traefik",
            "tls": [{"hosts": ["a.b"], "secretName": "i-tls"}],
            "rules": [
                {
                    "host": "a.b",
                    "http": {
                        "paths": [
                            {
                                "path": "/",
                                "pathType": "Prefix",
                                "backend": {"service": {"name": "s", "port": {"number": 80}}},
                            }
                        ]
                    },
                }
            ],
        },
    }

    (item,) = monitoring.list_ingresses(Inventory(ingresses=[ingress]))

    assert item["hosts"] == ["a.b"]
    assert item["paths"] == [
        {"host": "a.b", "path": "/", "pathType": "Prefix", "serviceName": "s", "servicePort": 80}
    ]
    assert item["tls"] == [{"hosts": ["a.b"], "secretName": "i-tls"}]


@pytest.mark.parametrize("kind", ["node", "pod", "deployment", "namespace", "service", "ingress"])
def test_what_was_applied_by_hand_is_not_repeated_in_annotations(kind):
    thing = {
        "metadata": {
            "name": "x",
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}", "a": "b"},
        }
    }
    make = getattr(listings, f"{kind}_item")

    item = make(thing, None) if kind in ("node", "pod") else make(thing)

    assert item["annotations"] == {"a": "b"}
