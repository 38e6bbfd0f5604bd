"""Namespaces: what every new one gets, and how one that goes takes everything with it."""

from minispod.simulator.kubernetes.controllers.context import Context
from minispod.simulator.kubernetes.machinery.jsonish import Json, clone
from minispod.simulator.kubernetes.machinery.kinds import (
    CONFIG_MAPS,
    NAMESPACES,
    PODS,
    RESOURCES,
    SERVICE_ACCOUNTS,
    Resource,
)
from minispod.simulator.kubernetes.machinery.refusals import Refusal
from minispod.simulator.kubernetes.pod_facts import is_going
from minispod.simulator.kubernetes.registry import Writer
from minispod.simulator.kubernetes.removal import DeleteOptions


class Namespaces:
    """The namespace controller, with the makers of the default service account and the root certificate."""

    def __init__(self, context: Context, root_certificate: str) -> None:
        self._c = context
        self._root = root_certificate

    def reconcile(self, name: str) -> None:
        """Furnish a living namespace; empty one that goes, and end it when it is empty."""
        space = self._c.store.find(NAMESPACES, "", name)
        if space is None:
            return
        if is_going(space):
            self._empty(space)
            return
        if self._c.store.find(SERVICE_ACCOUNTS, name, "default") is None:
            self._c.registry.create(SERVICE_ACCOUNTS, name, {"metadata": {"name": "default"}}, Writer())
        if self._c.store.find(CONFIG_MAPS, name, "kube-root-ca.crt") is None:
            body = {"metadata": {"name": "kube-root-ca.crt"}, "data": {"ca.crt": self._root}}
            self._c.registry.create(CONFIG_MAPS, name, body, Writer())

    def _empty(self, space: Json) -> None:
        name = space["metadata"]["name"]
        left = False
        ordered = sorted(RESOURCES, key=lambda one: (one == PODS, one.group != "apps"))
        for resource in (one for one in ordered if one.namespaced):
            for obj in self._c.store.list(resource, name):
                if not is_going(obj):
                    self._delete(resource, obj)
                left = left or self._c.store.find(resource, name, obj["metadata"]["name"]) is not None
        if left:
            return
        freed = clone(self._c.store.get(NAMESPACES, "", name))
        freed["spec"].pop("finalizers", None)
        if freed["metadata"].get("finalizers"):
            self._c.store.replace(NAMESPACES, freed)
        else:
            self._c.store.remove(NAMESPACES, "", name)

    def _delete(self, resource: Resource, obj: Json) -> None:
        metadata = obj["metadata"]
        try:
            self._c.removal.delete(
                resource, metadata["namespace"], metadata["name"], DeleteOptions(policy="Background")
            )
        except Refusal:
            return  # it went meanwhile, with its owner
