"""Persistent volumes: a claim is bound to a new local volume once a pod that uses it has a node.

Also the protection of claims in use, and the end of volumes whose claim is gone.
"""

from minispod.simulator.kubernetes.controllers.context import Context
from minispod.simulator.kubernetes.machinery.jsonish import Json, clone, dig
from minispod.simulator.kubernetes.machinery.kinds import CLAIMS, PODS, STORAGE_CLASSES, VOLUMES
from minispod.simulator.kubernetes.pod_facts import is_done, is_going
from minispod.simulator.kubernetes.registry import Writer
from minispod.simulator.kubernetes.store import Address

SELECTED_NODE = "volume.kubernetes.io/selected-node"
PROTECTION = "kubernetes.io/pvc-protection"
PROVISION_SECONDS = 0.5
LOCAL_PATH = "rancher.io/local-path"


def claim_names(pod: Json) -> list[str]:
    """The claims a pod mounts."""
    volumes = pod["spec"].get("volumes") or ()
    return [
        volume["persistentVolumeClaim"]["claimName"]
        for volume in volumes
        if "persistentVolumeClaim" in volume
    ]


class Claims:
    """The volume binder and provisioner."""

    def __init__(self, context: Context) -> None:
        self._c = context

    def reconcile(self, namespace: str, name: str) -> None:
        """Bind the claim if its time has come; let it go if nobody holds it."""
        claim = self._c.store.find(CLAIMS, namespace, name)
        if claim is None:
            return
        if is_going(claim):
            self._let_go(claim)
        elif dig(claim, "status", "phase") == "Pending":
            self._consider(claim)
        elif dig(claim, "status", "phase") == "Bound":
            self._grow(claim)

    def _consider(self, claim: Json) -> None:
        found = self._c.store.find(STORAGE_CLASSES, "", dig(claim, "spec", "storageClassName", default=""))
        metadata = claim["metadata"]
        if found is None:
            name = dig(claim, "spec", "storageClassName", default="")
            text = f'storageclass.storage.k8s.io "{name}" not found'
            if name:
                self._say(claim, "ProvisioningFailed", text, warning=True)
            return
        waits = found.get("volumeBindingMode") == "WaitForFirstConsumer"
        node = dig(metadata, "annotations", SELECTED_NODE)
        if waits and not node:
            text = "waiting for first consumer to be created before binding"
            self._say(claim, "WaitForFirstConsumer", text)
            return
        place = f"{metadata['namespace']}/{metadata['name']}"
        self._say(claim, "Provisioning", f'External provisioner is provisioning volume for claim "{place}"')
        self._c.reactor.later(PROVISION_SECONDS, self._provision, metadata["namespace"], metadata["name"])

    def _say(self, claim: Json, reason: str, text: str, *, warning: bool = False) -> None:
        self._c.recorder.say(claim, reason, text, component="persistentvolume-controller", warning=warning)

    def _provision(self, namespace: str, name: str) -> None:
        claim = self._c.store.find(CLAIMS, namespace, name)
        if claim is None or is_going(claim) or dig(claim, "spec", "volumeName"):
            return
        found = self._c.store.get(STORAGE_CLASSES, "", claim["spec"]["storageClassName"])
        node = dig(claim, "metadata", "annotations", SELECTED_NODE, default="worker-1")
        volume = f"pvc-{claim['metadata']['uid']}"
        self._c.registry.create(
            VOLUMES, "", _volume(claim, found, volume, node), Writer("local-path-provisioner")
        )
        bound = clone(claim)
        bound["spec"]["volumeName"] = volume
        bound["metadata"].setdefault("annotations", {}).update(
            {
                "pv.kubernetes.io/bind-completed": "yes",
                "pv.kubernetes.io/bound-by-controller": "yes",
                "volume.kubernetes.io/storage-provisioner": found["provisioner"],
            }
        )
        bound = self._c.registry.rewrite(CLAIMS, claim, bound)
        size = claim["spec"]["resources"]["requests"]["storage"]
        status = {
            "phase": "Bound",
            "accessModes": claim["spec"]["accessModes"],
            "capacity": {"storage": size},
        }
        bound = self._c.registry.set_status(CLAIMS, bound, status)
        stored = self._c.store.get(VOLUMES, "", volume)
        self._c.registry.set_status(VOLUMES, stored, {"phase": "Bound"})
        self._say(bound, "ProvisioningSucceeded", f"Successfully provisioned volume {volume}")

    def _grow(self, claim: Json) -> None:
        """A claim that asks for more than it has gets it when its class allows that; local-path does not."""
        size = claim["spec"]["resources"]["requests"]["storage"]
        if dig(claim, "status", "capacity", "storage") == size:
            return
        found = self._c.store.find(STORAGE_CLASSES, "", dig(claim, "spec", "storageClassName", default=""))
        if found and found.get("allowVolumeExpansion"):
            status = {**claim["status"], "capacity": {"storage": size}}
            self._c.registry.set_status(CLAIMS, claim, status)

    def _let_go(self, claim: Json) -> None:
        metadata = claim["metadata"]
        users = [pod for pod in self._c.store.list(PODS, metadata["namespace"]) if not is_done(pod)]
        if not any(metadata["name"] in claim_names(pod) for pod in users):
            self._c.removal.release(Address(CLAIMS, metadata["namespace"], metadata["name"]), PROTECTION)

    def claim_gone(self, claim: Json) -> None:
        """The claim was deleted: its volume follows, or is released."""
        volume = self._c.store.find(VOLUMES, "", dig(claim, "spec", "volumeName", default=""))
        if volume is None:
            return
        if dig(volume, "spec", "persistentVolumeReclaimPolicy") == "Delete":
            self._c.store.remove(VOLUMES, "", volume["metadata"]["name"])
        else:
            self._c.registry.set_status(VOLUMES, volume, {"phase": "Released"})


def _volume(claim: Json, storage_class: Json, name: str, node: str) -> Json:
    metadata, spec = claim["metadata"], claim["spec"]
    provisioner = storage_class["provisioner"]
    path = f"/var/lib/rancher/k3s/storage/{name}_{metadata['namespace']}_{metadata['name']}"
    kind: Json = {"hostPath": {"path": path, "type": "DirectoryOrCreate"}}
    if provisioner != LOCAL_PATH:
        kind = {"csi": {"driver": provisioner, "volumeHandle": name}}
    expression = {"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}
    return {
        "metadata": {
            "name": name,
            "annotations": {"pv.kubernetes.io/provisioned-by": provisioner},
            "finalizers": ["kubernetes.io/pv-protection"],
        },
        "spec": {
            "capacity": {"storage": spec["resources"]["requests"]["storage"]},
            "accessModes": spec["accessModes"],
            "persistentVolumeReclaimPolicy": storage_class.get("reclaimPolicy", "Delete"),
            "storageClassName": storage_class["metadata"]["name"],
            "volumeMode": "Filesystem",
            **kind,
            "claimRef": {
                "kind": "PersistentVolumeClaim",
                "apiVersion": "v1",
                "namespace": metadata["namespace"],
                "name": metadata["name"],
                "uid": metadata["uid"],
                "resourceVersion": metadata["resourceVersion"],
            },
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}},
        },
    }
