"""Rows as CSV for people who open it in a spreadsheet: streamed page by page, and no cell is a formula.

RFC 4180, UTF-8. A text that a spreadsheet would run (=, +, -, @ ...) is given an apostrophe; numbers stay numbers.
"""

import csv
import io
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Generic, Never, TypeVar

Cell = str | int | uuid.UUID | datetime | None
Cursor = TypeVar("Cursor")
Item = TypeVar("Item")
NextRows = Callable[[Cursor | None], tuple[Sequence[Sequence[Cell]], Cursor | None]]
"""Reads the page after a cursor (the first after None); gives the rows and where to go on, None at the end."""
Columns = Mapping[str, Callable[[Item], Cell]]
"""The columns of a file by their titles: what of an item stands in each."""


@dataclass(frozen=True, slots=True)
class Sheet(Generic[Cursor]):
    """A file that can be written: the titles of its columns, and a reader of its rows."""

    header: Sequence[str]
    next_rows: NextRows[Cursor]


def sheet(
    columns: Columns[Item], read: Callable[[Cursor | None], tuple[Sequence[Item], Cursor | None]]
) -> Sheet[Cursor]:
    """The file of items that are read as `NextRows` reads rows."""

    def next_rows(after: Cursor | None) -> tuple[Sequence[Sequence[Cell]], Cursor | None]:
        found, last = read(after)
        return [[value(each) for value in columns.values()] for each in found], last

    return Sheet(tuple(columns), next_rows)


def table(columns: Columns[Item], items: Sequence[Item]) -> Sheet[Never]:
    """The file of a few items that are at hand."""
    return sheet(columns, lambda after: (items, None))


# Full-width forms are formulas to some; a tab or carriage return hides what follows it.
_RUN_AT_START = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def stream(wanted: Sheet[Cursor], context: Callable[[], AbstractContextManager[object]]) -> Iterator[str]:
    """A file in pieces. The first page is read at once, so that a refusal is still an answer.

    Each later one is read in a `context` of its own when the reader takes it: one page of rows is held, and no
    connection while the reader is slow.
    """
    rows, after = wanted.next_rows(None)
    return _pieces(written([wanted.header, *rows]), after, wanted.next_rows, context)


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


def harmless(cell: Cell) -> str | int | None:
    """The cell as text or number: an instant in UTC, and made plain text if a spreadsheet would run it."""
    if isinstance(cell, datetime):
        return cell.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(cell, uuid.UUID):
        return str(cell)
    if isinstance(cell, str) and cell.lstrip(" \u00a0").startswith(_RUN_AT_START):
        return f"'{cell}"
    return cell
