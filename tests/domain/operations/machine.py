"""A cluster in memory for tests of operations: volumes with content, pods on them, a note of every forbidden state.

Not for what Kubernetes does: that is the matter of simulator and real cluster (tests/contracts, the scenario).
Here every call can be made to fail, and two writers on one volume are always found out.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from datetime import datetime
from typing import Any

from minispod.cluster.port import (
    ClusterUnavailable,
    CommandFailed,
    Manifest,
    NoSuchObject,
    PodSighting,
    Trouble,
    WorkloadSighting,
)
from minispod.instances.specification import PREFIX, SPEC_HASH

Place = tuple[str, str]


class Machine:
    """One cluster; `volumes` holds by claim what its containers have written."""

    def __init__(self) -> None:
        self.volumes: dict[Place, dict[str, bytes]] = {}
        self.nodes_of: dict[Place, str] = {}
        self.workloads: dict[Place, Manifest] = {}
        self.benches: dict[Place, Manifest] = {}
        self.objects: set[tuple[str, str, str]] = set()
        self.violations: list[str] = []
        self.calls: list[str] = []
        # Images whose containers never become ready.
        self.broken: set[str] = set()
        # Called with the name of a call and, for commands, the container; raises what is to go wrong.
        self.before: Callable[[str, str], None] = lambda call, container: None
        self.dead_nodes: set[str] = set()
        self.is_silent = False

    def _call(self, name: str, container: str = "") -> None:
        if self.is_silent:
            raise ClusterUnavailable
        self.calls.append(name)
        self.before(name, container)

    def version(self) -> str:
        return "v1.30.0"

    def apply(self, objects: Sequence[Manifest]) -> None:
        self._call("apply")
        for each in objects:
            kind, metadata = each["kind"], each["metadata"]
            place = (metadata.get("namespace", ""), metadata["name"])
            if kind == "PersistentVolumeClaim":
                self.volumes.setdefault(place, {})
            elif kind == "Deployment":
                self.workloads[place] = each
            elif kind == "Pod":
                self.benches.setdefault(place, each)
            self.objects.add((kind, *place))
        self._look()

    def delete_secret(self, namespace: str, name: str) -> None:
        self._call("delete_secret")
        self.objects.discard(("Secret", namespace, name))

    def scale(self, namespace: str, name: str, replicas: int) -> None:
        self._call("scale")
        if (namespace, name) not in self.workloads:
            raise NoSuchObject
        self.workloads[namespace, name]["spec"]["replicas"] = replicas
        self._look()

    def see(self, namespace: str, name: str) -> WorkloadSighting | None:
        self._call("see")
        workload = self.workloads.get((namespace, name))
        return None if workload is None else self._sight(workload)

    def see_all(self) -> Sequence[WorkloadSighting]:
        return [self._sight(each) for each in self.workloads.values()]

    def _sight(self, workload: Manifest) -> WorkloadSighting:
        metadata = workload["metadata"]
        wanted = workload["spec"]["replicas"]
        is_broken = self._is_broken(workload["spec"]["template"])
        node = self._node(workload) if wanted else None
        is_ready = wanted == 1 and not is_broken and node not in self.dead_nodes
        return WorkloadSighting(
            namespace=metadata["namespace"],
            name=metadata["name"],
            instance_id=metadata["labels"][f"{PREFIX}instance"],
            wanted_replicas=wanted,
            ready_replicas=int(is_ready),
            is_ready=is_ready,
            is_stopped=wanted == 0,
            spec_hash=metadata["annotations"][SPEC_HASH],
            pod_name=f"{metadata['name']}-pod" if wanted else None,
            node_name=node,
            trouble=Trouble("crash_loop", "The application ends by itself again and again.")
            if is_broken
            else None,
        )

    def _is_broken(self, template: Manifest) -> bool:
        return any(each["image"] in self.broken for each in template["spec"]["containers"])

    def _node(self, pod_holder: Manifest) -> str:
        return self.nodes_of.setdefault(self._claim(pod_holder), "node-1")

    @staticmethod
    def _claim(holder: Manifest) -> Place:
        spec = holder["spec"]["template"]["spec"] if holder["kind"] == "Deployment" else holder["spec"]
        claims = [
            v["persistentVolumeClaim"]["claimName"] for v in spec["volumes"] if "persistentVolumeClaim" in v
        ]
        return holder["metadata"]["namespace"], claims[0]

    def _look(self) -> None:
        """Two that write to one volume at the same time would destroy it."""
        running = [self._claim(each) for each in self.workloads.values() if each["spec"]["replicas"]]
        for bench in self.benches.values():
            if self._claim(bench) in running:
                self.violations.append(f"two writers on {self._claim(bench)}")
            self._node_of_bench(bench)

    def _node_of_bench(self, bench: Manifest) -> str:
        rules = bench["spec"].get("affinity", {}).get("nodeAffinity", {})
        terms = rules.get("requiredDuringSchedulingIgnoredDuringExecution", {}).get("nodeSelectorTerms", [])
        wished = [
            value
            for term in terms
            for rule in term["matchExpressions"]
            if rule["operator"] == "In"
            for value in rule["values"]
        ]
        avoided = [
            value
            for term in terms
            for rule in term["matchExpressions"]
            if rule["operator"] == "NotIn"
            for value in rule["values"]
        ]
        first = next(node for node in ("node-1", "node-2", "node-3") if node not in avoided)
        return self.nodes_of.setdefault(self._claim(bench), wished[0] if wished else first)

    def delete_instance(self, namespace: str, instance_id: str, *, with_volume: bool) -> bool:
        self._call("delete_instance")
        names = [
            place
            for place, each in self.workloads.items()
            if each["metadata"]["labels"][f"{PREFIX}instance"] == instance_id
        ]
        for place in names:
            self.benches.pop((namespace, f"{place[1]}-workbench"), None)
            del self.workloads[place]
            for claim in [
                each for each in self.volumes if each[0] == namespace and each[1].startswith(place[1])
            ]:
                del self.volumes[claim]
            self.objects = {each for each in self.objects if not each[2].startswith(place[1])}
        return not names

    def delete_namespace(self, name: str) -> bool:
        self._call("delete_namespace")
        there = [*(p for p in self.volumes if p[0] == name), *(p for p in self.benches if p[0] == name)]
        for place in there:
            self.volumes.pop(place, None)
            self.benches.pop(place, None)
        self.objects = {each for each in self.objects if each[1] != name}
        return not there

    def see_pod(self, namespace: str, name: str) -> PodSighting | None:
        self._call("see_pod")
        bench = self.benches.get((namespace, name))
        if bench is None:
            return None
        node = self._node_of_bench(bench)
        is_ready = not self._is_broken(bench) and node not in self.dead_nodes
        return PodSighting(name, "Running", is_ready, node)

    def delete_pod(self, namespace: str, name: str, *, force: bool = False) -> bool:
        self._call("delete_pod")
        return self.benches.pop((namespace, name), None) is None

    def delete_claim(self, namespace: str, name: str) -> bool:
        self._call("delete_claim")
        if any(self._claim(each) == (namespace, name) for each in self.benches.values()):
            return False
        return self.volumes.pop((namespace, name), None) is None

    def read_from(self, namespace: str, pod: str, container: str, command: Sequence[str]) -> Iterator[bytes]:
        self._call("read_from", container)
        content = self._mounted(namespace, pod)
        data = content.get(container, b"nothing yet")
        middle = len(data) // 2
        yield data[:middle]
        self.before("reading", container)
        yield data[middle:]

    def write_to(
        self,
        namespace: str,
        pod: str,
        container: str,
        command: Sequence[str],
        chunks: Iterable[bytes],
        size: int,
    ) -> None:
        self._call("write_to", container)
        content = self._mounted(namespace, pod)
        taken = b""
        with closing(iter(chunks)) as source:  # type: ignore[type-var]
            for chunk in source:
                content[container] = taken = taken + chunk
                self.before("writing", container)
        if len(taken) != size:
            raise CommandFailed("cut off", exit_status=1)

    def _mounted(self, namespace: str, pod: str) -> dict[str, bytes]:
        bench = self.benches.get((namespace, pod))
        if bench is not None:
            return self.volumes[self._claim(bench)]
        workload = self.workloads.get((namespace, pod.removesuffix("-pod")))
        if workload is None or not workload["spec"]["replicas"]:
            raise NoSuchObject
        return self.volumes[self._claim(workload)]

    def usages(self) -> Sequence[Any]:
        return []

    def nodes(self) -> Sequence[Any]:
        return []

    def restart(self, namespace: str, name: str, at: datetime) -> None:
        """Nothing here restarts."""

    def tail_logs(self, namespace: str, workload: str, *, container: str, lines: int) -> Sequence[str]:
        return []

    def inventory(self, kind: str) -> Sequence[dict[str, Any]]:
        return []
