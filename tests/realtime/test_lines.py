"""Log lines for people."""

import pytest

from minispod.cluster.lines import readable


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("plain text", "plain text"),
        ("\x1b[32mINFO\x1b[0m started", "INFO started"),
        ("\x1b[1;38;5;208mwarm\x1b[m", "warm"),
        ("\x1b]0;a title\x07after", "after"),
        ("\x1b]8;;http://a.example\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("  spaced \t", "spaced"),
        ("tab\tinside", "tab\tinside"),
        ("bell\x07 and null\x00", "bell and null"),
        ("\x1b[2K\r", ""),
        ("   ", ""),
        ("sudah siap \u2713", "sudah siap \u2713"),
        ("an unfinished \x1b[31", "an unfinished"),
    ],
)
def test_a_line_is_shown_without_colours_and_controls(raw: str, shown: str) -> None:
    assert readable(raw) == shown
