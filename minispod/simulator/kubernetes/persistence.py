"""Keeping the cluster over restarts: one file, written whole a moment after changes, and at the end.

The file holds the server's key and token, so it is readable by its owner only. A file that cannot be read is put
aside, and the cluster begins anew.
"""

import sys
import threading
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson

from minispod.simulator.kubernetes.certificates import Identity, new_identity, write_private
from minispod.simulator.kubernetes.cluster import Cluster
from minispod.simulator.kubernetes.store import Change

DEBOUNCE_SECONDS = 1.0
FORMAT = 1


def load(path: Path | None) -> tuple[Identity, dict[str, Any] | None]:
    """The identity and state in the file, or a new identity and nothing."""
    if path is None or not path.exists():
        return new_identity(), None
    try:
        content = orjson.loads(path.read_bytes())
        if content["format"] != FORMAT:
            raise ValueError(f"unknown format {content['format']}")
        return Identity(**content["identity"]), content["cluster"]
    except (ValueError, KeyError, TypeError) as fault:
        aside = path.with_suffix(path.suffix + ".unreadable")
        path.replace(aside)
        print(f"state file {path} cannot be read ({fault}); moved to {aside}", file=sys.stderr)
        return new_identity(), None


class Keeper:
    """Writes the state after changes, not more often than once a second."""

    def __init__(self, path: Path, cluster: Cluster, identity: Identity) -> None:
        self._path = path
        self._cluster = cluster
        self._identity = identity
        self._dirty = threading.Event()
        self._stopped = threading.Event()
        self._writing = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="keeper", daemon=True)
        cluster.store.subscribe(self._changed)

    def start(self) -> None:
        """Write from now on, and once at the beginning."""
        self._dirty.set()
        self._thread.start()

    def stop(self) -> None:
        """Write for the last time."""
        self._stopped.set()
        self._dirty.set()
        self.save()

    def _changed(self, change: Change) -> None:
        self._dirty.set()

    def _run(self) -> None:
        while True:
            self._dirty.wait()
            if self._stopped.wait(DEBOUNCE_SECONDS):
                return
            self._dirty.clear()
            self.save()

    def save(self) -> None:
        """Write the state now."""
        content = {"format": FORMAT, "identity": asdict(self._identity), "cluster": self._cluster.snapshot()}
        with self._writing:
            try:
                write_private(self._path, orjson.dumps(content))
            except OSError as fault:
                print(f"state file {self._path} cannot be written: {fault}", file=sys.stderr)
