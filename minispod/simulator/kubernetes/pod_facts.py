"""What can be read off a pod: is it ready, done, going; which class of service it has; who made it."""

from minispod.simulator.kubernetes.machinery.jsonish import Json, dig


def condition(obj: Json, type_: str) -> Json | None:
    """The condition of that type, of any object that has conditions."""
    return next(
        (each for each in dig(obj, "status", "conditions", default=[]) if each["type"] == type_), None
    )


def is_ready(pod: Json) -> bool:
    """Its Ready condition is true."""
    found = condition(pod, "Ready")
    return bool(found and found["status"] == "True")


def is_going(obj: Json) -> bool:
    """It has been asked to go."""
    return "deletionTimestamp" in obj["metadata"]


def is_done(pod: Json) -> bool:
    """Its containers have ended for good."""
    return dig(pod, "status", "phase") in ("Succeeded", "Failed")


def is_active(pod: Json) -> bool:
    """It counts for its controller: neither done nor going."""
    return not is_done(pod) and not is_going(pod)


def controller_of(obj: Json) -> Json | None:
    """The owner reference of its controller."""
    owners = obj["metadata"].get("ownerReferences") or ()
    return next((owner for owner in owners if owner.get("controller")), None)


def owner_reference(owner: Json) -> Json:
    """The reference by which an object names its controller."""
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def quality_of_service(pod: Json) -> str:
    """Guaranteed, Burstable or BestEffort, by the resources of its containers."""
    spec = pod["spec"]
    containers = [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]
    parts = [container.get("resources") or {} for container in containers]
    if not any(part.get("limits") or part.get("requests") for part in parts):
        return "BestEffort"
    for part in parts:
        limits, requests = part.get("limits") or {}, part.get("requests") or {}
        if {"cpu", "memory"} - set(limits) or any(
            requests.get(name) != limits[name] for name in ("cpu", "memory")
        ):
            return "Burstable"
    return "Guaranteed"
