"""The whole simulated cluster without its sockets: store, rules, controllers and the passing of time, put together."""

from collections.abc import Iterable
from typing import Any

from minispod.simulator.kubernetes.admission import Admission
from minispod.simulator.kubernetes.controllers.context import Context
from minispod.simulator.kubernetes.controllers.images import Images
from minispod.simulator.kubernetes.controllers.wiring import Controllers
from minispod.simulator.kubernetes.dials import Dials
from minispod.simulator.kubernetes.machinery.jsonish import Json
from minispod.simulator.kubernetes.machinery.kinds import BY_KEY, BY_KIND
from minispod.simulator.kubernetes.reactor import Reactor
from minispod.simulator.kubernetes.recorder import Recorder
from minispod.simulator.kubernetes.registry import Registry, Writer
from minispod.simulator.kubernetes.removal import Removal
from minispod.simulator.kubernetes.seeds import sow
from minispod.simulator.kubernetes.store import Store
from minispod.simulator.kubernetes.volume_data import VolumeData
from minispod.simulator.kubernetes.weather import Weather


class Cluster:
    """Everything that lives between the API and the clock."""

    def __init__(self, *, speed: float, root_certificate: str) -> None:
        self.dials = Dials()
        self.weather = Weather()
        self.images = Images()
        self.store = Store()
        admission = Admission(self.store, self.dials)
        self.registry = Registry(self.store, admission)
        self.removal = Removal(self.store, admission)
        self.reactor = Reactor(self.store.lock, speed)
        recorder = Recorder(self.store, self.reactor)
        context = Context(
            self.store, self.registry, self.removal, self.reactor, recorder, self.dials, self.images
        )
        self.controllers = Controllers(context, root_certificate)
        self.data = VolumeData()
        self.store.subscribe(self.data.hear)

    def start(self, saved: Json | None = None) -> None:
        """Begin anew, or where a saved state left off, and let time pass."""
        with self.store.lock:
            if saved:
                self._restore(saved)
            else:
                sow(self.registry)
            self.controllers.awaken()
        self.reactor.start()

    def plant(self, objects: Iterable[Json]) -> None:
        """Make objects that are not there yet; those that are stay as they became."""
        with self.store.lock:
            for each in objects:
                resource, metadata = BY_KIND[each["apiVersion"], each["kind"]], each["metadata"]
                namespace = metadata.get("namespace", "")
                if self.store.find(resource, namespace, metadata["name"]) is None:
                    self.registry.create(resource, namespace, each, Writer("kubectl"))

    def stop(self) -> None:
        """Let time stand still."""
        self.weather.clear()
        self.reactor.stop()

    def reset(self) -> None:
        """Become a new cluster; watchers see their past expire."""
        with self.store.lock:
            self.reactor.clear()
            self.weather.clear()
            kubelets = self.controllers.kubelets
            kubelets.runs.clear()
            kubelets.off.clear()
            kubelets.life.faults.heal()
            kubelets.command_faults.clear()
            self.data.clear()
            for collection in (
                self.images.known,
                self.images.unknown,
                self.images.local,
                self.images.pull_seconds,
            ):
                collection.clear()
            for name, value in Dials().shown().items():
                self.dials.turn(name, value)
            self.store.load(self.store.version + 1, [])
            sow(self.registry)
            self.store.forget_history()
            self.controllers.awaken()

    def snapshot(self) -> Json:
        """Everything a restart needs."""
        with self.store.lock:
            return {
                "version": self.store.version,
                "objects": [[resource.key, obj] for resource, obj in self.store.everything()],
                "dials": self.dials.shown(),
                "images": {
                    "known": self.images.known,
                    "unknown": self.images.unknown,
                    "local": {node: sorted(copies) for node, copies in self.images.local.items()},
                    "pull_seconds": self.images.pull_seconds,
                },
                "off": sorted(self.controllers.kubelets.off),
                "data": self.data.saved(),
            }

    def _restore(self, saved: Json) -> None:
        objects: list[Any] = saved["objects"]
        self.store.load(saved["version"], [(BY_KEY[key], obj) for key, obj in objects if key in BY_KEY])
        for name, value in saved.get("dials", {}).items():
            self.dials.turn(name, value)
        images = saved.get("images", {})
        self.images.known[:], self.images.unknown[:] = images.get("known", []), images.get("unknown", [])
        self.images.local.update({node: set(copies) for node, copies in images.get("local", {}).items()})
        self.images.pull_seconds.update(images.get("pull_seconds", {}))
        self.controllers.kubelets.off.update(saved.get("off", []))
        self.data.restore(saved.get("data", []))
