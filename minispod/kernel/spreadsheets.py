"""Rows as CSV for people who open it in a spreadsheet: streamed page by page, and no cell is a formula.

RFC 4180, UTF-8. A text that a spreadsheet would run (=, +, -, @ ...) is given an apostrophe; numbers stay numbers.
"""

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from minispod.kernel.unit_of_work import release_connection

Cell = str | int | None
Cursor = TypeVar("Cursor")

# Full-width forms are formulas to some; a tab or carriage return hides what follows it.
_RUN_AT_START = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def stream(
    header: Sequence[str],
    next_rows: Callable[[Cursor | None], tuple[Sequence[Sequence[Cell]], Cursor | None]],
) -> Iterator[str]:
    """Yield a file in pieces; holds one page of rows, and no connection while the reader is slow."""
    yield written([header])
    at: Cursor | None = None
    while True:
        rows, at = next_rows(at)
        release_connection()
        if rows:
            yield written(rows)
        if at is None:
            return


def written(rows: Sequence[Sequence[Cell]]) -> str:
    """Rows as lines of CSV."""
    page = io.StringIO()
    csv.writer(page).writerows([[harmless(cell) for cell in row] for row in rows])
    return page.getvalue()


def harmless(cell: Cell) -> Cell:
    """The cell, made plain text if a spreadsheet would take it for a formula."""
    if isinstance(cell, str) and cell.lstrip(" \u00a0").startswith(_RUN_AT_START):
        return f"'{cell}"
    return cell
