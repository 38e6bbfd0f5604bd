"""Servers that answer in unusual ways: without metrics, page by page, with garbage, with a log that stops talking."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest
import yaml

from minispod.cluster.port import ClusterRefused, ClusterUnavailable, NoSuchObject
from minispod.integrations.kubernetes.adapter import KubernetesCluster

NODE = {
    "metadata": {"name": "worker-1"},
    "spec": {},
    "status": {"allocatable": {"cpu": "4", "memory": "8Gi"}},
}


class OddServer(ThreadingHTTPServer):
    """Answers each path with what the test put there: status and body, by path and query."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: dict[str, tuple[int, str]] = {}
        self.asked: list[str] = []


class _Handler(BaseHTTPRequestHandler):
    server: OddServer

    def do_GET(self) -> None:
        """Answer what was prepared, else 404."""
        self.server.asked.append(self.path)
        where = next(
            (key for key in self.server.answers if self.path.startswith(key)), urlsplit(self.path).path
        )
        status, body = self.server.answers.get(where, (404, '{"message": "not found", "reason": "NotFound"}'))
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[OddServer]:
    """A server on loopback."""
    server = OddServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def cluster(server, tmp_path):
    """Our adapter, talking to it."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "odd",
        "contexts": [{"name": "odd", "context": {"cluster": "odd", "user": "odd"}}],
        "clusters": [{"name": "odd", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}],
        "users": [{"name": "odd", "user": {"token": "t"}}],
    }
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    return KubernetesCluster(str(path), timeout=(5, 5))


def listed(*items, following=None):
    return 200, json.dumps({"metadata": {"continue": following} if following else {}, "items": list(items)})


@pytest.mark.parametrize("status", [403, 404, 503])
def test_cluster_without_metrics_is_seen_without_usage(server, cluster, status):
    server.answers = {
        "/api/v1/nodes": listed(NODE),
        "/api/v1/pods": listed(),
        "/apis/metrics.k8s.io/v1beta1": (status, "{}"),
    }

    (node,) = cluster.nodes()

    assert node.cpu_used is None
    assert cluster.usages() == []
    assert cluster.inventory("node_metrics") == []


def test_long_list_is_read_page_by_page(server, cluster):
    second = {"metadata": {"name": "worker-2"}}
    server.answers = {
        "/api/v1/nodes?limit=500&continue=next": listed(second),
        "/api/v1/nodes": listed(NODE, following="next"),
    }

    assert [each["metadata"]["name"] for each in cluster.inventory("nodes")] == ["worker-1", "worker-2"]


def test_list_that_expired_while_it_was_read_is_a_matter_of_asking_again(server, cluster):
    server.answers = {
        "/api/v1/nodes?limit=500&continue=next": (410, '{"reason": "Expired"}'),
        "/api/v1/nodes": listed(NODE, following="next"),
    }

    with pytest.raises(ClusterUnavailable):
        cluster.inventory("nodes")


@pytest.mark.parametrize("body", ["<html>It works!</html>", "[]", "", '{"items": '])
def test_answer_that_is_no_kubernetes_is_unavailable(server, cluster, body):
    server.answers = {"/version": (200, body)}

    with pytest.raises(ClusterUnavailable):
        cluster.version()


def test_rejected_credentials_are_unavailable_and_not_the_customers_fault(server, cluster):
    server.answers = {"/version": (401, '{"reason": "Unauthorized", "message": "Unauthorized"}')}

    with pytest.raises(ClusterUnavailable):
        cluster.version()


def test_log_without_a_line_end_is_not_lost(server, cluster):
    lines = ["first\r\n", "second\n", "\n", "last without end"]
    pod = {"metadata": {"name": "p", "namespace": "n", "creationTimestamp": "2026-11-20T10:00:00Z"}}
    server.answers = {
        "/apis/apps/v1/namespaces/n/deployments/w": (
            200,
            json.dumps({"metadata": {"name": "w", "labels": {}}}),
        ),
        "/api/v1/namespaces/n/pods/p/log": (
            200,
            "".join(f"2026-11-20T10:00:0{at}Z {line}" for at, line in enumerate(lines)),
        ),
        "/api/v1/namespaces/n/pods": listed(pod),
    }

    with_end = cluster.follow_logs("n", "w", container="app", lines=10)

    assert list(with_end) == ["first", "second", "", "last without end"]


def test_container_that_has_not_started_has_no_log_yet(server, cluster):
    pod = {"metadata": {"name": "p", "namespace": "n", "creationTimestamp": "2026-11-20T10:00:00Z"}}
    server.answers = {
        "/apis/apps/v1/namespaces/n/deployments/w": (
            200,
            json.dumps({"metadata": {"name": "w", "labels": {}}}),
        ),
        "/api/v1/namespaces/n/pods/p/log": (400, '{"message": "container is waiting to start"}'),
        "/api/v1/namespaces/n/pods": listed(pod),
    }

    assert cluster.tail_logs("n", "w", container="app", lines=10) == []
    with pytest.raises(NoSuchObject):
        cluster.follow_logs("n", "w", container="app", lines=10)


NAMESPACE = "/api/v1/namespaces/user-x"
NO = (
    403,
    json.dumps({"reason": "Forbidden", "message": 'secrets is forbidden: User "w" cannot list resource'}),
)


def test_namespace_that_is_gone_has_nothing_in_it(server, cluster):
    """An account with rights in namespaces only is told 403 where an administrator sees an empty list."""
    server.answers = {f"{NAMESPACE}/": NO, "/apis/": NO, NAMESPACE: (404, '{"reason": "NotFound"}')}

    assert cluster.delete_instance("user-x", "any", with_volume=True)
    assert cluster.see("user-x", "any") is None
    with pytest.raises(NoSuchObject):
        cluster.tail_logs("user-x", "any", container="app", lines=1)


def test_namespace_that_is_going_is_waited_for(server, cluster):
    going = {"metadata": {"name": "user-x", "deletionTimestamp": "2026-11-20T10:00:00Z"}}
    server.answers = {f"{NAMESPACE}/": NO, "/apis/": NO, NAMESPACE: (200, json.dumps(going))}

    with pytest.raises(ClusterUnavailable):
        cluster.delete_instance("user-x", "any", with_volume=True)


@pytest.mark.parametrize("answer", [(200, '{"metadata": {"name": "user-x"}}'), NO])
def test_refusal_in_a_namespace_that_lives_is_a_refusal(server, cluster, answer):
    server.answers = {f"{NAMESPACE}/": NO, "/apis/": NO, NAMESPACE: answer}

    with pytest.raises(ClusterRefused, match="cannot list resource"):
        cluster.delete_instance("user-x", "any", with_volume=True)
