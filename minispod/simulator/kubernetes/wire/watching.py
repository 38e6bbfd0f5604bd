"""Watches: a stream of changes from a version on, with bookmarks, an end in time, and 410 for a forgotten past."""

import queue
import time
from collections.abc import Callable, Iterator

import orjson

from minispod.simulator.kubernetes.machinery.jsonish import Json
from minispod.simulator.kubernetes.machinery.kinds import Resource
from minispod.simulator.kubernetes.machinery.refusals import Refusal, bad_request, expired
from minispod.simulator.kubernetes.machinery.selectors import Matcher
from minispod.simulator.kubernetes.store import Change, Store

BOOKMARK_SECONDS = 60.0
LONGEST_SECONDS = 3600.0
PULSE_SECONDS = 2.0

Render = Callable[[Json], Json]


class Watch:
    """One client's view of the changes of a resource."""

    def __init__(
        self, store: Store, resource: Resource, namespace: str | None, query: dict[str, str], test: Matcher
    ) -> None:
        self._store = store
        self._resource = resource
        self._namespace = namespace
        self._test = test
        self._bookmarks = query.get("allowWatchBookmarks") in ("true", "1")
        self._initial = query.get("sendInitialEvents") in ("true", "1")
        self._version = query.get("resourceVersion") or ""
        if not (self._version or "0").isdigit():
            raise bad_request(f'invalid resource version: "{self._version}"')
        asked = query.get("timeoutSeconds") or "0"
        self._seconds = float(asked) if asked.isdigit() and int(asked) else LONGEST_SECONDS
        self._news: queue.SimpleQueue[Change] = queue.SimpleQueue()

    def lines(self, render: Render) -> Iterator[bytes]:
        """The lines of the stream; an empty one is a chance to see whether the client is still there."""
        try:
            first = self._begin()
        except Refusal as refusal:
            yield _line("ERROR", refusal.status())
            return
        try:
            yield from self._initial_lines(first, render)
            yield from self._following(render)
        finally:
            self._store.unsubscribe(self._take)

    def _take(self, change: Change) -> None:
        if change.resource == self._resource:
            space = change.obj["metadata"].get("namespace", "")
            if self._namespace in (None, space):
                self._news.put(change)

    def _begin(self) -> list[Json] | None:
        """Start listening; the objects of now if the client did not name a version."""
        with self._store.lock:
            version = int(self._version or 0)
            if version and version < self._store.oldest:
                raise expired(f"too old resource version: {version} ({self._store.oldest})")
            self._store.subscribe(self._take)
            self._generation = self._store.generation
            self._seen = version or self._store.version
            if version and not self._initial:
                for change in self._store.since(version):
                    self._take(change)
                return None
            self._seen = self._store.version
            return self._store.list(self._resource, self._namespace)

    def _initial_lines(self, first: list[Json] | None, render: Render) -> Iterator[bytes]:
        for obj in first or ():
            if self._test(obj):
                yield _line("ADDED", render(obj))
        if self._initial and self._bookmarks:
            yield self._bookmark(ended=True)

    def _following(self, render: Render) -> Iterator[bytes]:
        end = time.monotonic() + self._seconds
        bookmark_at = time.monotonic() + BOOKMARK_SECONDS
        while (left := end - time.monotonic()) > 0:
            if self._generation != self._store.generation:
                yield _line("ERROR", expired("the cluster was reset").status())
                return
            try:
                change = self._news.get(timeout=min(left, PULSE_SECONDS))
            except queue.Empty:
                yield b""
            else:
                self._seen = change.version
                told = self._told(change)
                if told:
                    yield _line(told[0], render(told[1]))
            if self._bookmarks and time.monotonic() >= bookmark_at:
                bookmark_at = time.monotonic() + BOOKMARK_SECONDS
                yield self._bookmark()
        if self._bookmarks:
            yield self._bookmark()

    def _told(self, change: Change) -> tuple[str, Json] | None:
        """How the change looks through the selectors: an object may enter or leave the view."""
        now = change.type != "DELETED" and self._test(change.obj)
        before = change.old is not None and self._test(change.old)
        if now:
            return ("MODIFIED" if before else "ADDED"), change.obj
        return ("DELETED", change.obj) if before else None

    def _bookmark(self, *, ended: bool = False) -> bytes:
        metadata: Json = {"resourceVersion": str(max(self._seen, int(self._version or 0)))}
        if ended:
            metadata["annotations"] = {"k8s.io/initial-events-end": "true"}
        kind, version = self._resource.kind, self._resource.group_version
        return _line("BOOKMARK", {"kind": kind, "apiVersion": version, "metadata": metadata})


def _line(type_: str, obj: Json) -> bytes:
    return orjson.dumps({"type": type_, "object": obj}) + b"\n"
