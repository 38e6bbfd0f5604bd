"""The ingress controller's word: which address an Ingress is served at."""

from minispod.simulator.kubernetes.controllers.context import Context
from minispod.simulator.kubernetes.machinery.jsonish import dig
from minispod.simulator.kubernetes.machinery.kinds import INGRESS_CLASSES, INGRESSES

ADDRESS = "127.0.0.1"
ANNOTATION = "kubernetes.io/ingress.class"


class IngressController:
    """Writes the address of the front into ingresses whose class somebody serves."""

    def __init__(self, context: Context) -> None:
        self._c = context

    def reconcile(self, namespace: str, name: str) -> None:
        """Publish the address, or take it back if the class is not served."""
        ingress = self._c.store.find(INGRESSES, namespace, name)
        if ingress is None:
            return
        stated = dig(ingress, "spec", "ingressClassName") or dig(
            ingress, "metadata", "annotations", ANNOTATION
        )
        served = stated is not None and self._c.store.find(INGRESS_CLASSES, "", stated) is not None
        status = {"loadBalancer": {"ingress": [{"ip": ADDRESS}]} if served else {}}
        self._c.registry.set_status(INGRESSES, ingress, status, "traefik")
