"""A log that goes on: lines as they are written, and a `close()` that works from another thread."""

import contextlib
import socket
import threading
from typing import Any

from minispod.cluster.lines import Stamp, split_stamp
from minispod.cluster.port import LogPlace

_CHUNK = 8192
_LONGEST_LINE = 16_384


class LogStream:
    """Iterates over lines; ends when the container ends, when the server is silent too long, or when closed.

    The answer has the time before each line. What is not later than `after` is left out, and so is what has no time:
    the node's own words about a container that it has removed meanwhile.
    """

    def __init__(self, response: Any, pod: str, after: Stamp | None = None) -> None:
        self.pod = pod
        self.place = LogPlace(pod, after) if after is not None else None
        self._after = after
        self._response = response
        self._rest = b""
        self._ready: list[bytes] = []
        # A line that was cut because it is too long goes on without a time of its own, shown or not as it began.
        self._is_cut = self._was_cut = self._shows_cut = False
        self._closed = threading.Event()

    def __iter__(self) -> "LogStream":
        return self

    def __next__(self) -> str:
        while True:
            while not self._ready:
                if self._closed.is_set() or not self._read():
                    self.close()
                    raise StopIteration
            line = self._shown(self._ready.pop(0).decode("utf-8", "replace").rstrip("\r"))
            if line is not None:
                return line

    def _shown(self, text: str) -> str | None:
        goes_on, self._was_cut = self._was_cut, self._is_cut and not self._ready
        if goes_on:
            return text if self._shows_cut else None
        stamp, line = split_stamp(text)
        self._shows_cut = stamp is not None and (self._after is None or stamp > self._after)
        if stamp is None or not self._shows_cut:
            return None
        self.place = LogPlace(self.pod, stamp)
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
        self._is_cut = len(self._rest) > _LONGEST_LINE
        if self._is_cut:
            lines, self._rest = [*lines, self._rest], b""
        self._ready.extend(lines)
        return True
