"""What the server gives to new objects: cluster IPs and node ports of services, selectors of jobs.

Addresses are chosen among those no object holds, so nothing needs to be remembered or released.
"""

import secrets

from minispod.simulator.kubernetes.machinery.jsonish import Json, dig
from minispod.simulator.kubernetes.machinery.kinds import JOBS, SERVICES, Resource
from minispod.simulator.kubernetes.machinery.refusals import invalid, invalid_value
from minispod.simulator.kubernetes.store import Store

NODE_PORTS = range(30000, 32768)


def allocate(store: Store, resource: Resource, obj: Json) -> None:
    """Give an object what it lacks; a 422 for a node port that is taken or out of range."""
    if resource == JOBS:
        _stamp_job(obj)
    if resource != SERVICES or dig(obj, "spec", "type") == "ExternalName":
        return
    spec = obj["spec"]
    others = [one for one in store.list(SERVICES) if one["metadata"]["uid"] != obj["metadata"]["uid"]]
    if not spec.get("clusterIP"):
        spec["clusterIP"] = _free_address({dig(one, "spec", "clusterIP") for one in others})
    spec["clusterIPs"] = [spec["clusterIP"]]
    if spec.get("type") in ("NodePort", "LoadBalancer"):
        taken = {port.get("nodePort") for one in others for port in dig(one, "spec", "ports", default=[])}
        for at, port in enumerate(spec.get("ports") or ()):
            _node_port(obj, at, port, taken)


def _free_address(taken: set[str]) -> str:
    while True:
        address = f"10.43.{1 + secrets.randbelow(254)}.{1 + secrets.randbelow(254)}"
        if address not in taken:
            return address


def _node_port(obj: Json, at: int, port: Json, taken: set[int | None]) -> None:
    asked = port.get("nodePort")
    if asked is None:
        port["nodePort"] = secrets.choice([number for number in NODE_PORTS if number not in taken])
    elif asked in taken or asked not in NODE_PORTS:
        why = (
            "provided port is already allocated"
            if asked in taken
            else "provided port is not in the valid range"
        )
        more = "" if asked in taken else ". The range of valid ports is 30000-32767"
        cause = invalid_value(f"spec.ports[{at}].nodePort", str(asked), why + more)
        raise invalid("", "Service", obj["metadata"]["name"], [cause])
    taken.add(port["nodePort"])


def keep_allocated(resource: Resource, old: Json, obj: Json) -> None:
    """A writer that leaves out what was given to a service does not lose it."""
    if resource != SERVICES or dig(obj, "spec", "type") == "ExternalName":
        return
    before, after = old.get("spec", {}), obj.setdefault("spec", {})
    for name in ("clusterIP", "ipFamilies", "ipFamilyPolicy"):
        if not after.get(name) and before.get(name):
            after[name] = before[name]
    if after.get("type", "ClusterIP") in ("NodePort", "LoadBalancer"):
        known = {port.get("port"): port.get("nodePort") for port in before.get("ports") or ()}
        for port in after.get("ports") or ():
            if "nodePort" not in port and known.get(port.get("port")):
                port["nodePort"] = known[port["port"]]
    elif after.get("type") == "ClusterIP":
        for port in after.get("ports") or ():
            port.pop("nodePort", None)


def _stamp_job(job: Json) -> None:
    """The selector and labels that tie a new job to its pods; they are made from its identity."""
    if dig(job, "spec", "manualSelector") or dig(job, "spec", "selector"):
        return
    uid, name = job["metadata"]["uid"], job["metadata"]["name"]
    labels = job["spec"]["template"].setdefault("metadata", {}).setdefault("labels", {})
    labels |= {"batch.kubernetes.io/controller-uid": uid, "controller-uid": uid}
    labels |= {"batch.kubernetes.io/job-name": name, "job-name": name}
    job["spec"]["selector"] = {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}
