"""Rows as CSV for people who open it in a spreadsheet: streamed page by page, and no cell is a formula.

RFC 4180, UTF-8. A text that a spreadsheet would run (=, +, -, @ ...) is given an apostrophe; numbers stay numbers.
"""

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import TypeVar

Cell = str | int | None
Cursor = TypeVar("Cursor")
NextRows = Callable[[Cursor | None], tuple[Sequence[Sequence[Cell]], Cursor | None]]
"""Reads the page after a cursor (the first after None); gives the rows and where to go on, None at the end."""

# Full-width forms are formulas to some; a tab or carriage return hides what follows it.
_RUN_AT_START = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def stream(
    header: Sequence[str], next_rows: NextRows[Cursor], context: Callable[[], AbstractContextManager[object]]
) -> Iterator[str]:
    """A file in pieces. The first page is read at once, so that a refusal is still an answer.

    Each later one is read in a `context` of its own when the reader takes it: one page of rows is held, and no
    connection while the reader is slow.
    """
    rows, after = next_rows(None)
    return _pieces(written([header, *rows]), after, next_rows, context)


def _pieces(
    piece: str,
    after: Cursor | None,
    next_rows: NextRows[Cursor],
    context: Callable[[], AbstractContextManager[object]],
) -> Iterator[str]:
    yield piece
    while after is not None:
        with context():
            rows, after = next_rows(after)
            piece = written(rows)
        yield piece


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
