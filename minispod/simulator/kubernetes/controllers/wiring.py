"""Which controller hears of which change; the table that keeps the cluster moving."""

from minispod.simulator.kubernetes.controllers.budgets import Budgets
from minispod.simulator.kubernetes.controllers.context import Context
from minispod.simulator.kubernetes.controllers.deployments import Deployments
from minispod.simulator.kubernetes.controllers.endpoints import EndpointsController
from minispod.simulator.kubernetes.controllers.ingresses import IngressController
from minispod.simulator.kubernetes.controllers.jobs import Jobs
from minispod.simulator.kubernetes.controllers.kubelet import Kubelets
from minispod.simulator.kubernetes.controllers.namespaces import Namespaces
from minispod.simulator.kubernetes.controllers.nodes import Nodes
from minispod.simulator.kubernetes.controllers.replica_sets import ReplicaSets
from minispod.simulator.kubernetes.controllers.scheduler import Scheduler
from minispod.simulator.kubernetes.controllers.stateful_sets import StatefulSets
from minispod.simulator.kubernetes.controllers.volumes import Claims, claim_names
from minispod.simulator.kubernetes.machinery.jsonish import Json, dig
from minispod.simulator.kubernetes.machinery.kinds import (
    CLAIMS,
    DEPLOYMENTS,
    DISRUPTION_BUDGETS,
    INGRESSES,
    JOBS,
    NAMESPACES,
    NODES,
    PODS,
    QUOTAS,
    REPLICA_SETS,
    SERVICES,
    STATEFUL_SETS,
    VOLUMES,
)
from minispod.simulator.kubernetes.pod_facts import controller_of, is_going
from minispod.simulator.kubernetes.removal import FOREGROUND, ORPHAN
from minispod.simulator.kubernetes.store import Address, Change, address_of


class Controllers:
    """All controllers of the cluster, awake to every change of the store."""

    def __init__(self, context: Context, root_certificate: str) -> None:
        self._c = context
        self._soon = context.reactor.soon
        self.deployments = Deployments(context)
        self.replica_sets = ReplicaSets(context)
        self.stateful_sets = StatefulSets(context)
        self.jobs = Jobs(context)
        self.scheduler = Scheduler(context)
        self.kubelets = Kubelets(context)
        self.nodes = Nodes(context, self.kubelets)
        self.claims = Claims(context)
        self.endpoints = EndpointsController(context)
        self.ingresses = IngressController(context)
        self.namespaces = Namespaces(context, root_certificate)
        self.budgets = Budgets(context)
        self._by_owner = {
            "ReplicaSet": self.replica_sets.reconcile,
            "StatefulSet": self.stateful_sets.reconcile,
            "Job": self.jobs.reconcile,
            "Deployment": self.deployments.reconcile,
        }
        self._own = {
            DEPLOYMENTS: self.deployments.reconcile,
            REPLICA_SETS: self.replica_sets.reconcile,
            STATEFUL_SETS: self.stateful_sets.reconcile,
            JOBS: self.jobs.reconcile,
            CLAIMS: self.claims.reconcile,
            SERVICES: self.endpoints.reconcile,
            INGRESSES: self.ingresses.reconcile,
        }
        context.store.subscribe(self.hear)

    def awaken(self) -> None:
        """Look at everything once, as after a restart."""
        for resource, obj in self._c.store.everything():
            self.hear(Change(self._c.store.version, "ADDED", resource, obj, None))
        self.nodes.start_heartbeats()

    def hear(self, change: Change) -> None:
        """Plan what the change makes necessary."""
        resource, obj = change.resource, change.obj
        namespace, name = obj["metadata"].get("namespace", ""), obj["metadata"]["name"]
        if resource in self._own:
            self._soon(self._own[resource], namespace, name)
        owner = controller_of(obj)
        if owner and owner["kind"] in self._by_owner:
            self._soon(self._by_owner[owner["kind"]], namespace, owner["name"])
        if resource == PODS:
            self._hear_pod(change, namespace, name)
        elif resource == NODES:
            self._soon(self.nodes.gone if change.type == "DELETED" else self.nodes.observe, name)
            self._soon(self.scheduler.schedule_waiting)
        elif resource == NAMESPACES:
            self._soon(self.namespaces.reconcile, name)
        elif resource == DISRUPTION_BUDGETS:
            self._soon(self.budgets.reconcile_disruptions, namespace)
        elif resource == CLAIMS:
            self._hear_claim(change)
        elif resource == VOLUMES and is_going(obj) and dig(obj, "status", "phase") != "Bound":
            self._soon(self._c.removal.release, Address(VOLUMES, "", name), "kubernetes.io/pv-protection")
        if change.type == "DELETED":
            self._hear_deletion(obj, namespace)
        self._hear_finalizers(resource == QUOTAS, change)

    def _hear_pod(self, change: Change, namespace: str, name: str) -> None:
        pod = change.obj
        if change.type == "DELETED":
            self.kubelets.forget(pod["metadata"]["uid"])
            self._soon(self.scheduler.schedule_waiting)
            for claim in claim_names(pod):
                self._soon(self.claims.reconcile, namespace, claim)
        elif not dig(pod, "spec", "nodeName"):
            self._soon(self.scheduler.schedule, namespace, name)
        else:
            self._soon(self.kubelets.observe, namespace, name)
        self._soon(self.budgets.reconcile_disruptions, namespace)
        self._soon(self._refresh_endpoints, namespace)

    def _refresh_endpoints(self, namespace: str) -> None:
        for service in self._c.store.list(SERVICES, namespace):
            self.endpoints.reconcile(namespace, service["metadata"]["name"])

    def _hear_claim(self, change: Change) -> None:
        if change.type == "DELETED":
            self._soon(self._volume_of_gone_claim, dig(change.obj, "spec", "volumeName", default=""))
        self._soon(self.scheduler.schedule_waiting)

    def _volume_of_gone_claim(self, volume: str) -> None:
        self.claims.claim_gone({"spec": {"volumeName": volume}})

    def _hear_deletion(self, obj: Json, namespace: str) -> None:
        self._soon(self._c.removal.collect_orphans, obj["metadata"]["uid"])
        for owner in obj["metadata"].get("ownerReferences") or ():
            if owner.get("blockOwnerDeletion"):
                self._soon(self._proceed, namespace, owner["uid"])
        space = self._c.store.find(NAMESPACES, "", namespace)
        if space is not None and is_going(space):
            self._soon(self.namespaces.reconcile, namespace)

    def _proceed(self, namespace: str, uid: str) -> None:
        for resource in (DEPLOYMENTS, REPLICA_SETS, STATEFUL_SETS, JOBS):
            for obj in self._c.store.list(resource, namespace):
                if obj["metadata"]["uid"] == uid:
                    self._c.removal.proceed_foreground(address_of(resource, obj))

    def _hear_finalizers(self, is_quota: bool, change: Change) -> None:
        finalizers = change.obj["metadata"].get("finalizers") or ()
        if change.type != "DELETED" and is_going(change.obj):
            if FOREGROUND in finalizers:
                self._soon(self._c.removal.proceed_foreground, address_of(change.resource, change.obj))
            elif ORPHAN in finalizers:
                self._soon(self._c.removal.proceed_orphan, address_of(change.resource, change.obj))
        namespace = change.obj["metadata"].get("namespace")
        if namespace and (
            is_quota or change.type != "MODIFIED" or change.resource in (PODS, CLAIMS, SERVICES)
        ):
            self._soon(self.budgets.reconcile_quotas, namespace)
