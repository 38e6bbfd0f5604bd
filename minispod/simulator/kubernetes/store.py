"""All objects of the cluster, their versions, and the history that watches are served from.

One lock guards everything; objects are never changed in place. Rules, defaults and ownership are not known here.
"""

import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeAlias

from minispod.simulator.kubernetes.machinery.jsonish import Json
from minispod.simulator.kubernetes.machinery.kinds import Resource
from minispod.simulator.kubernetes.machinery.refusals import already_exists, not_found

HISTORY_LENGTH = 5000
FIRST_VERSION = 100


class Change(NamedTuple):
    """One write: ADDED, MODIFIED or DELETED, with the object before and after."""

    version: int
    type: str
    resource: Resource
    obj: Json
    old: Json | None


class Address(NamedTuple):
    """Where an object is."""

    resource: Resource
    namespace: str
    name: str


Listener: TypeAlias = Callable[[Change], None]
Objects: TypeAlias = list[Json]
Addresses: TypeAlias = list[Address]
Listeners: TypeAlias = list[Listener]
Inventory: TypeAlias = list[tuple[Resource, Json]]


def address_of(resource: Resource, obj: Json) -> Address:
    """The address an object says it has."""
    metadata = obj["metadata"]
    return Address(resource, metadata.get("namespace", ""), metadata["name"])


class Store:
    """Objects by resource, namespace and name."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.version = FIRST_VERSION
        self.oldest = FIRST_VERSION
        self.generation = 0
        self.history: deque[Change] = deque()
        self._objects: dict[Resource, dict[str, dict[str, Json]]] = defaultdict(lambda: defaultdict(dict))
        self._owned: dict[str, set[Address]] = defaultdict(set)
        self._listeners: Listeners = []

    def subscribe(self, listener: Listener) -> None:
        """Call the listener after every write, under the lock, in order."""
        with self.lock:
            self._listeners.append(listener)

    def unsubscribe(self, listener: Listener) -> None:
        """Stop calling it."""
        with self.lock:
            self._listeners.remove(listener)

    def find(self, resource: Resource, namespace: str, name: str) -> Json | None:
        """The object, or None."""
        with self.lock:
            return self._objects[resource][namespace].get(name)

    def get(self, resource: Resource, namespace: str, name: str) -> Json:
        """The object; a 404 if there is none."""
        found = self.find(resource, namespace, name)
        if found is None:
            raise not_found(resource, name)
        return found

    def list(self, resource: Resource, namespace: str | None = None) -> Objects:
        """All objects of a resource, or those of one namespace, in the order of their names."""
        with self.lock:
            spaces = self._objects[resource]
            chosen = sorted(spaces) if namespace is None else [namespace]
            return [obj for space in chosen for _, obj in sorted(spaces[space].items())]

    def everything(self) -> Inventory:
        """Every object there is, for saving and for counting."""
        with self.lock:
            return [(resource, obj) for resource in tuple(self._objects) for obj in self.list(resource)]

    def owned_by(self, uid: str) -> Addresses:
        """What names that object as an owner."""
        with self.lock:
            return sorted(self._owned.get(uid, ()), key=lambda address: (address.namespace, address.name))

    def insert(self, resource: Resource, obj: Json) -> Json:
        """Put a new object in; a 409 if the name is taken."""
        with self.lock:
            address = address_of(resource, obj)
            if self.find(*address) is not None:
                raise already_exists(resource, address.name)
            return self._write("ADDED", address, obj, None)

    def replace(self, resource: Resource, obj: Json) -> Json:
        """Put a new version of an object in; a 404 if it is gone."""
        with self.lock:
            address = address_of(resource, obj)
            return self._write("MODIFIED", address, obj, self.get(*address))

    def remove(self, resource: Resource, namespace: str, name: str) -> Json:
        """Take an object out, and return its last state; a 404 if it is gone."""
        with self.lock:
            address = Address(resource, namespace, name)
            old = self.get(*address)
            last = self._stamped(old)
            del self._objects[resource][namespace][name]
            self._index(address, old, None)
            self._publish(Change(self.version, "DELETED", resource, last, old))
            return last

    def at(self, resource: Resource, version: int) -> dict[tuple[str, str], Json]:
        """The objects of a resource as they were at a version that history still reaches."""
        with self.lock:
            past = {
                (obj["metadata"].get("namespace", ""), obj["metadata"]["name"]): obj
                for obj in self.list(resource)
            }
            for change in reversed(self.history):
                if change.version <= version:
                    break
                if change.resource == resource:
                    place = (change.obj["metadata"].get("namespace", ""), change.obj["metadata"]["name"])
                    if change.old is None:
                        past.pop(place, None)
                    else:
                        past[place] = change.old
            return past

    def since(self, version: int) -> Iterable[Change]:
        """The changes after a version, oldest first."""
        with self.lock:
            recent = []
            for change in reversed(self.history):
                if change.version <= version:
                    break
                recent.append(change)
            return reversed(recent)

    def forget_history(self) -> None:
        """From now on nothing before the present version can be watched."""
        with self.lock:
            self.history.clear()
            self.oldest = self.version

    def load(self, version: int, objects: Iterable[tuple[Resource, Json]]) -> None:
        """Become another set of objects; history starts anew, and who watches must notice the new generation."""
        with self.lock:
            self._objects.clear()
            self._owned.clear()
            self.generation += 1
            self.version = max(version, self.version)
            for resource, obj in objects:
                address = address_of(resource, obj)
                self._objects[resource][address.namespace][address.name] = obj
                self._index(address, None, obj)
            self.forget_history()

    def _write(self, type_: str, address: Address, obj: Json, old: Json | None) -> Json:
        stored = self._stamped(obj)
        self._objects[address.resource][address.namespace][address.name] = stored
        self._index(address, old, stored)
        self._publish(Change(self.version, type_, address.resource, stored, old))
        return stored

    def _stamped(self, obj: Json) -> Json:
        self.version += 1
        return {**obj, "metadata": {**obj["metadata"], "resourceVersion": str(self.version)}}

    def _index(self, address: Address, old: Json | None, new: Json | None) -> None:
        for reference in (old or {}).get("metadata", {}).get("ownerReferences") or ():
            self._owned[reference["uid"]].discard(address)
            if not self._owned[reference["uid"]]:
                del self._owned[reference["uid"]]
        for reference in (new or {}).get("metadata", {}).get("ownerReferences") or ():
            self._owned[reference["uid"]].add(address)

    def _publish(self, change: Change) -> None:
        self.history.append(change)
        while len(self.history) > HISTORY_LENGTH:
            self.oldest = self.history.popleft().version
        for listener in tuple(self._listeners):
            listener(change)
