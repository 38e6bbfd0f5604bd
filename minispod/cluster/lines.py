"""Log lines as a page may show them: without colours, control characters and surrounding blanks. Pure.

Kubernetes puts the time before a line when it is asked to: a `Stamp` is that time, exact and comparable.
"""

import re
from datetime import UTC, datetime

Stamp = tuple[int, int]
"""Seconds since 1970, and nanoseconds."""

# CSI sequences (colours, cursor), OSC sequences (titles, links), and two-character escapes.
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]?|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\^_])")
_STAMPED = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?(Z|[+-]\d\d:\d\d)(?: |$)")
_LEVELS = re.compile(r"\b(FATAL|ERROR|WARN(?:ING)?|INFO|DEBUG|TRACE)\b", re.IGNORECASE)
_WORD_FOR = {"FATAL": "ERROR", "WARNING": "WARN", "TRACE": "DEBUG"}
# A level stands near the beginning; further on it is a word of the sentence.
_LEVEL_WITHIN = 60
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def readable(line: str) -> str:
    """The line for people; empty when nothing is left of it."""
    return _CONTROLS.sub("", _ESCAPES.sub("", line)).strip()


def split_stamp(line: str) -> tuple[Stamp | None, str]:
    """The time before a line, and the line; None when there is no time before it."""
    found = _STAMPED.match(line)
    if found is None:
        return None, line
    try:
        moment = datetime.fromisoformat(found[1] + found[3].replace("Z", "+00:00"))
    except ValueError:
        return None, line
    return (int(moment.timestamp()), int((found[2] or "").ljust(9, "0"))), line[found.end() :]


def moment_of(stamp: Stamp) -> datetime:
    """The time of a stamp, to the microsecond."""
    return datetime.fromtimestamp(stamp[0], UTC).replace(microsecond=stamp[1] // 1000)


def level_of(text: str) -> str:
    """How severe a line calls itself: ERROR, WARN, INFO or DEBUG; INFO when it does not say."""
    found = _LEVELS.search(text[:_LEVEL_WITHIN])
    word = found[1].upper() if found else "INFO"
    return _WORD_FOR.get(word, word)
