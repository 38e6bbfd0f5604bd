"""CSV for people with spreadsheets: nothing in it runs, everything in it can be read back."""

import csv
import io
import uuid
from contextlib import nullcontext
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minispod.kernel.spreadsheets import Cell, Sheet, harmless, sheet, stream, written


@pytest.mark.parametrize(
    "cell",
    [
        "=1+1",
        "+62812",
        "-2",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "  =1",
        "\u00a0=1",
        "\uff1d1",
        "\uff0b1",
        "\uff20x",
    ],
)
def test_what_a_spreadsheet_would_run_is_made_text(cell: str) -> None:
    assert harmless(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["", "Siti = Rahma", "a-b", "TXMP-101", None, 0, -50_000, 50_000])
def test_what_is_harmless_stays_as_it_is(cell: Cell) -> None:
    assert harmless(cell) == cell


@given(
    st.lists(
        st.lists(st.text(st.characters(exclude_characters="\x00", codec="utf-8")), min_size=2, max_size=4)
    )
)
def test_any_text_comes_back_out_and_none_begins_as_a_formula(rows: list[list[str]]) -> None:
    read = list(csv.reader(io.StringIO(written(rows), newline="")))

    assert read == [[harmless(cell) for cell in row] for row in rows]
    assert not any(cell.lstrip(" \u00a0")[:1] in set("=+-@\t\r\n") for row in read for cell in row if cell)


def test_a_file_is_read_page_by_page_as_it_is_taken() -> None:
    asked: list[int | None] = []

    def next_rows(after: int | None) -> tuple[list[list[Cell]], int | None]:
        asked.append(after)
        start = after or 0
        return [[start], [start + 1]], start + 2 if start < 4 else None

    pieces = stream(Sheet(["n"], next_rows), nullcontext)

    assert asked == [None]
    assert next(pieces) == "n\r\n0\r\n1\r\n"
    assert asked == [None]
    assert list(pieces) == ["2\r\n3\r\n", "4\r\n5\r\n"]
    assert asked == [None, 2, 4]


def test_each_column_says_what_of_an_item_stands_in_it() -> None:
    jakarta = datetime(2026, 11, 22, 7, 30, tzinfo=ZoneInfo("Asia/Jakarta"))
    id_ = uuid.UUID("019b1c2e-7d40-7c3a-9f51-2b6d8e0a4c11")
    made = sheet(
        {"Id": lambda item: item[0], "At (UTC)": lambda item: item[1], "By": lambda item: item[2]},
        lambda after: ([(id_, jakarta, None)], None),
    )

    assert list(stream(made, nullcontext)) == [
        "Id,At (UTC),By\r\n019b1c2e-7d40-7c3a-9f51-2b6d8e0a4c11,2026-11-22 00:30:00,\r\n"
    ]
