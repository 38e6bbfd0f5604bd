"""The kubelets of all nodes: they take a pod from bound to ready, keep it alive, and end it.

Each step is a timer of the reactor that checks whether it is still wanted (the node is up, the container's epoch has
not moved on). How containers start, fail and restart is in `container_life`.
"""

import secrets

from minispod.simulator.kubernetes.controllers.container_life import ContainerLife
from minispod.simulator.kubernetes.controllers.context import Context
from minispod.simulator.kubernetes.controllers.faults import CommandFaults
from minispod.simulator.kubernetes.controllers.pod_run import PodRun, recall, run_for
from minispod.simulator.kubernetes.controllers.volumes import claim_names
from minispod.simulator.kubernetes.machinery.jsonish import Json, clone, dig
from minispod.simulator.kubernetes.machinery.kinds import CLAIMS, CONFIG_MAPS, NODES, PODS, SECRETS
from minispod.simulator.kubernetes.pod_facts import is_done, is_going
from minispod.simulator.kubernetes.store import Address

MOUNT_RETRY_SECONDS = 2.0
MOUNT_RETRY_MOST = 120.0


class Kubelets:
    """All nodes' kubelets."""

    def __init__(self, context: Context) -> None:
        self._c = context
        self.runs: dict[str, PodRun] = {}
        self.off: set[str] = set()
        self.command_faults = CommandFaults()
        self.life = ContainerLife(context, self.runs, self._works, self.report)

    def _works(self, run: PodRun) -> bool:
        """Whether the pod's node is up and the pod still there."""
        return run.node not in self.off and self.runs.get(run.uid) is run

    def observe(self, namespace: str, name: str) -> None:
        """A pod of some node has changed."""
        pod = self._c.store.find(PODS, namespace, name)
        node = dig(pod, "spec", "nodeName")
        if pod is None or not node or node in self.off or (is_done(pod) and not is_going(pod)):
            return
        run = self.runs.get(pod["metadata"]["uid"])
        if run is None:
            run = self._take_on(pod, node)
        if is_going(pod):
            self._end(run, pod)

    def _take_on(self, pod: Json, node: str) -> PodRun:
        host = self._c.store.find(NODES, "", node)
        addresses = dig(host, "status", "addresses", default=[])
        host_ip = next((one["address"] for one in addresses if one["type"] == "InternalIP"), "")
        run = run_for(pod, node, host_ip)
        self.runs[run.uid] = run
        if dig(pod, "status", "containerStatuses"):
            recall(run, pod)
            self._c.reactor.soon(self._resume, run.uid)
        elif not is_going(pod):
            self._c.reactor.later(0.05, self._mount, run.uid)
        return run

    def forget(self, uid: str) -> None:
        """The pod is gone."""
        self.runs.pop(uid, None)

    def _resume(self, uid: str) -> None:
        """Go on with a pod after the simulator itself was away."""
        run = self.runs.get(uid)
        if run is None or not self._works(run) or run.going:
            return
        if not run.ip or (not run.mounted and not any(one.has_run for one in run.containers)):
            self._mount(uid)
            return
        run.mounted = True
        for one in run.containers:
            if one.phase == "running" and not one.ready:
                self.life.await_readiness(run, one)
            elif one.phase == "terminated" and not one.init:
                self.life.after_exit(run, one)
        if not run.initialized or any(one.phase == "waiting" for one in run.containers):
            self.life.proceed(run)

    def _mount(self, uid: str) -> None:
        """Wait for volumes, then give the pod its address and start its containers."""
        run = self.runs.get(uid)
        pod = self._pod(run)
        if run is None or pod is None or not self._works(run) or run.going:
            return
        missing = self._missing_volume(pod)
        if missing:
            run.failed_mounts += 1
            if missing != "claim":
                self.tell(pod, run, "FailedMount", missing, warning=True)
            self.report(run)
            delay = (
                0.3 if missing == "claim" else min(MOUNT_RETRY_SECONDS * run.failed_mounts, MOUNT_RETRY_MOST)
            )
            self._c.reactor.later(delay, self._mount, uid)
            return
        run.mounted = True
        run.ip = run.ip or self._free_address(run.node)
        self.report(run)
        self.life.proceed(run)

    def _free_address(self, node: str) -> str:
        names = sorted(one["metadata"]["name"] for one in self._c.store.list(NODES))
        subnet = names.index(node) if node in names else len(names)
        taken = {run.ip for run in self.runs.values()}
        free = [address for last in range(2, 254) if (address := f"10.42.{subnet}.{last}") not in taken]
        return secrets.choice(free) if free else ""

    def _missing_volume(self, pod: Json) -> str | None:
        """Why the volumes cannot be mounted yet."""
        namespace = pod["metadata"]["namespace"]
        for name in claim_names(pod):
            claim = self._c.store.find(CLAIMS, namespace, name)
            if dig(claim, "status", "phase") != "Bound":
                return "claim"
        for volume in pod["spec"].get("volumes") or ():
            for field, resource, key in (
                ("secret", SECRETS, "secretName"),
                ("configMap", CONFIG_MAPS, "name"),
            ):
                source = volume.get(field)
                if not source or source.get("optional"):
                    continue
                if self._c.store.find(resource, namespace, source.get(key, "")) is None:
                    kind = resource.kind.lower()
                    failed = f'MountVolume.SetUp failed for volume "{volume["name"]}"'
                    return f'{failed} : {kind} "{source.get(key)}" not found'
        return None

    def _pod(self, run: PodRun | None) -> Json | None:
        if run is None:
            return None
        pod = self._c.store.find(PODS, run.namespace, run.name)
        return pod if pod is not None and pod["metadata"]["uid"] == run.uid else None

    def report(self, run: PodRun) -> None:
        """Write the pod's status."""
        pod = self._pod(run)
        if pod is not None:
            self._c.registry.set_status(PODS, pod, run.status(pod), "kubelet")

    def tell(self, pod: Json, run: PodRun, reason: str, message: str, *, warning: bool = False) -> None:
        """An event of the kubelet about a pod."""
        self._c.recorder.say(pod, reason, message, component="kubelet", host=run.node, warning=warning)

    def _end(self, run: PodRun, pod: Json) -> None:
        """Stop the containers, then take the pod out."""
        grace = pod["metadata"].get("deletionGracePeriodSeconds", 30)
        if run.going and grace > 0:
            return
        first = not run.going
        run.going = True
        if first:
            for one in run.containers:
                if one.phase == "running":
                    self.life.say(run, one, "Killing", f"Stopping container {one.name}")
        self._c.reactor.later(min(self._c.dials.stop_seconds, grace), self._finish, run.uid)

    def _finish(self, uid: str) -> None:
        run = self.runs.get(uid)
        pod = self._pod(run)
        if run is None or pod is None or not self._works(run):
            return
        if pod["metadata"].get("finalizers"):
            for one in run.containers:
                if one.phase == "running":
                    one.end(0, "Completed")
            self.report(run)
            held = clone(self._c.store.get(PODS, run.namespace, run.name))
            held["metadata"]["deletionGracePeriodSeconds"] = 0
            self._c.store.replace(PODS, held)
            return
        self._c.store.remove(*Address(PODS, run.namespace, run.name))

    def power_off(self, node: str) -> None:
        """The node's kubelet and containers are no more."""
        self.off.add(node)
        for run in self.runs.values():
            if run.node == node:
                for one in run.containers:
                    one.epoch += 1

    def power_on(self, node: str) -> None:
        """The node is back: pods that should go are ended, the others start their containers again."""
        self.off.discard(node)
        for pod in self._c.store.list(PODS):
            if dig(pod, "spec", "nodeName") != node or (is_done(pod) and not is_going(pod)):
                continue
            run = self.runs.get(pod["metadata"]["uid"])
            if run is None or is_going(pod):
                if run is not None:
                    run.going = False
                self.observe(pod["metadata"]["namespace"], pod["metadata"]["name"])
                continue
            for one in run.containers:
                if one.phase == "running" and not one.init:
                    one.end(255, "Unknown")
                    one.restarts += 1
                    one.wait("ContainerCreating")
            self.tell(pod, run, "SandboxChanged", "Pod sandbox changed, it will be killed and re-created.")
            self._mount(run.uid)
