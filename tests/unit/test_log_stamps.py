"""Times before log lines, and the level that a line calls itself."""

import pytest

from minispod.cluster.lines import level_of, moment_of, split_stamp

AT = 1_795_143_600  # 2026-11-20T03:00:00Z


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("2026-11-20T03:00:00.123456789Z ready", ((AT, 123_456_789), "ready")),
        ("2026-11-20T03:00:00.5Z ready", ((AT, 500_000_000), "ready")),
        ("2026-11-20T03:00:00Z ready", ((AT, 0), "ready")),
        ("2026-11-20T10:00:00.000000001+07:00  two blanks", ((AT, 1), " two blanks")),
        ("2026-11-20T03:00:00Z", ((AT, 0), "")),
        ("2026-11-20T03:00:00Zx", (None, "2026-11-20T03:00:00Zx")),
        ("2026-13-40T03:00:00Z no such day", (None, "2026-13-40T03:00:00Z no such day")),
        ("ready", (None, "ready")),
        ("", (None, "")),
    ],
)
def test_the_time_before_a_line(line: str, found: tuple[object, str]) -> None:
    assert split_stamp(line) == found


def test_a_shorter_fraction_is_not_an_earlier_time() -> None:
    later, _ = split_stamp("2026-11-20T03:00:00.5Z x")
    earlier, _ = split_stamp("2026-11-20T03:00:00.123456789Z x")

    assert later is not None
    assert earlier is not None
    assert later > earlier
    assert moment_of(later).isoformat() == "2026-11-20T03:00:00.500000+00:00"


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("[2026-11-20 03:00:00] ERROR something broke", "ERROR"),
        ("level=warning msg=slow", "WARN"),
        ("WARN slow", "WARN"),
        ("fatal: gone", "ERROR"),
        ("debug: x", "DEBUG"),
        ("listening on 5678", "INFO"),
        ("no errors here", "INFO"),
        ("x" * 70 + " ERROR", "INFO"),
    ],
)
def test_the_level_of_a_line(text: str, level: str) -> None:
    assert level_of(text) == level
