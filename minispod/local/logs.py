"""What the children say: every line goes to a file of its own, and with the child's name before it to the terminal.

One loop reads all pipes, so there are no threads whose death the kernel could take for the parent's.
"""

import os
import selectors
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from minispod.local.console import Console

LARGEST_LOG = 10_000_000
CHUNK = 65_536


@dataclass(slots=True)
class _Stream:
    name: str
    pipe: IO[bytes]
    file: IO[bytes]
    quiet: bool
    unfinished: bytes = b""


class LogPump:
    """Reads the pipes of the children."""

    def __init__(self, directory: Path, console: Console) -> None:
        self._directory = directory
        self._console = console
        self._selector = selectors.DefaultSelector()

    def path_of(self, name: str) -> Path:
        """Where the lines of this child are kept."""
        return self._directory / f"{name}.log"

    def attach(self, name: str, pipe: IO[bytes], *, quiet: bool) -> None:
        """Read this pipe from now on; a quiet child only speaks to its file."""
        os.set_blocking(pipe.fileno(), False)
        path = self.path_of(name)
        if path.exists() and path.stat().st_size > LARGEST_LOG:
            path.replace(path.with_suffix(".log.1"))
        stream = _Stream(name, pipe, path.open("ab", buffering=0), quiet)
        self._selector.register(pipe, selectors.EVENT_READ, stream)

    def pump(self, seconds: float) -> None:
        """Pass on what there is; wait at most this long for something."""
        for key, _ in self._selector.select(seconds):
            stream: _Stream = key.data
            try:
                chunk = os.read(key.fd, CHUNK)
            except BlockingIOError:
                continue
            if chunk:
                self._pass_on(stream, chunk)
            else:
                self._detach(stream)

    def close(self) -> None:
        """Pass on what is still in the pipes and close them."""
        self.pump(0)
        for key in list(self._selector.get_map().values()):
            self._detach(key.data)
        self._selector.close()

    def _pass_on(self, stream: _Stream, chunk: bytes) -> None:
        stream.file.write(chunk)
        *lines, stream.unfinished = (stream.unfinished + chunk).split(b"\n")
        if not stream.quiet:
            for line in lines:
                self._console.line(stream.name, line.decode("utf-8", "replace"))
        if stream.file.tell() > LARGEST_LOG:
            stream.file.close()
            path = self.path_of(stream.name)
            path.replace(path.with_suffix(".log.1"))
            stream.file = path.open("ab", buffering=0)

    def _detach(self, stream: _Stream) -> None:
        if stream.unfinished:
            self._pass_on(stream, b"\n")
        self._selector.unregister(stream.pipe)
        stream.pipe.close()
        stream.file.close()
