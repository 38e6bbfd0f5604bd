"""The terminal of `make demo`: prefixed lines, our own sentences, and the box that says what to click.

Colours only where somebody looks (a terminal, NO_COLOR not set). A terminal that went away is not an error.
"""

import os
import zlib
from collections.abc import Mapping, Sequence
from typing import TextIO

COLOURS = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)
NAME_WIDTH = 10
OURSELVES = f"{'demo':<{NAME_WIDTH}}"


class Console:
    """Writes whole lines, until nobody reads them any more."""

    def __init__(self, stream: TextIO, environment: Mapping[str, str] = os.environ) -> None:
        self._stream = stream
        self._coloured = stream.isatty() and not environment.get("NO_COLOR")
        self._gone = False

    def line(self, name: str, text: str) -> None:
        """A line of a child."""
        colour = COLOURS[zlib.crc32(name.encode()) % len(COLOURS)]
        self._write(f"{self._paint(f'{name:<{NAME_WIDTH}}', colour)} | {text}")

    def say(self, text: str) -> None:
        """A sentence of our own."""
        self._write(f"{self._paint(OURSELVES, 1)} | {text}")

    def box(self, title: str, rows: Sequence[tuple[str, str]]) -> None:
        """A framed table; empty rows separate."""
        width = max((len(name) for name, _ in rows), default=0)
        lines = [f"{name:<{width}}   {value}".rstrip() for name, value in rows]
        inner = max(len(title), *map(len, lines)) + 2
        self._write("")
        self._write(f"┌─ {self._paint(title, 1)} {'─' * (inner - len(title) - 1)}┐")
        for line in lines:
            self._write(f"│ {line:<{inner}} │")
        self._write(f"└{'─' * (inner + 2)}┘")
        self._write("")

    def _paint(self, text: str, colour: int) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self._coloured else text

    def _write(self, line: str) -> None:
        if self._gone:
            return
        try:
            print(line, file=self._stream, flush=True)
        except OSError:
            self._gone = True
