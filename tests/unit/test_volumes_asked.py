"""What it comes to when nodes are asked for the use of volumes and do not tell it."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from structlog.testing import capture_logs

from minispod.cluster.port import ClusterRefused, ClusterUnavailable, VolumeUsage
from minispod.integrations.kubernetes.client import ApiSaidNo
from minispod.integrations.kubernetes.volumes import volume_usages

MEBIBYTE = 2**20
FORBIDDEN = ApiSaidNo(
    403, "Forbidden", 'nodes "a" is forbidden: User "worker" cannot get resource "nodes/proxy"'
)
NO_SUCH_PAGE = ApiSaidNo(404, "NotFound", "the server could not find the requested resource")
BROKEN = ApiSaidNo(500, "InternalError", "the kubelet is not well")
TOLD = {
    "pods": [
        {
            "podRef": {"namespace": "user-1", "name": "n8n-1"},
            "volume": [
                {
                    "pvcRef": {"namespace": "user-1", "name": "n8n-data"},
                    "capacityBytes": 1000 * MEBIBYTE,
                    "usedBytes": 5 * MEBIBYTE,
                }
            ],
        }
    ]
}


class Client:
    """A cluster with one claim, and nodes that answer as they are told."""

    def __init__(self, **nodes: dict[str, Any] | Exception) -> None:
        self.nodes = nodes

    def items(self, path: str, **query: object) -> Iterator[Mapping[str, Any]]:
        """Nodes, or the claim."""
        if path.endswith("/nodes"):
            for name in self.nodes:
                yield {
                    "metadata": {"name": name},
                    "status": {"conditions": [{"type": "Ready", "status": "True"}]},
                }
        else:
            yield {
                "metadata": {"namespace": "user-1", "name": "n8n-data"},
                "status": {"capacity": {"storage": "1000Mi"}},
            }

    def get(self, path: str) -> dict[str, Any]:
        """What the kubelet says."""
        answer = self.nodes[path.split("/")[-4]]
        if isinstance(answer, Exception):
            raise answer
        return answer


def ask(**nodes: dict[str, Any] | Exception) -> list[VolumeUsage]:
    return volume_usages(Client(**nodes), "minispod.com/managed=true")  # type: ignore[arg-type]


def test_a_right_that_is_missing_is_named() -> None:
    with pytest.raises(ClusterRefused, match="lacks the right to get nodes/proxy"):
        ask(a=FORBIDDEN, b=FORBIDDEN)
    with pytest.raises(ClusterRefused, match="lacks the right"):
        ask(a=ClusterUnavailable(), b=FORBIDDEN)


def test_nodes_that_have_no_such_page_say_so() -> None:
    with pytest.raises(ClusterRefused, match="answered with 404 NotFound"):
        ask(a=NO_SUCH_PAGE, b=BROKEN)


def test_silence_of_all_is_silence() -> None:
    with pytest.raises(ClusterUnavailable):
        ask(a=ClusterUnavailable(), b=BROKEN)


def test_one_that_tells_is_enough_and_the_others_are_named() -> None:
    with capture_logs() as lines:
        found = ask(a=FORBIDDEN, b=TOLD, c=ClusterUnavailable())

    assert found == [VolumeUsage("user-1", "n8n-1", "n8n-data", 5, 1000)]
    assert [(each["node"], each["status"]) for each in lines] == [("a", 403), ("c", None)]


def test_nobody_is_asked_when_there_is_no_node() -> None:
    assert ask() == []
