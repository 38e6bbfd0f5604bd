"""What this door needs of Flask-SocketIO, with types; the only file that touches its server.

Sending never waits: packets are queued per connection. Whoever sends much looks at `backlog` first, so
that a client that does not read cannot fill our memory.
"""

import contextlib
import time
from collections.abc import Callable
from typing import Any

from engineio.exceptions import SocketIsClosedError
from flask_socketio import SocketIO

# The library lets everybody into its default namespace; nothing happens there.
_ANYBODY = "/"


class Wire:
    """The sending side of one Socket.IO server."""

    def __init__(self, socketio: SocketIO) -> None:
        self._socketio = socketio
        self._strange_since: dict[str, float] = {}
        # The library's own way waits until the client has read its farewell: a thread for each that never does.
        self._engine.disconnect = self._end

    @property
    def connections(self) -> int:
        """Number of open connections, signed in or not."""
        return sum(not socket.closed for socket in list(self._engine.sockets.values()))

    def dismiss_strangers(self, patience: float) -> None:
        """End connections that are in none of our namespaces after so many seconds: they hold a place."""
        now, rooms = time.monotonic(), self._socketio.server.manager.rooms
        guests = {
            connection
            for namespace, room in list(rooms.items())
            if namespace != _ANYBODY
            for connection in list(room.get(None, {}).values())
        }
        strangers = [each for each in list(self._engine.sockets) if each not in guests]
        self._strange_since = {each: self._strange_since.get(each, now) for each in strangers}
        for each, since in list(self._strange_since.items()):
            if now - since >= patience:
                self._end(each)

    def send(self, event: str, data: Any, *, to: str, namespace: str) -> None:
        """Queue one event for a client or a room; one that is gone hears nothing."""
        with contextlib.suppress(SocketIsClosedError):
            self._socketio.emit(event, data, to=to, namespace=namespace)

    def hang_up(self, sid: str, namespace: str) -> None:
        """End a client's part in a namespace; what was queued before still arrives."""
        with contextlib.suppress(SocketIsClosedError):
            self._socketio.server.disconnect(sid, namespace=namespace)

    def is_let_in(self, sid: str, namespace: str) -> bool:
        """Tell whether the client was told that it is connected: before that it can be told nothing."""
        connected: bool = self._socketio.server.manager.is_connected(sid, namespace)
        return connected

    def await_let_in(self, sid: str, namespace: str, seconds: float = 5.0) -> bool:
        """Wait until the client was told that it is connected; False when that does not come."""
        deadline = time.monotonic() + seconds
        while not self.is_let_in(sid, namespace):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        return True

    def backlog(self, sid: str, namespace: str) -> int | None:
        """Number of packets that wait for this client to read; None when it is gone."""
        try:
            connection = self._socketio.server.manager.eio_sid_from_sid(sid, namespace)
        except KeyError:  # the last one of the namespace leaves while we ask
            return None
        socket = self._engine.sockets.get(connection)
        return None if socket is None or socket.closed else socket.queue.qsize()

    def in_background(self, task: Callable[..., None], *args: Any) -> None:
        """Run a task beside the requests; it ends with the process."""
        self._socketio.start_background_task(task, *args)

    def _end(self, connection: str) -> None:
        socket = self._engine.sockets.get(connection)
        if socket is not None:
            socket.close(wait=False, reason=self._engine.reason.SERVER_DISCONNECT)
            self._engine.sockets.pop(connection, None)

    @property
    def _engine(self) -> Any:
        return self._socketio.server.eio
