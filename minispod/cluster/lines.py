"""Log lines as a page may show them: without colours, control characters and surrounding blanks. Pure."""

import re

# CSI sequences (colours, cursor), OSC sequences (titles, links), and two-character escapes.
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]?|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\^_])")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def readable(line: str) -> str:
    """The line for people; empty when nothing is left of it."""
    return _CONTROLS.sub("", _ESCAPES.sub("", line)).strip()
