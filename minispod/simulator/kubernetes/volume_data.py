"""What lies in volumes: a few files per directory, lost with the claim.

Only what commands put there; the simulated applications themselves write nothing. What is no volume lives as long as
its container does.
"""

import base64
import threading
from collections.abc import Iterable

from minispod.simulator.kubernetes.machinery.jsonish import Json, dig
from minispod.simulator.kubernetes.machinery.kinds import CLAIMS
from minispod.simulator.kubernetes.store import Change

Files = dict[str, bytes]
# A claim's uid and the directory in it; or a container's identity.
Place = tuple[str, str]


class VolumeData:
    """The files of all volumes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._files: dict[Place, Files] = {}

    def at(self, place: Place) -> Files:
        """The files of one directory, by their path in it; to be read and changed."""
        with self._lock:
            return self._files.setdefault(place, {})

    def hear(self, change: Change) -> None:
        """A claim that is gone takes its data along."""
        if change.resource == CLAIMS and change.type == "DELETED":
            uid = dig(change.obj, "metadata", "uid")
            with self._lock:
                for place in [each for each in self._files if each[0] == uid]:
                    del self._files[place]

    def clear(self) -> None:
        """Nothing was ever written."""
        with self._lock:
            self._files.clear()

    def saved(self) -> list[Json]:
        """Everything, as JSON."""
        with self._lock:
            return [
                {
                    "owner": owner,
                    "directory": directory,
                    "path": path,
                    "content": base64.b64encode(content).decode(),
                }
                for (owner, directory), files in self._files.items()
                for path, content in files.items()
            ]

    def restore(self, saved: Iterable[Json]) -> None:
        """Be again what was saved."""
        for each in saved:
            files = self.at((each["owner"], each["directory"]))
            files[each["path"]] = base64.b64decode(each["content"])
