"""The lists of the cluster's objects: as they are, searched and paged, and as last seen while it is silent."""

from typing import Any

import pytest

from minispod.cluster.port import ClusterUnavailable
from tests.admin.conftest import Browser
from tests.factories.statements import asked
from tests.plugins.app import PortsNow

KINDS = ("pods", "deployments", "services", "ingresses", "namespaces")


def _named(name: str, **more: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "user-1", "creationTimestamp": "2026-11-01T00:00:00Z"}
    return {"metadata": metadata, **more}


def _pod(number: int) -> dict[str, Any]:
    return _named(
        f"blog-{number:03}",
        spec={"nodeName": "worker-1", "containers": [{"name": "app", "image": "ghost:5"}]},
        status={
            "phase": "Running",
            "containerStatuses": [
                {"name": "app", "ready": True, "restartCount": 4, "state": {"running": {}}}
            ],
        },
    )


class Cluster:
    """Lists, until it is silent."""

    def __init__(self) -> None:
        self.is_silent = False
        self.things: dict[str, list[dict[str, Any]]] = {
            "pods": [_pod(number) for number in range(60)],
            "deployments": [
                _named(
                    "blog", spec={"replicas": 1, "template": {"spec": {"containers": [{"image": "ghost:5"}]}}}
                )
            ],
            "services": [_named("blog-http", spec={"clusterIP": "10.43.0.7", "ports": [{"port": 80}]})],
            "ingresses": [_named("blog-web", spec={"rules": [{"host": "blog.example.com"}]})],
            "namespaces": [_named("user-1", status={"phase": "Active"})],
            "pod_metrics": [
                {
                    "metadata": {"name": "blog-007", "namespace": "user-1"},
                    "containers": [{"name": "app", "usage": {"cpu": "125m", "memory": "64Mi"}}],
                }
            ],
        }

    def inventory(self, kind: str) -> list[dict[str, Any]]:
        """All of a kind."""
        if self.is_silent:
            raise ClusterUnavailable
        return self.things[kind]


@pytest.fixture
def machines(ports: PortsNow) -> Cluster:
    """A cluster with one of everything, and sixty pods."""
    machines = Cluster()
    ports.change(cluster=machines)
    return machines


@pytest.mark.parametrize(
    ("kind", "shows"),
    [
        ("pods", "blog-000"),
        ("deployments", "ghost:5"),
        ("services", "10.43.0.7"),
        ("ingresses", "blog.example.com"),
        ("namespaces", "Active"),
    ],
)
def test_each_list_shows_what_there_is(browser: Browser, machines: Cluster, kind: str, shows: str) -> None:
    text = browser.shown(f"/admin/cluster/{kind}")

    assert shows in text
    assert "unreachable" not in text
    assert 'aria-current="page"' in text


def test_a_list_is_searched_and_paged(browser: Browser, machines: Cluster) -> None:
    assert "1–25 of 60" in browser.shown("/admin/cluster/pods")
    assert "51–60 of 60" in browser.shown("/admin/cluster/pods?page=3")
    found = browser.fragment("/admin/cluster/pods?q=BLOG-007+worker-1").text
    assert "1–1 of 1" in found
    assert "125 m" in found
    assert "64 MB" in found
    assert "<html" not in found
    assert "Nothing is called so" in browser.shown("/admin/cluster/pods?q=nobody")


@pytest.mark.parametrize("kind", KINDS)
def test_a_silent_cluster_leaves_what_was_last_seen(browser: Browser, machines: Cluster, kind: str) -> None:
    machines.is_silent = True
    assert "Nobody has looked" in browser.shown(f"/admin/cluster/{kind}")
    machines.is_silent = False
    before = browser.shown(f"/admin/cluster/{kind}?q=1")
    machines.is_silent = True

    text = browser.shown(f"/admin/cluster/{kind}?q=1")

    assert "unreachable" in text
    assert "was seen" in text
    assert text.count("<tr>") == before.count("<tr>") > 1


def test_what_is_no_list_is_not_found(browser: Browser, machines: Cluster) -> None:
    browser.shown("/admin/cluster/secrets", 404)


def test_a_long_list_asks_the_database_as_often_as_a_short_one(
    browser: Browser, machines: Cluster, ports: PortsNow
) -> None:
    def questions() -> int:
        with asked() as sent:
            browser.shown("/admin/cluster/pods")
        return len(sent)

    questions()  # what is asked once in a process
    many = questions()
    machines.things["pods"] = machines.things["pods"][:1]

    assert questions() == many
