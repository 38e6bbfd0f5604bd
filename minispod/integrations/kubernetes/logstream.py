"""A log that goes on: lines as they are written, and a `close()` that works from another thread."""

import contextlib
import socket
import threading
from typing import Any

from minispod.cluster.lines import Stamp, split_stamp

_CHUNK = 8192
_LONGEST_LINE = 16_384


class LogStream:
    """Iterates over lines; ends when the container ends, when the server is silent too long, or when closed.

    The answer has the time before each line; what is not later than `after` is left out.
    """

    def __init__(self, response: Any, pod: str, after: Stamp | None = None) -> None:
        self.pod = pod
        self.newest = after
        self._after = after
        self._response = response
        self._rest = b""
        self._ready: list[bytes] = []
        self._closed = threading.Event()

    def __iter__(self) -> "LogStream":
        return self

    def __next__(self) -> str:
        while True:
            while not self._ready:
                if self._closed.is_set() or not self._read():
                    self.close()
                    raise StopIteration
            stamp, line = split_stamp(self._ready.pop(0).decode("utf-8", "replace").rstrip("\r"))
            if stamp is None or self._after is None or stamp > self._after:
                self.newest = stamp or self.newest
                return line

    def close(self) -> None:
        """End the stream, also while another thread waits for its next line."""
        if self._closed.is_set():
            return
        self._closed.set()
        connection = getattr(self._response, "connection", None) or getattr(
            self._response, "_connection", None
        )
        wire = getattr(connection, "sock", None)
        if wire is not None:
            # Closing the descriptor would not wake a thread that reads from it; a shutdown does.
            with contextlib.suppress(OSError):
                wire.shutdown(socket.SHUT_RDWR)
        if connection is not None:
            connection.close()

    def _read(self) -> bool:
        """Take the next chunk; False at the end."""
        from urllib3.exceptions import HTTPError

        try:
            chunk = self._response.read1(_CHUNK)
        except (HTTPError, OSError, ValueError, AttributeError):
            chunk = b""
        if not chunk:
            if self._rest:
                self._ready, self._rest = [self._rest], b""
                return True
            return False
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        if len(self._rest) > _LONGEST_LINE:
            lines, self._rest = [*lines, self._rest], b""
        self._ready.extend(lines)
        return True
